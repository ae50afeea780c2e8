"""Nets as ONNX: every activation, link and kind of target, on onnxruntime, beside `predict`."""

import json
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx_run import agree, far, run
from sklearn.datasets import load_digits, load_iris
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV

import chainfit
from chainfit import MLPClassifier, MLPRegressor, to_onnx
from chainfit._estimators.rules import ACTIVATIONS, FREE_LINKS, REAL_LOSSES
from chainfit._explain import rules

onnx = pytest.importorskip("onnx")

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
DTYPES = ("float32", "float64")
ROWS = 17

CLASSES = {
    "two words": ["no", "yes"],
    "two booleans": [False, True],
    "three integers": np.array([2, 5, 9], dtype=np.int32),
    "three small ones": np.array([1, 2, 200], dtype=np.uint8),
    "beyond int64": np.array([1, 2, 2**63], dtype=np.uint64),
    "three numbers": [-1.0, 0.0, 7.0],
    "four objects": np.array(["a", "ß", "c d", "日本"], dtype=object),
    "many": np.arange(30),
}
REAL = {
    **{f"out {link}": {"out_activation": link} for link in FREE_LINKS},
    **{loss: {"loss": loss} for loss in REAL_LOSSES},
    "one level": {"loss": "quantile", "quantile": (0.3,)},
    "three levels": {"loss": "quantile", "quantile": (0.1, 0.5, 0.9)},
}
LABEL_TYPES = {"U": "O", "O": "O", "b": "b", "i": "i", "u": "iu", "f": "f"}


def weights(units, seed=0, scale=1.0, dtype="float64"):
    generator = np.random.RandomState(seed)
    pairs = list(pairwise(units))
    W = [(scale * generator.normal(size=pair) / pair[0] ** 0.5).astype(dtype) for pair in pairs]
    return W, [(scale * generator.normal(size=n)).astype(dtype) for _, n in pairs]


def rows(columns, dtype, seed=1, count=ROWS):
    return np.random.RandomState(seed).normal(size=(count, columns)).astype(dtype)


def same_labels(found, classes, wanted, p, bound):
    """Assert that labels are equal wherever two probabilities are not too close to tell."""
    assert found.dtype.kind in LABEL_TYPES[np.asarray(classes).dtype.kind]
    first, second = np.sort(p, axis=-1)[..., -1], np.sort(p, axis=-1)[..., -2]
    clear = first - second > 2 * np.max(bound, axis=-1)
    assert clear.sum() > len(clear) / 2
    assert (found[clear] == wanted[clear]).all()


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("which", CLASSES)
def test_classes(which, activation, dtype):
    classes, X = CLASSES[which], rows(5, dtype)
    outputs = len(classes) if len(classes) > 2 else 1
    W, b = weights((5, 7, 6, outputs), dtype=dtype)
    net = MLPClassifier.from_weights(W, b, classes=classes, activation=activation)
    found = run(to_onnx(net), {"X": X})
    assert list(found) == ["label", "probabilities"]
    p = net.predict_proba(X)
    assert found["probabilities"].dtype == dtype
    agree(found["probabilities"], p, far(net, X))
    same_labels(found["label"], net.classes_, net.predict(X), p, far(net, X))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(("activation", "targets"), [*((f, 1) for f in ACTIVATIONS), ("tanh", 2)])
@pytest.mark.parametrize("which", REAL)
def test_real_targets(which, activation, targets, dtype):
    parameters, X = REAL[which], rows(5, dtype)
    levels = parameters.get("quantile", ())
    units = len(levels) or (2 if which == "gaussian_nll" else 1)
    W, b = weights((5, 7, 6, targets * units), dtype=dtype)
    net = MLPRegressor.from_weights(W, b, activation=activation, **parameters)
    found, E = run(to_onnx(net), {"X": X}), far(net, X)
    if which == "gaussian_nll":
        mean, std = net.predict(X, return_std=True)
        agree(found["variable"], mean, E[:, :targets])
        assert found["std"].shape == (ROWS, targets)
        agree(found["std"], std, E[:, targets:] / std.reshape(ROWS, targets))  # sqrt's slope
        return
    assert list(found) == ["variable"] and found["variable"].dtype == dtype
    shape = (ROWS, targets, len(levels)) if levels else (ROWS, targets)
    assert found["variable"].shape == (shape if targets > 1 or not levels else (ROWS, len(levels)))
    agree(found["variable"], net.predict(X), E.max())


