"""Net and as_net: what a net holds, where it comes from, and what is refused; batches."""

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from sklearn import neural_network as theirs
from sklearn.compose import TransformedTargetRegressor
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import chainfit
from chainfit._explain.batch import as_batch
from chainfit._explain.net import CANONICAL, as_net
from chainfit._tables.cells.target import Target

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

RNG = np.random.RandomState(0)
X = RNG.randn(40, 3)
SIGNAL = X[:, 0] + X[:, 1] ** 2
WORDS = np.array(["low", "middle", "high"])[np.digitize(SIGNAL, [0, 1])]
SMALL = {"hidden_layer_sizes": (4,), "max_iter": 3, "random_state": 0}
TABULAR = {"n_nets": 2, "hidden_layer_sizes": (4,), "max_iter": 2, "random_state": 0}
W = [np.arange(6).reshape(3, 2) / 10, [[1.0], [-1.0]]]


def fitted(package, y, dtype=np.float64, **parameters):
    kind = "MLPRegressor" if np.asarray(y).dtype.kind == "f" else "MLPClassifier"
    return getattr(package, kind)(**{**SMALL, **parameters}).fit(X.astype(dtype), y)


# --- nets by hand --------------------------------------------------------------------------------


def test_a_net_by_hand_has_what_it_was_given_and_zeros_for_biases():
    net = chainfit.Net(W, activation="tanh", alpha=0.5, feature_names=["a", "b", "c"])
    assert net.units == (3, 2, 1)
    np.testing.assert_array_equal(net.coefs[0], W[0])
    np.testing.assert_array_equal(net.intercepts[0], [0, 0])
    assert [p.dtype for p in (*net.coefs, *net.intercepts)] == [np.float64] * 4
    assert (net.loss, net.out_activation, net.alpha) == ("squared_error", "identity", 0.5)
    assert net.feature_names == ("a", "b", "c") and net.output_names == ("y_1",)
    assert net.model is None and net.dtype == np.float64
    assert as_net(net) is net


def test_a_net_does_not_change():
    mine = np.ones((2, 1))
    net = chainfit.Net([mine])
    mine[:] = 5
    assert (net.coefs[0] == 1).all()
    with pytest.raises(ValueError, match="read-only"):
        net.coefs[0][0, 0] = 2
    with pytest.raises(AttributeError, match="alpha cannot be set"):
        net.alpha = 1.0
    with pytest.raises(AttributeError, match="alpha cannot be deleted"):
        del net.alpha


@pytest.mark.parametrize(
    ("out_activation", "loss"), [*CANONICAL.items(), ("tanh", "squared_error")]
)
def test_the_loss_follows_the_output(out_activation, loss):
    assert chainfit.Net([np.ones((3, 2))], out_activation=out_activation).loss == loss


BAD_NETS = {
    "no layer": ({"coefs": []}, "at least one array"),
    "words": ({"coefs": [[["a"]]]}, r"coefs\[0\] must be an array of numbers"),
    "dimensions": ({"coefs": [[1.0, 2.0]]}, "2-dimensional array, got shape"),
    "infinite": ({"coefs": [[[np.inf]]]}, r"coefs\[0\] must hold finite"),
    "chain": ({"coefs": [np.ones((3, 2)), np.ones((3, 1))]}, r"coefs\[1\] has 3 rows, but"),
    "biases": ({"intercepts": [[0.0, 0.0]]}, "intercepts must hold 2 arrays"),
    "bias": ({"intercepts": [[0.0], [0.0]]}, r"intercepts\[0\] must have 2 numbers"),
    "activation": ({"activation": "softmax"}, "'activation' parameter of Net must be a str among"),
    "output": (
        {"out_activation": "sigmoid"},
        "'out_activation' parameter of Net must be a str among",
    ),
    "loss": ({"loss": "hinge"}, "'loss' parameter of Net must be a str among"),
    "pair": ({"loss": "poisson"}, "'poisson' is not defined at every output"),
    "pair of logarithms": ({"loss": "log_loss", "out_activation": "tanh"}, "only of 'logistic'"),
    "one softmax": ({"out_activation": "softmax"}, "needs two outputs or more"),
    "solver": ({"solver": "lbfgs"}, "'solver' parameter of Net must be a str among"),
    "alpha": ({"alpha": -1}, r"'alpha' parameter .* range \[0.0, inf\). Got -1 instead"),
    "eta": ({"learning_rate_init": 0}, r"'learning_rate_init' parameter .* range \(0.0, inf\)"),
    "momentum": ({"momentum": 1.5}, r"'momentum' parameter .* range \[0.0, 1.0\]"),
    "beta": ({"beta_2": 1.0}, r"'beta_2' parameter .* range \[0.0, 1.0\)"),
    "epsilon": ({"epsilon": "small"}, "'epsilon' parameter of Net must be a float"),
    "names": ({"feature_names": ["a"]}, "feature_names must hold 3 names, got 1"),
    "outputs": ({"output_names": "ab"}, "output_names must hold 1 names, got 2"),
}


