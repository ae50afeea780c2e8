"""How soon Ctrl-C ends a long call: SIGINT at random points of each, in processes of their own.

python benchmarks/interrupts.py [--times 100] [CALL ...]
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
from typing import Any

PROGRAM = """
import json, os, signal, sys, threading, time, warnings
import numpy as np
import chainfit
from chainfit import MLPClassifier, MLPRegressor

rng = np.random.RandomState(0)
X = rng.randn(4000, 40)
y = X[:, 0] - X[:, 1] ** 2
wide = rng.randn(30_000, 200)
long = dict(max_iter=10**6, max_fun=10**9, n_iter_no_change=np.inf, tol=0, random_state=0,
            hidden_layer_sizes=(64, 64))
deep = MLPRegressor(hidden_layer_sizes=(300, 300), max_iter=1, batch_size=1000, random_state=0)
with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    deep.fit(wide, wide[:, 0])
    small = MLPRegressor(hidden_layer_sizes=(8,), max_iter=2, random_state=0).fit(X[:, :4], y)
    classes = MLPClassifier(hidden_layer_sizes=(300, 300), max_iter=1, batch_size=1000,
                            random_state=0).fit(wide, wide[:, 0] > 0)

def forever(call):
    while True:
        call()

model = None
def fit(solver):
    global model
    model = MLPRegressor(solver=solver, **long)
    model.fit(X, y)
def partial_fit():
    global model
    model = MLPRegressor(solver="adam", **long)
    forever(lambda: model.partial_fit(X, y))

calls = dict(
    fit_adam=lambda: fit("adam"),
    fit_sgd=lambda: fit("sgd"),
    fit_lbfgs=lambda: fit("lbfgs"),
    partial_fit=partial_fit,
    predict=lambda: forever(lambda: deep.predict(wide)),
    predict_proba=lambda: forever(lambda: classes.predict_proba(wide)),
    explain=lambda: forever(lambda: chainfit.explain(small, X[0, :4], y[0], (0, 1, 2))),
)
name, seed, times = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
call, delays = calls[name], np.random.RandomState(seed)
report = []
for _ in range(times):
    sent = []
    def interrupt():
        time.sleep(delays.uniform(0.02, 0.3))
        sent.append(time.perf_counter())
        os.kill(os.getpid(), signal.SIGINT)
    model, raised = None, False
    sender = threading.Thread(target=interrupt)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            sender.start()
            call()
        except KeyboardInterrupt:
            raised = True
    passed = time.perf_counter() - sent[0]
    sender.join()
    usable = True
    if hasattr(model, "coefs_"):
        usable = bool(np.isfinite(model.predict(X)).all())
    report.append([passed, raised, [str(w.message) for w in caught], usable,
                   getattr(model, "n_iter_", None)])
print(json.dumps(report))
"""
CALLS = ["fit_adam", "fit_sgd", "fit_lbfgs", "partial_fit", "predict", "predict_proba", "explain"]


def interrupted(call: str, times: int, seed: int = 0) -> list[Any]:
    """Return [seconds, raised, warnings, usable, n_iter_] of each interrupt."""
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, call, str(seed), str(times)],
        capture_output=True,
        text=True,
    )
    if done.returncode != 0:
        raise RuntimeError(f"{call} ended with {done.returncode}: {done.stderr}")
    rounds: list[Any] = json.loads(done.stdout)
    return rounds


def main() -> None:
    """Print a line for each call."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("calls", nargs="*", metavar="CALL", help=", ".join(CALLS))
    parser.add_argument("--times", type=int, default=100)
    arguments = parser.parse_args()
    print(f"{'milliseconds from SIGINT':24}  median  longest  usable")
    for call in arguments.calls or CALLS:
        rounds = interrupted(call, arguments.times)
        passed = [1000 * seconds for seconds, *_ in rounds]
        usable = sum(ok for *_, ok, _ in rounds)
        print(f"{call:24}{statistics.median(passed):8.0f}{max(passed):9.0f}{usable:8}", flush=True)


if __name__ == "__main__":
    main()
