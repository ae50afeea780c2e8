"""The estimators: parameters and data. Equality with scikit-learn is in test_parity.py."""

import inspect
import re
import warnings

import joblib
import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from sklearn import neural_network as theirs
from sklearn.base import clone
from sklearn.exceptions import DataConversionWarning, NotFittedError

import chainfit
from chainfit import MLPClassifier, MLPRegressor, _core, reference

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

_rng = np.random.RandomState(0)
X = _rng.randn(60, 5)
y = X[:, 0] - X[:, 1]
labels = np.digitize(y, [-0.5, 0.5])
ESTIMATORS = {"classifier": (MLPClassifier, labels), "regressor": (MLPRegressor, y)}
both = pytest.mark.parametrize("kind", ESTIMATORS)


def make(kind, **parameters):
    """Return a small unfitted estimator and its targets."""
    cls, target = ESTIMATORS[kind]
    parameters = {"hidden_layer_sizes": (6,), "max_iter": 5, "random_state": 0, **parameters}
    return cls(**parameters), target


def weights(model):
    return [*model.coefs_, *model.intercepts_]


def assert_equal_models(a, b):
    for mine, other in zip(weights(a), weights(b), strict=True):
        np.testing.assert_array_equal(mine, other, strict=True)
    np.testing.assert_array_equal(a.predict(X), b.predict(X), strict=True)


# -- parameters


@pytest.mark.parametrize("name", ["MLPClassifier", "MLPRegressor"])
def test_signatures_are_scikit_learns_and_two_more(name):
    ours, their = getattr(chainfit, name), getattr(theirs, name)
    for method in ("__init__", "fit", "partial_fit"):
        mine = list(inspect.signature(getattr(ours, method)).parameters.values())
        other = list(inspect.signature(getattr(their, method)).parameters.values())
        if method == "fit":  # whose source has its own y
            other[2] = other[2].replace(default=None)
        more = mine[len(other) :]
        assert [(p.name, p.default, p.kind) for p in mine[: len(other)]] == [
            (p.name, p.default, p.kind) for p in other
        ]
        assert [p.name for p in more] == (
            ["n_threads", "precision", *ours._own_parameters]
            if method == "__init__"
            else ["X_val", "y_val", "sample_weight_val"]
        )
        assert all(p.kind is p.KEYWORD_ONLY for p in more)
    public = {n for n in dir(their) if not n.startswith("_")}
    assert public <= {n for n in dir(ours) if not n.startswith("_")}
    assert ours().loss == their().loss


BAD_PARAMETERS = [
    *({"activation": "step"}, {"solver": "newton"}, {"alpha": -1.0}, {"batch_size": 0}),
    *({"learning_rate": "fast"}, {"learning_rate_init": 0}, {"power_t": -1}, {"max_iter": 0}),
    *({"shuffle": "yes"}, {"random_state": -1}, {"tol": -1}, {"verbose": -1}, {"momentum": 2}),
    *({"warm_start": 7}, {"nesterovs_momentum": "a"}, {"early_stopping": "b"}, {"beta_1": 1}),
    *({"validation_fraction": 1}, {"beta_2": -0.1}, {"epsilon": 0}, {"n_iter_no_change": 0}),
    *({"max_fun": 0}, {"hidden_layer_sizes": "ten"}, {"n_iter_no_change": 1.5}),
    *({"hidden_layer_sizes": -1}, {"hidden_layer_sizes": (3, 0)}),
]


@both
@pytest.mark.parametrize("bad", BAD_PARAMETERS, ids=str)
def test_bad_parameters_get_scikit_learns_error(kind, bad):
    model, target = make(kind)
    model.set_params(**bad)
    their = getattr(theirs, type(model).__name__)(**{"max_iter": 5, **bad})
    with pytest.raises(ValueError) as expected:
        their.fit(X, target)
    with pytest.raises(type(expected.value)) as raised:
        model.fit(X, target)
    # There are more activations, solvers and schedules, sizes of layers get an example, and
    # 'verbose' may be 'progress'.
    more = {"activation", "solver", "learning_rate", "hidden_layer_sizes", "verbose"}
    if bad.keys().isdisjoint(more):
        # word by word: scikit-learn lists choices in no fixed order
        words = [sorted(re.findall(r"\w+", str(e.value))) for e in (raised, expected)]
        assert words[0] == words[1]
    assert not hasattr(model, "coefs_")


@both
@pytest.mark.parametrize("bad", [{"n_threads": 0}, {"n_threads": 1.5}, {"precision": "float16"}])
def test_bad_parameters_of_ours(kind, bad):
    model, target = make(kind, **bad)
    with pytest.raises(ValueError, match=f"The '{next(iter(bad))}' parameter of MLP"):
        model.fit(X, target)


def test_loss_is_checked():
    with pytest.raises(ValueError, match="The 'loss' parameter of MLPRegressor must be"):
        MLPRegressor(loss="nonsense").fit(X, y)


