"""Parameters: numbers of any type and size, the sizes of layers, and numbers that a dtype lacks."""

import inspect
import math
from fractions import Fraction

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.utils._param_validation import (
    InvalidParameterError,
    validate_parameter_constraints,
)

from chainfit import MLPClassifier, MLPRegressor, _core
from chainfit._estimators import rules
from chainfit._estimators.keywords import with_keywords
from chainfit._estimators.settings import FitSettings

pytestmark = pytest.mark.filterwarnings(
    "ignore::sklearn.exceptions.ConvergenceWarning", "ignore:Got `batch_size` less than 1"
)

X = np.random.RandomState(0).randn(60, 3)
y = (X[:, 0] > 0).astype(int)
HUGE = 10**400

both = pytest.mark.parametrize("kind", [MLPClassifier, MLPRegressor])
each_solver = pytest.mark.parametrize("solver", ["lbfgs", "sgd", "adam"])


def fit(kind, **parameters):
    parameters = {"hidden_layer_sizes": (4,), "max_iter": 3, "random_state": 0, **parameters}
    return kind(**parameters).fit(X, y)


@both
def test_defaults_would_pass_the_check_that_fit_leaves_out(kind):
    defaults = kind().get_params(deep=False)
    assert defaults == kind._defaults
    validate_parameter_constraints(kind._parameter_constraints, defaults, kind.__name__)


def test_a_subclass_with_a_default_of_its_own_is_checked():
    class Wrong(MLPRegressor):
        def __init__(self, alpha=-1):
            super().__init__(alpha=alpha)

    with pytest.raises(InvalidParameterError, match="alpha"):
        Wrong().fit(X, y)


@both
@each_solver
@pytest.mark.parametrize("name", ["max_iter", "n_iter_no_change", "batch_size", "max_fun"])
@pytest.mark.parametrize("value", [2**63 - 1, 2**63, 2**70, HUGE], ids=["-1", "63", "70", "huge"])
def test_integers_of_any_size(kind, solver, name, value):
    parameters = {"tol": 1e3, "n_iter_no_change": 1, "solver": solver, name: value}
    assert fit(kind, **parameters).n_iter_ < 1000


@both
def test_any_number_of_threads(kind):
    expected = fit(kind)
    for n_threads in (2**40, 2**70, np.int8(1)):
        found = fit(kind, n_threads=n_threads)
        np.testing.assert_array_equal(found.coefs_[0], expected.coefs_[0])


REAL = ["alpha", "tol", "power_t", "learning_rate_init", "epsilon", "momentum", "beta_1", "beta_2"]


@both
@pytest.mark.parametrize("name", [*REAL, "validation_fraction"])
def test_reals_beyond_all_floats_are_refused_by_name(kind, name):
    with pytest.raises(ValueError, match=f"The '{name}' parameter of {kind.__name__} must be"):
        fit(kind, **{name: HUGE})


@both
def test_a_penalty_beyond_all_floats_is_refused_between_two_calls(kind):
    model = fit(kind)
    with pytest.raises(ValueError, match=r"alpha=inf is divided by the number of rows"):
        model.set_params(alpha=HUGE).partial_fit(X, y)


@both
@each_solver
@pytest.mark.parametrize("name", [*REAL, "validation_fraction"])
def test_fractions_and_numpy_numbers(capsys, kind, solver, name):
    expected = fit(kind, solver=solver, early_stopping=True, **{name: 0.25})
    for value in (Fraction(1, 4), np.float32(0.25), np.longdouble(0.25)):
        found = fit(kind, solver=solver, early_stopping=True, verbose=True, **{name: value})
        np.testing.assert_array_equal(found.coefs_[0], expected.coefs_[0])


def test_a_fraction_is_printed(capsys):
    parameters = {"tol": Fraction(1000), "n_iter_no_change": 1, "verbose": True, "max_iter": 9}
    fit(MLPRegressor, **parameters)
    assert "did not improve more than tol=1000.000000" in capsys.readouterr().out


# -- the sizes of layers


@both
@pytest.mark.parametrize(
    "sizes",
    [
        *((4.0,), ("4",), [[4, 3]], ((4,),), (None,), (True,), (Fraction(4),), (float("nan"),)),
        *(None, "64,32", "", b"64", 4.0, True, np.array(4), np.array([[4, 3]])),
        *(np.array([4.0]), np.array([True]), (np.array([4]),), (size for size in [4])),
    ],
    ids=lambda sizes: repr(sizes).partition(" at 0x")[0],  # the same in every process
)
def test_sizes_of_layers_that_are_none(kind, sizes):
    message = (
        f"The 'hidden_layer_sizes' parameter of {kind.__name__} must be an int >= 1, or one for "
        r"each hidden layer in a tuple such as \(64, 32\) or a text such as '64-32'. Got "
    )
    model = kind(hidden_layer_sizes=sizes)
    with pytest.raises(ValueError, match=message):
        model.fit(X, y)
    with pytest.raises(ValueError, match=message):
        model.partial_fit(X, y, *([[0, 1]] if kind is MLPClassifier else []))


