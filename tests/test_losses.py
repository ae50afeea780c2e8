"""Losses with any output activation, in blocks: gradients, bits, and what the core refuses.

The oracle is `reference`, whose gradients are held against differences here. Where the pair is a
loss's own, the values themselves are tests/test_kernels.py's.
"""

import hashlib
from itertools import pairwise, product

import numpy as np
import pytest

from chainfit import _core, reference

LOSSES, LINKS = _core.losses(), _core.links()


def goes_with(loss, link):
    inside = link.lowest >= loss.lowest_output and link.highest <= loss.highest_output
    return loss.link == link.name or (loss.takes_links and link.unit_by_unit and inside)


PAIRS = [
    (loss.name, link.name)
    for loss, link in product(LOSSES.values(), LINKS.values())
    if goes_with(loss, link)
]
REFUSED = [pair for pair in product(LOSSES, LINKS) if pair not in PAIRS]


def test_which_pairs_there_are():
    free = {"identity", "logistic", "tanh", "exp", "softplus"}
    found = {loss: {link for name, link in PAIRS if name == loss} for loss in LOSSES}
    for loss in ("squared_error", "absolute_error", "huber", "log_cosh", "quantile"):
        assert found[loss] == free
    assert found["poisson"] == found["gamma"] == {"logistic", "exp", "softplus"}
    assert found["gaussian_nll"] == {"mean_variance"}


@pytest.mark.parametrize(("loss", "link"), REFUSED)
def test_other_pairs_are_refused(loss, link):
    with pytest.raises(ValueError, match=f"'{loss}' does not go with .* '{link}'"):
        _core.TrainerF64([2, 2], "tanh", loss, "sgd", out_activation=link)


@pytest.mark.parametrize(("loss", "link"), PAIRS)
def test_the_oracle_has_the_derivative_of_J(loss, link, make_net):
    net = make_net([3, 5, 4], "tanh", loss, weighted=True, out_activation=link)
    settings = {"loss": loss, "l2": 0.3, "sample_weight": net.weight}

    def J():
        a = reference.forward(net.X, net.W, net.b, "tanh", link)
        return reference.objective(net.Y, a[-1], net.W, **settings)

    value, dW, db = reference.gradient(
        net.X, net.Y, net.W, net.b, activation="tanh", out_activation=link, **settings
    )
    h = 1e-5
    for g, p in zip([*dW, *db], [*net.W, *net.b], strict=True):
        differences = [reference.finite_difference(J, p, i, h) for i in np.ndindex(p.shape)]
        # h^2/6 d3J/dp3, of the order of 100 at most; 16 roundings of J
        tolerance = 1e-8 + 16 * 2.0**-52 * (1 + abs(value)) / h
        np.testing.assert_allclose(g.ravel(), differences, rtol=1e-7, atol=tolerance)


@pytest.mark.parametrize(("loss", "link"), PAIRS)
def test_the_gradient_is_the_oracles(loss, link, isa, make_net):
    """About 100 roundings of sums of terms of the order of 1, whose factors may be 20 or so."""
    for rows in (1, 2, 5, 17, 40):
        net = make_net([5, 18, 6, 4], "tanh", loss, rows=rows, weighted=True, out_activation=link)
        data, penalty, *gradient = net.gradient(l2=0.3)
        J, *expected = reference.gradient(
            net.X, net.Y, net.W, net.b, activation="tanh", loss=loss, out_activation=link,
            l2=0.3, sample_weight=net.weight,
        )  # fmt: skip
        assert data + penalty == pytest.approx(J, rel=1e-12, abs=1e-13)
        for got, right in zip(gradient, expected, strict=True):
            for g, r in zip(got, right, strict=True):
                np.testing.assert_allclose(g, r, rtol=1e-10, atol=1e-12)


