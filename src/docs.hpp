// The docstrings of chainfit._core, text alone. Floor: bindings.
// A new function or method has its docstring here, and its types in python/chainfit/_core.pyi.
#pragma once

namespace chainfit::doc {

inline constexpr const char* module = R"(The compiled training engine of chainfit.

The estimators stand on it, and it may change with any release. Arrays have one dtype for a net, float32 or float64,
in C order. `coefs[l]` has shape (n_l, n_{l+1}), `intercepts[l]` shape (n_{l+1},), for layers l = 0..L of n_l units.
An `activation` is one name for all hidden layers, or a sequence of one for each. `n_threads` is the maximum number of
threads, or a callable that returns it.)";

inline constexpr const char* isa = "Return the name of the instruction set in use.";
inline constexpr const char* isas =
    "Return the instruction sets built, best first, as pairs (name, whether this machine has it).";
inline constexpr const char* set_isa = R"(Use another instruction set from now on; for tests and benchmarks.

Raises
------
ValueError
    If it was not built, or this machine does not have it.)";
inline constexpr const char* set_num_threads = R"(Limit the threads of all calls in this process.

Raises
------
ValueError
    If `n` is less than 1.)";
inline constexpr const char* get_num_threads = "Return the maximum number of threads of a call.";

inline constexpr const char* parameter = R"(A parameter of an activation, a loss or an optimizer.

It lies between `low` and `high`; where `low_open` or `high_open` is True, that end is not included. `doc` says what it
is.)";
inline constexpr const char* activation = "An activation of hidden layers, and its parameters.";
inline constexpr const char* loss_rule = R"(A loss.

`link` is its own output activation; with `takes_links` it goes with others too, whose outputs stay between
`lowest_output` and `highest_output`. Targets lie between `lowest_target`, which is not included if
`lowest_target_open`, and `highest_target`.)";
inline constexpr const char* link = R"(An output activation.

Its values lie between `lowest` and `highest`; `unit_by_unit` says whether each depends on its own z alone.)";
inline constexpr const char* optimizer = "An update rule: the number of arrays it keeps (`slots`), and its parameters.";
inline constexpr const char* activations = "Return the activations of hidden layers, by name.";
inline constexpr const char* losses = "Return the losses, by name.";
inline constexpr const char* links = "Return the output activations, by name.";
inline constexpr const char* optimizers = "Return the update rules, by name.";

inline constexpr const char* activate = R"(Apply an activation, or its derivative, to an array.

Parameters
----------
name : str
    One of `activations()`.
z : ndarray, float32 or float64
    The weighted sums.
derivative : bool, default=False
    Whether to return f'(z) instead of f(z).

Returns
-------
a : ndarray of the shape and dtype of z
    The values.)";
inline constexpr const char* peak_gflops = R"(Measure the peak rate of fused multiply-adds of one thread, in GFLOP/s.

Parameters
----------
double_precision : bool, default=False
    Whether in float64.
duration : float, default=0.1
    Seconds to measure for, at least.)";
inline constexpr const char* product_gflops = R"(Measure the matrix products of a layer on one thread, in GFLOP/s.

Parameters
----------
rows, n_in, n_out : int
    Number of rows, and of units below and above.
double_precision : bool, default=False
    Whether in float64.
duration : float, default=0.1
    Seconds to measure each for, at least.

Returns
-------
rates : dict of str to float
    'forward', 'backward' and 'gradient'.)";

inline constexpr const char* run = R"(Settings of a call of `Trainer.run`, and what came of it.

Attributes
----------
batch_size, max_iter : int
    Number of rows in a mini-batch, and of epochs.
l2, l1, weight_decay : float
    Strengths of the penalties, and the decoupled decay.
clip_norm : float
    Maximum norm of the gradient; 0 means any.
average_decay : float
    Decay of the average of the weights; 0 keeps none.
tol, n_iter_no_change : float
    Stop after more than so many epochs without an improvement by `tol`.
validate, early_stopping : bool
    Whether the listener is asked for a score after each epoch, and whether that decides when to stop.
shuffle : bool
    Whether the order of the rows is shuffled before each epoch.
time_limit : float
    Seconds after which to stop, within an epoch too.
schedule : str
    Schedule of the learning rate.
eta_init, power_t : float
    Parameters of 'invscaling'.
warmup, total_steps, decay_steps : int
    Numbers of steps, of schedules by step.
decay_rate : float
    Factor of 'step'.
loss_scale : float
    Factor by which the losses of the data are reported.
records_norm : bool
    Whether the norm of the gradient is recorded.
t, n_iter : int
    Number of rows and of epochs trained on.
so_far : tuple of (int, float, float, float)
    Of an epoch that has begun, whose rows come in windows: rows trained on, the sum of their losses, of the norms of
    the gradients, and seconds. A run goes on from there.
loss_curve : list of float
    Loss of each epoch.
best_loss, best_validation_score : float
    The best so far.
no_improvement_count : int
    Number of epochs in a row without improvement.
last_eta : float
    Learning rate of the last step recorded, or NaN.
stopped : str
    Why the run ended: 'max_iter', 'time_limit', 'converged' or 'diverged'; '' if something else stopped it.)";
inline constexpr const char* epochs = R"(Return the records of the epochs from number `first` on.

They are float64 values, in the order of `EPOCH_FIELDS`, one record after the other.)";

inline constexpr const char* trainer = R"(A net and its optimizer, which trains it.

One call at a time: others, of other threads, get a RuntimeError.

Parameters
----------
units : list of int
    Number of units of each layer, n_0, ..., n_L.
activation : str or sequence of str
    Activation of the hidden layers.