@pytest.mark.parametrize("case", BAD_NETS)
def test_a_bad_net_is_refused(case):
    arguments, message = BAD_NETS[case]
    with pytest.raises(ValueError, match=message):
        chainfit.Net(**{"coefs": W, **arguments})


# --- nets of models ------------------------------------------------------------------------------


@pytest.mark.parametrize("package", [chainfit, theirs], ids=["chainfit", "sklearn"])
@pytest.mark.parametrize(
    ("y", "link", "names"),
    [
        (SIGNAL, "identity", ("y_1",)),
        (np.c_[SIGNAL, SIGNAL], "identity", ("y_1", "y_2")),
        (SIGNAL > 0, "logistic", ("True",)),
        (WORDS, "softmax", ("high", "low", "middle")),
        (np.c_[SIGNAL > 0, X[:, :2] > 0].astype(int), "logistic", ("0", "1", "2")),
    ],
    ids=["real", "reals", "binary", "multiclass", "multilabel"],
)
def test_the_net_of_a_model(package, y, link, names, dtype):
    model = fitted(package, y, dtype, alpha=0.25, activation="tanh")
    net = as_net(model)
    assert net.model is model and net.dtype == dtype
    assert (net.activation, net.out_activation, net.loss) == ("tanh", link, CANONICAL[link])
    assert net.alpha == 0.25 and net.output_names == names
    arrays = [*model.coefs_, *model.intercepts_]
    for mine, its in zip([*net.coefs, *net.intercepts], arrays, strict=True):
        assert mine.dtype == np.float64 and not np.shares_memory(mine, its)
        np.testing.assert_array_equal(mine, its)


def test_precision_says_what_a_step_computes_in():
    assert as_net(fitted(chainfit, SIGNAL, precision="float32")).dtype == np.float32
    assert as_net(fitted(chainfit, SIGNAL, np.float32, solver="lbfgs")).dtype == np.float64


def test_names_come_from_frames_pipelines_and_tables():
    frame = pd.DataFrame(X, columns=["a", "b", "c"])
    model = chainfit.MLPRegressor(**SMALL).fit(frame, SIGNAL)
    assert as_net(model).feature_names == ("a", "b", "c")
    pipeline = make_pipeline(StandardScaler(), chainfit.MLPRegressor(**SMALL)).fit(frame, SIGNAL)
    net = as_net(pipeline)
    assert net.feature_names == ("a", "b", "c") and net.source is pipeline
    assert net.model is pipeline[-1]
    assert as_net(make_pipeline(StandardScaler(), model).fit(X, SIGNAL)).feature_names[0] == "x_1"
    table = chainfit.TabularRegressor(**TABULAR).fit(frame.assign(size=WORDS), SIGNAL)
    net = as_net(table)
    assert net.model is table.nets_[0] and net.output_names == ("y_1",)
    assert net.feature_names == tuple(table.get_feature_names_out())
    assert as_net(table, 1).model is table.nets_[1]


