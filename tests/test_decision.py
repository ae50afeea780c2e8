"""decision_function: scikit-learn's shapes, in line with predict and predict_proba."""

import numpy as np
import pytest
import scipy.sparse as sp
from scipy.special import expit, softmax

from chainfit import MLPClassifier

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

_rng = np.random.RandomState(0)
X = _rng.randn(90, 4)
signal = X[:, 0] - X[:, 1] ** 2
TARGETS = {
    "two": np.where(signal > 0, "yes", "no"),
    "three": np.digitize(signal, [-1.0, 0.3]),
    "multilabel": (np.c_[signal, X[:, 2]] > 0).astype(int),
    "one": np.full(90, 3),
}


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("rows", [1, 3, 90])
def test_scores(target, dtype, rows):
    y = TARGETS[target]
    model = MLPClassifier((6,), random_state=0, max_iter=30).fit(X.astype(dtype), y)
    inputs = X[:rows].astype(dtype)
    scores, output = model.decision_function(inputs), model.predict_proba(inputs)
    assert scores.dtype == dtype
    tolerance = 8 * np.finfo(dtype).eps
    if target in ("two", "one"):
        assert scores.shape == (rows,)
        np.testing.assert_allclose(expit(scores), output[:, 1], atol=tolerance, rtol=0)
        expected = model.classes_[(scores > 0).astype(int)] if target == "two" else y[:rows]
    elif target == "three":
        assert scores.shape == (rows, 3)
        np.testing.assert_allclose(softmax(scores, axis=1), output, atol=tolerance, rtol=0)
        expected = model.classes_[scores.argmax(axis=1)]
    else:
        assert scores.shape == (rows, 2)
        np.testing.assert_allclose(expit(scores), output, atol=tolerance, rtol=0)
        expected = (scores > 0).astype(int)
    assert np.array_equal(model.predict(inputs), expected)
    sparse = model.decision_function(sp.csr_matrix(inputs))
    assert np.array_equal(sparse, scores)


def test_scores_of_a_scorer_are_raw():
    """A model that knows its output for the validation rows doesn't take that for its scores."""
    seen = []

    def scorer(model, inputs, y):
        seen.append(model.decision_function(inputs).copy())
        model.predict(inputs)
        return 0.0

    model = MLPClassifier((3,), random_state=0, max_iter=1, scoring=scorer)
    model.fit(X, TARGETS["two"], X_val=X, y_val=TARGETS["two"])
    assert np.array_equal(seen[-1], model.decision_function(X))