@pytest.mark.parametrize("activation", _core.activations())
def test_every_activation_of_the_core_trains(activation):
    model, target = make("regressor", activation=activation, max_iter=300, learning_rate_init=0.01)
    assert model.fit(X, target).score(X, target) > 0.9


# -- data


@both
@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
def test_any_layout_gives_the_same_bits(kind, solver, tmp_path):
    model, target = make(kind, solver=solver, batch_size=7)
    expected = clone(model).fit(X, target)
    wide = np.zeros((120, 10))
    wide[::2, ::2] = X
    frozen = X.copy()
    frozen.flags.writeable = False
    packed = np.zeros(60, dtype=[("gap", "i1"), ("row", "f8", (5,))])
    packed["row"] = X
    joblib.dump(X, tmp_path / "X")
    variants = {
        "columns first": np.asfortranarray(X),
        "strided": wide[::2, ::2],
        "reversed": X[:, ::-1].copy()[:, ::-1],
        "read-only": frozen,
        "misaligned": packed["row"],
        "other byte order": X.astype(">f8"),
        "list": X.tolist(),
        "memmap": joblib.load(tmp_path / "X", mmap_mode="r"),
        "matrix of objects": X.astype(object),
    }
    for name, variant in variants.items():
        fitted = clone(model).fit(variant, target)
        assert_equal_models(fitted, expected)
        np.testing.assert_array_equal(
            fitted.predict(variant), expected.predict(X), err_msg=name, strict=True
        )
        if solver == "adam":
            assert_equal_models(
                clone(model).partial_fit(variant, target, **classes_for(kind)),
                clone(model).partial_fit(X, target, **classes_for(kind)),
            )


def classes_for(kind):
    return {"classes": [0, 1, 2]} if kind == "classifier" else {}


@both
def test_integers_and_small_floats_become_float64(kind):
    model, target = make(kind)
    for dtype in (np.int64, np.uint8, np.bool_, np.float16):
        whole = (X > 0).astype(dtype)
        fitted = clone(model).fit(whole, target)
        assert {w.dtype for w in weights(fitted)} == {np.dtype(np.float64)}
        assert_equal_models(fitted, clone(model).fit(whole.astype(np.float64), target))


@both
@pytest.mark.parametrize("solver", ["sgd", "lbfgs"])
@pytest.mark.parametrize("precision", ["auto", "float32", "float64"])
@pytest.mark.parametrize("given", [np.float32, np.float64])
def test_precision(kind, solver, precision, given):
    model, target = make(kind, solver=solver, precision=precision)
    model.fit(X.astype(given), target)
    dtype = np.dtype(precision if precision != "auto" else given)
    if precision == "auto" and solver == "lbfgs":
        dtype = np.dtype(np.float64)
    assert {w.dtype for w in weights(model)} == {dtype}
    output = model.predict_proba if kind == "classifier" else model.predict
    asked = np.result_type(dtype, given) if precision == "auto" else dtype
    assert output(X.astype(given)).dtype == asked
    assert output(X.astype(given)[:1]).dtype == asked
    if solver == "sgd":
        model.partial_fit(X, target)
        assert {w.dtype for w in weights(model)} == {dtype}


@both
def test_bad_data_gets_scikit_learns_error(kind):
    model, target = make(kind)
    holed = X.copy()
    holed[3, 2] = np.nan
    cases = [
        (holed, target, {}),
        (X[:, 0], target, {}),
        (X[:-1], target, {}),
        (X, np.r_[target[:-1], np.inf], {}),
        (X, None, {}),
        (X[:0], target[:0], {}),
        (X + 1j, target, {}),
        (X, target, {"sample_weight": np.ones(3)}),
        (X, target, {"sample_weight": np.ones((60, 2))}),
        (X, target, {"sample_weight": np.zeros(60)}),
        (X, [[["a", "b"]]] * 60, {}),
    ]
    their = getattr(theirs, type(model).__name__)(max_iter=5)
    for case_X, case_y, keywords in cases:
        with pytest.raises((ValueError, TypeError)) as expected:
            clone(their).fit(case_X, case_y, **keywords)
        with pytest.raises(type(expected.value), match=re.escape(str(expected.value))):
            clone(model).fit(case_X, case_y, **keywords)


@both
def test_predict_checks_its_input(kind):
    model, target = make(kind)
    with pytest.raises(NotFittedError, match="is not fitted yet"):
        model.predict(X)
    model.fit(X, target)
    with pytest.raises(ValueError, match=r"X has 4 features, but MLP.* is expecting 5"):
        model.predict(X[:, :4])
    for bad in (np.nan, np.inf):
        with pytest.raises(ValueError, match="Input X contains"):
            model.predict(np.full((1, 5), bad))
        many = np.zeros((30_000, 5), dtype=X.dtype)  # looked at in several blocks
        many[-1, 4] = bad
        with pytest.raises(ValueError, match="Input X contains"):
            model.predict(many)
    huge = np.full((30_000, 5), np.finfo(X.dtype).max)  # finite, though its squares and sums aren't
    assert len(model.predict(huge)) == len(huge)
    with pytest.raises(ValueError, match="Reshape your data"):
        model.predict(X[0])


