"""The classifier: its parameters and what it is asked. Labels are the matter of ClassTargets."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, ClassVar, Literal, Self, Unpack

import numpy as np

from .._common.bases import available_if
from .._common.public import public
from .base import BaseMLP, check_has_steps
from .class_targets import ClassTargets
from .job import given
from .keywords import with_keywords
from .parameter_types import Activation, ClassifierKeywords, Schedule, Solver
from .rules import CLASS_LOSSES
from .start import StartClassifier


@public
@with_keywords("classifier", CLASS_LOSSES)
class MLPClassifier(ClassTargets, StartClassifier, BaseMLP):
    """Multilayer perceptron for class labels, a drop-in for scikit-learn's.

    With z[l] = a[l-1] W[l-1] + b[l-1] and a[l] = f(z[l]), it minimises the log loss, averaged over
    the rows, plus alpha / 2 times the sum of W^2 divided by the number of rows. Two classes have
    one logistic output, multilabel targets one for each label, and more classes a softmax. If y has
    several columns of classes, each column is a classification with a softmax of its own, and their
    losses add up.

    Parameters
    ----------
    hidden_layer_sizes : int, array-like of int or str, default=(100,)
        Number of units in each hidden layer, such as (64, 32); search spaces may write it as the
        text '64-32'. With () there is no hidden layer, and the model is linear.

    activation : str or tuple of str, default='relu'
        Activation of the hidden layers: 'identity', 'logistic', 'tanh' or 'relu', as in
        scikit-learn, or 'elu', 'gelu', 'leaky_relu', 'mish', 'selu', 'silu' or 'softplus'. A tuple
        gives one for each hidden layer.

    solver : {'lbfgs', 'sgd', 'adam', 'adamw', 'rmsprop'}, default='adam'
        'sgd' (plain, with momentum, or with Nesterov's), 'adam', 'adamw' (with `weight_decay`) and
        'rmsprop' (PyTorch's) make a step for each mini-batch; 'lbfgs' is SciPy's L-BFGS-B over the
        whole training set.

    alpha : float, default=0.0001
        Strength of the L2 penalty. Its term in the loss is alpha / 2 times the sum of W^2, divided
        by the sum of the weights of the mini-batch's rows; biases are not penalised.

    batch_size : int, default='auto'
        Number of rows in a mini-batch; 'auto' is min(200, n_samples). Not used by 'lbfgs'.

    learning_rate : str or callable, default='constant'
        Schedule of the step size eta, for every solver that makes steps (scikit-learn's are for
        'sgd' alone). Between epochs: 'constant'; 'invscaling', ``learning_rate_init / (t_ +
        1)^power_t``; 'adaptive', divided by 5 whenever the loss, or with early stopping the
        validation score, did not improve by `tol` for `n_iter_no_change` epochs. From step to step,
        s = 0, 1, ... of n being those after `warmup`: 'cosine', times (1 + cos(pi s / n)) / 2;
        'linear', times 1 - s / n; 'step', times `decay_rate` every `decay_steps`; 'one_cycle', from
        a 25th up to eta in 30 % of the steps and down to 10^-4 of where it began (PyTorch's
        OneCycleLR). The number of all steps is `max_iter` times the batches of an epoch; any later
        step keeps the last eta. A callable takes the number of the step and that of all steps, and
        returns eta. `partial_fit` continues the count, by the batches of its first call, and
        follows changes made by `set_params` between calls, of `learning_rate_init` too.

    learning_rate_init : float, default=0.001
        Step size eta at the start of the schedule.

    power_t : float, default=0.5
        Exponent of the schedule 'invscaling'.

    max_iter : int, default=200
        Maximum number of epochs or, for 'lbfgs', of iterations.

    shuffle : bool, default=True
        Whether the rows are shuffled before each epoch.

    random_state : int, RandomState or None, default=None
        Determines the initial weights, the validation split and the shuffling, drawn in
        scikit-learn's order. Pass an int for reproducible results.

    tol : float, default=1e-4
        Minimum improvement of the loss or the validation score: an epoch with less counts as one
        without improvement. For 'lbfgs', the size of the gradient at which to stop.

    verbose : bool, int or 'progress', default=False
        Whether to print the loss of each epoch. 'progress' shows a live bar instead, on stderr or
        in a notebook: loss, validation score, rows a second and the time left. It needs tqdm (extra
        `cli`), and `partial_fit`, an epoch a call, has none.

    warm_start : bool, default=False
        Whether `fit` starts from the weights of the previous fit, with a new optimizer.

    momentum : float, default=0.9
        Momentum of 'sgd', in [0, 1]; 0 is plain gradient descent.

    nesterovs_momentum : bool, default=True
        Whether to use Nesterov's momentum.

    early_stopping : bool, default=False
        Whether to hold out `validation_fraction` of the rows (stratified for two classes), to stop
        when their score no longer improves, and to keep the weights with the best score. 'lbfgs'
        holds out none, as in scikit-learn, and stops early only if `fit` is given X_val.

    validation_fraction : float, default=0.1
        Fraction of the rows that `early_stopping` holds out.

    beta_1 : float, default=0.9
        Decay rate of Adam's first moment, in [0, 1).

    beta_2 : float, default=0.999
        Decay rate of Adam's second moment, in [0, 1).

    epsilon : float, default=1e-8
        Added to the root of Adam's second moment, for numerical stability.

    n_iter_no_change : int or inf, default=10
        Training stops after more than this many consecutive epochs without improvement (iterations
        of 'lbfgs' with early stopping).

    max_fun : int, default=15000
        Maximum number of evaluations of the loss by 'lbfgs'.

    n_threads : int or None, default=None
        Maximum number of threads of a call; fewer are used where more would not pay. None means
        the number of CPUs that the process may use, or OMP_NUM_THREADS if that is smaller.
        ``threadpoolctl`` limits both. Results do not depend on it.

    precision : {'auto', 'float32', 'float64'}, default='auto'
        Data type of the weights and of all arithmetic. 'auto' follows X as scikit-learn does:
        float32 stays float32, everything else becomes float64, and 'lbfgs' works in float64.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,), or list of these
        The class labels, sorted; for several classifications a list, as in scikit-learn's forests.

    coefs_ : list of ndarray of shape (n_l, n_{l+1})
        The weights W[l] from layer l to layer l + 1. They may be changed in place.

    intercepts_ : list of ndarray of shape (n_{l+1},)
        The biases b[l] of layer l + 1.

    loss_ : float
        The loss of the last epoch, or the final loss of 'lbfgs'.

    loss_curve_ : list of float
        The loss of each epoch. Not with 'lbfgs'.

    best_loss_ : float or None
        The smallest loss of an epoch; None with early stopping. Not with 'lbfgs'.

    validation_scores_ : list of float or None
        Accuracy, or the score that `scoring` names, on the held-out rows or X_val after each epoch
        or iteration; None without early stopping and X_val, and then absent with 'lbfgs'.

    validation_loss_curve_ : list of float
        The loss on these rows, without the penalty, after each epoch or iteration. Only if X_val or
        `scoring` was given.

    best_validation_score_ : float or None
        The best of `validation_scores_`.

    converged_ : bool
        Whether more than `n_iter_no_change` epochs in a row, calls of `partial_fit` included, did
        not improve by `tol`. Not with 'lbfgs'.

    history_ : dict of str to list of float
        A record of each epoch (iteration of 'lbfgs'), in the form ``pandas.DataFrame`` takes:
        'loss', 'validation_loss', 'validation_score', 'learning_rate' (of the last step),
        'gradient_norm' (with `clip_norm` or 'lbfgs') and 'seconds'; NaN where there is none. It
        continues under warm_start and in `partial_fit`.

    n_iter_ : int
        Number of epochs or iterations of the last fit.

    t_ : int
        Number of training rows seen, over all epochs.

    n_features_in_ : int
        Number of features seen in `fit`.

    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of the features, if X had names that are all strings.

    n_layers_ : int
        Number of layers, including input and output.

    n_outputs_ : int
        Number of outputs of the net.

    out_activation_ : str
        Activation of the output layer.

    See Also
    --------
    MLPRegressor : Multilayer perceptron for real targets.
    TabularClassifier : Classifier for tables of mixed columns.

    Notes
    -----
    Multilayer perceptrons are sensitive to the scale of the features. Give each a mean of 0 and a
    variance of 1, or the same range, and scale new rows as the training rows were: a Pipeline with
    a StandardScaler does both.

    Examples
    --------
    >>> from chainfit import MLPClassifier
    >>> from sklearn.datasets import load_wine
    >>> from sklearn.model_selection import train_test_split
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import StandardScaler
    >>> X, y = load_wine(return_X_y=True)
    >>> X_train, X_test, y_train, y_test = train_test_split(X, y, stratify=y, random_state=1)
    >>> net = MLPClassifier(random_state=1, max_iter=500)
    >>> model = make_pipeline(StandardScaler(), net).fit(X_train, y_train)
    >>> model.predict(X_test[:5])
    array([0, 2, 1, 1, 1])
    >>> round(model.score(X_test, y_test), 2)
    0.98
    """

    loss = "log_loss"
    _y_numeric: ClassVar[bool] = False

    def __init__(
        self,
        hidden_layer_sizes: int | Sequence[int] | str = (100,),
        activation: Activation | Sequence[Activation] = "relu",
        *,
        solver: Solver = "adam",
        alpha: float = 0.0001,
        batch_size: int | Literal["auto"] = "auto",
        learning_rate: Schedule | Callable[..., Any] = "constant",
        learning_rate_init: float = 0.001,
        power_t: float = 0.5,
        max_iter: int = 200,
        shuffle: bool = True,
        random_state: int | np.random.RandomState | None = None,
        tol: float = 1e-4,
        verbose: bool | int | Literal["progress"] = False,
        warm_start: bool = False,
        momentum: float = 0.9,
        nesterovs_momentum: bool = True,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-8,
        n_iter_no_change: float = 10,
        max_fun: int = 15000,
        n_threads: int | None = None,
        precision: Literal["auto", "float32", "float64"] = "auto",
        **keywords: Unpack[ClassifierKeywords],
    ) -> None:
        self.hidden_layer_sizes = hidden_layer_sizes
        self.activation = activation
        self.solver = solver
        self.alpha = alpha
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.learning_rate_init = learning_rate_init
        self.power_t = power_t
        self.max_iter = max_iter
        self.shuffle = shuffle
        self.random_state = random_state
        self.tol = tol
        self.verbose = verbose
        self.warm_start = warm_start
        self.momentum = momentum
        self.nesterovs_momentum = nesterovs_momentum
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.beta_1 = beta_1
        self.beta_2 = beta_2
        self.epsilon = epsilon
        self.n_iter_no_change = n_iter_no_change
        self.max_fun = max_fun
        self.n_threads = n_threads
        self.precision = precision

    @available_if(check_has_steps)
    def partial_fit(
        self,
        X: Any,
        y: Any,
        sample_weight: Any = None,
        classes: Any = None,
        *,
        X_val: Any = None,
        y_val: Any = None,
        sample_weight_val: Any = None,
    ) -> Self:
        """Go on training with one epoch over the given rows.

        The optimizer with its state (velocity, Adam's moments, learning rate) goes on from the last
        `fit` or `partial_fit`; the first call draws the weights.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The inputs.

        y : {array-like, sparse matrix} of shape (n_samples,), (n_samples, n_classes) or \
                (n_samples, n_outputs)
            The labels; they need not contain every class.

        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the rows; None means 1 for each.

        classes : array-like of shape (n_classes,), or list of these, default=None
            All labels that will ever occur; for several classifications, a list of the labels of
            each. Required at the first call, optional later.

        X_val : {array-like, sparse matrix} of shape (n_val, n_features), default=None
            Inputs to validate on after the epoch, as in `fit`. With `early_stopping`, a call that
            finds no better score after more than `n_iter_no_change` such calls in a row restores
            the best weights so far, and `converged_` becomes True.

        y_val : array-like of shape (n_val,) or (n_val, n_classes), default=None
            The labels of X_val.

        sample_weight_val : array-like of shape (n_val,), default=None
            Weights of the rows of X_val; None means 1 for each.

        Returns
        -------
        self : object
            The model after the epoch.

        Raises
        ------
        AttributeError
            With solver='lbfgs', which has no steps.
        ValueError
            With early_stopping=True and no X_val; without `classes` at the first call; if a label
            is not among them, if the data are not valid, and if the weights end up not finite. The
            model then is as it was before the call; in the last case its optimizer starts anew.

        See Also
        --------
        fit : Train until the loss or the validation score no longer improves.

        Examples
        --------
        >>> import numpy as np
        >>> from chainfit import MLPClassifier
        >>> X = np.random.RandomState(0).randn(300, 2)
        >>> y = np.where(X[:, 0] * X[:, 1] > 0, "same", "different")
        >>> model = MLPClassifier((32,), learning_rate_init=0.01, random_state=0)
        >>> for epoch in range(60):
        ...     for rows in np.array_split(np.arange(300), 3):
        ...         _ = model.partial_fit(X[rows], y[rows], classes=["different", "same"])
        >>> model.score(X, y) > 0.9
        True
        """
        validation = given(X_val, y_val, sample_weight_val)
        if "coefs_" in self.__dict__:
            return self._partial_fit(X, y, sample_weight, classes, validation)
        return self._first_partial_fit(X, y, sample_weight, classes, validation)

    def __sklearn_tags__(self) -> Any:
        """Return scikit-learn's tags."""
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        tags.target_tags.multi_output = True
        return tags
