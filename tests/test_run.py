"""The fit loop: learning-rate schedules, when it stops, what it tells, how it is stopped.

The oracle for stopping is the loop below, written from scikit-learn's documented behaviour; its
decisions depend on numbers alone, so everything here is exact.
"""

import math

import numpy as np
import pytest

from chainfit import _core

# --- stopping ------------------------------------------------------------------------------------


class Expected:
    """scikit-learn's stopping rule and schedules, fed with one loss or score an epoch."""

    def __init__(self, run, eta, adaptive=False):
        self.tol, self.patience, self.max_iter = run.tol, run.n_iter_no_change, run.max_iter
        self.best_loss, self.best_score = run.best_loss, run.best_validation_score
        self.count = run.no_improvement_count
        self.eta, self.adaptive = eta, adaptive
        self.stopped, self.epochs, self.events = "", 0, []

    def epoch(self, loss, score=None):
        self.epochs += 1
        self.events.append(("epoch", loss))
        if score is None:
            self.count = self.count + 1 if loss > self.best_loss - self.tol else 0
            self.best_loss = min(loss, self.best_loss)
        else:
            self.events.append("validate")
            self.count = self.count + 1 if score < self.best_score + self.tol else 0
            self.best_score = max(self.best_score, score)
        self.events.append(("end", loss))
        if self.count > self.patience:
            if self.adaptive and self.eta > 1e-6:
                self.eta /= 5
                self.count = 0
                self.events.append(("learning_rate", self.eta))
            else:
                self.stopped = "converged"
                return
        if self.epochs == self.max_iter:
            self.stopped = "max_iter"


def settings(**values):
    run = _core.Run()
    run.max_iter = 200
    for name, value in values.items():
        setattr(run, name, value)
    return run


def agree(run, expected):
    assert run.stopped == expected.stopped
    assert run.n_iter == expected.epochs
    assert run.no_improvement_count == expected.count
    assert run.best_loss == expected.best_loss
    assert run.best_validation_score == expected.best_score


@pytest.mark.parametrize("patience", [0, 1, 2.5, 5, math.inf])
@pytest.mark.parametrize("tol", [0.0, 1e-4, 0.5, math.inf])
def test_stopping_by_the_loss(tol, patience, make_net):
    """On a real, bumpy curve: eta is large, and so losses rise and fall."""
    net = make_net([3, 6, 1], rows=20)
    chosen = {"tol": tol, "n_iter_no_change": patience, "max_iter": 80, "batch_size": 3}
    expected = Expected(settings(**chosen), 0.5)
    events = []
    run = net.train(net.trainer(eta=0.5), lambda *event: events.append(event), **chosen)
    for loss in run.loss_curve:
        assert not expected.stopped  # not an epoch too many
        expected.epoch(loss)
    agree(run, expected)
    assert events == expected.events


@pytest.mark.parametrize("patience", [0, 3])
def test_stopping_needs_the_count_above_the_limit(patience, make_net):
    """With a loss that stays as it is the first epoch is the best one, all after it count."""
    net = make_net([3, 6, 1], rows=20)
    run = net.train(net.trainer(eta=0.0), tol=1e-4, n_iter_no_change=patience, max_iter=50)
    assert (run.stopped, run.n_iter) == ("converged", 1 + patience + 1)
    assert run.no_improvement_count == patience + 1
    # an equal loss is not above best_loss - 0
    run = net.train(net.trainer(eta=0.0), tol=0.0, n_iter_no_change=patience, max_iter=50)
    assert (run.stopped, run.n_iter) == ("max_iter", 50)
    # and in the last epoch of all it counts as converged
    run = net.train(
        net.trainer(eta=0.0), tol=1e-4, n_iter_no_change=patience, max_iter=patience + 2
    )
    assert run.stopped == "converged"


def test_a_run_takes_up_the_counts_it_is_given(make_net):
    net = make_net([3, 6, 1], rows=20)
    run = net.train(
        net.trainer(eta=0.0), tol=0.0, n_iter_no_change=4, max_iter=50, best_loss=1e-9,
        no_improvement_count=2, t=100,
    )  # fmt: skip
    assert (run.stopped, run.n_iter, run.t) == ("converged", 3, 100 + 3 * 20)
    assert run.best_loss == 1e-9


SCORES = {
    "rising": [0.1, 0.2, 0.3, 0.4, 0.5, 0.6],
    "falling": [0.6, 0.5, 0.4, 0.3, 0.2, 0.1],
    "equal": [0.5] * 8,
    "slow": [0.5, 0.5005, 0.501, 0.5015, 0.502, 0.503],
    "bumpy": [0.3, 0.6, 0.2, 0.7, 0.1, 0.1, 0.8, 0.1, 0.1, 0.1],
    "nan": [0.3, math.nan, 0.2, math.nan, 0.1, 0.1],
    "negative": [-math.inf, -5.0, -6.0, -4.0, -7.0, -8.0, -9.0],
}


