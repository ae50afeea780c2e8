"""What a step does, as the estimators' keywords ask for it: schedules, dropout, decay and so on."""

import copy
import pickle

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scipy import sparse
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV

import chainfit
from chainfit import MLPClassifier, MLPRegressor, reference
from chainfit._estimators.rules import SCHEDULES

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

X = np.random.RandomState(0).randn(50, 4)
y = X[:, 0] * X[:, 1] + 0.1 * X[:, 2]
labels = np.digitize(X[:, 0], [-0.5, 0.5])

#: An estimator's parameters that ask for something.
OPTIONS = {
    "cosine": {"learning_rate": "cosine", "warmup": 0.1},
    "linear": {"learning_rate": "linear", "warmup": 3},
    "step": {"learning_rate": "step", "decay_steps": 5, "decay_rate": 0.5},
    "one_cycle": {"learning_rate": "one_cycle"},
    "warmup": {"warmup": 4},
    "dropout": {"dropout": 0.3},
    "dropout of each": {"dropout": (0.1, 0.2, 0.3)},
    "l1": {"l1": 0.5},
    "weight_decay": {"weight_decay": 0.05},
    "clip_norm": {"clip_norm": 0.3},
    "average": {"average": "ema", "average_decay": 0.8},
    "all": {
        "learning_rate": "cosine", "warmup": 3, "dropout": (0.1, 0.2, 0.2), "l1": 0.1,
        "weight_decay": 0.02, "clip_norm": 1.0, "average": "ema", "average_decay": 0.9,
    },
}  # fmt: skip
each = pytest.mark.parametrize("option", OPTIONS)
both = pytest.mark.parametrize("kind", [MLPRegressor, MLPClassifier])
SOLVERS = ("sgd", "adam", "adamw", "rmsprop")


def make(kind=MLPRegressor, **parameters):
    given = {"hidden_layer_sizes": (7, 5), "max_iter": 4, "batch_size": 8, "random_state": 0}
    return kind(**{**given, **parameters})


def target(kind):
    return y if kind is MLPRegressor else labels


def weights(model):
    return [*model.coefs_, *model.intercepts_]


def bits(model):
    return [a.tobytes() for a in weights(model)]


def assert_equal(a, b):
    assert bits(a) == bits(b)


@each
@both
@pytest.mark.parametrize("solver", SOLVERS)
def test_it_goes_on_where_it_was(solver, kind, option, tmp_path):
    """By partial_fit, from a pickle, a copy and a file: to the same bits as without them."""
    model = make(kind, solver=solver, **OPTIONS[option]).fit(X, target(kind))
    model.save(tmp_path / "m")
    others = [
        pickle.loads(pickle.dumps(model)), copy.deepcopy(model), chainfit.load(tmp_path / "m")
    ]  # fmt: skip
    for other in others:
        assert_equal(model, other)
        assert other.get_params() == model.get_params()
    for _ in range(2):
        model.partial_fit(X, target(kind))
        for other in others:
            assert_equal(model, other.partial_fit(X, target(kind)))


@each
def test_it_matters(option):
    assert bits(make(**OPTIONS[option]).fit(X, y)) != bits(make().fit(X, y))


@each
@both
def test_bits_do_not_depend_on_threads_or_on_the_form_of_X(kind, option):
    thin = np.where(X > 0.3, X, 0)
    first = make(kind, **OPTIONS[option], n_threads=1).fit(thin, target(kind))
    for form, threads in ((thin, 2), (np.asfortranarray(thin), 3), (sparse.csr_matrix(thin), 1)):
        assert_equal(
            first, make(kind, **OPTIONS[option], n_threads=threads).fit(form, target(kind))
        )


@each
def test_it_is_cloned_and_searched(option):
    model = make(**OPTIONS[option])
    assert clone(model).get_params() == model.get_params()
    search = GridSearchCV(model, {name: [value] for name, value in OPTIONS[option].items()}, cv=2)
    assert_equal(search.fit(X, y).best_estimator_, model.fit(X, y))


