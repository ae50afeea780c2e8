"""The numerics contract: one hash for any number of threads and every instruction set.

A thread is used where it has 5 MFLOP of a step to do (cpp/engine/plan.cpp), so the nets of `NETS`
are large enough for seven, and `tests/test_pool.py` sees to it that seven come.
"""

import hashlib
from itertools import product
from pathlib import Path

import numpy as np
import pytest

from chainfit import _core, reference

# name: (units, activation, loss, optimizer, rows, batch size); all with 35 MFLOP a step and more,
# 6 x weights x batch, but for those of one row and of few, which are one thread's by nature
NETS = {
    # fewer panels of rows than threads: threads share the units of a layer
    "wide": ([256, 640, 320, 10], "relu", "log_loss", "adam", 40, 16),
    "wide, two panels": ([60, 1180, 190, 3], "tanh", "binary_log_loss", "momentum", 30, 20),
    "wide, several rows": ([128, 512, 320, 10], "relu", "log_loss", "adam", 64, 64),
    "tiny": ([4, 3, 2, 1], "relu", "binary_log_loss", "momentum", 150, 1),
    "one row": ([8, 64, 64, 1], "tanh", "squared_error", "nesterov", 40, 1),
    "few rows": ([8, 64, 80, 1], "tanh", "squared_error", "adam", 43, 4),
    "eight rows": ([8, 64, 80, 3], "relu", "log_loss", "nesterov", 43, 8),
    "narrow": ([20, 33, 3], "logistic", "poisson", "sgd", 8100, 8000),
    "deep": ([30] + [61] * 8 + [5], "leaky_relu", "squared_error", "nesterov", 220, 210),
    "flat": ([400, 65, 2], "identity", "log_loss", "adam", 300, 225),
}
OPTIMIZERS = _core.optimizers()
LOSSES = {name: loss.link for name, loss in _core.losses().items()}


def arrays_of(*groups):
    for group in groups:
        for item in group:
            if isinstance(item, np.ndarray):
                yield item
            else:
                yield from arrays_of(item)


def fingerprint(net, optimizer, *, batch_size, n_threads=1, epochs=1):
    """Return a hash of all that training and prediction give."""
    trainer = net.trainer(optimizer, eta=0.002)
    draws = np.random.RandomState(3)
    run = net.train(
        trainer, draws=draws, batch_size=batch_size, max_iter=epochs, l2=0.01, n_threads=n_threads
    )
    data, penalty, dW, db = net.gradient(trainer, l2=0.01, n_threads=n_threads)
    net = type(net)(**net.__dict__)
    net.W, net.b = trainer.parameters()
    everything = [net.W, net.b, trainer.slots(), dW, db, [net.predict(n_threads=n_threads)]]
    assert all(np.isfinite(a).all() for a in arrays_of(*everything))
    digest = hashlib.sha256(repr([run.loss_curve, data, penalty]).encode())
    for a in arrays_of(*everything):
        digest.update(a.astype(a.dtype.newbyteorder("<")).tobytes())
    return digest.hexdigest()


@pytest.mark.parametrize("name", NETS)
def test_threads_and_instruction_sets(name, dtype, make_net, many_threads, using_isa, running_isas):
    units, activation, loss, optimizer, rows, batch_size = NETS[name]
    net = make_net(units, activation, loss, dtype, rows=rows, weighted=True)
    prints = {}
    for isa in running_isas:
        with using_isa(isa):
            # the baseline's software FMA is two orders slower: the ends are enough there
            for n_threads in (1, 7) if isa == "generic" else (1, 2, 3, 7):
                prints[isa, n_threads] = fingerprint(
                    net, optimizer, batch_size=batch_size, n_threads=n_threads
                )
    assert len(set(prints.values())) == 1, prints


def test_threads_in_a_grid(dtype, make_net, many_threads, using_isa, running_isas):
    """Four threads and eight: two of them along the rows, the others along the units."""
    net = make_net([300, 1100, 1000, 10], "relu", "log_loss", dtype, rows=64)
    prints = {}
    for isa in set(running_isas) - {"generic"} or running_isas:
        with using_isa(isa):
            for n_threads in (1, 4, 8):
                prints[isa, n_threads] = fingerprint(
                    net, "momentum", batch_size=64, n_threads=n_threads
                )
    assert len(set(prints.values())) == 1, prints


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_threads_with_every_optimizer(optimizer, dtype, make_net, many_threads):
    net = make_net([100, 250, 90, 4], "tanh", "squared_error", dtype, rows=100)
    prints = {
        fingerprint(net, optimizer, batch_size=80, n_threads=n_threads, epochs=2)
        for n_threads in (1, 2, 3, 7)
    }
    assert len(prints) == 1


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("loss", LOSSES)
def test_instruction_sets(loss, optimizer, dtype, make_net, using_isa, running_isas):
    for activation, batch_size in product(_core.activations(), (1, 5)):
        net = make_net([5, 18, 6, 4], activation, loss, dtype, rows=19, weighted=True)
        prints = {}
        for isa in running_isas:
            with using_isa(isa):
                prints[isa] = fingerprint(net, optimizer, batch_size=batch_size, epochs=2)
        assert len(set(prints.values())) == 1, (activation, batch_size, prints)