def fingerprint(trainer):
    digest = hashlib.sha256()
    for group in (trainer.parameters(), *trainer.slots()):
        for arrays in group:
            for a in arrays:
                assert np.isfinite(a).all()
                digest.update(a.tobytes())
    return digest.hexdigest()


@pytest.mark.parametrize(("loss", "link"), PAIRS)
def test_bits_on_every_road(loss, link, dtype, make_net, many_threads, using_isa, running_isas):
    for batch_size in (1, 5, 40):
        net = make_net([6, 20, 4], "relu", loss, dtype, rows=40, weighted=True, out_activation=link)
        prints, curves = set(), set()
        for isa, n_threads in product(running_isas, (1, 2, 3)):
            with using_isa(isa):
                trainer = net.trainer("momentum", eta=0.002)
                run = net.train(trainer, batch_size=batch_size, max_iter=2, n_threads=n_threads)
                prints.add(fingerprint(trainer))
                curves.add(tuple(run.loss_curve))
        assert len(prints) == len(curves) == 1


@pytest.mark.parametrize(("loss", "link"), PAIRS)
def test_one_row_follows_the_oracle(loss, link, isa, make_net):
    """Steps on one row, of a net that fits a vector and of one that doesn't."""
    for units in ([4, 6, 2], [4, 30, 2]):
        net = make_net(units, "tanh", loss, rows=20, out_activation=link, seed=2)
        W, b = [w.copy() for w in net.W], [v.copy() for v in net.b]
        state = reference.init_state(W, b, "sgd", eta=0.01)
        reference.epoch(
            net.X, net.Y, W, b, state, batch_size=1, activation="tanh", loss=loss,
            out_activation=link,
        )  # fmt: skip
        trainer = net.trainer(eta=0.01)
        net.train(trainer, batch_size=1)
        for arrays, right in zip(trainer.parameters(), (W, b), strict=True):
            for a, r in zip(arrays, right, strict=True):
                np.testing.assert_allclose(a, r, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("batch_size", [1, 4, 30])
def test_blocks_with_parameters_of_their_own(batch_size, isa, dtype, make_net):
    """Of a net without hidden layers blocks don't know of one another: each is a net of its own."""
    levels = (0.1, 0.5, 0.8)
    net = make_net([4, 6], loss="quantile", dtype=dtype, rows=30)
    blocks = [(2, {"quantile": level}) for level in levels]
    together = net.trainer(blocks=blocks)
    run = net.train(together, batch_size=batch_size, max_iter=3)
    losses = 0
    for k, level in enumerate(levels):
        mine = slice(2 * k, 2 * k + 2)
        part = make_net([4, 2], loss="quantile", dtype=dtype, rows=30)
        part.X, part.Y = net.X, np.ascontiguousarray(net.Y[:, mine])
        part.W, part.b = [net.W[0][:, mine]], [net.b[0][mine]]
        trainer = part.trainer(quantile=level)
        losses += np.array(part.train(trainer, batch_size=batch_size, max_iter=3).loss_curve)
        for both, alone in zip(together.parameters(), trainer.parameters(), strict=True):
            assert both[0][..., mine].tobytes() == alone[0].tobytes()
    np.testing.assert_allclose(run.loss_curve, losses, rtol=20 * float(np.finfo(dtype).eps))


def test_a_softmax_for_each_block(isa, dtype, make_net):
    net = make_net([4, 7, 5], loss="log_loss", dtype=dtype, rows=9)
    net.Y = np.hstack([np.eye(3)[np.arange(9) % 3], np.eye(2)[np.arange(9) % 2]]).astype(dtype)
    W, b, activation = net.W, net.b, net.activation
    z = _core.predict(net.X, W, b, activation, "identity", 1)
    sizes = [3, 2]
    for rows in (1, 9):
        a = _core.predict(net.X[:rows], W, b, activation, "softmax", 1, sizes)
        right = [reference.LINKS["softmax"](part) for part in np.split(z[:rows], [3], axis=1)]
        np.testing.assert_allclose(a, np.hstack(right), rtol=20 * float(np.finfo(dtype).eps))
    trainer = net.trainer(blocks=[(n, {}) for n in sizes])
    data, _, _, db = trainer.loss_and_gradient(net.X, net.Y, None, 0.0, 1)
    np.testing.assert_allclose(
        db[-1], (a - net.Y).mean(axis=0), atol=9 * float(np.finfo(dtype).eps)
    )
    rows = [
        reference.LOSSES["log_loss"].rows(net.Y[:, p], a[:, p]) for p in (slice(3), slice(3, 5))
    ]
    assert data == pytest.approx(np.sum(rows) / 9, rel=30 * float(np.finfo(dtype).eps))
    assert data == pytest.approx(data, rel=1e-6)


@pytest.mark.parametrize(
    ("blocks", "message"),
    [
        ([(2, {})], "together have the 4"),
        ([(4, {}), (1, {})], "together have the 4"),
        ([(0, {}), (4, {})], "1 unit or more"),
        ([(4, {"quantile": 1.5})], "quantile of the loss 'quantile' must be in"),
        ([(4, {"level": 0.5})], "has no parameter 'level'"),
    ],
)
def test_blocks_that_are_refused(blocks, message):
    with pytest.raises(ValueError, match=message):
        _core.TrainerF64([3, 4], "relu", "quantile", "sgd", blocks=blocks)


def test_a_mean_needs_its_variance():
    with pytest.raises(ValueError, match="two outputs for each target"):
        _core.TrainerF64([3, 5], "relu", "gaussian_nll", "sgd")


def test_far_outputs(isa, dtype):
    """Losses that are infinite are so, and no variance is 0."""
    tiny, inf = float(np.finfo(dtype).tiny), np.inf

    def of_one(loss, z, y, link=None):
        n = len(z)
        kind = _core.TrainerF32 if dtype == np.float32 else _core.TrainerF64
        trainer = kind([1, n], "relu", loss, "sgd", out_activation=link or "")
        trainer.set_parameters([np.zeros((1, n), dtype)], [np.array(z, dtype)])
        Y = np.array([y], dtype)
        value, _, _, (delta,) = trainer.loss_and_gradient(np.zeros((1, 1), dtype), Y, None, 0.0, 1)
        return value, delta.tolist()

    assert of_one("gamma", [-1000], [1.0])[0] == of_one("gamma", [1000], [1.0])[0] == inf
    value, delta = of_one("gaussian_nll", [3, -1e4], [3.0, 3.0])
    assert value == pytest.approx(np.log(tiny) / 2) and delta == [0, 0.5]
    value, delta = of_one("gaussian_nll", [3, 1e4], [3.0, 3.0])
    assert value == inf and delta == [0, 0.5]
    assert of_one("log_cosh", [1e6], [0.0])[0] == pytest.approx(1e6)
    assert of_one("poisson", [-1000], [0.0], "softplus") == (0, [0])
    for loss in ("absolute_error", "quantile", "log_cosh", "huber"):
        assert of_one(loss, [2], [2.0]) == (0, [0])
    small = 2.0**-20
    assert of_one("log_cosh", [small], [0.0])[0] == pytest.approx(small**2 / 2, rel=1e-6)


def test_units_of_pairs_are_many(make_net):
    """An output layer of several vectors, and one of a vector and one unit."""
    for n in (33, 17):
        net = make_net([3, n], loss="squared_error", rows=20, out_activation="softplus")
        a = reference.forward(net.X, net.W, net.b, "tanh", "softplus")[-1]
        np.testing.assert_allclose(net.predict(), a, rtol=1e-13)
        delta = (a - net.Y) * -np.expm1(-a)
        np.testing.assert_allclose(net.gradient()[3][0], delta.mean(axis=0), rtol=1e-11, atol=1e-14)
    assert [*pairwise(net.units)] == [(3, 17)]