@pytest.mark.parametrize(
    "way", ["search", "search of tables", "pipeline of a search", "search of a pipeline"]
)
def test_searches_lead_to_their_best_net(way):
    table = way == "search of tables"
    net = chainfit.TabularRegressor(**TABULAR) if table else chainfit.MLPRegressor(**SMALL)
    grid = {"mlpregressor__alpha" if "of a pipeline" in way else "alpha": [1e-3, 1.0]}
    inner = make_pipeline(StandardScaler(), net) if "of a pipeline" in way else net
    model = GridSearchCV(inner, grid, cv=2)
    model = make_pipeline(StandardScaler(), model) if way.startswith("pipeline") else model
    frame = pd.DataFrame(X, columns=["a", "b", "c"])
    model.fit(frame, SIGNAL)
    found = as_net(model)
    best, rows = (model[-1] if way.startswith("pipeline") else model).best_estimator_, frame[:3]
    if "pipeline" in way:
        pipeline = model if way.startswith("pipeline") else best
        rows = pipeline[:-1].transform(rows)
        best = best[-1] if pipeline is best else best
    assert found.model is (best.nets_[0] if table else best) and found.source is model
    assert found.feature_names[0] == "a"
    chain = chainfit.explain(model, frame[:3], SIGNAL[:3], "w_11^(1)")
    alone = chainfit.explain(best, rows, SIGNAL[:3], "w_11^(1)")
    assert chain.value == alone.value != 0


def test_targets_are_transformed_as_training_had_them():
    Y = np.c_[SIGNAL, X[:, 1] ** 2]
    for y, own in ((SIGNAL, SIGNAL[:, np.newaxis]), (Y, Y)):
        net = chainfit.MLPRegressor(**SMALL)
        ends = [
            TransformedTargetRegressor(net, transformer=StandardScaler()),
            TransformedTargetRegressor(
                make_pipeline(StandardScaler(), net), func=np.sinh, inverse_func=np.arcsinh
            ),
            make_pipeline(
                StandardScaler(), TransformedTargetRegressor(net, transformer=StandardScaler())
            ),
        ]
        for model in ends:
            model.fit(X, y)
            scaled = np.sinh(own) if model is ends[1] else StandardScaler().fit_transform(own)
            rows = X if model is ends[0] else StandardScaler().fit_transform(X)
            check_batch(as_batch(model, X[:4], y[:4]), rows[:4], scaled[:4])
            check_batch(as_batch(model, X[1], y[1]), rows[1:2], scaled[1:2])
            step = chainfit.trace(model, X, y)
            alone = chainfit.trace(as_net(model).model, rows, scaled)
            np.testing.assert_array_equal(step.dW[0], alone.dW[0])
    with pytest.raises(ValueError, match="y must be given"):
        chainfit.explain(ends[0], X[:2], None, (0, 0, 0))
    with pytest.raises(ValueError, match="inconsistent"):
        chainfit.explain(ends[0], X[:3], Y[:2], (0, 0, 0))


def test_a_pipeline_of_one_step_and_a_table_of_ones_own_kind():
    pipeline = make_pipeline(chainfit.MLPRegressor(**SMALL)).fit(X, SIGNAL)
    check_batch(as_batch(pipeline, X[0], 1.0), X[:1], [[1.0]])

    class MyTable(chainfit.TabularRegressor):
        pass

    table = MyTable(**TABULAR).fit(pd.DataFrame({"a": X[:, 0], "b": X[:, 1]}), SIGNAL)
    assert as_net(table).model is table.nets_[0] and as_net(table).output_names == ("y_1",)


def test_what_is_no_model_and_what_is_not_fitted():
    with pytest.raises(TypeError, match=r"MLPRegressor .* is needed.*got LogisticRegression"):
        as_net(LogisticRegression())
    with pytest.raises(TypeError, match="got the class MLPRegressor"):
        as_net(chainfit.MLPRegressor)
    with pytest.raises(TypeError, match=r"last step of the pipeline must be.*LogisticRegression"):
        as_net(make_pipeline(StandardScaler(), LogisticRegression()))
    for model in (
        chainfit.MLPClassifier(),
        theirs.MLPRegressor(),
        chainfit.TabularClassifier(),
        make_pipeline(StandardScaler(), chainfit.MLPRegressor()),
    ):
        with pytest.raises(NotFittedError, match="not fitted"):
            as_net(model)


