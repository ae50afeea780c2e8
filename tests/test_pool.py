"""The thread pool: how many threads come, forks, several callers at once, limits.

What a hang would look like is a process that has to be killed, so forks happen in processes of
their own with a time limit.
"""

import hashlib
import os
import threading

import pytest

from chainfit import _core

# a net whose steps are worth 8 threads: 6 x 62_000 weights x 96 rows = 36 MFLOP, 3 panels for each
SETUP = """
import hashlib, os, signal, sys, threading
import numpy as np
from chainfit import _core

def train(n_threads, seed=0, units=(80, 300, 120, 10), rows=96, epochs=3):
    rng = np.random.RandomState(seed)
    t = _core.TrainerF32(list(units), "tanh", "squared_error", "adam")
    shapes = list(zip(units, units[1:]))
    t.set_parameters([rng.uniform(-0.1, 0.1, s).astype("f") for s in shapes],
                     [np.zeros(s[1], "f") for s in shapes])
    t.eta = 0.001
    X = rng.uniform(-1, 1, (3 * rows, units[0])).astype("f")
    Y = rng.uniform(-1, 1, (3 * rows, units[-1])).astype("f")
    run = _core.Run()
    run.batch_size, run.max_iter, run.shuffle = rows, epochs, False
    t.run(X, Y, None, None, None, run, None, n_threads)
    gradient = t.loss_and_gradient(X, Y, None, 0.1, n_threads)
    parts = [*t.parameters()[0], *gradient[2]]
    parts.append(_core.predict(X, *t.parameters(), "tanh", "identity", n_threads))
    return hashlib.sha256(b"".join(p.tobytes() for p in parts)).hexdigest()

def threads_now():
    return len(os.listdir("/proc/self/task"))

def child(work):
    # what `work` says in a forked child; a child that hangs is killed by its alarm
    read, write = os.pipe()
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            signal.alarm(30)
            os.write(write, work().encode())
            status = 0
        finally:
            os._exit(status)
    os.close(write)
    text = os.read(read, 1000).decode()
    os.close(read)
    _, status = os.waitpid(pid, 0)
    assert status == 0, f"the child ended with {status}"
    return text

_core.set_num_threads(8)
"""


def run_script(python, script):
    done = python(SETUP + script, timeout=100)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


if os.path.isdir("/proc/self/task"):

    def test_as_many_threads_come_as_pay(python):
        """And no more: not for small steps, not above either limit."""
        out = run_script(
            python,
            """
threading.Thread(target=int).start()  # with the first, ThreadSanitizer starts one of its own
train(1)
before = threads_now()
train(8, units=(8, 16, 1))
train(1)
train(0)
print(threads_now() - before)
train(3)
print(threads_now() - before)
_core.set_num_threads(2)
train(8)
print(threads_now() - before)
_core.set_num_threads(8)
train(7)
print(threads_now() - before)
train(2)
train(7)
print(threads_now() - before)
""",
        )
        assert out.split() == ["0", "2", "2", "6", "6"]


@pytest.mark.slow
def test_forked_children_train_on(python):
    """On threads of their own, to the same bits.

    Forked before the parent's pool exists; after it was at work; from a child; and while another
    Python thread is inside the pool, whose threads are not there in the child.
    """
    out = run_script(
        python,
        """
right = child(lambda: train(4))
assert train(4) == train(1) == right
print("before", flush=True)

for _ in range(3):
    assert child(lambda: train(4)) == right
    assert train(4) == right
assert child(lambda: child(lambda: train(4)) + train(4)) == 2 * right
print("after", flush=True)

stop, wrong = threading.Event(), []

def work():
    while not stop.is_set():
        if train(4) != right:
            wrong.append(1)

thread = threading.Thread(target=work)
thread.start()
for _ in range(5):
    assert child(lambda: train(4)) == right
stop.set()
thread.join()
assert not wrong
print("within", flush=True)
""",
    )
    assert out.split() == ["before", "after", "within"]


