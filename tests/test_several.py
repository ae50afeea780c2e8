"""Several classifications at once: scikit-learn's shapes, the sum of the columns' losses.

The oracles are scikit-learn's forests (shapes, classes_), the same net for one column alone, and
finite differences.
"""

import pickle

import numpy as np
import pytest
from scipy.special import softmax
from sklearn.ensemble import RandomForestClassifier
from sklearn.metrics import log_loss
from sklearn.model_selection import GridSearchCV
from sklearn.utils.class_weight import compute_sample_weight

import chainfit
from chainfit import MLPClassifier

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

_rng = np.random.RandomState(0)
X = _rng.randn(120, 4)
signal = X[:, 0] - X[:, 1] ** 2
NUMBERS = np.c_[np.digitize(signal, [-1.5, 0.0]), 5 * (X[:, 2] > 0), np.digitize(X[:, 3], [0, 1.0])]
WORDS = np.array(["a", "bb", "c", "d", "e", "f"])[NUMBERS]
TARGETS = {"numbers": NUMBERS, "words": WORDS, "objects": WORDS.astype(object)}
each_target = pytest.mark.parametrize("target", TARGETS)


def net(**parameters):
    return MLPClassifier(
        **{
            "hidden_layer_sizes": (8,),
            "random_state": 0,
            "max_iter": 20,
            "learning_rate_init": 0.05,
            **parameters,
        }
    )


def same(a, b):
    return all(np.array_equal(x, y) for x, y in zip(a.coefs_, b.coefs_, strict=True))


@each_target
@pytest.mark.parametrize("solver", ["adam", "sgd", "lbfgs"])
def test_shapes_are_those_of_forests(target, solver):
    y = TARGETS[target]
    model = net(solver=solver).fit(X, y)
    forest = RandomForestClassifier(3, random_state=0).fit(X, y)
    assert [c.tolist() for c in model.classes_] == [c.tolist() for c in forest.classes_]
    assert model.predict(X).shape == forest.predict(X).shape == (120, 3)
    if target != "objects":  # of which LabelBinarizer makes strings
        assert model.predict(X).dtype == forest.predict(X).dtype
    for method in ("predict_proba", "predict_log_proba", "decision_function"):
        ours = getattr(model, method)(X)
        assert isinstance(ours, list)
        assert [part.shape for part in ours] == [p.shape for p in forest.predict_proba(X)]
    scores = zip(model.decision_function(X), model.predict_proba(X), strict=True)
    for raw, probabilities in scores:
        np.testing.assert_allclose(softmax(raw, axis=1), probabilities, rtol=1e-13)
    columns = zip(model.classes_, model.predict_proba(X), strict=True)
    predicted = np.stack([c[p.argmax(axis=1)] for c, p in columns], axis=1)
    assert np.array_equal(model.predict(X), predicted)
    right = (predicted == y).all(axis=1)
    assert model.score(X, y) == right.mean()
    weight = _rng.rand(120)
    assert model.score(X, y, weight) == pytest.approx(np.average(right, weights=weight))
    assert right.mean() > 0.35  # of 18 combinations


def test_the_loss_is_the_sum_over_the_columns():
    model = net(alpha=0.0, batch_size=120, max_iter=1).fit(X, NUMBERS)
    start = net(alpha=0.0, batch_size=120, max_iter=1, learning_rate_init=1e-12).fit(X, NUMBERS)
    columns = zip(NUMBERS.T, start.predict_proba(X), strict=True)
    expected = sum(log_loss(y, p) for y, p in columns)
    assert model.loss_ == pytest.approx(expected, rel=1e-9)
    seen = net(alpha=0.0, max_iter=3).fit(X, NUMBERS, X_val=X, y_val=NUMBERS)
    columns = zip(NUMBERS.T, seen.predict_proba(X), strict=True)
    expected = sum(log_loss(y, p) for y, p in columns)
    assert seen.validation_loss_curve_[-1] == pytest.approx(expected, rel=1e-12)


def test_gradients_are_those_of_that_loss():
    model = net(alpha=0.0).fit(X, NUMBERS)
    gradients = model.gradients(X, NUMBERS)

    def loss():
        columns = zip(NUMBERS.T, model.predict_proba(X), strict=True)
        return sum(log_loss(y, p) for y, p in columns)

    for layer in range(2):
        for at in ((0, 0), (2, 5), (3, 7)):
            W, step = model.coefs_[layer], 1e-6
            kept = W[at]
            W[at] = kept + step
            above = loss()
            W[at] = kept - step
            below = loss()
            W[at] = kept
            assert gradients.coefs[layer][at] == pytest.approx(
                (above - below) / (2 * step), abs=1e-8
            )


