"""Scores of early stopping: the numbers of scikit-learn's functions, to the last bit."""

import numpy as np
import pytest
import scipy.sparse as sp
from sklearn.metrics import accuracy_score, r2_score

from chainfit import MLPClassifier, MLPRegressor
from chainfit._estimators.scores import r2

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

ROWS = 203  # more than one block of NumPy's pairwise sums
_rng = np.random.RandomState(0)
X = _rng.randn(ROWS, 4)
signal = X[:, 0] - X[:, 1] ** 2
LABELS = {
    "two": (signal > 0).astype(int),
    "three": np.digitize(signal, [-1.0, 0.3]),
    "words": np.array(["no", "perhaps", "yes"])[np.digitize(signal, [-1.0, 0.3])],
    "objects": np.array(["no", "yes"], dtype=object)[(signal > 0).astype(int)],
    "one": np.full(ROWS, 7),
    "multilabel": (np.c_[signal, X[:, 2], X[:, 3]] > 0).astype(int),
    "sparse multilabel": sp.csr_matrix((np.c_[signal, X[:, 2]] > 0).astype(int)),
}
WEIGHTS = {
    "none": None,
    "positive": _rng.rand(ROWS),
    "some zero": _rng.randint(0, 3, ROWS).astype(float),
    "some negative": _rng.randn(ROWS) + 0.5,
}
each_dtype = pytest.mark.parametrize("dtype", [np.float32, np.float64])
each_weight = pytest.mark.parametrize("weights", WEIGHTS)


def weights_in(dtype, weights):
    sample_weight = WEIGHTS[weights]
    return None if sample_weight is None else sample_weight.astype(dtype)


@each_dtype
@each_weight
@pytest.mark.parametrize("kind", LABELS)
def test_accuracy(dtype, weights, kind):
    y, sample_weight = LABELS[kind], weights_in(dtype, weights)
    model = MLPClassifier((4,), max_iter=2, random_state=0).fit(X.astype(dtype), y)
    Y = model._encode(y, None, True, np.dtype(dtype))
    score = model._scorer(Y, sample_weight)
    for outputs in (model._forward(X.astype(dtype)), Y, 1 - Y):
        expected = accuracy_score(y, model._decode(outputs), sample_weight=sample_weight)
        assert score(outputs) == expected
        assert type(score(outputs)) is float


REAL = {
    "one": signal[:, np.newaxis],
    "three": np.c_[signal, 1e3 * X[:, 2], X[:, 3] + 100],
    "constant": np.full((ROWS, 1), 3.25),
    "one of two constant": np.c_[np.full(ROWS, -2.0), signal],
    "many": _rng.randn(ROWS, 40),
}


@each_dtype
@each_weight
@pytest.mark.parametrize("kind", REAL)
def test_r2(dtype, weights, kind):
    Y, sample_weight = REAL[kind].astype(dtype), weights_in(dtype, weights)
    score = r2(Y, sample_weight)
    noise = np.random.RandomState(1).randn(*Y.shape).astype(dtype)
    half_right = np.where(np.arange(Y.shape[1]) % 2, Y, Y + noise)
    for outputs in (Y + noise / 8, Y, half_right, np.zeros_like(Y), Y * 1e6):
        assert score(outputs) == r2_score(Y, outputs, sample_weight=sample_weight)
        assert type(score(outputs)) is float


@pytest.mark.parametrize("rows", [2, 3, 8, 9, 129, 1000])
def test_r2_of_few_and_many_rows(rows):
    random_state = np.random.RandomState(rows)
    for n_outputs in (1, 2, 17):
        Y, outputs = random_state.randn(2, rows, n_outputs)
        assert r2(Y, None)(outputs) == r2_score(Y, outputs)
        weight = random_state.rand(rows)
        assert r2(Y, weight)(outputs) == r2_score(Y, outputs, sample_weight=weight)


@pytest.mark.parametrize("kind", [MLPClassifier, MLPRegressor])
def test_held_out_rows_must_weigh_something(kind):
    weight = np.zeros(ROWS)
    weight[0] = 1  # which random_state=0 leaves among the rows to train on
    model = kind(hidden_layer_sizes=(4,), early_stopping=True, random_state=0)
    with pytest.raises(ValueError, match="must not sum to zero over the rows that"):
        model.fit(X, LABELS["two"], sample_weight=weight)
