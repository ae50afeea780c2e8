"""scikit-learn's own tests of its MLP, from the installed package, on our classes."""

import json
import os
import subprocess
import sys

import pytest

pytestmark = pytest.mark.slow

# Tests of private helpers that mean nothing here, with the reason.
LEFT_OUT = {
    "test_gradient": "calls _loss_grad_lbfgs, scikit-learn's private interface to SciPy; "
    "our gradient is held against central differences in test_training.py and test_reference.py",
}

# The test module takes the two names from sklearn.neural_network, in this process only.
RUN = """
import json, sys
import pytest
import sklearn.neural_network as package

whose, folder = sys.argv[1:]
if whose == "ours":
    import chainfit
    package.MLPClassifier, package.MLPRegressor = chainfit.MLPClassifier, chainfit.MLPRegressor


class Outcomes:
    def __init__(self):
        self.found, self.classes = {}, set()

    def pytest_collection_modifyitems(self, items):
        for item in items:
            self.classes |= {item.module.MLPClassifier.__module__.split(".")[0]}

    def pytest_runtest_logreport(self, report):
        if report.when == "call" or report.outcome != "passed":
            self.found[report.nodeid.split("::")[-1]] = report.outcome


outcomes = Outcomes()
arguments = ["-q", "-p", "no:cacheprovider", "-c", f"{folder}/pytest.ini", "--rootdir", folder]
tests = ["--pyargs", "sklearn.neural_network.tests.test_mlp"]
pytest.main([*arguments, *tests], plugins=[outcomes])
with open(f"{folder}/{whose}.json", "w") as file:
    json.dump([outcomes.found, sorted(outcomes.classes)], file)
"""


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory):
    """Both runs, side by side: of each its report, its outcomes by test, and whose classes.

    With one thread each, as BLAS is slow with as many as there are processors for two of them.
    """
    folder = tmp_path_factory.mktemp("own_tests")
    (folder / "pytest.ini").write_text("[pytest]\n")
    runs = {
        whose: subprocess.Popen(
            [sys.executable, "-c", RUN, whose, str(folder)],
            cwd=folder,
            env={**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for whose in ("ours", "theirs")
    }
    reports = {whose: run.communicate(timeout=600)[0] for whose, run in runs.items()}
    return {
        whose: (reports[whose], *json.loads((folder / f"{whose}.json").read_text()))
        for whose in runs
    }


def test_outcomes_are_scikit_learns(outcomes):
    report, ours, classes = outcomes["ours"]
    _, theirs, their_classes = outcomes["theirs"]
    assert (classes, their_classes) == (["chainfit"], ["sklearn"])
    assert len(theirs) >= 59
    assert ours.keys() == theirs.keys()
    other = {name: outcome for name, outcome in ours.items() if outcome != theirs[name]}
    assert other == dict.fromkeys(LEFT_OUT, "failed"), report
    assert len(LEFT_OUT) <= 4


def test_what_is_left_out_fails_for_the_reason_given(outcomes):
    report = outcomes["ours"][0]
    assert "'MLPClassifier' object has no attribute '_loss_grad_lbfgs'" in report