# --- batches -------------------------------------------------------------------------------------


def check_batch(batch, rows, targets, weight=None):
    np.testing.assert_array_equal(batch.X, rows)
    np.testing.assert_array_equal(batch.Y, targets)
    assert batch.X.dtype == batch.Y.dtype == np.float64
    if weight is None:
        assert batch.sample_weight is None
    else:
        np.testing.assert_array_equal(batch.sample_weight, weight)


@pytest.mark.parametrize("package", [chainfit, theirs], ids=["chainfit", "sklearn"])
def test_targets_as_labels_or_one_hot_or_for_one_row(package):
    model = fitted(package, WORDS)
    Y = (WORDS[:, None] == model.classes_).astype(float)
    check_batch(as_batch(model, X, WORDS), X, Y)
    check_batch(as_batch(model, X, Y, np.arange(40)), X, Y, np.arange(40))
    for one in (WORDS[0], [WORDS[0]], Y[0]):
        check_batch(as_batch(model, X[0], one), X[:1], Y[:1])
    check_batch(as_batch(as_net(model), sp.csr_array(X), WORDS), X, Y)
    labels = np.c_[SIGNAL > 0, X[:, :2] > 0].astype(int)
    model = fitted(package, labels)
    check_batch(as_batch(model, X, labels), X, labels)
    check_batch(as_batch(model, X[0], labels[0]), X[:1], labels[:1])
    check_batch(as_batch(fitted(package, SIGNAL > 0), X[0], True), X[:1], [[1]])
    check_batch(as_batch(fitted(package, SIGNAL), X[0], 3.5), X[:1], [[3.5]])


def test_rows_are_rounded_as_training_rounds_them():
    model = fitted(chainfit, SIGNAL, np.float32)
    batch = as_batch(model, X, SIGNAL)
    check_batch(batch, X.astype(np.float32), SIGNAL.astype(np.float32)[:, None])
    # scikit-learn leaves float64 rows as they are
    check_batch(as_batch(fitted(theirs, SIGNAL, np.float32), X, SIGNAL), X, SIGNAL[:, None])


def test_pipelines_and_tables_take_rows_as_their_users_do():
    pipeline = make_pipeline(StandardScaler(), chainfit.MLPRegressor(**SMALL)).fit(X, SIGNAL)
    check_batch(as_batch(pipeline, X[1], 2.0), pipeline[0].transform(X[1:2]), [[2.0]])
    frame = pd.DataFrame(X, columns=["a", "b", "c"]).assign(size=WORDS)
    table = chainfit.TabularRegressor(**TABULAR, precision="float64").fit(frame, SIGNAL)
    Y = (SIGNAL[:5, None] * 0.5 - table.target_mean_ * 0.5) / (table.target_scale_ * 0.5)
    rows = table.encode(frame[:5])
    check_batch(as_batch(table, frame[:5], SIGNAL[:5]), rows, Y)
    check_batch(as_batch(table, frame[:5].to_dict("list"), SIGNAL[:5]), rows, Y)
    check_batch(as_batch(table, frame.iloc[0], SIGNAL[0]), rows[:1], Y[:1])
    check_batch(as_batch(table, rows, Y), rows, Y)
    with pytest.raises(ValueError, match="y must be given"):
        as_batch(table, frame, None)
    table.target_ = Target("price", "regression")  # as the command line leaves it
    check_batch(as_batch(table, frame[:5].assign(price=SIGNAL[:5]), None), rows, Y)
    with pytest.raises(ValueError, match=r"row 2 has no target that the model knows in .*'price'"):
        as_batch(table, frame[:5].assign(price=[1.0, 2.0, None, 3.0, 4.0]), None)
    arrays = chainfit.TabularRegressor(**TABULAR).fit(X, SIGNAL)
    check_batch(
        as_batch(arrays, X[0], SIGNAL[0]),
        arrays.encode(X[:1]),
        (as_batch(arrays, X[:1], SIGNAL[:1])).Y,
    )


