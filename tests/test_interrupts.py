"""Ctrl-C during long calls: soon, with the work done so far, and a model that can be used."""

import runpy
import signal
import sys
from pathlib import Path

import numpy as np
import pytest

from chainfit import MLPClassifier, MLPRegressor
from chainfit._estimators import callbacks

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="needs signals")

_path = Path(__file__).parents[1] / "benchmarks" / "interrupts.py"
benchmark = runpy.run_path(str(_path))
INTERRUPTED = ["Training interrupted by user."]


@pytest.mark.slow
@pytest.mark.parametrize("call", benchmark["CALLS"])
def test_interrupts_at_random_points(call):
    """How soon they come is told by the benchmark whose program this is."""
    rounds = benchmark["interrupted"](call, 15)
    for _, raised, messages, usable, n_iter in rounds:
        assert usable
        if call.startswith("fit"):
            # before or after the core is at work, Python's own exception comes through
            assert messages == ([] if raised else INTERRUPTED)
            if not raised:
                assert 0 <= n_iter < 10**6  # max_iter
        else:
            assert raised and messages == []
    if call.startswith("fit"):
        assert sum(raised for _, raised, *_ in rounds) <= 5


def test_lbfgs_keeps_the_last_iterate(monkeypatch):
    """Interrupted within the evaluation that follows the third iterate."""
    rng = np.random.RandomState(0)
    X = rng.randn(200, 5)
    y = X[:, 0] * X[:, 1]
    parameters = {"solver": "lbfgs", "hidden_layer_sizes": (8,), "random_state": 0}
    three = MLPRegressor(max_iter=3, **parameters)
    with pytest.warns(UserWarning, match="TOTAL NO. OF ITERATIONS REACHED LIMIT"):
        three.fit(X, y)

    from chainfit._estimators import lbfgs

    evaluations = []

    class Interrupted:
        def __init__(self, trainer):
            self._trainer = trainer

        def __getattr__(self, name):
            return getattr(self._trainer, name)

        def loss_and_gradient(self, *arguments, **named):
            evaluations.append(1)
            if len(evaluations) > limit:
                raise KeyboardInterrupt
            return self._trainer.loss_and_gradient(*arguments, **named)

    make = lbfgs.gradient_trainer
    monkeypatch.setattr(lbfgs, "gradient_trainer", lambda *a: Interrupted(make(*a)))
    limit = 10**9
    whole = MLPRegressor(max_iter=4, **parameters)
    with pytest.warns(UserWarning):
        whole.fit(X, y)
    limit, _ = len(evaluations) - 1, evaluations.clear()
    kept = MLPRegressor(max_iter=50, **parameters)
    with pytest.warns(UserWarning, match="Training interrupted by user"):
        kept.fit(X, y)
    assert kept.n_iter_ == 3
    assert kept.loss_ == three.loss_
    for a, b in zip(kept.coefs_, three.coefs_, strict=True):
        np.testing.assert_array_equal(a, b)
    # before the first iterate: the weights as drawn
    limit, _ = 0, evaluations.clear()
    drawn = MLPRegressor(max_iter=50, **parameters)
    with pytest.warns(UserWarning, match="Training interrupted by user"):
        drawn.fit(X, y)
    assert (drawn.n_iter_, np.isnan(drawn.loss_)) == (0, True)
    drawn.predict(X)


def test_one_evaluation_of_lbfgs_can_be_interrupted():
    """It takes seconds on these rows, and it is one call of the core."""
    rng = np.random.RandomState(0)
    X = rng.randn(20_000, 300)
    model = MLPRegressor(hidden_layer_sizes=(900, 900), random_state=0, solver="lbfgs")

    def handler(*_):
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGALRM, handler)
    signal.setitimer(signal.ITIMER_REAL, 1.0)
    try:
        with pytest.warns(UserWarning, match="Training interrupted by user"):
            model.fit(X, X[:, 0])
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    assert model.n_iter_ < 100


# -- what Python code sees that runs inside of a call


def test_denormal_numbers_of_python_code_inside_of_a_call():
    rng = np.random.RandomState(0)
    X = rng.randn(20_000, 60)
    tiny, seen = 5e-324, []

    def handler(*_):
        seen.append(tiny > 0 and tiny * 1.0 == tiny and np.float32(1e-45) > 0)
        signal.setitimer(signal.ITIMER_REAL, 0.06)

    class Recorder:
        def setup(self, estimator, context):
            pass

        teardown = setup

        def on_fit_task_begin(self, estimator, context):
            handler()

        on_fit_task_end = on_fit_task_begin

    before = signal.signal(signal.SIGALRM, handler)
    parameters = {"hidden_layer_sizes": (64, 64), "tol": 0, "random_state": 0, "max_iter": 2}
    try:
        for batch_size in (1, 4, 200):
            for threads in (1, 2):
                model = MLPRegressor(batch_size=batch_size, n_threads=threads, **parameters)
                signal.setitimer(signal.ITIMER_REAL, 0.06)
                with pytest.warns(UserWarning, match="Maximum iterations"):
                    model.set_callbacks(Recorder()).fit(X, X[:, 0])
        for _ in range(100):
            model.predict(X)
        with pytest.warns(UserWarning):
            MLPRegressor(solver="lbfgs", **parameters).fit(X, X[:, 0])
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    assert len(seen) > 30 and all(seen)
    assert tiny * 1.0 == tiny  # and after the calls


@pytest.mark.parametrize("kind", ["signal", "listener"])
def test_an_error_out_of_a_call_leaves_the_control_word_alone(kind, monkeypatch):
    rng = np.random.RandomState(0)
    X = rng.randn(20_000, 60)
    tiny = 5e-324

    def fail(*_):
        raise LookupError("on purpose")

    before = signal.signal(signal.SIGALRM, fail)
    signal.setitimer(signal.ITIMER_REAL, 0.1 if kind == "signal" else 0)
    model = MLPClassifier(hidden_layer_sizes=(64, 64), max_iter=10**6, tol=0, random_state=0)
    if kind == "listener":
        monkeypatch.setattr(callbacks, "print", fail, raising=False)
        model.set_params(verbose=True)
    try:
        with pytest.raises(LookupError, match="on purpose"):
            model.fit(X, X[:, 0] > 0)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    assert tiny * 1.0 == tiny
    assert not hasattr(model, "coefs_")
