"""Python may end while daemon threads are inside chainfit: the exit code is the program's own."""

import subprocess
import sys

import pytest

PROGRAM = """
import os, pickle, sys, threading, time, warnings
import numpy as np, scipy.sparse as sp
import chainfit
from chainfit import MLPClassifier, MLPRegressor

warnings.simplefilter("ignore")
X = np.random.RandomState(0).randn(600, 30)
y = X[:, 0]
few = dict(hidden_layer_sizes=(48,), max_iter=8, random_state=0)
model = MLPRegressor(**few).fit(X, y)
classifier = MLPClassifier(**few).fit(X, y > 0)
S = sp.csr_array(np.where(X > 1, X, 0))
row = model.row_predictor()
path = os.path.join(sys.argv[3], "model.safetensors")
model.save(path)
calls = dict(
    fit=lambda: MLPRegressor(**few).fit(X, y),
    fit_classifier=lambda: MLPClassifier(**few).fit(X, y > 0),
    fit_text=lambda: MLPClassifier(**few).fit(X, np.where(y > 0, "b", "a")),
    fit_floats=lambda: MLPClassifier(**few).fit(X, np.where(y > 0, 3.0, 1.0)),
    fit_multilabel=lambda: MLPClassifier(**few).fit(X, X[:, :3] > 0),
    fit_verbose=lambda: MLPRegressor(verbose=True, **few).fit(X, y),
    fit_early_stopping=lambda: MLPRegressor(early_stopping=True, **few).fit(X, y),
    fit_lbfgs=lambda: MLPRegressor(solver="lbfgs", **few).fit(X, y),
    fit_sparse=lambda: MLPRegressor(**few).fit(S, y),
    partial_fit=lambda: model.partial_fit(X, y),
    first_partial_fit=lambda: MLPClassifier(**few).partial_fit(X, y > 0, classes=[False, True]),
    predict=lambda: model.predict(X),
    predict_one=lambda: model.predict(X[:1]),
    predict_proba=lambda: classifier.predict_proba(X),
    row_predictor=lambda: row(X[0]),
    save=lambda: model.save(path),
    load=lambda: chainfit.load(path),
    to_sklearn=lambda: model.to_sklearn(),
    pickle=lambda: pickle.dumps(model),
    explain=lambda: chainfit.explain(model, X[0], y[0], (0, 1, 2)),
    trace=lambda: chainfit.trace(model, X[:4], y[:4]),
)
call = calls[sys.argv[1]]

def work():
    while True:
        call()
        ready.set()

# each exit is a forked child's: it saves the imports
for n in range(int(sys.argv[2])):
    child = os.fork()
    if child:
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
        continue
    sys.stdout = open("/dev/null", "w")
    ready = threading.Event()
    for _ in range(3):
        threading.Thread(target=work, daemon=True).start()
    ready.wait()
    time.sleep(0.003 * n)
    if n % 2:
        sys.exit(7)
    break
"""
ENTRY_POINTS = [
    "fit", "fit_classifier", "fit_text", "fit_floats", "fit_multilabel", "fit_verbose",
    "fit_early_stopping", "fit_lbfgs", "fit_sparse", "partial_fit", "first_partial_fit", "predict",
    "predict_one", "predict_proba", "row_predictor", "save", "load", "to_sklearn", "pickle",
    "explain", "trace",
]  # fmt: skip
EXITS = 20
pytestmark = pytest.mark.slow


@pytest.mark.parametrize("entry", ENTRY_POINTS)
def test_daemon_threads_inside(entry, tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, entry, str(EXITS), tmp_path],
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert [int(code) for code in done.stdout.split()] == [0, 7] * (EXITS // 2), done.stderr
    assert done.stderr == ""


SERVER = """
import http.server, threading, urllib.request, warnings
import numpy as np
from chainfit import MLPRegressor

warnings.simplefilter("ignore")
X = np.random.RandomState(0).randn(20000, 30)
model = MLPRegressor(hidden_layer_sizes=(64, 64), max_iter=1).fit(X, X[:, 0])

class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        while True:
            model.predict(X)

server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
address = f"http://127.0.0.1:{server.server_port}/"
for _ in range(3):
    threading.Thread(target=urllib.request.urlopen, args=(address,), daemon=True).start()
threading.Timer(0.3, __import__("_thread").interrupt_main).start()
try:
    server.serve_forever()
except KeyboardInterrupt:
    print("stopped")
"""


def test_a_server_that_predicts_stopped_by_ctrl_c():
    for _ in range(3):
        done = subprocess.run(
            [sys.executable, "-c", SERVER], capture_output=True, text=True, timeout=60
        )
        assert (done.returncode, done.stdout) == (0, "stopped\n"), done.stderr
