"""The gradient between backward pass and update: what a hook is given, and what becomes of it.

A step with a hook stores its gradient and updates afterwards; without one, both are fused. The
oracle of the first is therefore the second, to the bit, on every road that a batch can take.
"""

import numpy as np
import pytest
from scipy import sparse

from chainfit import _core

# units, rows of X, rows of a batch: the last batch of an epoch is shorter
ROADS = {
    "one row, tiny net": ([4, 3, 2, 1], 70, 1),
    "one row, narrow output": ([5, 40, 3], 70, 1),
    "one row": ([20, 24, 33], 35, 1),
    "one row, one step a call": ([300, 250, 250], 3, 1),
    "a few rows": ([6, 40, 17, 2], 30, 4),
    "tiles": ([6, 40, 17, 2], 50, 32),
    "tiles, by units": ([6, 40, 17, 2], 51, 17),
    "tiles, by blocks of rows": ([6, 20, 2], 500, 300),
    "tiles, two threads": ([60, 200, 200, 5], 300, 128),
}


def state(trainer):
    """Return all that a run changes in a trainer, as bytes."""
    arrays = [trainer.parameters(), *trainer.slots()]
    return trainer.steps, trainer.eta, [a.tobytes() for pair in arrays for a in pair[0] + pair[1]]


def copies(coefs, intercepts):
    return [a.copy() for a in (*coefs, *intercepts)]


@pytest.mark.parametrize("kind", ["dense", "sparse"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("optimizer", _core.optimizers())
@pytest.mark.parametrize("road", ROADS)
def test_a_hook_that_only_looks_changes_no_bit(road, optimizer, dtype, kind, make_net):
    units, rows, batch_size = ROADS[road]
    loss = "squared_error" if units[-1] == 1 else "log_loss"
    net = make_net(units, "tanh", loss, dtype, rows=rows, weighted=True)
    if kind == "sparse":
        net.X[net.X < 0.3] = 0
        net.X = sparse.csr_matrix(net.X)
    settings = {"batch_size": batch_size, "l2": 0.1, "max_iter": 2, "n_threads": 2}
    fused, hooked = net.trainer(optimizer), net.trainer(optimizer)
    seen = []
    runs = [
        net.train(fused, **settings),
        net.train(hooked, hook=lambda *gradient: seen.append(copies(*gradient)), **settings),
    ]
    assert state(hooked) == state(fused)
    assert runs[0].loss_curve == runs[1].loss_curve
    assert len(seen) == fused.steps == 2 * -(-rows // batch_size)
    assert [a.shape for a in seen[0]] == [a.shape for a in (*net.W, *net.b)]


@pytest.mark.parametrize("road", ROADS)
def test_a_hook_is_given_the_gradient_of_the_loss(road, make_net):
    """That of `loss_and_gradient`, L2 term included; sums are cut otherwise on some roads."""
    units, rows, batch_size = ROADS[road]
    net = make_net(units, rows=rows, weighted=True)
    trainer, expected, given = net.trainer(), [], []

    def hook(coefs, intercepts):
        batch = slice(len(given) * batch_size, (len(given) + 1) * batch_size)
        at = net.rows(batch).trainer()
        at.set_parameters(*trainer.parameters())  # those from before this step
        expected.append(net.rows(batch).gradient(at, l2=0.1))
        given.append(copies(coefs, intercepts))

    net.train(trainer, batch_size=batch_size, l2=0.1, hook=hook)
    assert len(given) == -(-rows // batch_size)
    for arrays, (_, _, coefs, intercepts) in zip(given, expected, strict=True):
        for ours, theirs in zip(arrays, (*coefs, *intercepts), strict=True):
            np.testing.assert_allclose(ours, theirs, rtol=1e-11, atol=1e-13)


@pytest.mark.parametrize("road", ROADS)
def test_the_optimizer_is_given_what_the_hook_left(road, make_net):
    """Half the gradient at twice the step size is the same step: factors of two are exact."""
    units, rows, batch_size = ROADS[road]
    net = make_net(units, rows=rows)

    def halve(coefs, intercepts):
        for gradient in (*coefs, *intercepts):
            gradient /= 2

    plain, halved = net.trainer(eta=0.01), net.trainer(eta=0.02)
    settings = {"batch_size": batch_size, "l2": 0.1, "max_iter": 2}
    curve = net.train(plain, **settings).loss_curve
    assert net.train(halved, hook=halve, **settings).loss_curve == curve
    assert state(halved)[2] == state(plain)[2]


@pytest.mark.parametrize("road", ROADS)
def test_an_error_in_the_hook_leaves_the_weights_before_that_step(road, make_net):
    units, rows, batch_size = ROADS[road]
    net = make_net(units, rows=rows)
    trainer, whole = net.trainer("adam"), net.trainer("adam")

    def hook(coefs, intercepts):
        if trainer.steps == 1:
            raise LookupError("from the hook")

    with pytest.raises(LookupError, match="from the hook"):
        net.train(trainer, batch_size=batch_size, hook=hook)
    assert trainer.steps == 1
    net.rows(slice(batch_size)).train(whole, batch_size=batch_size)
    assert state(trainer) == state(whole)
    # and training goes on as if nothing had been
    for t in (trainer, whole):
        net.train(t, batch_size=batch_size)
    assert state(trainer) == state(whole)


@pytest.mark.parametrize("batch_size", [1, 4, 20])
def test_a_hook_must_leave_arrays_that_fit(batch_size, make_net):
    net = make_net([3, 6, 1], rows=20)
    trainer = net.trainer()
    before = state(trainer)

    def replace(coefs, intercepts):
        coefs[1] = coefs[1][:-1]

    with pytest.raises(ValueError, match=r"gradient coefs\[1\] must have shape \(6, 1\)"):
        net.train(trainer, batch_size=batch_size, hook=replace)
    assert state(trainer) == before


@pytest.mark.parametrize("batch_size", [1, 4, 20])
def test_the_trainer_is_busy_while_its_hook_runs(batch_size, make_net):
    """It may be read there, not written."""
    net = make_net([3, 6, 1], rows=20)
    trainer = net.trainer()
    with pytest.raises(RuntimeError, match="in use"):
        net.train(trainer, batch_size=batch_size, hook=lambda *_: net.gradient(trainer))
    with pytest.raises(TypeError):
        net.train(trainer, batch_size=batch_size, hook=1)
    assert trainer.steps == 0


def test_schedules_go_on_under_a_hook(make_net):
    net = make_net([3, 6, 1], rows=20)
    settings = {"batch_size": 6, "max_iter": 3, "schedule": "invscaling", "eta_init": 0.5}
    fused, hooked = net.trainer(), net.trainer()
    net.train(fused, **settings)
    net.train(hooked, hook=lambda *_: None, **settings)
    assert state(fused) == state(hooked)


def test_all_instruction_sets_store_equal_gradients(make_net):
    seen = {}
    before = _core.isa()
    try:
        for name in [name for name, runs in _core.isas() if runs]:
            _core.set_isa(name)
            for road, (units, rows, batch_size) in ROADS.items():
                net = make_net(units, rows=rows, dtype=np.float32)
                gradients = seen.setdefault(road, {}).setdefault(name, [])
                net.train(
                    net.trainer("adam"),
                    batch_size=batch_size,
                    hook=lambda *g, all=gradients: all.extend(a.tobytes() for a in copies(*g)),
                )
    finally:
        _core.set_isa(before)
    for road, by_name in seen.items():
        first, *others = by_name.values()
        assert all(other == first for other in others), road
