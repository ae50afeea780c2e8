"""Pipelines through skl2onnx, which is told how to convert a net, and targets that were scaled."""

import numpy as np
import pandas as pd
import polars as pl
import pytest
from onnx_run import run
from scipy.sparse import csr_array
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import TransformedTargetRegressor, make_column_transformer
from sklearn.ensemble import BaggingClassifier, StackingClassifier, VotingClassifier
from sklearn.exceptions import NotFittedError
from sklearn.frozen import FrozenEstimator
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LinearRegression
from sklearn.model_selection import GridSearchCV, TunedThresholdClassifierCV
from sklearn.multiclass import OneVsOneClassifier, OneVsRestClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import (
    FunctionTransformer,
    MaxAbsScaler,
    MinMaxScaler,
    OneHotEncoder,
    PowerTransformer,
    RobustScaler,
    StandardScaler,
)

from chainfit import MLPClassifier, MLPRegressor, register_skl2onnx, to_onnx

skl2onnx = pytest.importorskip("skl2onnx")
pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

QUICK = {"hidden_layer_sizes": (8,), "max_iter": 10, "random_state": 0}
X = np.random.RandomState(0).normal(3, 2, size=(80, 4))
Y = X[:, 0] * 100 + X[:, 1] ** 2
LABELS = np.array(["a", "b", "c"])[np.digitize(X[:, 0], [2, 4])]
# Both scale to about 1, and each sum of some ten terms is then off by a few eps.
NEAR = {"float32": 1e-6, "float64": 1e-14}


def classifier(y=LABELS, **more):
    return make_pipeline(StandardScaler(), MLPClassifier(**{**QUICK, **more})).fit(X, y)


@pytest.mark.parametrize("dtype", NEAR)
@pytest.mark.parametrize(
    "y",
    [LABELS, LABELS == "a", np.digitize(X[:, 0], [2, 4]), X[:, :3] > 3],
    ids=["words", "booleans", "integers", "several columns"],
)
def test_classifier(y, dtype):
    model = classifier(y)
    rows = X.astype(dtype)
    found = run(to_onnx(model, dtype=dtype), {"X": rows})
    assert list(found) == ["label", "probabilities"]
    assert found["probabilities"].dtype == dtype
    assert abs(found["probabilities"] - model.predict_proba(rows)).max() < NEAR[dtype]
    assert (found["label"] == model.predict(rows)).mean() > 0.98


def test_a_net_says_in_which_dtype_to_compute():
    assert run(to_onnx(classifier()), {"X": X})["probabilities"].dtype == np.float64
    narrow = classifier(precision="float32")
    assert run(to_onnx(narrow), {"X": X.astype("f4")})["probabilities"].dtype == np.float32
    assert run(to_onnx(narrow, X=X), {"X": X})["probabilities"].dtype == np.float64


@pytest.mark.parametrize("dtype", NEAR)
@pytest.mark.parametrize(
    "target",
    [
        *({"transformer": scaler()} for scaler in (StandardScaler, RobustScaler, MaxAbsScaler)),
        {"transformer": MinMaxScaler((-1, 1))},
        {"transformer": StandardScaler(with_mean=False)},
        {"transformer": StandardScaler(with_std=False)},
        {"func": np.log, "inverse_func": np.exp},
        {"func": np.log1p, "inverse_func": np.expm1},
        {},
    ],
    ids=str,
)
def test_target_that_was_scaled(target, dtype):
    net = MLPRegressor(**QUICK)
    y = np.abs(Y) + 1 if "func" in target else np.c_[Y, -Y]
    model = TransformedTargetRegressor(make_pipeline(StandardScaler(), net), **target).fit(X, y)
    rows = X.astype(dtype)
    found = run(to_onnx(model, dtype=dtype), {"X": rows})
    assert list(found) == ["variable"]
    wanted = model.predict(rows)
    assert abs(found["variable"] - wanted.reshape(len(X), -1)).max() < NEAR[dtype] * abs(y).max()


def test_losses_with_outputs_of_their_own():
    for parameters in ({"loss": "gaussian_nll"}, {"loss": "quantile", "quantile": (0.1, 0.9)}):
        net = MLPRegressor(**QUICK, **parameters)
        model = make_pipeline(StandardScaler(), net).fit(X, X[:, 0])
        found = run(to_onnx(model), {"X": X})
        wanted = model.predict(X)
        assert abs(found["variable"] - wanted.reshape(len(X), -1)).max() < 1e-13
        if net.loss == "gaussian_nll":
            std = model.predict(X, return_std=True)[1]
            assert abs(found["std"][:, 0] - std).max() < 1e-13
            scaled = TransformedTargetRegressor(net, transformer=StandardScaler()).fit(X, Y)
            found = run(to_onnx(scaled), {"X": X})
            assert list(found) == ["variable"]  # whose deviations would not be scaled
            assert abs(found["variable"][:, 0] - scaled.predict(X)).max() < 1e-13 * abs(Y).max()