def test_a_column_alone_is_that_column():
    """Two equal columns without hidden units: each learns as it would alone."""
    y = NUMBERS[:, 0]
    two = net(hidden_layer_sizes=(), solver="lbfgs", alpha=0.1, max_iter=500, tol=1e-10)
    one = net(hidden_layer_sizes=(), solver="lbfgs", alpha=0.1, max_iter=500, tol=1e-10)
    two.fit(X, np.c_[y, y])
    one.fit(X, y)
    for part in two.predict_proba(X):
        # L-BFGS stops where the loss falls by 2e-9 of it; its curvature is at least alpha / 120
        np.testing.assert_allclose(part, one.predict_proba(X), atol=2e-3)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("batch_size", [1, 3, 40, 120])
def test_bits(dtype, batch_size, running_isas, using_isa):
    found = set()
    for isa in running_isas:
        with using_isa(isa):
            for threads in (1, 2, 3):
                model = net(batch_size=batch_size, n_threads=threads, max_iter=2)
                model.fit(X.astype(dtype), NUMBERS)
                found.add(b"".join(w.tobytes() for w in model.coefs_))
    assert len(found) == 1


@each_target
def test_partial_fit(target):
    y = TARGETS[target]
    classes = [np.unique(column) for column in y.T]
    model, fitted = net(), net(max_iter=1)
    with pytest.raises(ValueError, match="classes must be passed on the first call"):
        net().partial_fit(X, y)
    assert same(model.partial_fit(X, y, classes=classes), fitted.fit(X, y))
    model.partial_fit(X[:3], y[:3])
    model.partial_fit(X[:1], y[:1], classes=classes)
    before = [w.copy() for w in model.coefs_]
    with pytest.raises(ValueError, match="is not the same as on last call"):
        model.partial_fit(X, y, classes=[classes[1], classes[0], classes[2]])
    with pytest.raises(ValueError, match="classes not in"):
        model.partial_fit(X, y[:, [1, 0, 2]])
    for other in (y[:, 0], y[:, :2]):
        with pytest.raises(ValueError, match="must have 3 columns"):
            model.partial_fit(X, other)
    with pytest.raises(ValueError, match="a list for each of 3 columns"):
        net().partial_fit(X, y, classes=classes[:2])
    assert all(np.array_equal(a, b) for a, b in zip(before, model.coefs_, strict=True))


@each_target
def test_early_stopping_warm_start_and_weights(target):
    y = TARGETS[target]
    model = net(early_stopping=True, max_iter=60).fit(X, y, X_val=X[:50], y_val=y[:50])
    assert model.best_validation_score_ == model.score(X[:50], y[:50])
    net(early_stopping=True).fit(X, y)
    warm = net(warm_start=True, max_iter=3).fit(X, y)
    assert len(warm.fit(X, y).loss_curve_) == 6
    with pytest.raises(ValueError, match="same classes"):
        warm.fit(X, y[:, [1, 0, 2]])
    weighted = net(class_weight="balanced").fit(X, y)
    assert same(weighted, net().fit(X, y, compute_sample_weight("balanced", y)))
    given = [{label: 1.0 + i for i, label in enumerate(np.unique(c).tolist())} for c in y.T]
    assert same(net(class_weight=given).fit(X, y), net().fit(X, y, compute_sample_weight(given, y)))
    GridSearchCV(net(max_iter=3), {"alpha": [0.0, 1.0]}, cv=2).fit(X, y)


@each_target
def test_saved_and_pickled(target, tmp_path):
    y = TARGETS[target]
    model = net().fit(X, y)
    model.save(tmp_path / "model.safetensors")
    for other in (chainfit.load(tmp_path / "model.safetensors"), pickle.loads(pickle.dumps(model))):
        assert np.array_equal(other.predict(X), model.predict(X))
        assert other.predict(X).dtype == model.predict(X).dtype
        twin = pickle.loads(pickle.dumps(model))
        assert same(other.partial_fit(X, y), twin.partial_fit(X, y))


