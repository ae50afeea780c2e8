"""What an installed chainfit must do with its hard dependencies only: `python tests/smoke.py`.

Fits, predicts, explains, saves and loads. The first prediction may take ten seconds of the
processor, or as many as are given, from the start of Python on.
"""

import sys
import sysconfig
import tempfile
import time
import warnings
from pathlib import Path

import numpy as np
from sklearn.datasets import load_iris
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import chainfit

if sysconfig.get_config_var("Py_GIL_DISABLED"):  # off it stays, where CPython is up to it
    assert sys._is_gil_enabled() == (sys.version_info < (3, 14)), "the GIL is not as it should be"

warnings.simplefilter("error")

X, y = load_iris(return_X_y=True)
model = make_pipeline(StandardScaler(), chainfit.MLPClassifier(max_iter=500, random_state=0))
found = model.fit(X, y).predict(X)
spent = time.process_time()
allowed = float(sys.argv[1]) if len(sys.argv) > 1 else 10
assert spent < allowed, f"the first prediction took {spent:.1f} s"
assert (found == y).mean() > 0.95

net, rows = model[-1], model[0].transform(X)
same = [chainfit.MLPClassifier(**{**net.get_params(), "n_threads": n}).fit(rows, y) for n in (1, 2)]
for one, two in zip(*(m.coefs_ for m in same), strict=True):
    np.testing.assert_array_equal(one, two)

text = str(chainfit.explain(net, rows[:5], y[:5], weight="W[0][0, 0]"))
assert "∂J" in text, text

with tempfile.TemporaryDirectory() as folder:
    path = Path(folder) / "model"
    net.save(path)
    loaded = chainfit.load(path)
np.testing.assert_array_equal(loaded.predict_proba(rows), net.predict_proba(rows))
np.testing.assert_array_equal(net.row_predictor()(rows[0]), net.predict_proba(rows[:1])[0])

print(f"chainfit {chainfit.__version__}: first prediction after {spent:.1f} s of the processor")
