"""Calls that fail or are interrupted: what they leave, and what they say."""

import copy
import sys
import warnings

import numpy as np
import pytest
from sklearn.preprocessing import LabelBinarizer

import chainfit
from chainfit import MLPClassifier, MLPRegressor
from chainfit._estimators import callbacks
from chainfit._estimators.labels import binarizer_for
from chainfit._estimators.state import ATTRIBUTES
from chainfit._estimators.training import train

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

_rng = np.random.RandomState(0)
X = _rng.randn(60, 5)
y = X[:, 0] - X[:, 1]
ESTIMATORS = {
    "classifier": (MLPClassifier, np.digitize(y, [-0.5, 0.5])),
    "regressor": (MLPRegressor, y),
}


def make(kind, **parameters):
    """Return a small unfitted estimator and its targets."""
    cls, target = ESTIMATORS[kind]
    parameters = {"hidden_layer_sizes": (6,), "max_iter": 5, "random_state": 0, **parameters}
    return cls(**parameters), target


def assert_equal_models(a, b):
    for mine, other in zip([*a.coefs_, *a.intercepts_], [*b.coefs_, *b.intercepts_], strict=True):
        np.testing.assert_array_equal(mine, other, strict=True)


SEEDED = {
    "fit": lambda model, y: model.fit(X, y),
    "partial_fit": lambda model, y: model.partial_fit(X, y),
}


@pytest.mark.parametrize("call", SEEDED)
@pytest.mark.parametrize("solver", ["adam", "sgd"])
def test_a_failing_first_call_leaves_model_and_generator(call, solver):
    """Warnings that are errors, bad data, weights that end up infinite."""
    failures = [
        ({"batch_size": 1000}, y, "batch_size"),
        ({}, y * np.nan, "NaN"),
        ({}, y[:3], "inconsistent numbers of samples"),
        (
            {"precision": "float32", "learning_rate_init": 1e30},
            y,
            "non-finite|range of float32|beyond all bounds|not a number",
        ),
    ]
    for parameters, target, message in failures:
        generator = np.random.RandomState(3)
        generator.standard_normal()  # half of a pair is kept
        before = generator.get_state()
        model = MLPRegressor(
            hidden_layer_sizes=(6,), max_iter=5, random_state=generator, solver=solver
        ).set_params(**parameters)
        held = set(vars(model))
        with warnings.catch_warnings():
            warnings.simplefilter("error", UserWarning)
            warnings.simplefilter("ignore", RuntimeWarning)
            with pytest.raises((ValueError, UserWarning), match=message):
                for _ in range(50):
                    SEEDED[call](model, target)
        if model.random_state is generator and not hasattr(model, "coefs_"):
            assert set(vars(model)) == held
            for a, b in zip(generator.get_state(), before, strict=True):
                np.testing.assert_array_equal(a, b)
        else:  # that a later partial_fit ends badly doesn't take back the earlier ones
            assert call == "partial_fit" and parameters.get("learning_rate_init")


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize(
    ("kind", "parameters"),
    [
        ("classifier", {}),
        ("classifier", {"early_stopping": True}),
        ("classifier", {"precision": "float32", "batch_size": 7}),
        ("regressor", {"solver": "sgd", "learning_rate": "invscaling"}),
        ("regressor", {"average": "ema", "dropout": 0.2}),
        ("regressor", {"learning_rate": "cosine", "clip_norm": 1e300}),
    ],
)
def test_rows_beyond_all_numbers_do_not_spoil_a_model(kind, parameters):
    """A stream may hold a few such rows: the call is refused, and the next one goes on."""
    model, target = make(kind, **parameters)
    rows = {"X_val": X, "y_val": target} if "early_stopping" in parameters else {}
    if kind == "classifier":
        model.partial_fit(X, target, classes=np.unique(target), **rows)
    for _ in range(3):
        model.partial_fit(X, target, **rows)
    before, predicted = copy.deepcopy(model), model.predict(X)
    size = 1e30 if "precision" in parameters else 1e300
    for _ in range(2):
        with pytest.raises(ValueError, match=r"non-finite|went beyond the range"):
            model.partial_fit(size * X, target, **rows)
        assert_equal_models(model, before)
        np.testing.assert_array_equal(model.predict(X), predicted)
        assert (model.t_, model.n_iter_) == (before.t_, before.n_iter_)
        np.testing.assert_equal(model.history_, before.history_)
    assert model._optimizer.learning_rate <= before._optimizer.learning_rate
    losses = [model.partial_fit(X, target, **rows).loss_ for _ in range(20)]
    assert min(losses) < losses[0] and len(model.loss_curve_) == len(before.loss_curve_) + 20


def test_a_failing_refit_leaves_the_generator():
    generator = np.random.RandomState(3)
    model = make("regressor", random_state=generator)[0].fit(X, y)
    before = generator.get_state()
    for fit in (model.fit, model.partial_fit):
        with pytest.raises(ValueError, match="NaN"):
            fit(X * np.nan, y)
        for a, b in zip(generator.get_state(), before, strict=True):
            np.testing.assert_array_equal(a, b)


