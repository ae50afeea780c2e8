"""Shuffles: their bits are those of scikit-learn, from any state of a generator."""

import json

import numpy as np
import pytest
import sklearn.utils

GENERATORS = {
    "MT19937": np.random.MT19937,
    "PCG64": np.random.PCG64,
    "PCG64DXSM": np.random.PCG64DXSM,
    "Philox": np.random.Philox,
    "SFC64": np.random.SFC64,
}


def bits(state):
    """Return a bit generator's state in a form that can be compared."""
    return json.dumps(state, default=lambda a: a.tolist(), sort_keys=True)


def moved(trainer):
    return [p.tobytes() for p in trainer.parameters()[0]]


@pytest.mark.parametrize("drawn_before", [0, 1])
@pytest.mark.parametrize("n", [1, 2, 3, 7, 8, 9, 255, 256, 257, 65537])
@pytest.mark.parametrize("generator", GENERATORS)
def test_shuffles_are_those_of_scikit_learn(generator, n, drawn_before, make_net):
    """Told by the last bits of the weights, and by the generator's state, half-used draws and all.

    scikit-learn shuffles the order that the epoch before left.
    """
    ours, theirs = (np.random.RandomState(GENERATORS[generator](12)) for _ in range(2))
    for state in (ours, theirs):  # 32 bits of 64 used up
        state.randint(0, 2**32, drawn_before, np.uint32)
    net = make_net([3, 2], dtype=np.float32, rows=n)
    shuffled, given = net.trainer(), net.trainer()
    batch_size = n // 3 + 1
    run = net.train(shuffled, draws=ours, batch_size=batch_size, max_iter=3)

    order, curve = np.arange(n), []
    for _ in range(3):
        order = sklearn.utils.shuffle(order, random_state=theirs)
        curve += net.train(given, order=order, batch_size=batch_size).loss_curve
    assert run.loss_curve == curve
    assert moved(shuffled) == moved(given)
    assert bits(ours._bit_generator.state) == bits(theirs._bit_generator.state)
    assert ours.uniform() == theirs.uniform()


def test_a_given_order_is_where_shuffling_starts(make_net):
    """Also one that leaves rows out or takes them twice; the caller's array stays as it is."""
    net = make_net([3, 5, 2], rows=24, weighted=True)
    start = np.array([3, 20, 20, 7, 0, 11, 12, 13])
    shuffled, given = net.trainer(), net.trainer()
    draws, theirs = np.random.RandomState(5), np.random.RandomState(5)
    run = net.train(shuffled, draws=draws, order=start, batch_size=3, max_iter=2)
    assert run.t == 2 * len(start)
    order, curve = start, []
    for _ in range(2):
        order = sklearn.utils.shuffle(order, random_state=theirs)
        curve += net.train(given, order=order, batch_size=3).loss_curve
    assert run.loss_curve == curve
    assert moved(shuffled) == moved(given)
    assert start.tolist() == [3, 20, 20, 7, 0, 11, 12, 13]
    # and without shuffling it is as good as the rows themselves
    rows = net.rows(start)
    first, second = net.trainer(), rows.trainer()
    assert net.train(first, order=start[::-1][::-1], batch_size=3).loss_curve == (
        rows.train(second, batch_size=3).loss_curve
    )
    assert moved(first) == moved(second)