@pytest.mark.parametrize("patience", [0, 2, math.inf])
@pytest.mark.parametrize("scores", SCORES)
def test_early_stopping_by_the_listener_s_scores(scores, patience, make_net):
    net, scores = make_net([3, 6, 1], rows=20), SCORES[scores]
    chosen = {"tol": 1e-3, "n_iter_no_change": patience, "max_iter": len(scores)}
    chosen |= {"early_stopping": True}
    expected, events = Expected(settings(**chosen), 0.01), []

    def listener(event, value):
        events.append("validate" if event == "validate" else (event, value))
        if event == "validate":
            assert math.isnan(value)
            return scores[events.count("validate") - 1]
        return None

    run = net.train(net.trainer(), listener, **chosen)
    for loss, score in zip(run.loss_curve, scores, strict=False):
        assert not expected.stopped
        expected.epoch(loss, score)
    agree(run, expected)
    assert events == expected.events
    assert run.best_loss == math.inf  # the loss has no say


# --- schedules -----------------------------------------------------------------------------------


def of_each_epoch(trainer, etas):
    """Return a listener that appends the step size that an epoch was made with."""
    return lambda event, value: etas.append(trainer.eta) if event == "epoch" else None


def test_constant_learning_rate(make_net):
    net, etas = make_net([3, 6, 1], rows=20), []
    trainer = net.trainer(eta=0.3)
    net.train(trainer, of_each_epoch(trainer, etas), max_iter=3, eta_init=0.7)
    assert etas == [0.3] * 3
    assert trainer.eta == 0.3


@pytest.mark.parametrize("power_t", [0.5, 0.0, 1.0, -0.3])
def test_invscaling(power_t, make_net):
    """After each epoch eta = eta_init / (t + 1)^power_t, t counting rows."""
    net, etas = make_net([3, 6, 1], rows=20), []
    trainer = net.trainer(eta=0.3)
    net.train(
        trainer, of_each_epoch(trainer, etas), max_iter=4, eta_init=0.7, power_t=power_t,
        schedule="invscaling", batch_size=6, t=5,
    )  # fmt: skip
    expected = [0.7 / (5 + 20 * n + 1) ** power_t for n in range(1, 5)]
    # a power is good to a unit in the last place here and there, the quotient to half of one
    assert [*etas, trainer.eta] == pytest.approx([0.3, *expected], rel=4e-16)


def test_adaptive(make_net):
    """A fifth each time that the loss stays, until eta is 1e-6 or less."""
    net = make_net([3, 6, 1], rows=20)
    net.X[:] = 0
    net.Y[:] = net.predict()  # no gradient at all: the loss stays 0
    chosen = {"tol": 1e-4, "n_iter_no_change": 2, "max_iter": 100}
    expected = Expected(settings(**chosen), 0.01, adaptive=True)
    while not expected.stopped:
        expected.epoch(0.0)
    events = []
    trainer = net.trainer(eta=0.01)
    run = net.train(trainer, lambda *e: events.append(e), schedule="adaptive", **chosen)
    agree(run, expected)
    assert events == expected.events
    assert trainer.eta == expected.eta
    assert [value for event, value in events if event == "learning_rate"] == pytest.approx(
        [0.01 / 5**k for k in range(1, 7)]
    )


# --- the listener --------------------------------------------------------------------------------


def test_what_the_listener_sees(isa, dtype, make_net):
    net = make_net([3, 6, 1], dtype=dtype, rows=20)
    trainer, run, seen = net.trainer("adam"), settings(batch_size=8, max_iter=3, shuffle=False), []

    def listener(event, value):
        assert run.loss_curve[-1] == value
        coefs = trainer.parameters()[0]
        seen.append((event, run.n_iter, run.t, trainer.steps, run.stopped, coefs[0].tobytes()))
        run.max_iter = run.batch_size = 0  # the run goes by what it was given
        run.loss_curve = run.loss_curve

    trainer.run(net.X, net.Y, None, None, None, run, listener, 1)
    again = net.trainer("adam")
    for epoch in range(3):
        net.train(again, batch_size=8)
        weights = again.parameters()[0][0].tobytes()
        so_far = (epoch + 1, 20 * (epoch + 1), 3 * (epoch + 1), "", weights)
        assert seen[2 * epoch : 2 * epoch + 2] == [("epoch", *so_far), ("end", *so_far)]
    assert run.stopped == "max_iter"