@each
@pytest.mark.parametrize("batch_size", [1, 5, 40])
def test_fits_are_the_references(batch_size, option):
    """By the oracle, with the masks of the seed that the model has kept."""
    options = {"learning_rate": "constant", **OPTIONS[option]}
    model = make(solver="sgd", batch_size=batch_size, shuffle=False, **options).fit(X, y)
    W, b = reference.init_parameters([4, 7, 5, 1], "relu", np.random.RandomState(0))
    decay = options.get("weight_decay", 0.0)
    state = reference.init_state(W, b, "nesterov", eta=0.001, weight_decay=decay)
    batches = -(-len(X) // batch_size)
    warmup = options.get("warmup", 0)
    warmup = warmup if isinstance(warmup, int) else int(warmup * 4 * batches)
    rates = options.get("dropout", 0.0)
    rates = [0.0, rates, rates] if isinstance(rates, float) else rates
    mean = None
    for s in range(4 * batches):
        rows = slice(s % batches * batch_size, (s % batches + 1) * batch_size)
        state.eta = reference.learning_rate(
            options["learning_rate"], s, 4 * batches, eta=0.001, warmup=warmup,
            decay_steps=options.get("decay_steps", 1), decay_rate=options.get("decay_rate", 1.0),
        )  # fmt: skip
        seed = model._optimizer_state.get("seed", 0)
        masks = reference.masks(seed, s, rates, len(X[rows]), [4, 7, 5])
        reference.step(
            X[rows], y[rows, None], W, b, state, activation="relu", loss="squared_error",
            l2=0.0001, l1=options.get("l1", 0.0), clip_norm=options.get("clip_norm"), masks=masks,
        )  # fmt: skip
        mean = reference.average(mean, [*W, *b], options.get("average_decay", 0.5))
    expected = mean if "average" in options else [*W, *b]
    for ours, theirs in zip(weights(model), expected, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-9, atol=1e-12)


# --- the learning rate ---------------------------------------------------------------------------


def test_a_callable_says_the_learning_rate_of_each_step():
    asked = []

    def rate(step, total):
        asked.append((step, total))
        return 0.01 * (1 - step / total)

    model = make(learning_rate=rate, tol=0).fit(X, y)
    assert asked == [(s, 4 * 7) for s in range(4 * 7)]
    linear = make(learning_rate="linear", learning_rate_init=0.01, tol=0).fit(X, y)
    for a, b in zip(weights(model), weights(linear), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-10)


@pytest.mark.parametrize(
    "value, error",
    [(-1.0, ValueError), (np.nan, ValueError), (np.inf, ValueError), ("1", TypeError),
     (None, TypeError)],
)  # fmt: skip
def test_a_callable_that_says_no_rate_is_refused(value, error):
    model = make(learning_rate=lambda step, total: 0.01 if step < 7 else value)
    with pytest.raises(error, match=r"learning_rate\(7, 28\) must be a finite number >= 0"):
        model.fit(X, y)
    assert not hasattr(model, "coefs_")


def test_an_error_in_the_callable_leaves_the_model(tmp_path):
    def rate(step, total):
        if step >= 14:
            raise LookupError("no more")
        return 0.01

    model = make(learning_rate=rate).partial_fit(X, y)
    model.partial_fit(X, y)
    before = bits(model)
    with pytest.raises(LookupError, match="no more"):
        model.partial_fit(X, y)
    assert bits(model) == before
    with pytest.raises(TypeError, match="cannot save parameter learning_rate"):
        model.save(tmp_path / "m")
    assert not (tmp_path / "m").exists()


@pytest.mark.parametrize("solver", SOLVERS)
def test_set_params_is_obeyed_by_the_next_partial_fit(solver):
    model = make(solver=solver, learning_rate_init=0.01, momentum=0.0).partial_fit(X, y)
    changed = copy.deepcopy(model).set_params(learning_rate_init=0.0001)
    before = weights(model)
    steps = [
        max(abs(a - b).max() for a, b in zip(weights(m.partial_fit(X, y)), before, strict=True))
        for m in (model, changed)
    ]
    assert 50 < steps[0] / steps[1] < 200
    # and so is a schedule
    by_step = copy.deepcopy(changed).set_params(learning_rate="cosine").partial_fit(X, y)
    assert bits(by_step) != bits(changed.partial_fit(X, y))


def test_it_is_checked_when_it_is_obeyed():
    model = make(precision="float32").partial_fit(X, y)
    with pytest.raises(ValueError, match=r"learning_rate_init=1e-60 is zero in float32"):
        model.set_params(learning_rate_init=1e-60).partial_fit(X, y)


@pytest.mark.parametrize("learning_rate", ["invscaling", "adaptive"])
def test_schedules_of_scikit_learn_are_for_all_solvers(learning_rate):
    model = make(solver="adam", learning_rate=learning_rate, max_iter=60, tol=1e6,
                 n_iter_no_change=2, learning_rate_init=0.01).fit(X, y)  # fmt: skip
    assert model._optimizer.learning_rate < 0.01


def test_partial_fit_counts_on():
    """Four calls on the same rows are a fit of four epochs, if nothing is drawn in between."""
    options = {"learning_rate": "cosine", "warmup": 0.2, "dropout": 0.2, "shuffle": False}
    whole = make(tol=0, **options).fit(X, y)
    parts = make(**options)
    for _ in range(4):
        parts.partial_fit(X, y)
    assert_equal(whole, parts)
    # beyond the last step, its learning rate
    assert bits(parts.partial_fit(X, y)) != bits(whole)


# --- what does not go together -------------------------------------------------------------------


@pytest.mark.parametrize("option", [o for o in OPTIONS if o != "all"])
@both
def test_lbfgs_makes_no_steps(kind, option):
    with pytest.raises(ValueError, match="is for solvers that make steps, such as 'adam'"):
        make(kind, solver="lbfgs", **OPTIONS[option]).fit(X, target(kind))


@pytest.mark.parametrize(
    "parameters, match",
    [
        ({"learning_rate": "one_cycle", "warmup": 3}, "warmup=3 has no meaning with"),
        ({"learning_rate": lambda s, t: 1.0, "warmup": 0.5}, "warmup=0.5 has no meaning with"),
        ({"dropout": (0.1, 0.2)}, "one for each of 2 hidden layers"),
        ({"dropout": ()}, "one for each of 2 hidden layers"),
        ({"dropout": (0.1, 0.2), "hidden_layer_sizes": ()}, "one for each of 0 hidden layers"),
        ({"dropout": 1.0}, "'dropout' parameter .* must be a rate in"),
        ({"dropout": "half"}, "'dropout' parameter .* must be a rate in"),
        ({"warmup": -1}, "'warmup' parameter"),
        ({"warmup": 1.5}, "'warmup' parameter"),
        ({"decay_steps": 0}, "'decay_steps' parameter"),
        ({"decay_rate": 0.0}, "'decay_rate' parameter"),
        ({"clip_norm": 0.0}, "'clip_norm' parameter"),
        ({"average": "swa"}, "'average' parameter"),
        ({"average_decay": 1.0}, "'average_decay' parameter"),
        ({"l1": -1.0}, "'l1' parameter"),
        ({"weight_decay": -1.0}, "'weight_decay' parameter"),
        ({"learning_rate": "warp"}, "'learning_rate' parameter"),
        ({"l1": 1e308, "precision": "float32"}, "l1=1e\\+308 is divided by the number of rows"),
    ],
)
def test_what_makes_no_sense_is_refused(parameters, match):
    model = make(**parameters)
    with pytest.raises(ValueError, match=match):
        model.fit(X, y)
    assert not hasattr(model, "coefs_")


# --- dropout, averages ---------------------------------------------------------------------------


def test_masks_are_drawn_from_random_state():
    generator = np.random.RandomState(3)
    a = make(dropout=0.4, random_state=generator).fit(X, y)
    assert_equal(a, make(dropout=0.4, random_state=3).fit(X, y))
    assert bits(a) != bits(make(dropout=0.4, random_state=4).fit(X, y))
    # without dropout not a number more is drawn
    drawn = np.random.RandomState(3)
    make(random_state=drawn, shuffle=False).fit(X, y)
    expected = np.random.RandomState(3)
    reference.init_parameters([4, 7, 5, 1], "relu", expected)
    assert drawn.randint(10**9) == expected.randint(10**9)


def test_dropout_may_be_switched_on_and_off():
    model = make().fit(X, y)
    plain = copy.deepcopy(model)
    model.set_params(dropout=0.5).partial_fit(X, y)
    assert bits(model) != bits(plain.partial_fit(X, y))
    model.set_params(dropout=0.0)
    a, b = copy.deepcopy(model).partial_fit(X, y), pickle.loads(pickle.dumps(model))
    assert_equal(a, b.partial_fit(X, y))


def test_a_rate_of_no_hidden_layer():
    """A search over rates and sizes may come to a linear model, which has none to leave out."""
    plain = make(hidden_layer_sizes=()).fit(X, y)
    assert_equal(make(hidden_layer_sizes=(), dropout=0.5).fit(X, y), plain)
    assert bits(make(hidden_layer_sizes=(), dropout=(0.5,)).fit(X, y)) != bits(plain)
    grid = {"hidden_layer_sizes": [(), (3,)], "dropout": [0.0, 0.2]}
    scores = GridSearchCV(make(), grid, error_score="raise").fit(X, y).cv_results_
    assert np.isfinite(scores["mean_test_score"]).all()


def test_training_goes_on_from_the_raw_weights():
    model = make(average="ema", average_decay=0.9).fit(X, y)
    plain = make().fit(X, y)
    raw = model._optimizer_state["raw"]
    for a, b in zip([*raw[0], *raw[1]], weights(plain), strict=True):
        np.testing.assert_array_equal(a, b)
    # switched off, it goes on from the average
    model.set_params(average=None).partial_fit(X, y)
    assert "raw" not in model._optimizer_state


def test_the_average_is_what_is_validated():
    model = make(average="ema", average_decay=0.9, early_stopping=True, validation_fraction=0.2,
                 max_iter=6).fit(X, y)  # fmt: skip
    assert len(model.validation_scores_) == 6
    best = int(np.argmax(model.validation_scores_))
    shorter = make(average="ema", average_decay=0.9, early_stopping=True, validation_fraction=0.2,
                   max_iter=best + 1).fit(X, y)  # fmt: skip
    assert_equal(model, shorter)


@pytest.mark.parametrize("weight", [1e-30, 3.0])
def test_l1_is_divided_as_alpha_is(weight):
    """By the sum of the rows' weights, whatever their size."""
    sample_weight = np.full(len(X), weight)
    model = make(l1=0.5 * weight, alpha=0.1 * weight).fit(X, y, sample_weight=sample_weight)
    plain = make(l1=0.5, alpha=0.1).fit(X, y)
    for a, b in zip(weights(model), weights(plain), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-12)


def test_scikit_learn_has_no_such_schedule():
    with pytest.raises(ValueError, match="scikit-learn has no learning_rate='cosine'"):
        make(learning_rate="cosine", solver="sgd").fit(X, y).to_sklearn()


@pytest.mark.parametrize("option", ["all", "cosine", "average", "dropout"])
def test_a_fit_is_resumed(option, tmp_path):
    """From a checkpoint: to the bits of a fit that was not interrupted."""
    whole = make(**OPTIONS[option], max_iter=6, tol=0).fit(X, y)

    def crash(record):
        if record["epoch"] == 4:
            raise LookupError("a crash")

    cut = make(**OPTIONS[option], max_iter=6, tol=0, checkpoint=str(tmp_path / "c"))
    with pytest.raises(LookupError, match="a crash"):
        clone(cut).set_params(callbacks=[crash]).fit(X, y)
    assert_equal(cut.fit(X, y), whole)


# --- all together --------------------------------------------------------------------------------


@st.composite
def parameters_of_steps(draw):
    """Draw parameters of an estimator, each asking for something or for nothing."""
    hidden = draw(st.lists(st.integers(1, 20), max_size=2))
    rate = st.floats(0, 0.9)
    rates = st.tuples(rate, *[rate] * len(hidden))
    return {
        "hidden_layer_sizes": tuple(hidden),
        "solver": draw(st.sampled_from(["lbfgs", *SOLVERS])),
        "batch_size": draw(st.sampled_from([1, 3, 17, 50])),
        "learning_rate": draw(st.sampled_from([*SCHEDULES, lambda s, t: 0.001 / (s + 1)])),
        "warmup": draw(st.sampled_from([0, 0, 2, 0.3])),
        "dropout": draw(st.one_of(st.just(0.0), rate, rates)),
        "l1": draw(st.sampled_from([0.0, 0.1])),
        "weight_decay": draw(st.sampled_from([None, 0.0, 0.1])),
        "clip_norm": draw(st.sampled_from([None, 0.01, 1e3])),
        "average": draw(st.sampled_from([None, "ema"])),
        "momentum": draw(st.sampled_from([0.0, 0.9])),
        "early_stopping": draw(st.booleans()),
        "max_iter": 2,
    }


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(parameters_of_steps(), st.sampled_from([MLPRegressor, MLPClassifier]))
def test_any_of_them_train_or_say_why_not(using_isa, running_isas, parameters, kind):
    """And to equal bits, on 1, 2 and 3 threads and on two instruction sets."""
    found = set()
    for isa in running_isas[:2]:
        for n_threads in (1, 2, 3):
            model = make(kind, **parameters, n_threads=n_threads)
            with using_isa(isa):
                try:
                    found.add(tuple(bits(model.fit(X, target(kind)))))
                except ValueError as error:
                    assert not hasattr(model, "coefs_")
                    found.add(str(error))
    assert len(found) == 1
