"""Any combination of options trains, or is refused with a reason before any work is done.

The options are read from the estimators and their table of keywords, so a new one is in here by
itself. One whose values no constraint describes needs a line in VALUES.
"""

import contextlib
import pickle
import tempfile
import warnings
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_array
from sklearn.base import clone
from sklearn.utils._param_validation import Interval, StrOptions, make_constraint

import chainfit
from chainfit import MLPClassifier, MLPRegressor, _core
from chainfit._estimators.base import BaseMLP
from chainfit._estimators.callbacks import Listener
from chainfit._estimators.keywords import TABLE
from chainfit._estimators.rules import REAL_LOSSES, SCHEDULES

ROWS = 60
_rng = np.random.RandomState(0)
X = _rng.randn(ROWS, 6)
SIGNAL = X[:, 0] - X[:, 1] * X[:, 2]
WEIGHT = _rng.rand(ROWS) + 0.2
TARGETS = {
    MLPClassifier: [
        SIGNAL > 0,
        np.array(["a", "b", "c"])[np.digitize(SIGNAL, [-0.7, 0.7])],
        np.c_[SIGNAL > 0, X[:, 3] > 0, X[:, 4] > 0.5].astype(int),
        np.c_[np.digitize(SIGNAL, [-0.7, 0.7]), X[:, 3] > 0],
    ],
    # above 0, for the losses that want it
    MLPRegressor: [np.exp(SIGNAL / 4), np.exp(np.c_[SIGNAL, X[:, 3]] / 4)],
}
PATH = object()  # stands for a path of its own


def _never(record):
    return False


def _halved(step, total_steps):
    return 0.01 * 0.5 ** (step / total_steps)


def _half_square(y_true, raw):
    return 0.5 * ((raw - y_true) ** 2).sum(axis=1), raw - y_true


def _accuracy(model, X, y):
    return float(np.mean(model.predict(X) == y))


#: Values beyond what constraints say, or fewer of them: long fits, and losses that diverge, show
#: nothing, and a fit that ends by the clock is never the same twice.
VALUES = {
    "hidden_layer_sizes": [(), 5, (7, 4), "6-5-3", (40, 33)],
    "activation": [*_core.activations(), ("relu", "tanh")],
    "max_iter": [1, 2, 3],
    "max_fun": [3, 15000],
    "batch_size": ["auto", 1, 4, 17, 30, 100],
    "learning_rate_init": [0.001, 0.01],
    "alpha": [0.0, 0.01],
    "tol": [0.0, 1e-4, 0.5],
    "learning_rate": [*SCHEDULES, _halved],
    "dropout": [0.0, 0.3, (0.1, 0.5), (0.2, 0.1, 0.3)],
    "quantile": [0.5, (0.1, 0.9)],
    "power_t": [0.5],
    "epsilon": [1e-8, 1e-3],
    "validation_fraction": [0.1, 0.4],
    "n_iter_no_change": [1, 10, np.inf],
    "precision": ["auto", "float32", "float64"],
    "checkpoint": [None, PATH],
    "checkpoint_interval": [1, "0s", "60s"],
    "scoring": [None, "loss", _accuracy],  # what suits every target
    "time_limit": [None, 1e6],
    "callbacks": [None, [], [_never]],
    "class_weight": [None, "balanced", {False: 2.0, True: 0.5}, [{0: 1, 1: 3}] * 3],
}
# What changes nothing, or is varied apart.
LEFT_OUT = {"random_state", "verbose", "n_threads", "warm_start"}


def values_of(name, constraints, default):
    """Return a strategy for the values of a parameter."""
    if name == "loss":
        return st.sampled_from([*REAL_LOSSES, _half_square])
    if name in VALUES:
        return st.sampled_from(VALUES[name])
    found = [st.just(default)]
    for constraint in map(make_constraint, constraints):
        if isinstance(constraint, Interval):
            left = 0 if constraint.left is None else constraint.left
            right = min(left + 2, np.inf if constraint.right is None else constraint.right)
            open_left = constraint.closed in ("right", "neither")
            if constraint.type.__name__ == "Integral":
                found.append(st.integers(left + open_left, left + 3))
            else:
                ends = {"exclude_min": open_left, "exclude_max": constraint.closed != "both"}
                found.append(st.floats(left, right, allow_subnormal=False, width=16, **ends))
        elif isinstance(constraint, StrOptions):
            found.append(st.sampled_from(sorted(constraint.options)))
        elif type(constraint).__name__ == "_Booleans":
            found.append(st.booleans())
    return st.one_of(found)


def options_of(kind):
    defaults = kind().get_params()
    known = {
        name: values_of(name, kind._parameter_constraints[name], default)
        for name, default in defaults.items()
        if name not in LEFT_OUT
    }
    return st.fixed_dictionaries({}, optional=known)


CASES = st.one_of(
    *(
        st.tuples(
            st.just(kind),
            st.integers(0, len(TARGETS[kind]) - 1),
            options_of(kind),
            st.sampled_from(["dense", "float32", "sparse"]),
            st.booleans(),  # whether rows are weighted
            st.booleans(),  # whether there are rows to validate on
        )
        for kind in (MLPClassifier, MLPRegressor)
    )
)


class Began(Listener):
    """Whether training has begun."""

    def __init__(self):
        self.seen = False

    def begin(self, unit, state):
        self.seen = True