@pytest.mark.parametrize("callers", [2, 5])
def test_several_callers_at_once(callers, many_threads, make_net):
    """One has the pool, the others go on alone; all get the bits that they get alone."""
    nets = [make_net([80, 300, 120, 5], rows=200, seed=seed) for seed in range(callers)]

    def work(net, n_threads):
        trainer = net.trainer("momentum")
        run = net.train(trainer, batch_size=96, max_iter=3, n_threads=n_threads)
        gradient = net.gradient(trainer, n_threads=n_threads)
        arrays = [*trainer.parameters()[0], *gradient[2], net.predict(n_threads=n_threads)]
        digest = hashlib.sha256(repr(run.loss_curve).encode())
        for a in arrays:
            digest.update(a.tobytes())
        return digest.hexdigest()

    right = [work(net, 1) for net in nets]
    got = [[] for _ in nets]
    start = threading.Barrier(callers)

    def repeat(i):
        start.wait()
        for _ in range(6):
            got[i].append(work(nets[i], 4))

    threads = [threading.Thread(target=repeat, args=(i,)) for i in range(callers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for i in range(callers):
        assert got[i] == [right[i]] * 6


def test_a_listener_may_train_too(many_threads, make_net):
    """It is called between epochs, when the pool is free; another trainer is its to use."""
    outer, inner = (make_net([80, 300, 120, 5], rows=96, seed=seed) for seed in (0, 1))

    def work(n_threads):
        curves = []

        def listener(event, value):
            run = inner.train(inner.trainer("adam"), max_iter=2, n_threads=n_threads)
            curves.append(run.loss_curve)

        trainer = outer.trainer("adam")
        curves.append(outer.train(trainer, listener, max_iter=2, n_threads=n_threads).loss_curve)
        return curves

    assert work(4) == work(1)


def test_a_signal_handler_may_train_too(python):
    """While a team is at work on the same thread: alone then, to the same bits."""
    out = run_script(
        python,
        """
right = train(4)
seen = []

def handler(*_):
    seen.append(train(4))
    if len(seen) == 3:
        raise KeyboardInterrupt
    signal.setitimer(signal.ITIMER_REAL, 0.07)

signal.signal(signal.SIGALRM, handler)
signal.setitimer(signal.ITIMER_REAL, 0.07)
try:
    train(4, epochs=10**9)
except KeyboardInterrupt:
    seen.append(train(4))
assert seen == [right] * 4
print("equal")
""",
    )
    assert out.split() == ["equal"]


def test_an_error_in_the_listener_leaves_a_usable_pool(many_threads, make_net):
    net = make_net([80, 300, 120, 5], rows=96)

    def listener(event, value):
        raise LookupError

    right = net.train(net.trainer(), max_iter=2).loss_curve
    for _ in range(3):
        with pytest.raises(LookupError):
            net.train(net.trainer(), listener, n_threads=4)
        assert net.train(net.trainer(), max_iter=2, n_threads=4).loss_curve == right


def test_the_limit_is_kept(many_threads):
    for n in (1, 3, 10_000):
        _core.set_num_threads(n)
        assert _core.get_num_threads() == n


def test_two_threads_on_one_trainer_are_an_error(make_net):
    """Not torn weights. The listener holds the run while another thread tries its luck."""
    net = make_net([3, 5, 2])
    trainer = net.trainer()
    calls = {
        "run": lambda: net.train(trainer),
        "gradient": lambda: net.gradient(trainer),
        "parameters": lambda: trainer.parameters(),
        "set_parameters": lambda: trainer.set_parameters(net.W, net.b),
        "slots": lambda: trainer.slots(),
        "set_slots": lambda: trainer.set_slots([]),
        "eta": lambda: setattr(trainer, "eta", 0.1),
        "steps": lambda: setattr(trainer, "steps", 2**40),
    }
    told = {}

    def other():
        for name, call in calls.items():
            try:
                call()
            except RuntimeError as error:
                told[name] = str(error)

    def listener(event, value):
        thread = threading.Thread(target=other)
        thread.start()
        thread.join()
        # a listener may look, for it is called between steps, but not touch
        trainer.parameters()
        trainer.slots()
        for name in ("run", "gradient", "set_parameters", "set_slots", "eta", "steps"):
            with pytest.raises(RuntimeError, match="in use"):
                calls[name]()

    net.train(trainer, listener, max_iter=2)
    assert set(told) == set(calls)
    assert all("in use" in text for text in told.values())
    told.clear()
    other()
    assert not told
