"""Code as users write it: type checkers must understand it, and flag the lines that are wrong.

A line that must be flagged says how, to mypy and to pyright, and both report one that says so for
nothing.
"""

from pathlib import Path
from typing import Any, assert_type

import numpy as np
import numpy.typing as npt
from sklearn.base import BaseEstimator
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import chainfit
from chainfit import (
    HiddenLayers,
    History,
    MLPClassifier,
    MLPRegressor,
    TabularClassifier,
    TabularRegressor,
    data,
    distributed,
)
from chainfit.row_predictor import RowPredictor

Array = npt.NDArray[Any]
X: Array = np.zeros((4, 2))
y: Array = np.array([0, 1, 0, 1])


def a_classifier() -> None:
    model = MLPClassifier((64, 32), "relu", solver="adamw", learning_rate="cosine", random_state=0)
    assert_type(model.fit(X, y), MLPClassifier)
    assert_type(model.fit(X, y, X_val=X, y_val=y).partial_fit(X, y, classes=[0, 1]), MLPClassifier)
    assert_type(model.set_params(alpha=0.1), MLPClassifier)
    assert_type(model.score(X, y), float)
    assert_type(model.predict(X), Array)
    assert_type(model.loss_curve_, list[float])
    assert_type(model.coefs_, list[Array])
    assert_type(model.intercepts_[0], Array)
    assert_type(model.best_loss_, float | None)
    assert_type(model.validation_scores_, list[float] | None)
    assert_type(model.n_iter_ + model.t_ + model.n_layers_ + model.n_features_in_, int)
    assert_type(model.history_["loss"], list[float])
    assert_type(model.converged_, bool)
    assert_type(model.out_activation_, str)
    proba = model.predict_proba(X)[:, 1] + np.exp(model.predict_log_proba(X)[:, 1])
    print(proba, model.decision_function(X), model.classes_[0], model.get_params()["alpha"])


def models_elsewhere() -> None:
    model = TabularClassifier().fit(X, y)
    assert_type(chainfit.onnx_inputs(model, X), dict[str, Array])
    chainfit.to_onnx(model, Path("model.onnx"), dtype="float32")
    chainfit.to_onnx(MLPRegressor().fit(X, y), dtype=np.float64, X=X)
    chainfit.register_skl2onnx()


def its_keywords() -> None:
    MLPClassifier(hidden_layer_sizes=64, activation=("relu", "tanh"), alpha=0, batch_size="auto")
    MLPClassifier(dropout=0.5, class_weight={0: 1.0, 1: 2.0}, label_smoothing=0.1, warmup=0.05)
    MLPClassifier(class_weight="balanced", callbacks=[print], scoring="roc_auc", time_limit=60)
    MLPClassifier(learning_rate=lambda step, steps: 0.1 / (step + 1), n_threads=None)
    MLPClassifier(checkpoint=Path("fit.checkpoint"), random_state=np.random.RandomState(0))
    MLPRegressor("huber", (8,), huber_delta=1.0, out_activation="softplus", weight_decay=1e-2)
    MLPRegressor("quantile", quantile=(0.1, 0.9), dropout=(0.0, 0.5), average="ema", clip_norm=1)
    MLPRegressor(loss=lambda y_true, raw: (raw, raw), init="he_normal", precision="float32")
    TabularClassifier("best", n_nets=2, learning_rate_init="auto", class_weight="balanced")
    TabularRegressor(preset="fast", loss="poisson", n_bins="auto", na_values=("-",), decimal=",")


def a_regressor() -> None:
    model = MLPRegressor(random_state=0).fit(X, y)
    assert_type(model, MLPRegressor)
    assert_type(model.predict(X), Array)
    mean, std = model.predict(X, return_std=True)
    assert_type(std, Array)
    assert_type(model.score(X, y), float)
    assert_type(model.loss_, float)
    print(mean, model.to_sklearn())


def start_and_inside() -> None:
    net = MLPClassifier((8,), random_state=0).initialize(4, ["cat", "dog", "owl"])
    assert_type(net, MLPClassifier)
    other = MLPRegressor.from_weights([[[2.0]]], [[1.0]], alpha=0.0, feature_names=["x"])
    assert_type(other, MLPRegressor)
    assert_type(other.activations([[1.0]], layer=1), Array)
    assert_type(other.gradients([[1.0]], [2.0]).coefs, list[Array])
    assert_type(other.input_gradient([[1.0]], raw=True), Array)
    assert_type(other.integrated_gradients([[1.0]], n_steps=20), Array)
    print(other.summary().n_parameters + other.summary().layers[0].units)
    predictor = other.row_predictor()
    assert_type(predictor, RowPredictor)
    assert_type(predictor([1.0]), Array)


def tables() -> None:
    table: dict[str, list[Any]] = {"age": [20, 30, 40], "town": ["Bonn", None, "Rome"]}
    model = TabularClassifier(random_state=0).fit(table, [0, 1, 0])
    assert_type(model, TabularClassifier)
    assert_type(model.predict_proba(table), Array)
    assert_type(model.nets_, tuple[MLPClassifier, ...])
    assert_type(model.temperature_, float)
    assert_type(model.encode(table), Array)
    regressor = TabularRegressor(loss="gaussian_nll").fit(table, [0.5, 1.5, 2.5])
    mean, std = regressor.predict(table, return_std=True)
    assert_type(mean, Array)
    assert_type(regressor.target_range_, tuple[float, float])
    print(std, model.get_feature_names_out(), model.schema_, regressor.n_rows_)