@both
@pytest.mark.parametrize(
    ("sizes", "units"),
    [
        ((), []),
        (4, [4]),
        (np.int8(4), [4]),
        ([4, 3], [4, 3]),
        (np.array([4, 3]), [4, 3]),
        ((np.int16(4), np.array(3)), [4, 3]),
        (range(3, 5), [3, 4]),
        (pd.Series([4, 3], index=[7, 8]), [4, 3]),
        ({4: "four"}, [4]),
        ("4", [4]),
        ("4-3", [4, 3]),
    ],
    ids=repr,
)
def test_sizes_of_layers(kind, sizes, units):
    model = fit(kind, hidden_layer_sizes=sizes)
    assert [len(b) for b in model.intercepts_] == [*units, 1]


@pytest.mark.parametrize("sizes", [(8,), 8, [8, 4], np.array([8, 4])], ids=repr)
def test_the_first_parameter_of_the_regressor_is_its_loss(sizes):
    with pytest.raises(ValueError) as raised:
        MLPRegressor(sizes).fit(X, y)
    message = str(raised.value)
    assert message.startswith("The 'loss' parameter of MLPRegressor must be 'squared_error' or")
    assert f"write MLPRegressor(hidden_layer_sizes={sizes!r})" in message
    with pytest.raises(ValueError, match="The 'loss' parameter of MLPRegressor must be a str"):
        MLPRegressor("relu").fit(X, y)


# -- numbers that the dtype of training lacks


@pytest.mark.parametrize(
    ("dtype", "name", "value", "what"),
    [
        (np.float32, "learning_rate_init", 1e-50, "zero"),
        (np.float32, "learning_rate_init", 1e-40, "zero"),  # denormal
        (np.float32, "learning_rate_init", 1e40, "infinite"),
        (np.float64, "learning_rate_init", 1e-320, "zero"),
        (np.float32, "epsilon", 1e-50, "zero"),
        (np.float32, "epsilon", 1e40, "infinite"),
        (np.float64, "epsilon", 1e-320, "zero"),
    ],
)
def test_steps_of_zero_or_infinite_size_are_refused(dtype, name, value, what):
    message = rf"{name}=.* is {what} in {np.dtype(dtype)}, the dtype of training"
    for solver in ("adam", "sgd"):
        if (solver, name) == ("sgd", "epsilon"):
            continue
        model = MLPRegressor(solver=solver, **{name: value})
        for train in (model.fit, model.partial_fit):
            with pytest.raises(ValueError, match=message):
                train(X.astype(dtype), y)
        assert not hasattr(model, "coefs_")


@pytest.mark.parametrize(("solver", "name"), [("lbfgs", "learning_rate_init"), ("sgd", "epsilon")])
def test_parameters_that_a_solver_does_not_use_may_be_zero(solver, name):
    fit(MLPRegressor, solver=solver, precision="float32", **{name: 1e-50})


# -- parameters of the core's rules that scikit-learn has no word for


def test_a_rule_of_the_core_brings_its_parameters(monkeypatch):
    parameter = _core.Parameter("slope", 1.5, 0.0, math.inf, True, True, "Where it bends.")
    bent = _core.losses()["squared_error"]._replace(parameters=(parameter,))
    monkeypatch.setitem(rules.LOSSES, "squared_error", bent)

    @with_keywords("regressor", rules.REAL_LOSSES)
    class Bent(MLPRegressor):
        """Bent.

        Parameters
        ----------
        loss : str

        Attributes
        ----------
        coefs_ : list
        """

    assert list(inspect.signature(Bent).parameters)[-1] == "slope"
    assert Bent().slope == Bent().get_params()["slope"] == 1.5
    model = clone(Bent(slope=0.5)).set_params(alpha=0.1)
    assert (model.slope, model.alpha) == (0.5, 0.1)
    assert "slope=0.5" in repr(model)
    with pytest.raises(ValueError, match=r"'slope' parameter of Bent must be a .* \(0.0, inf\)"):
        model.set_params(slope=0).fit([[0.0], [1.0]], [0.0, 1.0])
    with pytest.raises(TypeError, match="unexpected keyword argument 'slop'"):
        Bent(slop=1)
    older = Bent.__new__(Bent)
    older.__setstate__(MLPRegressor(alpha=0.2).__getstate__())
    assert (older.slope, older.alpha) == (1.5, 0.2)
    assert "slope : float, default=1.5" in Bent.__doc__.partition("Attributes")[0]
    monkeypatch.setitem(rules.LOSS_SETTINGS, "squared_error", ("slope",))
    settings = FitSettings.of({**vars(model), "slope": 2.0}, "squared_error")
    assert settings.loss_settings == {"slope": 2.0}
