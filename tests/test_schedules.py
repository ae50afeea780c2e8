"""Learning rates from step to step: the core against the reference and PyTorch's schedulers."""

import numpy as np
import pytest

from chainfit import _core, reference
from chainfit._estimators.rules import BY_STEP

# units, rows, rows of a batch: every road, the last batch of an epoch being shorter
ROADS = {
    "one row": ([4, 3, 1], 70, 1),
    "a few rows": ([6, 20, 2], 30, 4),
    "tiles": ([6, 20, 2], 50, 32),
}


def etas(net, *, batch_size, epochs, optimizer="sgd", eta=0.1, **settings):
    """Return the learning rate of every step, seen in what it does to the output's bias."""
    trainer = net.trainer(optimizer, eta)
    found, before = [], None
    gradient = []

    def hook(coefs, intercepts):
        nonlocal before
        if before is not None:
            found.append((before - trainer.parameters()[1][-1]) / gradient[-1])
        before = trainer.parameters()[1][-1].copy()
        gradient.append(intercepts[-1].copy())

    net.train(trainer, batch_size=batch_size, max_iter=epochs, hook=hook, **settings)
    found.append((before - trainer.parameters()[1][-1]) / gradient[-1])
    return np.array(found)[:, 0]


@pytest.mark.parametrize("schedule", ["constant", *BY_STEP])
@pytest.mark.parametrize("warmup", [0, 5])
def test_the_schedule_is_the_references(schedule, warmup, make_net):
    net = make_net([3, 4, 1], rows=23)
    settings = {"warmup": warmup, "decay_steps": 4, "decay_rate": 0.5}
    got = etas(net, batch_size=5, epochs=6, schedule=schedule, total_steps=25, **settings)
    expected = [
        reference.learning_rate(schedule, s, 25, eta=0.1, **settings) for s in range(len(got))
    ]
    assert len(got) == 30
    # a difference of weights of the order of 1 over a gradient of the order of 0.01
    np.testing.assert_allclose(got, expected, rtol=0, atol=1e-12)


def test_the_longest_warmup(make_net):
    net = make_net([3, 4, 1], rows=20)
    run = net.train(net.trainer(eta=0.1), batch_size=5, warmup=2**63 - 1)
    assert run.last_eta == 0.1 * 4 / 2**63


def scheduler(torch, name, optimizer, steps):
    from torch.optim import lr_scheduler

    return {
        "cosine": lambda: lr_scheduler.CosineAnnealingLR(optimizer, steps),
        "linear": lambda: lr_scheduler.LinearLR(optimizer, 1.0, 0.0, steps),
        "step": lambda: lr_scheduler.StepLR(optimizer, 7, 0.3),
        "one_cycle": lambda: lr_scheduler.OneCycleLR(
            optimizer, 0.1, total_steps=steps, cycle_momentum=False
        ),
    }[name]()


@pytest.mark.parametrize("warmup", [0, 9])
@pytest.mark.parametrize("name", BY_STEP)
def test_the_schedule_is_pytorchs(name, warmup):
    torch = pytest.importorskip("torch")
    if warmup and name == "one_cycle":
        pytest.skip("it has its own beginning")
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], 0.1)
    after = scheduler(torch, name, optimizer, 50 - warmup)
    if warmup:
        rise = torch.optim.lr_scheduler.LinearLR(optimizer, 1 / (warmup + 1), 1, warmup)
        after = torch.optim.lr_scheduler.SequentialLR(optimizer, [rise, after], [warmup])
    for step in range(50):
        eta = reference.learning_rate(
            name, step, 50, eta=0.1, warmup=warmup, decay_steps=7, decay_rate=0.3
        )
        assert eta == pytest.approx(optimizer.param_groups[0]["lr"], rel=1e-12, abs=1e-16)
        optimizer.step()
        after.step()


@pytest.mark.parametrize("optimizer", _core.optimizers())
@pytest.mark.parametrize("road", ROADS)
def test_every_road_and_optimizer_obeys(road, optimizer, dtype, make_net):
    """A run by schedule is a row of runs of a step each, whose eta is set by hand."""
    units, rows, batch_size = ROADS[road]
    net = make_net(units, rows=rows, dtype=dtype, weighted=True)
    total = -(-rows // batch_size)
    settings = {"l2": 0.1, "weight_decay": 0.05}
    whole, by_hand = net.trainer(optimizer, 0.02), net.trainer(optimizer, 0.02)
    by_step = {"schedule": "cosine", "warmup": 4, "total_steps": total}
    net.train(whole, batch_size=batch_size, **by_step, **settings)
    for s in range(total):
        by_hand.eta = 0.02 * (
            (s + 1) / 5 if s < 4 else (1 + np.cos(np.pi * (s - 4) / max(1, total - 4))) / 2
        )
        net.rows(slice(s * batch_size, (s + 1) * batch_size)).train(by_hand, **settings)
    got, expected = whole.parameters(), by_hand.parameters()
    rtol = 1e-12 if dtype == np.float64 else 1e-5
    for a, b in zip(got[0] + got[1], expected[0] + expected[1], strict=True):
        np.testing.assert_allclose(a, b, rtol=rtol, atol=rtol / 10)


@pytest.mark.parametrize("schedule", BY_STEP)
def test_bits_are_equal_on_every_instruction_set(schedule, make_net, using_isa, running_isas):
    net = make_net([6, 20, 2], rows=50, dtype=np.float32)
    found = set()
    for isa in running_isas:
        with using_isa(isa):
            trainer = net.trainer("adam", 0.01)
            settings = {"warmup": 3, "total_steps": 30, "decay_steps": 5, "decay_rate": 0.7}
            net.train(trainer, batch_size=7, max_iter=4, schedule=schedule, **settings)
            found.add(b"".join(a.tobytes() for a in trainer.parameters()[0]))
    assert len(found) == 1


def test_given_step_sizes_are_asked_for_once_an_epoch(make_net):
    net = make_net([3, 4, 1], rows=23)
    asked = []

    def listener(event, value, count=0):
        if event == "step_sizes":
            asked.append((value, count))
            return 0.1 / (1 + np.arange(value, value + count, dtype=float))

    got, trainer = [], net.trainer("sgd", 0.5)
    run = net.train(trainer, listener, batch_size=5, max_iter=3, schedule="given")
    got.append(run.last_eta)
    assert asked == [(0, 5), (5, 5), (10, 5)]
    assert got == [0.1 / 15]
    with pytest.raises(ValueError, match="needs a listener"):
        net.train(trainer, batch_size=5, schedule="given")
    with pytest.raises(ValueError, match="step_sizes"):
        net.train(trainer, lambda *_: np.ones(2), batch_size=5, schedule="given")
    assert trainer.steps == 15


@pytest.mark.parametrize("total", range(1, 12))
@pytest.mark.parametrize("schedule", BY_STEP)
def test_short_schedules_have_finite_rates(schedule, total):
    rates = [reference.learning_rate(schedule, s, total, eta=1.0) for s in range(total + 3)]
    assert all(0 <= rate <= 1 for rate in rates)
    assert rates[-1] == rates[-2]