@each_target
def test_weights_drawn_and_given(target, tmp_path):
    y = TARGETS[target]
    classes = [np.unique(column) for column in y.T]
    model = net(hidden_layer_sizes=(8, 3)).initialize(4, classes)
    fitted = net(hidden_layer_sizes=(8, 3), max_iter=1, learning_rate_init=1e-300).fit(X, y)
    assert same(model, fitted)
    assert [c.tolist() for c in model.classes_] == [c.tolist() for c in fitted.classes_]
    given = MLPClassifier.from_weights(model.coefs_, model.intercepts_, classes=classes)
    for other in (model, given):
        assert np.array_equal(other.predict(X), fitted.predict(X))
        other.save(tmp_path / "model")
        assert np.array_equal(chainfit.load(tmp_path / "model").predict(X), fitted.predict(X))
    trained = net(hidden_layer_sizes=(8, 3)).partial_fit(X, y, classes=classes)
    assert same(model.set_params(random_state=None, shuffle=False).partial_fit(X, y),
                pickle.loads(pickle.dumps(given)).set_params(
                    shuffle=False, learning_rate_init=0.05).partial_fit(X, y))  # fmt: skip
    assert [p.shape for p in model.predict_proba(X)] == [p.shape for p in trained.predict_proba(X)]


@pytest.mark.parametrize("order", [[0, 1, 2], [1, 2, 0]])
def test_words_beside_numbers(order, tmp_path):
    """As a data frame has them: columns of different types, which an array has as objects."""
    pandas = pytest.importorskip("pandas")
    columns = {"word": WORDS[:, 0], "number": NUMBERS[:, 1], "flag": NUMBERS[:, 2] > 0}
    frame = pandas.DataFrame(columns).iloc[:, order]
    model = net(class_weight="balanced").fit(X, frame)
    assert model.predict(X).dtype == object
    for found, label, (_, column) in zip(
        model.predict(X).T, model.classes_, frame.items(), strict=True
    ):
        assert set(found) <= set(column) == set(label.tolist())
    assert model.score(X, frame) > 0.35
    coded = np.c_[NUMBERS[:, :2], NUMBERS[:, 2] > 0][:, order]
    assert same(model, net(class_weight="balanced").fit(X, coded))
    model.save(tmp_path / "model")
    other = chainfit.load(tmp_path / "model")
    assert np.array_equal(other.predict(X), model.predict(X))
    for twin in (other, model):
        twin.set_params(class_weight=None)
    assert same(other.partial_fit(X, frame), model.partial_fit(X, frame.to_numpy()))
    drawn = net().initialize(4, [np.unique(column) for _, column in frame.items()])
    assert np.array_equal(drawn.partial_fit(X, frame).classes_[0], model.classes_[0])
    early = net(early_stopping=True, scoring="loss").fit(X, frame, X_val=X, y_val=frame)
    assert len(early.validation_scores_) == early.n_iter_


@pytest.mark.parametrize(
    ("classes", "message"),
    [
        ([["a", "b"], [1, None]], "labels that can be sorted"),
        ([["a", "b"], ["c"]], "two or more labels, each once"),
        ([["a", "b"], ["c", "c"]], "two or more labels, each once"),
        ([], "two or more labels"),
        ([[0, 1, 2], [0, 1]], "the targets make"),
    ],
)
def test_classes_that_are_refused(classes, message):
    with pytest.raises(ValueError, match=message):
        MLPClassifier.from_weights([np.ones((3, 4))], classes=classes)
    if "make" not in message:
        with pytest.raises(ValueError, match=message):
            net().initialize(4, classes)


def test_what_one_column_has_is_as_before():
    """0 and 1 in each column are labels that a row has or not, as in scikit-learn's MLP."""
    indicator = (NUMBERS > 0).astype(int)
    assert net().fit(X, indicator)._label_binarizer.y_type_ == "multilabel-indicator"
    with pytest.raises(ValueError, match="must be an indicator matrix"):
        net().fit(X, np.c_[signal, X[:, 2]])


def test_what_is_refused():
    model = net().fit(X, NUMBERS)
    for weight, message in ((np.zeros(len(X)), "non-zero"), (np.ones(3), "inconsistent|shape")):
        with pytest.raises(ValueError, match=message):
            model.score(X, NUMBERS, weight)
    for refused in (
        lambda: model.row_predictor(),
        lambda: model.to_sklearn(),
        lambda: model.input_gradient(X),
    ):
        with pytest.raises(ValueError, match=r"columns of classes|column of y|one classification"):
            refused()
