"""scikit-learn's own checks of third-party estimators."""

import os
import subprocess
import sys
from unittest import SkipTest

import pytest
from sklearn.utils.estimator_checks import parametrize_with_checks

from chainfit import MLPClassifier, MLPRegressor

pytestmark = pytest.mark.filterwarnings("ignore")

# What scikit-learn leaves out for its own MLP too; array API input is checked further below.
LEFT_OUT = ("does not have a decision_function method", "SCIPY_ARRAY_API is not set")


@parametrize_with_checks([MLPClassifier(max_iter=100), MLPRegressor(max_iter=100)])
def test_check(estimator, check):
    try:
        check(estimator)
    except SkipTest as reason:
        assert any(words in str(reason) for words in LEFT_OUT)


ARRAY_API = """
from sklearn.utils.estimator_checks import check_array_api_input, estimator_checks_generator
from chainfit import MLPClassifier, MLPRegressor
for model in (MLPClassifier(max_iter=20), MLPRegressor(max_iter=20)):
    for estimator, check in estimator_checks_generator(model):
        if "array_api" in str(check):
            check(estimator)
            print(type(model).__name__)
"""


def test_array_api_checks():
    # SciPy reads the variable when it is imported, so only a new process can set it.
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", ARRAY_API],
        env={**os.environ, "SCIPY_ARRAY_API": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert set(done.stdout.split()) == {"MLPClassifier", "MLPRegressor"}