def test_columns_of_a_frame():
    frame = pd.DataFrame({"a": X[:, 0], "b": X[:, 1], "n": np.arange(80) % 7, "town": LABELS})
    frame.loc[3, "a"] = np.nan
    encode = make_column_transformer(
        (make_pipeline(SimpleImputer(), StandardScaler()), ["a", "b"]),
        (StandardScaler(), ["n"]),
        (OneHotEncoder(handle_unknown="ignore"), ["town"]),
    )
    model = make_pipeline(encode, MLPClassifier(**QUICK)).fit(frame, LABELS)
    exported = to_onnx(model, X=frame, dtype="float32")
    inputs = {name: frame[[name]].to_numpy() for name in frame}
    inputs |= {name: inputs[name].astype(np.float32) for name in "ab"}
    inputs["town"] = inputs["town"].astype(object)
    assert to_onnx(model, X=pl.from_pandas(frame), dtype="float32") == exported
    inputs["town"][0] = frame.loc[0, "town"] = "elsewhere"
    found = run(exported, inputs)
    assert abs(found["probabilities"] - model.predict_proba(frame)).max() < 1e-6
    with pytest.raises(TypeError, match=r"column name 'a' .*With X, a data frame's columns"):
        to_onnx(model)
    scaled = make_pipeline(StandardScaler(), MLPClassifier(**QUICK)).fit(frame[["b", "n"]], LABELS)
    inputs = {"b": X[:, 1:2], "n": inputs["n"]}
    found = run(to_onnx(scaled, X=frame[["b", "n"]]), inputs)
    assert abs(found["probabilities"] - scaled.predict_proba(frame[["b", "n"]])).max() < 1e-6


def test_what_onnxruntime_does_not_impute_is_told():
    frame = pd.DataFrame(X[:, :2], columns=["a", "b"]).assign(n=np.arange(80))
    some = make_column_transformer((SimpleImputer(), ["a", "b"]), (StandardScaler(), ["n"]))
    model = make_pipeline(some, MLPClassifier(**QUICK)).fit(frame, LABELS)
    with pytest.warns(UserWarning, match="SimpleImputer in float32 alone: give dtype='float32'"):
        to_onnx(model, X=frame)
    exported = to_onnx(model, X=frame, dtype="float32")
    inputs = {name: frame[[name]].to_numpy("f4" if name != "n" else "i8") for name in frame}
    assert abs(run(exported, inputs)["probabilities"] - model.predict_proba(frame)).max() < 1e-6


@pytest.mark.parametrize(
    ("rows", "text"),
    [
        (X[0], r"X must have rows and columns, got an array of shape \(4,\)"),
        ([X], "X must have rows and columns"),
        (pd.DataFrame(X, columns=[*"aabc"]), "columns of X must have different names"),
    ],
)
def test_rows_that_are_none(rows, text):
    with pytest.raises(ValueError, match=text):
        to_onnx(classifier(), X=rows)
    assert to_onnx(classifier(), X=csr_array(X)) == to_onnx(classifier(), X=X)


@pytest.mark.parametrize("dtype", NEAR)
def test_nets_within_other_estimators(dtype):
    rows = X.astype(dtype)
    net = MLPClassifier(**QUICK)
    codes = np.digitize(X[:, 0], [2, 4])
    two = CalibratedClassifierCV(net, cv=2, ensemble=False).fit(X, codes > 1)
    found = run(to_onnx(two, dtype=dtype), {"X": rows})["probabilities"]
    assert abs(found - two.predict_proba(rows)).max() < 100 * NEAR[dtype]
    # some divide by sums of small probabilities, which enlarges errors a hundredfold
    for model in (
        BaggingClassifier(net, 2, random_state=0),
        OneVsRestClassifier(net),
        StackingClassifier([("one", net), ("other", net)], final_estimator=net, cv=2),
        GridSearchCV(make_pipeline(StandardScaler(), net), {"mlpclassifier__alpha": [1e-3]}, cv=2),
        VotingClassifier([("one", net), ("other", net)], voting="soft", flatten_transform=False),
        CalibratedClassifierCV(net, cv=2, ensemble=False),
    ):
        model.fit(X, codes)
        found = run(to_onnx(model, dtype=dtype), {"X": rows})
        assert abs(found["probabilities"] - model.predict_proba(rows)).max() < 100 * NEAR[dtype]


