"""What the tests share: instruction sets, dtypes, small nets, and Chromium."""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pytest
from older import reason

from chainfit import _core

RUNNING = [name for name, runs in _core.isas() if runs]


def pytest_configure():
    """Undo what shells do to commands in the background, for Ctrl-C is tested too."""
    if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


class NotHere(pytest.Module):
    """A file of tests that can't even be imported with older libraries."""

    def collect(self):
        pytest.skip(reason(self.path.name), allow_module_level=True)


def pytest_pycollect_makemodule(module_path, parent):
    if reason(module_path.name):
        return NotHere.from_parent(parent, path=module_path)


def pytest_collection_modifyitems(items):
    for item in items:
        why = reason(item.nodeid.rpartition("tests/")[2])
        if why:
            item.add_marker(pytest.mark.skip(reason=why))


@pytest.fixture(scope="session")
def browser():
    """Chromium: one for all tests, for Playwright can't be started twice in a process."""
    program = shutil.which("chromium") or shutil.which("chromium-browser")
    if program is None:
        pytest.skip("Chromium is not installed (Debian: apt-get install chromium)")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=program, args=["--no-sandbox", "--disable-dev-shm-usage"]
        )
        yield browser
        browser.close()


@pytest.fixture(params=RUNNING)
def isa(request):
    """Each instruction set that runs here, in turn the chosen one."""
    with using_isa(request.param):
        yield request.param


@pytest.fixture
def running_isas():
    return RUNNING


@pytest.fixture(name="using_isa")
def _using_isa():
    return using_isa


@contextlib.contextmanager
def using_isa(name):
    before = _core.isa()
    _core.set_isa(name)
    try:
        yield
    finally:
        _core.set_isa(before)


@pytest.fixture(params=[np.float32, np.float64], ids=["float32", "float64"])
def dtype(request):
    return np.dtype(request.param)


@pytest.fixture
def many_threads():
    """Room for more threads than this machine may have processors."""
    before = _core.get_num_threads()
    _core.set_num_threads(8)
    yield 8
    _core.set_num_threads(before)


@pytest.fixture(scope="session")
def python():
    """Return a function that runs a script in a fresh interpreter and returns the process.

    The time limit only ends a script that hangs; `environment` None removes a variable.
    """

    def run(script, *arguments, timeout=120, **environment):
        merged = {**os.environ, **environment}
        merged = {key: value for key, value in merged.items() if value is not None}
        return subprocess.run(
            [sys.executable, "-c", script, *arguments],
            capture_output=True,
            text=True,
            timeout=timeout,
            env=merged,
        )

    return run


@dataclass
class Net:
    """A net with its data, and the core's calls on it."""

    units: list[int]
    activation: str
    loss: str
    dtype: np.dtype
    W: list[np.ndarray]
    b: list[np.ndarray]
    X: np.ndarray
    Y: np.ndarray
    weight: np.ndarray | None = None
    out_activation: str | None = None

    @property
    def link(self):
        return self.out_activation or _core.losses()[self.loss].link

    def trainer(self, optimizer="sgd", eta=0.01, **constants):
        kind = {4: _core.TrainerF32, 8: _core.TrainerF64}[self.dtype.itemsize]
        constants = {"out_activation": self.out_activation or "", **constants}
        trainer = kind(self.units, self.activation, self.loss, optimizer, **constants)
        trainer.set_parameters(self.W, self.b)
        trainer.eta = eta
        return trainer

    def train(
        self, trainer, listener=None, *, order=None, draws=None, n_threads=1, hook=None, **settings
    ):
        """Run, without shuffling unless `draws`, a RandomState, is given; return the Run."""
        run = _core.Run()
        run.batch_size = self.X.shape[0]
        run.shuffle = draws is not None
        for name, value in settings.items():
            setattr(run, name, value)
        generator = None if draws is None else draws._bit_generator
        trainer.run(self.X, self.Y, self.weight, order, generator, run, listener, n_threads, hook)
        return run

    def gradient(self, trainer=None, l2=0.0, n_threads=1):
        trainer = trainer or self.trainer()
        return trainer.loss_and_gradient(self.X, self.Y, self.weight, l2, n_threads)

    def predict(self, X=None, n_threads=1):
        X = self.X if X is None else X
        return _core.predict(X, self.W, self.b, self.activation, self.link, n_threads)

    def rows(self, rows):
        """Return the same net on some of the rows."""
        weight = None if self.weight is None else self.weight[rows]
        data = {"X": self.X[rows], "Y": self.Y[rows], "weight": weight}
        return Net(**{**self.__dict__, **data})


def targets(loss, rng, rows, n_outputs):
    if loss == "squared_error":
        return rng.uniform(-1, 1, (rows, n_outputs))
    if loss == "binary_log_loss":
        return rng.randint(0, 2, (rows, n_outputs)).astype(float)
    if loss == "log_loss":
        return np.eye(n_outputs)[rng.randint(0, n_outputs, rows)]
    if loss == "gamma":
        return rng.gamma(2.0, 0.5, (rows, n_outputs)) + 0.05
    if loss == "gaussian_nll":
        return np.tile(rng.uniform(-1, 1, (rows, n_outputs // 2)), 2)
    return rng.poisson(1.0, (rows, n_outputs)).astype(float)


@pytest.fixture
def make_net():
    """Return a function that makes a `Net` with all values of the order of one.

    Weights are uniform with a variance of 1/n_l, so that z has about the variance of X at any
    depth and width.
    """

    def make(units, activation="tanh", loss="squared_error", dtype=np.float64, *, rows=7, **more):
        rng = np.random.RandomState(more.get("seed", 0))
        W = [rng.uniform(-1, 1, (n, m)) * np.sqrt(3 / n) for n, m in pairwise(units)]
        b = [rng.uniform(-0.5, 0.5, n) for n in units[1:]]
        X = rng.uniform(-1.5, 1.5, (rows, units[0]))
        Y = targets(loss, rng, rows, units[-1])
        weight = rng.uniform(0.2, 3.0, rows).astype(dtype) if more.get("weighted") else None
        cast = [a.astype(dtype) for a in (*W, *b, X, Y)]
        L = len(W)
        return Net(
            list(units),
            activation,
            loss,
            np.dtype(dtype),
            cast[:L],
            cast[L : 2 * L],
            *cast[2 * L :],
            weight,
            more.get("out_activation"),
        )

    return make