@both
def test_column_targets_warn(kind):
    model, target = make(kind)
    with pytest.warns(DataConversionWarning, match="column-vector y was passed"):
        column = clone(model).fit(X, target[:, np.newaxis])
    assert_equal_models(column, clone(model).fit(X, target))


@both
def test_frames_keep_their_names(kind):
    model, target = make(kind)
    frame = pd.DataFrame(X, columns=list("abcde"))
    model.fit(frame, pd.Series(target))
    assert model.feature_names_in_.tolist() == list("abcde")
    np.testing.assert_array_equal(model.predict(frame), clone(model).fit(X, target).predict(X))
    with pytest.warns(UserWarning, match="X does not have valid feature names"):
        model.predict(X)
    with pytest.raises(ValueError, match="feature names should match"):
        model.predict(frame.rename(columns={"a": "z"}))


def test_labels_of_every_kind():
    words = np.array(["low", "middle", "high"], dtype=object)
    for values in (words, words.astype(str), np.array([-1, 7, 9], dtype=np.int8), [0.0, 1.0, 2.0]):
        values = np.asarray(values)
        model, _ = make("classifier")
        model.fit(X, values[labels])
        their = theirs.MLPClassifier(**_shared(model)).fit(X, values[labels])
        assert model.classes_.tolist() == sorted(values.tolist())
        assert model.predict(X).dtype == their.predict(X).dtype
        assert set(model.predict(X)) <= set(values.tolist())
        order = np.argsort(values)
        plain = make("classifier")[0].fit(X, np.argsort(order)[labels])
        np.testing.assert_array_equal(plain.predict_proba(X), model.predict_proba(X))


def test_one_class_and_sparse_multilabel_targets():
    model, _ = make("classifier")
    assert set(model.fit(X, ["only"] * 60).predict(X)) == {"only"}
    indicator = np.c_[labels > 0, labels > 1].astype(int)
    dense = make("classifier")[0].fit(X, indicator)
    assert dense.predict(X).shape == (60, 2)
    their = theirs.MLPClassifier(**_shared(dense))
    for target in (indicator, sp.csr_array(indicator)):
        mine, other = clone(dense).fit(X, target).predict(X), their.fit(X, target).predict(X)
        assert type(mine) is type(other)
        assert (mine != other).sum() == 0


def _shared(model):
    ours = ("n_threads", "precision", *model._own_parameters)
    return {k: v for k, v in model.get_params().items() if k not in ours}


# -- an activation for each hidden layer


@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
def test_activations_one_by_one(solver, tmp_path):
    rng = np.random.RandomState(0)
    X = rng.randn(60, 3)
    y = X[:, 0] * X[:, 1]
    settings = {"hidden_layer_sizes": (5, 4), "solver": solver, "max_iter": 4, "random_state": 0}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        same = [
            MLPRegressor(activation=names, **settings).fit(X, y)
            for names in ("tanh", ("tanh", "tanh"), ["tanh", "tanh"])
        ]
        mixed = MLPRegressor(activation=("logistic", "relu"), **settings).fit(X, y)
    for model in same[1:]:
        for mine, other in zip(model.coefs_, same[0].coefs_, strict=True):
            np.testing.assert_array_equal(mine, other)
    expected = reference.forward(
        X, mixed.coefs_, mixed.intercepts_, ("logistic", "relu"), "identity"
    )[-1]
    np.testing.assert_allclose(mixed.predict(X), expected.ravel(), rtol=1e-12)
    assert mixed.row_predictor()(X[0])[0] == mixed.predict(X[:1])[0]
    for model in (mixed, same[2]):
        model.save(tmp_path / "m")
        loaded = chainfit.load(tmp_path / "m")
        assert loaded.activation == model.activation
        np.testing.assert_array_equal(loaded.predict(X), model.predict(X))
    assert "logistic" in str(chainfit.explain(mixed, X[:3], y[:3], (0, 1, 2)))  # and is verified
    with pytest.raises(ValueError, match="scikit-learn has no activation="):
        mixed.to_sklearn()
    if solver == "adam":
        W, b = reference.init_parameters(
            [3, 5, 4, 1], ("logistic", "relu"), np.random.RandomState(0)
        )
        drawn = MLPRegressor(activation=("logistic", "relu"), **settings)
        drawn.set_params(learning_rate_init=1e-300, max_iter=1, tol=0)
        drawn.fit(X, y)
        for mine, other in zip([*drawn.coefs_, *drawn.intercepts_], [*W, *b], strict=True):
            np.testing.assert_array_equal(mine, other)


def test_activations_that_do_not_fit():
    X, y = np.eye(4), np.arange(4.0)
    for names, message in (
        (("tanh",), "one for each of 2 hidden layers"),
        (("tanh", "nope"), "'activation' parameter of MLPRegressor must be a str among"),
        (("tanh", 3), "'activation' parameter of MLPRegressor must be a str among"),
    ):
        with pytest.raises(ValueError, match=message):
            MLPRegressor(hidden_layer_sizes=(3, 2), activation=names).fit(X, y)
