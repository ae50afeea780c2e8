"""class_weight: the same as scikit-learn's weights given row by row."""

import pickle

import numpy as np
import pytest
from sklearn.model_selection import GridSearchCV
from sklearn.utils.class_weight import compute_class_weight, compute_sample_weight

import chainfit
from chainfit import MLPClassifier

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

_rng = np.random.RandomState(0)
X = _rng.randn(90, 4)
signal = X[:, 0] - X[:, 1] ** 2
WEIGHT = _rng.rand(90)
CASES = {
    "two": ((signal > -2).astype(int), {0: 5.0, 1: 0.5}),
    "words": (
        np.array(["few", "many", "some"])[np.digitize(signal, [-3.0, 0.8])],
        {"few": 4, "some": 2.5},
    ),
    "objects": (
        np.array(["no", "yes"], dtype=object)[(signal > 0).astype(int)],
        {"no": 3, "yes": 1},
    ),
    "one": (np.full(90, 7), {7: 2.0}),
    "multilabel": (
        (np.c_[signal, X[:, 2]] > 0.5).astype(int),
        [{0: 1.0, 1: 3.0}, {1: 2.0}],
    ),
}
each_case = pytest.mark.parametrize("case", CASES)


def net(**parameters):
    return MLPClassifier((6,), random_state=0, max_iter=5, **parameters)


def assert_equal(a, b):
    for mine, other in zip(a.coefs_, b.coefs_, strict=True):
        np.testing.assert_array_equal(mine, other, strict=True)


@each_case
@pytest.mark.parametrize("sample_weight", [None, WEIGHT], ids=["", "weighted"])
@pytest.mark.parametrize("balanced", [True, False], ids=["balanced", "given"])
@pytest.mark.parametrize("parameters", [{}, {"early_stopping": True}, {"solver": "lbfgs"}])
def test_it_is_a_sample_weight(case, sample_weight, balanced, parameters):
    y, class_weight = CASES[case]
    class_weight = "balanced" if balanced else class_weight
    rows = compute_sample_weight(class_weight, y)
    expected = rows if sample_weight is None else rows * sample_weight
    model = net(class_weight=class_weight, **parameters).fit(X, y, sample_weight)
    assert_equal(model, net(**parameters).fit(X, y, expected))


@each_case
@pytest.mark.parametrize("as_list", [False, True], ids=["plain", "checked"])
def test_partial_fit_of_rows_without_every_class(case, as_list):
    y, class_weight = CASES[case]
    weights = compute_sample_weight(class_weight, y)
    classes = np.unique(y) if y.ndim == 1 else [0, 1]
    model, twin = net(class_weight=class_weight), net()
    order = np.argsort(y if y.ndim == 1 else y.sum(axis=1), kind="stable")
    for rows in np.split(order, 6):
        labels = y[rows].tolist() if as_list and y.ndim == 1 else y[rows]
        model.partial_fit(X[rows], labels, classes=classes)
        twin.partial_fit(X[rows], y[rows], weights[rows], classes)
    assert_equal(model, twin)


def test_balanced_is_refused_by_partial_fit():
    y, _ = CASES["words"]
    model = net(class_weight="balanced")
    with pytest.raises(ValueError, match="'balanced' is not supported for partial_fit"):
        model.partial_fit(X, y, classes=np.unique(y))
    assert not hasattr(model, "coefs_")
    classes = np.unique(y)
    given = dict(zip(classes, compute_class_weight("balanced", classes=classes, y=y), strict=True))
    model.set_params(class_weight=given).partial_fit(X, y, classes=classes)
    assert model.n_iter_ == 1


@pytest.mark.parametrize(
    ("case", "class_weight", "message"),
    [
        ("two", {2: 1.0}, "not in class_weight"),
        ("two", {0: np.nan}, r"class_weight\[0\] must be a finite number, got nan"),
        ("two", {1: "2"}, r"class_weight\[1\] must be a finite number, got '2'"),
        ("multilabel", [{}, {1: np.inf}, {}], r"class_weight\[1\] must be a finite number"),
        ("two", {0: 0.0, 1: 0.0}, "weights sum to zero over all rows"),
        ("two", [{0: 1.0}], "must be a dict or 'balanced', or a list of dicts where y has several"),
        ("two", [1.0, 2.0], "must be a dict or 'balanced', or a list of dicts"),
        ("multilabel", [1.0, 2.0, 3.0], "a list of dicts where y has several columns"),
        ("multilabel", {0: 1.0, 1: 2.0}, "list of dicts"),
        ("multilabel", [{0: 1.0}], "number of elements in class_weight"),
        ("two", "even", "The 'class_weight' parameter"),
    ],
)
def test_refused(case, class_weight, message):
    model = net(class_weight=class_weight)
    with pytest.raises(ValueError, match=message):
        model.fit(X, CASES[case][0])
    assert not hasattr(model, "coefs_")


def test_rows_to_validate_on_have_their_own_weights_alone():
    y, class_weight = CASES["two"]
    model = net(class_weight=class_weight, early_stopping=True)
    model.fit(X, y, X_val=X[:40], y_val=y[:40])
    assert model.best_validation_score_ == model.score(X[:40], y[:40])


@each_case
def test_saved_and_searched(case, tmp_path):
    y, class_weight = CASES[case]
    model = net(class_weight=class_weight).fit(X, y)
    model.save(tmp_path / "model.safetensors")
    for copy in (chainfit.load(tmp_path / "model.safetensors"), pickle.loads(pickle.dumps(model))):
        assert copy.class_weight == class_weight
        assert_equal(model.partial_fit(X, y), copy.partial_fit(X, y))
        model = net(class_weight=class_weight).fit(X, y)
    if case != "one":
        GridSearchCV(net(), {"class_weight": [None, "balanced", class_weight]}, cv=2).fit(X, y)


@pytest.mark.parametrize("key", [(1, 2), None])
def test_a_file_has_no_room_for_every_label(key, tmp_path):
    y, _ = CASES["two"]
    model = net(class_weight={0: 1.0, 1: 2.0}).fit(X, y)
    model.class_weight = {key: 1.0}
    with pytest.raises(TypeError, match="cannot save parameter class_weight"):
        model.save(tmp_path / "model.safetensors")
    assert not list(tmp_path.iterdir())
