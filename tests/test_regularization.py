"""L1 penalty, decay of weights, clipping, rmsprop, averages: the core against the reference."""

# ruff: noqa: E741 - l is the layer

import numpy as np
import pytest

from chainfit import _core, reference

ROADS = {
    "one row, tiny net": ([4, 3, 2, 1], 40, 1),
    "one row": ([20, 24, 33], 12, 1),
    "a few rows": ([6, 40, 17, 2], 30, 4),
    "tiles": ([6, 40, 17, 2], 50, 32),
    "blocks of rows": ([6, 20, 2], 400, 300),
    "two threads": ([60, 200, 200, 5], 150, 128),
}
OPTIONS = {
    "l1": {"l1": 0.3},
    "decay": {"weight_decay": 0.4},
    "clip": {"clip_norm": 0.05},
    "all": {"l1": 0.3, "weight_decay": 0.4, "clip_norm": 0.05, "l2": 0.2},
}
WORDS = {"momentum": "mu", "beta_1": "beta1", "beta_2": "beta2", "epsilon": "eps"}


def compare(net, optimizer, batch_size, *, n_threads=1, epochs=2, eta=0.02, **options):
    """Train the core and the reference, and hold the first against the second."""
    trainer = net.trainer(optimizer, eta)
    run = net.train(trainer, batch_size=batch_size, max_iter=epochs, n_threads=n_threads, **options)
    W, b = [w.copy() for w in net.W], [v.copy() for v in net.b]
    constants = {
        WORDS.get(p.name, p.name): p.default for p in _core.optimizers()[optimizer].parameters
    }
    decay = options.pop("weight_decay", 0.0)
    state = reference.init_state(W, b, optimizer, eta=eta, weight_decay=decay, **constants)
    curve = reference.fit(
        net.X, net.Y, W, b, state, epochs=epochs, batch_size=batch_size,
        activation=net.activation, loss=net.loss, sample_weight=net.weight, **options,
    )  # fmt: skip
    np.testing.assert_allclose(run.loss_curve, curve, rtol=1e-9)
    got = trainer.parameters()
    for ours, theirs in zip(got[0] + got[1], W + b, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-7, atol=1e-10)
    return trainer


@pytest.mark.parametrize("option", OPTIONS)
@pytest.mark.parametrize("road", ROADS)
def test_every_road(road, option, make_net):
    units, rows, batch_size = ROADS[road]
    net = make_net(units, rows=rows, weighted=True)
    net.W[0][0, 0] = 0.0  # where the slope of the L1 penalty is 0
    compare(net, "momentum", batch_size, n_threads=2, **OPTIONS[option])


@pytest.mark.parametrize("option", OPTIONS)
@pytest.mark.parametrize("optimizer", _core.optimizers())
@pytest.mark.parametrize("batch_size", [1, 4, 20])
def test_every_optimizer(batch_size, optimizer, option, make_net):
    net = make_net([5, 12, 3], rows=20)
    compare(net, optimizer, batch_size, eta=0.005, **OPTIONS[option])


@pytest.mark.parametrize("option", OPTIONS)
@pytest.mark.parametrize("road", ROADS)
def test_bits_are_equal_everywhere(
    road, option, dtype, make_net, many_threads, using_isa, running_isas
):
    units, rows, batch_size = ROADS[road]
    found = set()
    for isa in running_isas:
        for n_threads in (1,) if isa == "generic" else (1, 2, 3):
            net = make_net(units, dtype=dtype, rows=rows, weighted=True)
            with using_isa(isa):
                trainer = net.trainer("rmsprop", 0.01)
                run = net.train(
                    trainer, batch_size=batch_size, n_threads=n_threads, average_decay=0.9,
                    **OPTIONS[option],
                )  # fmt: skip
            arrays = [*trainer.parameters(), *trainer.average(), *trainer.slots()[0]]
            bits = tuple(a.tobytes() for part in arrays for a in part)
            found.add((bits, tuple(run.loss_curve)))
    assert len(found) == 1