def test_a_net_by_hand_takes_numbers_of_classes_or_shares():
    net = chainfit.Net([np.ones((3, 4))], out_activation="softmax")
    check_batch(as_batch(net, X[:2], [2, 0]), X[:2], np.eye(4)[[2, 0]])
    check_batch(as_batch(net, X[0], 3), X[:1], np.eye(4)[[3]])
    check_batch(as_batch(net, X[0], [0.5, 0.25, 0.25, 0]), X[:1], [[0.5, 0.25, 0.25, 0]])


REAL = chainfit.Net([np.ones((3, 1))])
BAD_BATCHES = {
    "features": (REAL, X[:, :2], SIGNAL, None, "X has 2 features, but Net is expecting 3"),
    "rows": (REAL, X, SIGNAL[:3], None, r"inconsistent numbers of samples: \[40, 3\]"),
    "nan": (REAL, X * np.nan, SIGNAL, None, "contains NaN"),
    "nan in y": (REAL, X, SIGNAL * np.nan, None, "contains NaN"),
    "no y": (REAL, X, None, None, "y must be given"),
    "cube": (REAL, X, SIGNAL[:, None, None], None, "one or two dimensions"),
    "outputs": (REAL, X, np.c_[SIGNAL, SIGNAL], None, r"y must have shape \(40, 1\)"),
    "weights": (REAL, X, SIGNAL, [1.0], "sample_weight.shape"),
    "negative weight": (REAL, X, SIGNAL, -np.ones(40), "[Nn]egative values"),
    "no weight": (REAL, X, SIGNAL, np.zeros(40), "must contain at least one non-zero"),
    "probability": (
        chainfit.Net([np.ones((3, 1))], out_activation="logistic"),
        *(X, SIGNAL, None, r"needs targets in \[0, 1\]"),
    ),
    "shares": (
        chainfit.Net([np.ones((3, 2))], out_activation="softmax"),
        *(X[0], [0.5, 0.25], None, "rows of y that add up to 1"),
    ),
    "class number": (
        chainfit.Net([np.ones((3, 2))], out_activation="softmax"),
        *(X[:3], [0, 1, 2], None, "numbers of classes, 0 to 1"),
    ),
    "count": (
        chainfit.Net([np.ones((3, 1))], out_activation="exp"),
        *(X, -np.abs(SIGNAL), None, "not negative"),
    ),
}


@pytest.mark.parametrize("case", BAD_BATCHES)
def test_a_bad_batch_is_refused(case):
    net, rows, y, weight, message = BAD_BATCHES[case]
    with pytest.raises(ValueError, match=message):
        as_batch(net, rows, y, weight)


@pytest.mark.parametrize("package", [chainfit, theirs], ids=["chainfit", "sklearn"])
def test_columns_in_another_order_are_refused(package):
    frame = pd.DataFrame(X, columns=["a", "b", "c"])
    model = package.MLPRegressor(**SMALL).fit(frame, SIGNAL)
    check_batch(as_batch(model, frame[:2], SIGNAL[:2]), X[:2], SIGNAL[:2, None])
    with pytest.raises(ValueError, match="feature names should match"):
        as_batch(model, frame[["b", "a", "c"]], SIGNAL)


@pytest.mark.parametrize("package", [chainfit, theirs], ids=["chainfit", "sklearn"])
def test_labels_that_a_model_does_not_know_are_refused(package):
    model = fitted(package, WORDS)
    with pytest.raises(ValueError, match=r"`y` has classes not in `self.classes_`"):
        as_batch(model, X[0], "huge")
    with pytest.raises(ValueError, match="labels, or one-hot rows of 3 classes"):
        as_batch(model, X[:2], [[1, 0], [0, 1]])
    with pytest.raises(ValueError, match="labels, or one-hot rows of 3 classes"):
        as_batch(model, X[0], [0.5, 0.5, 0])
    with pytest.raises(ValueError, match="got real numbers"):
        as_batch(fitted(package, SIGNAL > 0), X[:2], [0.5, 1.5])
