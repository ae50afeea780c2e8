"""scikit-learn's own checks of third-party estimators."""

import json
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


WITH_ARRAY_API = """
import json
import warnings
warnings.simplefilter("ignore")
import pandas
from sklearn.utils.estimator_checks import check_estimator
from chainfit import MLPClassifier, MLPRegressor
found = {}
for model in (MLPClassifier(max_iter=100), MLPRegressor(max_iter=100)):
    results = check_estimator(model, on_skip=None)
    assert any("array_api" in result["check_name"] for result in results)
    found[type(model).__name__] = [
        len(results), {r["check_name"]: r["status"] for r in results if r["status"] != "passed"}
    ]
print(json.dumps(found))
"""


def test_checks_with_array_api():
    # SciPy reads the variable when it is imported, so only a new process can set it.
    done = subprocess.run(
        [sys.executable, "-c", WITH_ARRAY_API],
        env={**os.environ, "SCIPY_ARRAY_API": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    (checks, others), (regressor_checks, regressor_others) = found.values()
    assert others == regressor_others == {}
    assert min(checks, regressor_checks) >= 60
