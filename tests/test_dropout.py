"""Dropout in the core: the reference's masks, on every road, thread and instruction set."""

import numpy as np
import pytest
from scipy import sparse

from chainfit import _core, reference

# units, rows of a batch: one row and few, by units, by panels of rows, by blocks of them, threads
BATCHES = {
    "one row": ([4, 3, 2, 1], 1),
    "a few rows": ([6, 40, 17, 2], 5),
    "by units": ([6, 40, 17, 2], 17),
    "panels": ([6, 40, 17, 2], 32),
    "blocks of rows": ([6, 20, 2], 300),
    "two threads": ([60, 200, 200, 5], 128),
}


def trainer_with_dropout(net, rates, seed=12345678901, **settings):
    trainer = net.trainer(**settings)
    trainer.set_dropout(rates, seed)
    return trainer


def sparse_form(net):
    net.X[net.X < 0.3] = 0
    net.X = sparse.csr_matrix(net.X)
    return net


@pytest.mark.parametrize("activation", _core.activations())
@pytest.mark.parametrize("batch", BATCHES)
def test_the_gradient_is_the_references(batch, activation, make_net):
    units, rows = BATCHES[batch]
    if activation not in reference.ACTIVATIONS:
        pytest.skip("not in the reference yet")
    net = make_net(units, activation, "squared_error", rows=rows, weighted=True)
    rates = [0.3, *[0.5] * (len(units) - 2)]
    trainer = trainer_with_dropout(net, rates)
    trainer.steps = 7
    masks = reference.masks(12345678901, 7, rates, rows, units[:-1])
    J, dW, db = reference.gradient(
        net.X, net.Y, net.W, net.b, activation=activation, loss="squared_error",
        sample_weight=net.weight, masks=masks,
    )  # fmt: skip
    data, _, coefs, intercepts = trainer.loss_and_gradient(
        net.X, net.Y, net.weight, 0.0, 2, dropout=True
    )
    assert data == pytest.approx(J, rel=1e-12)
    for ours, theirs in zip([*coefs, *intercepts], [*dW, *db], strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-9, atol=1e-12)
    plain, without = net.gradient(l2=0.0), trainer.loss_and_gradient(net.X, net.Y, net.weight, 0, 2)
    for ours, theirs in zip(without[2] + without[3], plain[2] + plain[3], strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("kind", ["dense", "sparse"])
@pytest.mark.parametrize("batch", BATCHES)
def test_a_run_is_the_references(batch, kind, make_net):
    units, rows = BATCHES[batch]
    net = make_net(units, "tanh", rows=3 * rows + rows // 2)
    X = net.X
    if kind == "sparse":
        X = sparse_form(net).X.toarray()
    rates = [0.2, *[0.4] * (len(units) - 2)]
    trainer = trainer_with_dropout(net, rates, optimizer="momentum", eta=0.05)
    net.train(trainer, batch_size=rows, max_iter=2, n_threads=2)
    W, b = [w.copy() for w in net.W], [v.copy() for v in net.b]
    state = reference.init_state(W, b, "momentum", eta=0.05)
    for _ in range(2):
        for start in range(0, len(X), rows):
            x, y = X[start : start + rows], net.Y[start : start + rows]
            masks = reference.masks(12345678901, state.steps, rates, len(x), units[:-1])
            reference.step(x, y, W, b, state, activation="tanh", loss="squared_error", masks=masks)
    assert trainer.steps == state.steps
    got = trainer.parameters()
    for ours, theirs in zip(got[0] + got[1], W + b, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("batch", BATCHES)
def test_bits_are_equal_everywhere(batch, dtype, make_net, many_threads, using_isa, running_isas):
    units, rows = BATCHES[batch]
    found = set()
    for kind in ("dense", "sparse"):
        for isa in running_isas:
            # the baseline's software FMA is two orders slower
            for n_threads in (1,) if isa == "generic" else (1, 2, 3):
                net = sparse_form(make_net(units, "gelu", dtype=dtype, rows=2 * rows + 1))
                if kind == "dense":
                    net.X = net.X.toarray()
                with using_isa(isa):
                    rates = [0.2, *[0.5] * (len(units) - 2)]
                    trainer = trainer_with_dropout(net, rates, optimizer="adam")
                    run = net.train(trainer, batch_size=rows, n_threads=n_threads)
                bits = [a.tobytes() for a in trainer.parameters()[0]]
                found.add((tuple(bits), tuple(run.loss_curve)))
    assert len(found) == 1


def test_masks_are_random():
    """Each element by itself: the share of what stays, and how pairs of elements go together."""
    rows, units, rate = 300, 200, 0.3
    kept = np.array(
        [reference.mask(5, step, 1, rows, units, rate) > 0 for step in range(20)], dtype=float
    )
    n = kept.size
    five_sigma = 5 * np.sqrt(rate * (1 - rate) / n)
    assert abs(kept.mean() - (1 - rate)) < five_sigma
    z = (kept - (1 - rate)) / np.sqrt(rate * (1 - rate))
    for shifted in (
        z[:, 1:] * z[:, :-1],  # neighbours among the rows, the units and the steps
        z[:, :, 1:] * z[:, :, :-1],
        z[1:] * z[:-1],
        z[:, :, ::2] * z[:, ::-1, 1::2],
    ):
        assert abs(shifted.mean()) < 5 / np.sqrt(shifted.size)
    # rows, units and steps are no more alike than chance has it: the largest of n normal numbers
    for axis in ((1, 2), (0, 2), (0, 1)):
        means = z.mean(axis=axis)
        assert abs(means).max() * np.sqrt(n / means.size) < 5.5
    other = reference.mask(6, 0, 1, rows, units, rate) > 0
    assert abs((other == kept[0]).mean() - (rate**2 + (1 - rate) ** 2)) < 0.02


def test_masks_do_not_follow_the_dtype_or_the_size_of_the_batch():
    whole = reference.mask(3, 9, 2, 40, 30, 0.5)
    np.testing.assert_array_equal(reference.mask(3, 9, 2, 7, 11, 0.5), whole[:7, :11])


def test_a_rate_of_nothing_leaves_the_bits_and_the_road(make_net):
    net = make_net([4, 3, 2, 1], rows=30)
    plain, none = net.trainer(), trainer_with_dropout(net, [0.0, 0.0, 0.0])
    for trainer in (plain, none):
        net.train(trainer, batch_size=1)
    assert plain.parameters()[0][0].tobytes() == none.parameters()[0][0].tobytes()


def test_wrong_rates_are_refused(make_net):
    net = make_net([4, 3, 2, 1], rows=30)
    trainer = net.trainer()
    for rates in ([0.5], [0.0, 0.5, 1.0], [0.0, -0.1, 0.0], [0.0, np.nan, 0.0]):
        with pytest.raises(ValueError, match="dropout"):
            trainer.set_dropout(rates, 1)
    assert trainer.dropout() == ([], 0)


def test_prediction_never_drops(make_net):
    net = make_net([4, 30, 2], rows=30)
    trainer = trainer_with_dropout(net, [0.9, 0.9])
    net.train(trainer, batch_size=30)
    net.W, net.b = trainer.parameters()
    a = reference.forward(net.X, net.W, net.b, "tanh", "identity")
    np.testing.assert_allclose(net.predict(), a[-1], rtol=1e-12)