@pytest.mark.parametrize("dtype", DTYPES)
def test_labels_of_several_columns(dtype):
    X = rows(5, dtype)
    W, b = weights((5, 7, 4), dtype=dtype)
    net = MLPClassifier.from_weights(W, b, multilabel=True)
    found, E = run(to_onnx(net), {"X": X}), far(net, X)
    agree(found["probabilities"], net.predict_proba(X), E)
    assert found["label"].dtype == np.int64 and (found["label"] == net.predict(X)).all()

    classes = [np.array(["a", "b"]), np.arange(3), np.array([False, True])]
    W, b = weights((5, 7, 7), dtype=dtype)
    net = MLPClassifier.from_weights(W, b, classes=classes)
    found, E = run(to_onnx(net), {"X": X}), far(net, X)
    assert list(found) == [
        *("label_0", "probabilities_0", "label_1", "probabilities_1"),
        *("label_2", "probabilities_2"),
    ]
    predicted, probabilities = net.predict(X), net.predict_proba(X)
    for i, p in enumerate(probabilities):
        agree(found[f"probabilities_{i}"], p, E.max())
        wanted = predicted[:, i].astype(classes[i].dtype)
        same_labels(found[f"label_{i}"], classes[i], wanted, p, E[:, : p.shape[1]])


def test_one_class_is_always_predicted():
    X = rows(3, "float64")
    net = MLPClassifier((4,), max_iter=1).fit(X, ["only"] * ROWS)
    assert (run(to_onnx(net), {"X": X})["label"] == "only").all()


@pytest.mark.parametrize("hidden", [(), (4,), (3, 1, 5)])
def test_layers_of_any_number_and_width(hidden):
    X = rows(3, "float64")
    net = MLPRegressor.from_weights(*weights((3, *hidden, 1)))
    agree(run(to_onnx(net), {"X": X})["variable"], net.predict(X), far(net, X))
    assert run(to_onnx(net), {"X": X[:0]})["variable"].shape == (0, 1)


@settings(deadline=None, max_examples=40)
@given(
    units=st.lists(st.integers(1, 40), min_size=2, max_size=5),
    names=st.lists(st.sampled_from(ACTIVATIONS), min_size=3, max_size=3),
    seed=st.integers(0, 2**32 - 1),
    scale=st.sampled_from([1e-3, 1.0, 4.0]),
    dtype=st.sampled_from(DTYPES),
)
def test_any_net(units, names, seed, scale, dtype):
    W, b = weights(units, seed, scale, dtype)
    hidden = tuple(names[: len(units) - 2])
    net = MLPRegressor.from_weights(W, b, **({"activation": hidden} if hidden else {}))
    X = rows(units[0], dtype, seed)
    agree(run(to_onnx(net), {"X": X})["variable"], net.predict(X), far(net, X))


def test_a_loss_of_the_users_own_needs_nothing():
    X = rows(3, "float64")
    loss = lambda y, raw, w=None: ((y - raw) ** 2, 2 * (raw - y))  # noqa: E731
    net = MLPRegressor.from_weights(*weights((3, 4, 1)), loss=loss)
    agree(run(to_onnx(net), {"X": X})["variable"], net.predict(X), far(net, X))


@pytest.mark.parametrize("dtype", DTYPES)
def test_trained_nets_agree_to_a_millionth(dtype):
    for load in (load_iris, load_digits):
        X, y = load(return_X_y=True)
        X = ((X - X.mean(axis=0)) / (X.std(axis=0) + 1e-3)).astype(dtype)
        net = MLPClassifier((32,), max_iter=10, random_state=0).set_params(tol=0).fit(X, y)
        found = run(to_onnx(net), {"X": X})
        assert abs(found["probabilities"] - net.predict_proba(X)).max() < 1e-6
        assert (found["label"] == net.predict(X)).mean() > 0.999


def test_computes_in_the_dtype_that_is_asked_for():
    X = rows(3, "float64")
    net = MLPRegressor.from_weights(*weights((3, 4, 1)))
    narrow = X.astype(np.float32)
    found = run(to_onnx(net, dtype="float32"), {"X": narrow})["variable"]
    assert found.dtype == np.float32
    agree(found, net.predict(narrow), far(net, narrow))
    wide = to_onnx(net.set_params(precision="float32"), dtype=np.float64)
    assert run(wide, {"X": X})["variable"].dtype == np.float64
    assert run(to_onnx(net), {"X": narrow})["variable"].dtype == np.float32


def test_a_file_says_what_it_is(tmp_path):
    frame_names = [f"column {i}" for i in range(3)]
    net = MLPClassifier.from_weights(
        *weights((3, 4, 3)), classes=["a", "b", "ü"], feature_names=frame_names
    )
    path = tmp_path / "net.onnx"
    model = to_onnx(net, path)
    assert path.read_bytes() == to_onnx(net).SerializeToString(deterministic=True)
    read = onnx.load(path)
    assert read == model
    assert (read.producer_name, read.producer_version) == ("chainfit", chainfit.__version__)
    assert [(item.domain, item.version) for item in read.opset_import] == [("", 13)]
    facts = {item.key: item.value for item in read.metadata_props}
    assert facts["model"] == "MLPClassifier" and facts["chainfit"] == chainfit.__version__
    assert json.loads(facts["feature_names"]) == frame_names
    assert json.loads(facts["classes"]) == ["a", "b", "ü"]
    values = [*read.graph.input, *read.graph.output]
    assert [value.name for value in values] == ["X", "label", "probabilities"]
    assert {value.type.tensor_type.shape.dim[0].dim_param for value in values} == {"rows"}
    inferred = onnx.shape_inference.infer_shapes(read, strict_mode=True, data_prop=True)
    onnx.checker.check_model(inferred, full_check=True)