@pytest.mark.parametrize("event", ["epoch", "validate", "learning_rate"])
def test_an_error_in_the_listener_comes_out_and_leaves_a_whole_trainer(event, make_net):
    net = make_net([3, 6, 1], rows=20)
    trainer = net.trainer("adam")
    early = event == "validate"

    def listener(now, value):
        if now == event and trainer.steps >= 6:
            raise LookupError("from the listener")
        return float(trainer.steps)

    run = settings(
        batch_size=10, shuffle=False, schedule="adaptive", tol=math.inf, n_iter_no_change=1,
        early_stopping=early,
    )  # fmt: skip
    with pytest.raises(LookupError, match="from the listener"):
        trainer.run(net.X, net.Y, None, None, None, run, listener, 1)
    assert run.stopped == ""
    assert len(run.loss_curve) == run.n_iter == trainer.steps // 2
    # the steps made count, and training goes on from there as if nothing had been
    whole = net.trainer("adam")
    net.train(whole, batch_size=10, max_iter=run.n_iter)
    whole.eta = trainer.eta
    for t in (trainer, whole):
        assert net.train(t, batch_size=10, max_iter=2).stopped == "max_iter"
    assert whole.parameters()[0][0].tobytes() == trainer.parameters()[0][0].tobytes()


def test_a_score_that_is_no_number_is_an_error(make_net):
    net = make_net([3, 6, 1], rows=20)
    trainer = net.trainer()
    with pytest.raises(TypeError, match="validat"):
        net.train(trainer, lambda event, value: None, early_stopping=True)
    assert net.train(trainer).stopped == "max_iter"


# --- Ctrl-C --------------------------------------------------------------------------------------

INTERRUPTED = """
import signal, sys
import numpy as np
from chainfit import _core

def shapes(units):
    return list(zip(units, units[1:]))

def new(units):
    draws = np.random.RandomState(1)
    t = _core.TrainerF32(units, "tanh", "squared_error", "momentum")
    t.set_parameters([draws.uniform(-0.05, 0.05, s).astype("f") for s in shapes(units)],
                     [np.zeros(s[1], "f") for s in shapes(units)])
    t.eta = 1e-4
    return t

def check(units, rows, batch_size, threads, listener):
    rng = np.random.RandomState(0)
    X = rng.uniform(-1, 1, (rows, units[0])).astype("f")
    Y = rng.uniform(-1, 1, (rows, units[-1])).astype("f")

    def run(trainer, max_iter, rows=rows):
        r = _core.Run()
        r.batch_size, r.max_iter, r.shuffle = batch_size, max_iter, False
        trainer.run(X[:rows], Y[:rows], None, None, None, r, listener, threads)
        return r

    trainer, again = new(units), new(units)
    signal.setitimer(signal.ITIMER_REAL, 0.15)
    try:
        run(trainer, 10**9)
    except KeyboardInterrupt:
        pass
    else:
        sys.exit("came back by itself")
    steps = trainer.steps
    # so many steps as the trainer says, and none of them half
    epochs, rest = divmod(steps, -(-rows // batch_size))
    if epochs:
        run(again, epochs)
    if rest:
        run(again, 1, rest * batch_size)
    assert again.steps == steps, (again.steps, steps)
    for a, b in zip(again.parameters()[0], trainer.parameters()[0]):
        assert a.tobytes() == b.tobytes()
    assert run(trainer, 1, 2).stopped == "max_iter"  # as good as new
    print("interrupted after", steps, flush=True)

signal.signal(signal.SIGALRM, signal.default_int_handler)
_core.set_num_threads(2)
check([4, 3, 2, 1], 100, 1, 1, None)  # epochs of microseconds, nobody listening
check([4, 3, 2, 1], 100, 1, 1, lambda *_: None)
check([4, 3, 2, 1], 2_000_000, 1, 1, None)  # long epochs of tiny steps
check([8, 16, 1], 40, 10, 1, None)
check([64, 200, 10], 50_000, 100, 1, None)
check([300, 700, 700, 10], 2_000, 2_000, 2, None)  # long steps on two threads
print("all")
"""


def test_an_interrupt_ends_the_run_after_a_whole_step(python):
    """Without it the runs would take hours or years; the time limit is there for a hang."""
    done = python(INTERRUPTED, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.endswith("all\n")


@pytest.mark.parametrize("wrong", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("kind", [_core.TrainerF32, _core.TrainerF64])
def test_is_finite_looks_at_each_number(kind, wrong):
    dtype = np.float32 if kind is _core.TrainerF32 else np.float64
    trainer = kind([3, 19, 2], "relu", "squared_error", "adam")
    W = [np.ones((3, 19), dtype), np.ones((19, 2), dtype)]
    b = [np.ones(19, dtype), np.ones(2, dtype)]
    slots = [([a.copy() for a in W], [a.copy() for a in b]) for _ in range(2)]
    trainer.set_slots(slots)
    for a in (*W, *b, *slots[1][0], *slots[1][1]):
        for i in range(a.size):
            a.flat[i], before = wrong, a.flat[i]
            trainer.set_parameters(W, b)
            trainer.set_slots(slots)
            assert not trainer.is_finite()
            a.flat[i] = before
    trainer.set_parameters(W, b)
    trainer.set_slots(slots)
    assert trainer.is_finite()