def test_the_gradient_of_the_penalties_is_a_difference(make_net):
    net = make_net([4, 5, 2], rows=6, weighted=True)
    trainer = net.trainer()

    def J():
        trainer.set_parameters(net.W, net.b)
        data, penalty, *_ = trainer.loss_and_gradient(net.X, net.Y, net.weight, 0.2, 1, l1=0.3)
        return data + penalty

    J()
    *_, dW, _ = trainer.loss_and_gradient(net.X, net.Y, net.weight, 0.2, 1, l1=0.3)
    for l, i, j in ((0, 1, 2), (1, 3, 1)):
        h = 1e-5
        difference = reference.finite_difference(J, net.W[l], (i, j), h)
        # h^2/6 times a third derivative of the order of 1, and rounding over h
        assert dW[l][i, j] == pytest.approx(difference, abs=1e-9)


# --- against PyTorch -----------------------------------------------------------------------------


def in_pytorch(torch, net, optimizer, *, steps, clip_norm=None, decay=0.0, average=None):
    W = [torch.tensor(w, requires_grad=True) for w in net.W]
    b = [torch.tensor(v, requires_grad=True) for v in net.b]
    groups = [{"params": W, "weight_decay": decay}, {"params": b, "weight_decay": 0.0}]
    made = optimizer(groups)
    X, Y = torch.tensor(net.X), torch.tensor(net.Y)
    mean = None
    for _ in range(steps):
        a = X
        for l, (w, v) in enumerate(zip(W, b, strict=True)):
            a = a @ w + v
            a = torch.tanh(a) if l + 1 < len(W) else a
        loss = ((a - Y) ** 2).sum() / 2 / len(X)
        made.zero_grad()
        loss.backward()
        if clip_norm is not None:
            torch.nn.utils.clip_grad_norm_([*W, *b], clip_norm)
        made.step()
        if average is not None:
            now = [p.detach().clone() for p in (*W, *b)]
            if mean is not None:
                torch.optim.swa_utils.get_ema_multi_avg_fn(average)(mean, now, None)
            mean = mean or now
    return [p.detach().numpy() for p in mean or (*W, *b)]


def both(net, optimizer, theirs, steps=50, average=None, **options):
    torch = pytest.importorskip("torch")
    trainer = net.trainer(optimizer, 0.01)
    net.train(trainer, max_iter=steps, average_decay=average or 0.0, **options)
    got = trainer.average() or trainer.parameters()
    decay = options.pop("weight_decay", 0.0)
    expected = in_pytorch(
        torch, net, theirs(torch), steps=steps, average=average, decay=decay, **options
    )
    for a, b in zip(got[0] + got[1], expected, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-10, atol=1e-10)


def test_rmsprop_is_pytorchs(make_net):
    both(make_net([4, 9, 2], rows=12), "rmsprop", lambda t: lambda g: t.optim.RMSprop(g, 0.01))


def test_clipping_is_pytorchs(make_net):
    net = make_net([4, 9, 2], rows=12)
    for limit in (0.05, 0.5, 1e9):
        both(net, "sgd", lambda t: lambda g: t.optim.SGD(g, 0.01), clip_norm=limit)


@pytest.mark.parametrize("optimizer", ["momentum", "adam", "adamw", "rmsprop", "nesterov"])
def test_decay_comes_before_the_step(optimizer, make_net):
    """As in torch.optim.AdamW: what the step of the rule alone leaves, minus eta decay w."""
    net = make_net([4, 9, 2], rows=12)
    plain, decayed = net.trainer(optimizer, 0.01), net.trainer(optimizer, 0.01)
    net.train(plain)
    net.train(decayed, weight_decay=0.3)
    for w, a, b in zip(net.W, plain.parameters()[0], decayed.parameters()[0], strict=True):
        np.testing.assert_allclose(b, a - 0.003 * w, rtol=1e-12, atol=1e-15)
    for a, b in zip(plain.parameters()[1], decayed.parameters()[1], strict=True):
        np.testing.assert_array_equal(a, b)