def files(path: Path) -> None:
    MLPClassifier().fit(X, y).save(path)
    model = chainfit.load(path)
    model.fit(X, y).save("again.safetensors")
    if isinstance(model, MLPClassifier | TabularClassifier):
        print(model.predict_proba(X))
    try:
        chainfit.load(b"missing")
    except chainfit.ModelFileError as error:
        print(error)


def the_chain() -> None:
    model = MLPRegressor(random_state=0).fit(X, y)
    chain = chainfit.explain(model, X[:1], y[:1], "w_12^(1)", notation="matrix")
    assert_type(chain, chainfit.Chain)
    assert_type(chain.value, float)
    assert_type(chain.of((0, 1, 0)), chainfit.Chain)
    assert_type(chain.text(hide="numbers", sections=["chain"]), str)
    assert_type(chain.to_latex() + chain.to_html() + chain.to_json(), str)
    trace = chainfit.trace(model, X, y)
    assert_type(trace, chainfit.Trace)
    assert_type(trace.J, float)
    assert_type(trace.a, list[Array])
    net = chainfit.Net([[[0.5], [-1.0]]], out_activation="logistic", alpha=0.1)
    assert_type(net.units, tuple[int, ...])
    history = History(every=2)
    model.set_callbacks(history).fit(X, y)
    page = chainfit.explore(model, X, y, "net.html", history=history)
    assert_type(page, chainfit.Page)
    assert_type(page.html, str)
    page.save(Path("net.html"))
    assert_type(chainfit.walkthrough("3-3-1")[0].trace.J, float)
    try:
        chain.verification.check("w")
    except chainfit.MismatchError as error:
        print(error)


def the_rest() -> None:
    found = chainfit.find_learning_rate(MLPClassifier(), X, y, n_steps=50)
    assert_type(found, chainfit.LearningRateDisplay)
    assert_type(found.suggestion, float)
    curves = chainfit.LossCurveDisplay.from_estimator(MLPClassifier(verbose="progress").fit(X, y))
    assert_type(curves, chainfit.LossCurveDisplay)
    assert_type(curves.plot(name="net").loss, Array)
    drawn = chainfit.NetworkDisplay.from_estimator(MLPClassifier(), scale="layer")
    assert_type(drawn.plot(), chainfit.NetworkDisplay)
    flow = chainfit.GradientFlowDisplay.from_estimator(MLPClassifier(), X, y)
    assert_type(flow.gradients, Array)
    assert_type(HiddenLayers((1, 3), width=64).rvs(random_state=0), tuple[int, ...])
    assert_type(chainfit.__version__, str)
    print(chainfit.info()["threads"], chainfit.from_sklearn(found).coefs_)
    print(chainfit.reference.forward(X, [X.T], [y], "relu", "identity"))


def data_larger_than_memory(path: Path) -> None:
    source = data.Arrays(X, y, block_rows=1000, buffer_rows=10_000)
    assert_type(MLPClassifier(random_state=0).fit(source), MLPClassifier)
    assert_type(TabularRegressor().fit(data.Files(path, target="price")), TabularRegressor)
    for block, targets, weights in source.blocks():
        print(block, targets, weights)
    with distributed.communicator(sync_every=10):
        MLPRegressor().fit(X, y)


def pictures_and_onnx(path: Path) -> None:
    model = MLPClassifier(verbose="progress").fit(X, y)
    curve = chainfit.LossCurveDisplay.from_estimator(model, name="a net")
    assert_type(curve.plot(validation=False), chainfit.LossCurveDisplay)
    flow = chainfit.GradientFlowDisplay.from_estimator(model, X, y)
    assert_type(flow, chainfit.GradientFlowDisplay)
    chainfit.NetworkDisplay.from_estimator(model, scale="layer").figure_.savefig("net.png")
    chainfit.to_onnx(model, path)


def one_of_scikit_learns(estimator: BaseEstimator) -> None:
    print(estimator.get_params())


def takes_part_in_scikit_learn() -> None:
    one_of_scikit_learns(MLPClassifier())
    one_of_scikit_learns(TabularRegressor())
    print(make_pipeline(StandardScaler(), MLPClassifier()).fit(X, y).predict(X))


class Deeper(MLPClassifier):
    def __init__(self, dropout: float = 0.2) -> None:
        super().__init__((64, 64, 64), dropout=dropout)

    def depth(self) -> int:
        return len(self.coefs_)


def must_be_flagged() -> None:
    assert_type(Deeper().fit(X, y).depth(), int)
    model = MLPClassifier()
    model.fitt(X, y)  # type: ignore[attr-defined]  # pyright: ignore[reportAttributeAccessIssue]
    print(model.loss_curve)  # type: ignore[attr-defined]  # pyright: ignore[reportAttributeAccessIssue]
    MLPClassifier(activation="rleu")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    MLPClassifier(solver="Adam")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    MLPClassifier(drop_out=0.1)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    MLPClassifier(alpha="0.1")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    MLPClassifier(huber_delta=1.0)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    MLPRegressor("hubber")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    MLPRegressor(learning_rate="cosin")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    TabularClassifier("great")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    print(TabularRegressor().nets)  # type: ignore[attr-defined]  # pyright: ignore[reportAttributeAccessIssue]
    chainfit.load("net").predict_proba(X)  # type: ignore[union-attr]  # pyright: ignore[reportAttributeAccessIssue]
    chainfit.explain(model, X, y, "w_12^(1)", notation="latex")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    print(chainfit.explane)  # type: ignore[attr-defined]  # pyright: ignore[reportAttributeAccessIssue]
