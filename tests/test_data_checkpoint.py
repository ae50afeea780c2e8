"""Checkpoints of fits on sources: a fit that was cut short goes on to the same bits."""

import numpy as np
import pytest
from in_blocks import SETTINGS, X, bits, kinds, labels, weight

from chainfit import MLPClassifier

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


@pytest.mark.parametrize("kind", ["arrays", "function"])
@pytest.mark.parametrize("early_stopping", [False, True])
def test_a_checkpoint_goes_on(kind, early_stopping, tmp_path):
    settings = {**SETTINGS, "early_stopping": early_stopping, "dropout": 0.2}
    given = kinds(X, labels, weight, buffer_rows=100)
    whole = MLPClassifier(**{**settings, "max_iter": 9}).fit(given[kind])
    settings["checkpoint"] = tmp_path / "state"
    MLPClassifier(**{**settings, "max_iter": 4}).fit(given[kind])
    model = MLPClassifier(**{**settings, "max_iter": 9}).fit(given[kind])
    assert bits(model) == bits(whole)
    other = kinds(X + 1, labels, weight, buffer_rows=100)[kind]
    with pytest.raises(ValueError, match="of another fit, with other X"):
        MLPClassifier(**settings).fit(other)


KILLED = """
import sys, numpy as np
from chainfit import MLPClassifier, data
rng = np.random.default_rng(0)
X = rng.standard_normal((4000, 6)); y = np.digitize(X[:, 0] * X[:, 1], [-0.5, 0.5])
source = data.Arrays(X, y, block_rows=200, buffer_rows=1000)
model = MLPClassifier((20,), max_iter=30, n_iter_no_change=40, random_state=0, dropout=0.1,
                      early_stopping=True, checkpoint=sys.argv[1], checkpoint_interval=1,
                      callbacks=[lambda event: print("epoch", flush=True)])
model.fit(source)
import hashlib
total = hashlib.sha256(b"".join(w.tobytes() for w in model.coefs_ + model.intercepts_))
print(total.hexdigest(), flush=True)
"""


def killed_at(path, seconds):
    """Run the script, killed after so many seconds of training; return what it printed last."""
    import subprocess
    import sys
    import time

    command = [sys.executable, "-W", "ignore", "-c", KILLED, str(path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        if seconds is not None:
            process.stdout.readline()  # the first epoch has ended
            time.sleep(seconds)
            process.kill()
        return process.stdout.read().split()[-1:]


@pytest.mark.slow
def test_killed_at_any_time_it_comes_to_the_same_bits(tmp_path):
    (whole,) = killed_at(tmp_path / "whole", None)
    assert len(whole) == 64
    for number, seconds in enumerate(np.random.default_rng(1).uniform(0, 0.4, 20)):
        killed_at(tmp_path / str(number), seconds)
        assert killed_at(tmp_path / str(number), None) == [whole]