def test_the_average_is_pytorchs(make_net):
    net = make_net([4, 9, 2], rows=12)
    both(net, "sgd", lambda t: lambda g: t.optim.SGD(g, 0.01), average=0.9)


# --- clipping and averages -----------------------------------------------------------------------


@pytest.mark.parametrize("road", ROADS)
def test_a_norm_that_is_not_reached_changes_no_bit(road, make_net):
    units, rows, batch_size = ROADS[road]
    net = make_net(units, rows=rows)
    plain, clipped, averaged = net.trainer("adam"), net.trainer("adam"), net.trainer("adam")
    runs = [
        net.train(plain, batch_size=batch_size),
        net.train(clipped, batch_size=batch_size, clip_norm=1e6),
        net.train(averaged, batch_size=batch_size, average_decay=0.5),
    ]
    for other in (clipped, averaged):
        for a, b in zip(plain.parameters()[0], other.parameters()[0], strict=True):
            assert a.tobytes() == b.tobytes()
    assert runs[0].loss_curve == runs[1].loss_curve == runs[2].loss_curve


@pytest.mark.parametrize("scale", [1e-3, 1e200])
def test_norms_of_the_gradient_are_recorded(scale, make_net):
    net = make_net([4, 9, 2], rows=12)
    net.Y *= scale
    trainer = net.trainer(eta=0.0)
    _, _, dW, db = net.gradient(trainer)
    norm = np.sqrt(sum(np.square(g / scale).sum() for g in (*dW, *db))) * scale
    run = net.train(trainer, max_iter=3, records_norm=True)
    records = np.frombuffer(run.epochs()).reshape(3, -1)
    np.testing.assert_allclose(records[:, 3], norm, rtol=1e-13)
    run = net.train(trainer, max_iter=1)
    assert np.isnan(np.frombuffer(run.epochs())[3])


def test_clipping_comes_after_the_hook(make_net):
    """Which may be a sum over machines: what is applied has the norm that was asked for."""
    net = make_net([4, 9, 2], rows=12)
    trainer = net.trainer(eta=1.0)

    def hook(coefs, intercepts):
        for g in (*coefs, *intercepts):
            g *= 1000

    net.train(trainer, hook=hook, clip_norm=0.25)
    W, b = trainer.parameters()
    steps = [np.square(p - q).sum() for p, q in zip(W + b, net.W + net.b, strict=True)]
    assert np.sqrt(sum(steps)) == pytest.approx(0.25, rel=1e-6)


def test_the_average_goes_on_from_what_it_is_given(make_net):
    net = make_net([4, 9, 2], rows=12)
    whole, first, second = net.trainer("sgd"), net.trainer("sgd"), net.trainer("sgd")
    net.train(whole, max_iter=5, average_decay=0.7)
    net.train(first, max_iter=2, average_decay=0.7)
    second.set_parameters(*first.parameters())
    second.set_average(*first.average())
    net.train(second, max_iter=3, average_decay=0.7)
    for a, b in zip(whole.average()[0], second.average()[0], strict=True):
        assert a.tobytes() == b.tobytes()
    net.train(second)
    assert second.average() is None


def test_the_average_is_the_references(make_net):
    net = make_net([4, 9, 2], rows=12)
    trainer = net.trainer("momentum")
    net.train(trainer, max_iter=6, average_decay=0.7)
    W, b = [w.copy() for w in net.W], [v.copy() for v in net.b]
    state, mean = reference.init_state(W, b, "momentum", eta=0.01), None
    for _ in range(6):
        reference.step(net.X, net.Y, W, b, state, activation="tanh", loss="squared_error")
        mean = reference.average(mean, [*W, *b], 0.7)
    got = trainer.average()
    for a, theirs in zip(got[0] + got[1], mean, strict=True):
        np.testing.assert_allclose(a, theirs, rtol=1e-10, atol=1e-13)