loss, optimizer : str
    Names in `losses()` and `optimizers()`.
out_activation : str, default=''
    Output activation; '' means the loss's own.
blocks : sequence of (int, dict), default=None
    Numbers of neighbouring outputs that form a group, such as one softmax, and the loss parameters of each.
**parameters : float
    Parameters of the optimizer and of the loss.

Attributes
----------
eta : float
    The learning rate.
steps : int
    Number of steps made.

Raises
------
ValueError
    If a name, a size or a parameter is not valid.)";
inline constexpr const char* set_parameters = "Set the weights and biases, which are copied.";
inline constexpr const char* parameters = "Return copies of the weights and biases, (coefs, intercepts).";
inline constexpr const char* average = "Return the average of the weights after each step, or None if there is none.";
inline constexpr const char* set_average = "Set the average of the weights, from which a run goes on.";
inline constexpr const char* outer =
    "Return the velocity of the outer steps of ranks that train by themselves, or None if there is none.";
inline constexpr const char* set_outer = "Set the velocity of the outer steps, from which a run goes on.";
inline constexpr const char* dropout = "Return the rates of dropout and the seed of its masks.";
inline constexpr const char* set_dropout = R"(Set the rates of dropout of layers 0..L-1 and the seed of its masks.

No rates mean no dropout.)";
inline constexpr const char* is_finite = "Return whether all weights and biases are finite.";
inline constexpr const char* set_slots = "Set the arrays of the optimizer, a pair (coefs, intercepts) for each slot.";
inline constexpr const char* slots = "Return copies of the arrays of the optimizer, as `set_slots` takes them.";
inline constexpr const char* trainer_run = R"(Train for the epochs that `run` asks for.

Parameters
----------
X : ndarray of shape (rows, n_0) or CSR matrix
    The inputs.
Y : ndarray of shape (rows, n_L)
    The targets.
sample_weight : ndarray of shape (rows,) or None
    Weights of the rows.
order : ndarray of int64 or None
    The rows to train on, in their order; None means all.
bit_generator : numpy.random.BitGenerator or None
    Source of the shuffling.
run : Run
    Settings and counters, which are updated.
listener : callable or None
    Called with the name of an event and a number; 'validate' must return a score, or a score and a loss, and 'end'
    may return True to stop.
n_threads : int or callable
    Maximum number of threads.
gradient_hook : callable, default=None
    Called with the gradient of each step, (coefs, intercepts), which it may change in place.
loss_hook : callable, default=None
    Called with the numbers and raw outputs of each batch's rows; returns the mean loss and its derivatives by the
    outputs, which then replace those of the loss.
ranks : object, default=None
    Other processes that train the same net.

Raises
------
ValueError
    If the arrays or settings are not valid.
RuntimeError
    If the trainer is in use.)";
inline constexpr const char* run_windows = R"(Train as `run` does, on rows that come in windows.

Parameters
----------
windows : callable
    Given the number of rows done in the epoch, returns the next X, Y and sample_weight.
rows : int
    Number of rows of an epoch.
sparse : bool
    Whether X is a CSR matrix.
run, listener, n_threads, gradient_hook, loss_hook, ranks
    As for `run`; rows are not shuffled. With ranks, no window ends within a batch of this one.)";
inline constexpr const char* window_rows = "Return how many of `rows` rows a window should have, whole batches.";
inline constexpr const char* loss_and_gradient = R"(Return the objective on some rows, and its gradient.

Parameters
----------
X, Y, sample_weight, n_threads, loss_hook
    As for `run`.
l2, l1 : float
    Strengths of the penalties.
dropout : bool, default=False
    Whether units are dropped as in the next step.

Returns
-------
loss, penalty : float
    The weighted mean of the loss, and the penalties over the sum of the weights.
coefs, intercepts : list of ndarray
    The gradient of their sum.)";

inline constexpr const char* predict = R"(Return the outputs of a net.

Parameters
----------
X : ndarray of shape (rows, n_0) or CSR matrix
    The inputs; their dtype is that of the arithmetic.
coefs, intercepts : list of ndarray
    Weights and biases.
activation : str or sequence of str
    Activation of the hidden layers.
out_activation : str
    One of `links()`.
n_threads : int or callable
    Maximum number of threads.
blocks : sequence of int, default=None
    Numbers of neighbouring outputs that have a softmax each.

Returns
-------
output : ndarray of shape (rows, n_L)
    Activations of the output layer.)";
inline constexpr const char* loss = R"(Return the mean loss of outputs.

Parameters
----------
output, Y : ndarray of shape (rows, n_L)
    Outputs and targets.
sample_weight : ndarray of shape (rows,) or None
    Weights of the rows.
loss : str
    One of `losses()`.
blocks : sequence of (int, dict), default=None
    Groups of outputs, as for a trainer.
**parameters : float
    Parameters of the loss.

Returns
-------
loss : float
    The mean, weighted by `sample_weight`.)";
inline constexpr const char* row_net = R"(A net that predicts one row at a time, for chainfit.row_predictor.

Parameters
----------
coefs, intercepts : list of ndarray
    Weights and biases, which are copied.
activation : str or sequence of str
    Activation of the hidden layers.
out_activation : str
    One of `links()`.
blocks : sequence of int, default=()
    Numbers of neighbouring outputs that have a softmax each.

Attributes
----------
n_in, n_out : int
    Numbers of inputs and outputs.
predictor, function : capsule
    The net, alive as long as this object, and the C function ``int (*)(predictor, x, out)``, which returns 0 or, for
    want of memory, -1.)";

}  // namespace chainfit::doc
