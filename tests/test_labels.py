"""Labels are understood as scikit-learn's LabelBinarizer understands them."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from sklearn.preprocessing import LabelBinarizer
from sklearn.utils.multiclass import unique_labels

from chainfit._estimators.labels import binarizer_for, found_labels

_rng = np.random.RandomState(0)
LABELS = {
    "uint8": _rng.randint(0, 3, 60).astype(np.uint8),
    "booleans": _rng.rand(60) > 0.5,
    "floats": np.round(3 * _rng.rand(60)),
    "float32": np.round(2 * _rng.rand(60)).astype(np.float32),
    "signed zeros": np.array([-0.0, 0.0, 1.0] * 20),
    "large floats": np.array([2.0**60, 2.0**61] * 30),
    "text": _rng.choice(["b", "a", "c"], 60),
    "objects": _rng.choice(["b", "a", "c"], 60).astype(object),
    "one class": np.zeros(60, int),
    "negative": _rng.choice([-1, 1], 60),
    "indicators": _rng.randint(0, 2, (60, 3)),
    "float indicators": _rng.randint(0, 2, (60, 3)).astype(float),
    "0 and 255": 255 * _rng.randint(0, 2, (60, 2)).astype(np.uint8),
    "none present": np.zeros((60, 2), int),
    "all present": np.ones((60, 2), int),
}


@pytest.mark.parametrize("name", LABELS)
def test_as_scikit_learn(name):
    y = LABELS[name]
    right, got = LabelBinarizer().fit(y), binarizer_for(y)
    assert (got.y_type_, got.sparse_input_) == (right.y_type_, right.sparse_input_)
    assert got.classes_.dtype == right.classes_.dtype
    assert_array_equal(got.classes_, right.classes_)
    assert_array_equal(found_labels(y), unique_labels(y))


@pytest.mark.filterwarnings("ignore:invalid value encountered in cast")  # scikit-learn's own
@pytest.mark.parametrize("y", [[0.5, 1.0] * 30, [1e19, 2e19] * 30, [1e300, 2e300] * 30])
def test_no_labels_for_scikit_learn(y):
    """Fractions, and floats beyond int64."""
    for fit in (LabelBinarizer().fit, binarizer_for):
        with pytest.raises(ValueError, match="Unknown label type"):
            fit(np.array(y))
