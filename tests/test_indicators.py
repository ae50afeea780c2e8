"""Multilabel targets: what is read as an indicator matrix, and as which."""

import warnings
from itertools import product

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from numpy.testing import assert_allclose, assert_array_equal
from sklearn import neural_network as theirs

import chainfit

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

_rng = np.random.RandomState(1)
X = _rng.randn(120, 4)
Y = (np.c_[X[:, 0] + X[:, 1], X[:, 2], X[:, 3] - X[:, 0]] > 0).astype(int)


def with_explicit_zeros(values):
    """Return a CSR matrix that holds its zeros too."""
    matrix = sp.csr_matrix(np.ones_like(values))
    matrix.data = values.ravel()
    return matrix


INDICATORS = {
    "0 and 1": Y,
    "0 and 255, uint8": (255 * Y).astype(np.uint8),
    "0 and 2": 2 * Y,
    "booleans": Y > 0,
    "0.0 and 2.0": 2.0 * Y,
    "0 and -3, float32": (-3 * Y).astype(np.float32),
    "0 and the least int64": np.iinfo(np.int64).min * Y,
    "Fortran order": np.asfortranarray(7 * Y),
    "lists": (2 * Y).tolist(),
    "data frame": pd.DataFrame(2 * Y),
    "all present": np.full_like(Y, 5),
    "none present": np.zeros_like(Y),
    **{form: sp.csr_matrix(2 * Y).asformat(form) for form in ("csr", "csc", "coo", "lil", "dok")},
    "csr, uint8": sp.csr_matrix((255 * Y).astype(np.uint8)),
    "csr, booleans": sp.csr_matrix(Y > 0),
    "csr, negative": sp.csr_matrix(-Y),
    "sparse array": sp.csr_array(2 * Y),
    "explicit zeros": with_explicit_zeros(2 * Y),
    "explicit zeros, float": with_explicit_zeros(2.0 * Y),
}
NO_INDICATORS = {
    "1 and 2": Y + 1,
    "-1 and 1": 2 * Y - 1,
    "0, 1 and 2": Y * (1 + np.arange(len(Y)) % 2)[:, np.newaxis],
    "fractions": 0.5 * Y,
    "words": np.where(Y, "yes", "no"),
    "csr, -1 and 1": with_explicit_zeros(2 * Y - 1),
    "csr, 0, 1 and 2": sp.csr_matrix(Y * (1 + np.arange(len(Y)) % 2)[:, np.newaxis]),
    "csr, 1 and 2": sp.csr_matrix(Y + 1),
}
SEVERAL = ("0, 1 and 2", "words")  # a classification for each column


def fit(model, y):
    return model.fit(X, y)


def fit_again(model, y):
    return model.set_params(warm_start=True).fit(X, Y).fit(X, y)


def partial_fit(model, y):
    return model.partial_fit(X, y, classes=np.arange(3)).partial_fit(X, y)


def partial_fit_later(model, y):
    return model.partial_fit(X, Y, classes=np.arange(3)).partial_fit(X, y)


WAYS = {
    "fit": (fit, {}),
    "early stopping": (fit, {"early_stopping": True}),
    "lbfgs": (fit, {"solver": "lbfgs"}),
    "warm start": (fit_again, {}),
    "partial_fit": (partial_fit, {}),
    "partial_fit, later": (partial_fit_later, {}),
}
each_way = pytest.mark.parametrize("way", WAYS)
# Every kind in the first call, and in each other way every fifth.
WAYS_OF_KINDS = [
    (way, kind)
    for (n, way), (m, kind) in product(enumerate(WAYS), enumerate(INDICATORS))
    if way in ("fit", "partial_fit") or (n + m) % 5 == 0
]


def make(package, way, y):
    train, parameters = WAYS[way]
    model = package.MLPClassifier((5,), max_iter=25, random_state=0, learning_rate_init=0.03)
    return train(model.set_params(**parameters), y)


@pytest.mark.parametrize(("way", "kind"), WAYS_OF_KINDS)
def test_any_nonzero_value_means_that_the_label_is_present(way, kind):
    y = INDICATORS[kind]
    with warnings.catch_warnings():
        # theirs, of logarithms of 0 and of divisions, where a label is always there
        warnings.simplefilter("ignore", RuntimeWarning)
        ours, other = make(chainfit, way, y), make(theirs, way, y)
    for mine, expected in zip(ours.coefs_, other.coefs_, strict=True):
        assert_allclose(mine, expected, rtol=1e-8, atol=1e-12)
    assert ours.score(X, y) == other.score(X, y)
    if way == "early stopping":
        assert ours.validation_scores_ == other.validation_scores_
    predicted, expected = ours.predict(X), other.predict(X)
    assert type(predicted) is type(expected)
    assert predicted.dtype == expected.dtype
    if sp.issparse(expected):
        predicted, expected = predicted.toarray(), expected.toarray()
    assert_array_equal(predicted, expected, strict=True)


@each_way
@pytest.mark.parametrize("kind", NO_INDICATORS)
def test_what_is_no_indicator_matrix_is_refused(way, kind):
    if kind in SEVERAL and way in ("fit", "early stopping", "lbfgs"):  # nothing else is known
        assert isinstance(make(chainfit, way, NO_INDICATORS[kind]).classes_, list)
        return
    with pytest.raises(ValueError, match="must be an indicator matrix: 0 where a row does not"):
        make(chainfit, way, NO_INDICATORS[kind])