@pytest.mark.parametrize("link", LOSSES.values())
def test_threads_predict(link, dtype, make_net, many_threads, using_isa, running_isas):
    """Rows enough for seven blocks of 128 of them, 2 x weights x rows of 14 MFLOP."""
    net = make_net([30, 240, 5], "tanh", dtype=dtype, rows=1000)
    predictions = set()
    for isa in running_isas:
        with using_isa(isa):
            for n_threads in (1, 2, 3, 7):
                a = _core.predict(net.X, net.W, net.b, "tanh", link, n_threads)
                predictions.add(a.tobytes())
    assert len(predictions) == 1


@pytest.mark.parametrize("loss,link", LOSSES.items())
def test_one_row_is_the_row_of_a_batch(loss, link, isa, dtype, make_net):
    """In prediction, in the one-row kernel's forward pass and in that of a batch.

    The gradient of the output's biases is delta, w being 1 for the row and 0 for the others; with a
    canonical link and y = 0 it is a itself.
    """
    net = make_net([9, 140, 33, 4], "logistic", loss, dtype, rows=20)
    canonical = reference.LOSSES[loss].canonical
    if canonical:
        net.Y[:] = 0
    whole = net.predict()
    net.weight = np.zeros(20, dtype)
    for r in range(20):
        alone = net.rows([r])
        assert alone.predict().tobytes() == whole[r].tobytes()
        alone.weight[:] = 1
        delta = alone.gradient()[3][-1].tobytes()
        assert delta == whole[r].tobytes() or not canonical
        net.weight[r] = 1
        assert net.gradient()[3][-1].tobytes() == delta
        net.weight[r] = 0


# The contract holds from machine to machine, so the hash itself is known. One that changes here
# means that fits of older versions can't be reproduced: that belongs into the changelog.
KNOWN = {
    "float32": "2f01f415ad0b9d1a0f58b3e11fe9808c27c57f377fa6223c034210cb2d308667",
    "float64": "de79f60817b9e3b541e7f9161c54406e688a8cb970c07797a493ed05330055a0",
}


def test_the_bits_are_those_of_every_machine(isa, dtype, make_net):
    prints = []
    for activation, optimizer in product(("logistic", "tanh", "relu"), ("nesterov", "adam")):
        net = make_net([7, 19, 130, 3], activation, "binary_log_loss", dtype, rows=37)
        for batch_size in (1, 16):
            prints.append(fingerprint(net, optimizer, batch_size=batch_size))
    assert hashlib.sha256("".join(prints).encode()).hexdigest() == KNOWN[dtype.name]


# --- the choice of the instruction set -----------------------------------------------------------

# the core alone, which needs a tenth of a second; the package has scikit-learn to load
SAY_ISA = "import sys; sys.path[:0] = sys.argv[1:]; import _core; print(_core.isa())"
FOLDER = str(Path(_core.__file__).parent)


def test_the_best_instruction_set_that_runs_is_chosen(python, running_isas):
    assert python(SAY_ISA, FOLDER, CHAINFIT_ISA="").stdout.split() == [running_isas[0]]
    assert [name for name, _ in _core.isas()][-1] == running_isas[-1] == "generic"


@pytest.mark.parametrize("name", [name for name, runs in _core.isas() if runs])
def test_the_environment_chooses(name, python):
    assert python(SAY_ISA, FOLDER, CHAINFIT_ISA=name).stdout.split() == [name]


def test_a_choice_that_cannot_be_is_told_at_import(python):
    done = python("import chainfit", CHAINFIT_ISA="sse9")
    assert done.returncode != 0
    last = done.stderr.strip().splitlines()[-1]
    assert last.startswith(("ImportError", "RuntimeError"))
    assert "CHAINFIT_ISA='sse9'" in last
    assert all(f"'{name}'" in last for name, _ in _core.isas())


def test_the_choice_in_the_process():
    before = _core.isa()
    for name, runs in _core.isas():
        if runs:
            _core.set_isa(name)
            assert _core.isa() == name
    with pytest.raises(ValueError, match="'sse9' is not built or does not run"):
        _core.set_isa("sse9")
    _core.set_isa(before)