def test_a_search_gives_its_best():
    X, y = load_iris(return_X_y=True)
    net = MLPClassifier((4,), solver="lbfgs", max_iter=20, random_state=0)
    search = GridSearchCV(net, {"alpha": [1e-3, 1.0]}, cv=2).fit(X, y)
    with pytest.raises(TypeError, match="has no best_estimator_ to export"):
        to_onnx(GridSearchCV(net, {"alpha": [1e-3]}, cv=2, refit=False).fit(X, y))
    found = run(to_onnx(search), {"X": X})["probabilities"]
    agree(found, search.predict_proba(X), far(search.best_estimator_, X))


# -- a new rule


def test_a_rule_that_is_a_tree_alone_is_exported(monkeypatch):
    """What CONTRIBUTING.md says to write for a new activation is all that is needed."""
    from chainfit._onnx.functions import activation
    from chainfit._onnx.graph import Graph

    softsign = rules.Activation(rules.Z / (1 + rules.Apply("abs", rules.Z)), rules.ONE)
    monkeypatch.setitem(rules.ACTIVATIONS, "softsign", softsign)
    graph = Graph()
    z = graph.input("z", np.dtype("f8"), (3,))
    graph.output("a", activation(z, "softsign"), (3,))
    Z = rows(3, "float64")
    found = run(graph.model("softsign", "", {}), {"z": Z})["a"]
    np.testing.assert_allclose(found, Z / (1 + abs(Z)), rtol=1e-15)
    monkeypatch.setitem(rules.ACTIVATIONS, "odd", rules.ACTIVATIONS["softmax"])
    with pytest.raises(ValueError, match="'odd' can't be exported: the largest value of a layer"):
        activation(z, "odd")


def test_erf_in_float64():
    from scipy.special import erf

    from chainfit._onnx.functions import _erf
    from chainfit._onnx.graph import Graph

    graph = Graph()
    graph.output("y", _erf(graph.input("x", np.dtype("f8"), ())), ())
    x = np.r_[np.linspace(-7, 7, 4001), 0.0, -0.0, 1e-300, 40.0, -np.inf, np.inf]
    y = run(graph.model("erf", "", {}), {"x": x})["y"]
    assert abs(y - erf(x)).max() < 2e-15  # a few roundings of 1


# -- what is refused, before anything is written


@pytest.mark.parametrize(
    ("model", "more", "error", "text"),
    [
        (MLPClassifier(), {}, NotFittedError, "not fitted"),
        (3, {}, TypeError, "needs a fitted estimator, got int"),
        ("net", {"dtype": "float16"}, ValueError, "dtype must be 'float32' or 'float64', got"),
        ("net", {"dtype": "quick"}, ValueError, "dtype must be 'float32' or 'float64', got 'quick"),
        ("large", {"dtype": "float32"}, ValueError, "W1 has values that float32 does not hold"),
        ("dates", {}, TypeError, "classes_ of type datetime64"),
    ],
)
def test_refused(model, more, error, text, tmp_path):
    X = rows(3, "float64")
    if model == "net":
        model = MLPRegressor.from_weights(*weights((3, 4, 1)))
    elif model == "large":
        model = MLPRegressor.from_weights([[[1e300]]])
    elif model == "dates":
        model = MLPClassifier((2,), max_iter=1).fit(X, ["a", "b"] * 8 + ["a"])
        model.classes_ = np.array(["2020-01-01", "2020-01-02"], dtype="datetime64[D]")
    with pytest.raises(error, match=text):
        to_onnx(model, tmp_path / "model.onnx", **more)
    assert not list(tmp_path.iterdir())


def test_a_path_is_checked_first(tmp_path):
    net = MLPRegressor.from_weights(*weights((3, 4, 1)))
    with pytest.raises(FileNotFoundError):
        to_onnx(net, tmp_path / "no folder" / "model.onnx")
    with pytest.raises(TypeError, match="path must be the name of a file"):
        to_onnx(net, rows(3, "float64"))


def test_more_than_a_protobuf_holds(monkeypatch):
    from chainfit._onnx import graph

    monkeypatch.setattr(graph, "MOST_BYTES", 100)
    net = MLPRegressor.from_weights(*weights((3, 4, 1)))
    with pytest.raises(ValueError, match="holds at most 2 GB"):
        to_onnx(net)