def test_interrupted_partial_fit_raises_and_keeps_whole_steps(monkeypatch):
    def interrupt(*arguments):
        raise KeyboardInterrupt

    for fitted in (False, True):
        model = make("regressor", solver="adam")[0]
        if fitted:
            model.fit(X, y)
        right = copy.deepcopy(model).partial_fit(X, y)
        with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
            patch.setattr(callbacks, "print", interrupt, raising=False)
            model.set_params(verbose=True).partial_fit(X, y)
        model.set_params(verbose=False)
        assert_equal_models(model, right)
        assert_equal_models(model.partial_fit(X, y), right.partial_fit(X, y))


def test_an_epoch_publishes_all_that_it_sets():
    for kind in ESTIMATORS:
        model, target = make(kind)
        model.fit(X, target)
        draft = model._draft()
        state, _ = train(*draft.copy._job(X, target, None, incremental=True))
        assert not draft.changes()
        absent = {"validation_loss_curve_", "_best_weights", "_losses"}  # nothing to hold
        assert set(state.attributes()) == set(ATTRIBUTES) - absent


# -- what the dtype of training can't hold


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_an_optimizer_that_overflows_is_told_at_the_fit(tmp_path):
    """Squares of gradients beyond float32 freeze the weights, though these are finite."""
    data = X.astype(np.float32)
    model = MLPRegressor(hidden_layer_sizes=(6,), max_iter=2, random_state=0)
    target = (1e17 * y).astype(np.float32)
    wide = (1e12 * data).astype(np.float32)
    with pytest.raises(ValueError, match=r"went beyond the range of float32.*scale"):
        model.fit(wide, target)
    assert not hasattr(model, "coefs_")
    model.fit(data, (1e6 * y).astype(np.float32)).save(tmp_path / "model.safetensors")


def test_a_model_stopped_early_is_saved_whatever_came_after_its_best_epoch(tmp_path):
    model = MLPRegressor(
        hidden_layer_sizes=100, activation="identity", solver="sgd", learning_rate_init=1.0,
        max_iter=30, early_stopping=True, random_state=0,
    )  # fmt: skip
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model.fit(10 * X, y)
    model.save(tmp_path / "model.safetensors")
    assert_equal_models(chainfit.load(tmp_path / "model.safetensors"), model)


@pytest.mark.parametrize("kind", ["int", "bool", "str", "one class", "many classes", "float"])
def test_binarizers_are_those_of_scikit_learn(kind):
    labels = {
        "int": np.array([3, -1, 2] * 5),
        "bool": np.array([True, False] * 5),
        "str": np.array(["b", "a", "cc"] * 5),
        "one class": np.zeros(10, int),
        "many classes": np.arange(10),
        "float": np.array([1.0, 2.0] * 5),
    }[kind]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        mine, right = vars(binarizer_for(labels)), vars(LabelBinarizer().fit(labels))
    assert mine.keys() == right.keys()
    for name, value in right.items():
        np.testing.assert_array_equal(mine[name], value, strict=isinstance(value, np.ndarray))


# Room for a copy of the columns of X, 40 MB, but not for as many rows and values beside it.
NO_MEMORY = """
import os, resource, sys
import numpy as np
import scipy.sparse
from chainfit import _core

n, units = 20_000, [500, 64, 1]
rng = np.random.RandomState(0)
coefs = [rng.uniform(-0.1, 0.1, shape).astype("f") for shape in zip(units, units[1:])]
X = scipy.sparse.csr_matrix(np.ones((n, 500), "f"))
Y = np.ones((n, 1), "f")

def train(trainer, X):
    run = _core.Run()
    run.batch_size, run.max_iter, run.shuffle = n, 1, False
    trainer.run(X, Y, None, None, None, run, None, 4)

_core.set_num_threads(4)
trainers = [_core.TrainerF32(units, "relu", "squared_error", "sgd") for _ in range(2)]
for trainer, dropout in zip(trainers, ([], [0.5, 0.0])):
    trainer.set_parameters(coefs, [np.zeros(m, "f") for m in units[1:]])
    trainer.set_dropout(dropout, 1)
    train(trainer, X[:, :0] @ X[:0])  # takes what memory a step has whatever the values
assert len(os.listdir("/proc/self/task")) > 3
with open("/proc/self/statm") as file:
    now = int(file.read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (now + 70_000_000,) * 2)
for trainer in trainers:
    try:
        train(trainer, X)
    except MemoryError:
        print("no memory", flush=True)
    assert trainer.steps == 1
    train(trainer, X[:, :0] @ X[:0])
    assert trainer.steps == 2
"""


@pytest.mark.skipif(sys.platform != "linux", reason="needs a limit of memory")
def test_no_memory_for_a_sparse_batch(python):
    """Found out on one thread of several, between two steps: an error, no crash and no hang."""
    done = python(NO_MEMORY, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.split() == ["no", "memory"] * 2