def test_skl2onnx_by_itself():
    register_skl2onnx()
    model = classifier()
    for opset in (13, 17, 21):
        exported = skl2onnx.to_onnx(model, X[:1].astype(np.float32), target_opset=opset)
        found = run(exported, {"X": X.astype(np.float32)})
        assert abs(found["probabilities"] - model.predict_proba(X)).max() < 1e-5
    exported = skl2onnx.to_onnx(model, X[:1], options={"zipmap": False})
    assert abs(run(exported, {"X": X})["probabilities"] - model.predict_proba(X)).max() < 1e-14
    net = model[-1]
    exported = skl2onnx.to_onnx(net, X[:1], options={id(net): {"zipmap": False}})
    assert abs(run(exported, {"X": X})["probabilities"] - net.predict_proba(X)).max() < 1e-14


def test_a_file_says_what_it_is(tmp_path):
    frame = pd.DataFrame(X, columns=list("abcd"))
    model = make_pipeline(StandardScaler(), MLPClassifier(**QUICK)).fit(frame, LABELS)
    exported = to_onnx(model, tmp_path / "model.onnx")
    facts = {item.key: item.value for item in exported.metadata_props}
    assert facts["model"] == "Pipeline" and facts["feature_names"] == '["a", "b", "c", "d"]'
    assert facts["classes"] == '["a", "b", "c"]' and "chainfit" in facts
    assert next(item.version for item in exported.opset_import if not item.domain) <= 17
    assert (tmp_path / "model.onnx").read_bytes() == exported.SerializeToString(deterministic=True)
    assert to_onnx(model) == exported


@pytest.mark.parametrize(
    ("model", "error", "text"),
    [
        (
            make_pipeline(FunctionTransformer(np.tanh), MLPRegressor(**QUICK)),
            TypeError,
            "Pipeline can't be exported: skl2onnx: FunctionTransformer is not supported .*float32",
        ),
        (
            TransformedTargetRegressor(MLPRegressor(**QUICK), transformer=PowerTransformer()),
            TypeError,
            "can't be exported: skl2onnx: the inverse of PowerTransformer",
        ),
        (
            make_pipeline(CalibratedClassifierCV(MLPClassifier(**QUICK), method="isotonic", cv=2)),
            TypeError,
            "CalibratedClassifierCV can't be exported: of method='isotonic' skl2onnx gives other",
        ),
        (
            OneVsOneClassifier(MLPClassifier(**QUICK)),
            TypeError,
            "OneVsOneClassifier can't be exported: skl2onnx: .*ShapeInferenceError",
        ),
        (make_pipeline(StandardScaler(), MLPRegressor()), NotFittedError, "not fitted"),
    ],
)
def test_refused(model, error, text, tmp_path):
    if error is not NotFittedError:
        model = model.fit(X, np.digitize(X[:, 0], [2, 4]))
    with pytest.raises(error, match=text):
        to_onnx(model, tmp_path / "model.onnx")
    assert not list(tmp_path.iterdir())


def test_parts_that_skl2onnx_looks_up_in_vain():
    y = X[:, 0] > 2
    frozen = FrozenEstimator(MLPClassifier(**QUICK).fit(X, y))
    with pytest.raises(TypeError, match=r"can't be exported: skl2onnx: .*FrozenEstimator"):
        to_onnx(CalibratedClassifierCV(frozen, cv=2).fit(X, y))


def test_a_threshold_that_skl2onnx_leaves_out():
    model = TunedThresholdClassifierCV(MLPClassifier(**QUICK), cv=2).fit(X, X[:, 0] > 2)
    for one in (model, make_pipeline(model)):
        with pytest.raises(TypeError, match=r"leaves its threshold out.*estimator_, and"):
            to_onnx(one)
    found = run(to_onnx(model.estimator_), {"X": X})["probabilities"][:, 1]
    np.testing.assert_array_equal(found >= model.best_threshold_, model.predict(X))


def test_scikit_learns_own_models_are_skl2onnxs_matter():
    model = make_pipeline(StandardScaler(), LinearRegression()).fit(X, Y)
    found = run(to_onnx(model), {"X": X.astype(np.float32)})["variable"]
    assert abs(found[:, 0] / model.predict(X) - 1).max() < 1e-3