@contextlib.contextmanager
def watched():
    began = Began()
    before = BaseMLP._own_listeners
    BaseMLP._own_listeners = lambda self: [*before(self), began]
    try:
        yield began
    finally:
        BaseMLP._own_listeners = before


def arrays(model):
    return [a.tobytes() for a in (*model.coefs_, *model.intercepts_)]


def check(case, folder):
    kind, target, options, form, weighted, validated = case
    y = TARGETS[kind][target]
    rows = {"dense": X, "float32": X.astype(np.float32), "sparse": csr_array(X)}[form]
    path = Path(folder) / "checkpoint"
    if options.get("checkpoint") is PATH:
        options = {**options, "checkpoint": path}
    data = {"sample_weight": WEIGHT} if weighted else {}
    if validated:
        data |= {"X_val": rows[::2], "y_val": y[::2]}
    generator = np.random.RandomState(5)
    model = kind(**options, random_state=generator)
    before = generator.get_state()[1].copy()

    def fit(**parameters):
        path.unlink(missing_ok=True)
        return kind(**{**options, "random_state": 5, **parameters}).fit(rows, y, **data)

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with watched() as began:
            try:
                model.fit(rows, y, **data)
            except (ValueError, TypeError) as error:
                assert len(str(error)) > 15
                assert not hasattr(model, "coefs_")
                np.testing.assert_array_equal(generator.get_state()[1], before)
                assert not path.exists()
                # losses may go beyond all numbers, which only training can tell
                assert not began.seen or "non-finite" in str(error) or "range of" in str(error)
                return False
        model = fit(n_threads=1)
        for n_threads in (2, 3):
            assert arrays(fit(n_threads=n_threads)) == arrays(model)
        here = _core.isa()
        for isa in {"generic", "avx2"} & {name for name, runs in _core.isas() if runs}:
            _core.set_isa(isa)
            try:
                assert arrays(fit()) == arrays(model)
            finally:
                _core.set_isa(here)
        assert all(np.isfinite(a).all() for a in (*model.coefs_, *model.intercepts_))
        check_gradient(model, rows, y, data.get("sample_weight"))
        check_copies(model, rows, Path(folder) / "model")
    return True


def check_gradient(model, rows, y, weight):
    """The gradient along a direction is the slope of the loss, in float64."""
    if model._model_dtype() != np.float64 or model.precision == "float32":
        return
    rng = np.random.RandomState(1)
    J, gradients = model._loss_and_gradients(rows, y, weight)
    held = [*model.coefs_, *model.intercepts_]
    # weights near 0 stay, where l1 has a kink
    ways = [np.where(abs(a) > 1e-4, rng.choice([-1.0, 1.0], a.shape), 0) for a in held]
    slope = sum(
        (g * way).sum() for g, way in zip([*gradients[0], *gradients[1]], ways, strict=True)
    )
    size = sum(abs(g).sum() for g in (*gradients[0], *gradients[1])) + 1

    def loss(h):
        moved = [a + h * way for a, way in zip(held, ways, strict=True)]
        other = model._sharing(model.__dict__.copy())
        other.coefs_, other.intercepts_ = moved[: len(model.coefs_)], moved[len(model.coefs_) :]
        return other._loss_and_gradients(rows, y, weight)[0]

    # of these steps one passes no kink of relu and its kind: units may be as near to it as 1e-9
    steps = (1e-5, 1e-6, 1e-7, 1e-8, 1e-10)
    errors = [abs((loss(h) - loss(-h)) / (2 * h) - slope) for h in steps]
    assert min(errors) < 1e-6 * (size + abs(J))


def check_copies(model, rows, path):
    expected = model.predict(rows)
    copy = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(copy.predict(rows), expected)
    unfitted = clone(model)
    assert unfitted.get_params().keys() == model.get_params().keys()
    try:
        model.save(path)
    except TypeError as error:
        assert "cannot save parameter" in str(error)
    else:
        loaded = chainfit.load(path)
        np.testing.assert_array_equal(loaded.predict(rows), expected)
        assert repr(loaded.set_params(checkpoint=None)) == repr(copy.set_params(checkpoint=None))


@pytest.mark.parametrize("examples", [50, pytest.param(500, marks=pytest.mark.slow)])
def test_any_combination_trains_or_is_refused_before_any_work(examples, tmp_path):
    outcomes = []

    @settings(
        max_examples=examples,
        deadline=None,
        derandomize=True,
        phases=[Phase.generate],  # to shrink a case takes minutes
        suppress_health_check=list(HealthCheck),
    )
    @given(CASES)
    def run(case):
        with tempfile.TemporaryDirectory(dir=tmp_path) as folder:
            outcomes.append(check(case, folder))

    run()
    # neither all refused nor all the same
    assert outcomes.count(True) > examples // 5


@pytest.mark.parametrize("keyword", TABLE, ids=lambda keyword: keyword.name)
def test_each_keyword_is_varied(keyword):
    strategy = values_of(keyword.name, keyword.allowed, keyword.default)
    seen = set()

    @settings(max_examples=20, derandomize=True, database=None)
    @given(strategy)
    def run(value):
        seen.add(repr(value))

    run()
    assert len(seen) > 1, f"test_options.VALUES needs values of {keyword.name}"
