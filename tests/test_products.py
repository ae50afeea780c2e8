"""Matrix products to the last bit: forward, backward, gradient, steps on one row and on a few.

The numerics contract is emulated in NumPy: an element is a sum of blocks of 128 terms, k ascending,
each block one chain of FMAs from +0, the block sums added left to right, then the bias. Nothing
else may enter: not the tile, the vector, the neighbours, the thread or the layout in memory.
Steps on one row, and on two to eight, have orders of their own, set by the shape alone.
"""

# ruff: noqa: E741 - l is the layer

from fractions import Fraction
from functools import cache
from itertools import pairwise

import numpy as np
import pytest

from chainfit import _core

BLOCK = 128
SMALL = [1, 2, 3, 4, 5, 7, 8, 11, 13, 16, 17, 19, 23, 29, 31, 32, 33, 37, 40]
EDGES = [127, 128, 129, 255, 257, 513]


# --- the emulator --------------------------------------------------------------------------------


def two_sum(a, b):
    """Return (s, e): s = a + b rounded, s + e = a + b exactly (Knuth)."""
    s = a + b
    c = s - a
    return s, (a - (s - c)) + (b - c)


def two_product(a, b):
    """Return (p, e): p = a b rounded, p + e = a b exactly (Dekker, Veltkamp's splitting)."""

    def split(x):
        c = 134217729.0 * x  # 2^27 + 1
        high = c - (c - x)
        return high, x - high

    p = a * b
    (ah, al), (bh, bl) = split(a), split(b)
    return p, ((ah * bh - p) + ah * bl + al * bh) + al * bl


def add_to_odd(a, b):
    """Return a + b in float64, inexact results rounded to the neighbour with an odd last bit."""
    s, e = two_sum(a, b)
    bits = s.view(np.int64)
    toward = np.where((e > 0) == (s > 0), 1, -1)
    odd = np.where((e != 0) & (bits % 2 == 0), bits + toward, bits)
    return odd.view(np.float64)


def fma(a, b, c):
    """Return a b + c with one rounding (S. Boldo, G. Melquiond, 2008), for float32 or float64."""
    dtype = np.result_type(a, b, c)
    a, b, c = np.broadcast_arrays(*(np.asarray(x, np.float64) for x in (a, b, c)))
    if dtype == np.float32:  # the product is exact; 53 bits are enough for rounding twice
        return add_to_odd(a * b, c).astype(np.float32)
    product, low = two_product(a, b)
    c, c_low = two_sum(c, low)
    high, middle = two_sum(product, c)
    return high + add_to_odd(middle, c_low)


def product(A, B):
    """Return A @ B as the contract has it."""
    total = None
    for start in range(0, A.shape[1], BLOCK):
        chain = np.zeros((A.shape[0], B.shape[1]), A.dtype)
        for k in range(start, min(start + BLOCK, A.shape[1])):
            chain = fma(A[:, k, None], B[None, k], chain)
        total = chain if total is None else total + chain
    return total


def folded(v):
    """Return the sum of the lanes v (..., lanes) by the fixed tree."""
    while v.shape[-1] > 1:
        half = v.shape[-1] // 2
        v = v[..., :half] + v[..., half:]
    return v[..., 0]


def dots(a, b):
    """Return a * b summed over the last axis: a chain for each lane, then the tree."""
    lanes = 64 // a.dtype.itemsize
    a, b = np.broadcast_arrays(a, b)
    pad = [(0, 0)] * (a.ndim - 1) + [(0, -a.shape[-1] % lanes)]
    a, b = (np.pad(v, pad).reshape(*v.shape[:-1], -1, lanes) for v in (a, b))
    chain = np.zeros((*a.shape[:-2], lanes), a.dtype)
    for panel in range(a.shape[-2]):
        chain = fma(a[..., panel, :], b[..., panel, :], chain)
    return folded(chain)


def chained(start, a, W):
    """Return start + a @ W, one chain of FMAs, from the first row of W to the last."""
    for a_i, W_i in zip(a, W, strict=True):
        start = fma(a_i, W_i, start)
    return start


def numbers(seed, *shape, dtype):
    rng = np.random.RandomState(seed)
    return (rng.standard_normal(shape) * 2.0 ** rng.randint(-3, 4, shape)).astype(dtype)


def test_the_emulated_fma_is_exact(dtype):
    a, b = numbers(0, 3000, dtype=dtype), numbers(1, 3000, dtype=dtype)
    c = numbers(2, 3000, dtype=dtype)
    c[::3] = -(a * b)[::3]  # cancellation
    c[1::3] *= dtype.type(np.finfo(dtype).eps)
    for x, y, z, got in zip(*(v.tolist() for v in (a, b, c, fma(a, b, c))), strict=True):
        exact = Fraction(x) * Fraction(y) + Fraction(z)
        error = abs(Fraction(got) - exact)
        for neighbour in np.nextafter(dtype.type(got), dtype.type([-np.inf, np.inf])).tolist():
            assert error <= abs(Fraction(neighbour) - exact)


def assert_same_bits(got, expected):
    assert got.dtype == expected.dtype
    assert got.shape == expected.shape
    assert got.tobytes() == expected.tobytes()


# --- forward -------------------------------------------------------------------------------------


@cache
def expected_forward(rows, k, units, dtype):
    """Return X, W, b and the bits that they must give, once for all instruction sets."""
    X, W = numbers(k, rows, k, dtype=dtype), numbers(1, k, units, dtype=dtype)
    b = numbers(2, units, dtype=dtype)
    return X, W, b, product(X, W) + b


def linear(X, W, b):
    return _core.predict(X, [W], [b], "relu", "identity", 1)


@pytest.mark.parametrize("k", SMALL)
def test_forward_of_small_shapes(k, isa, dtype):
    X, W, b, expected = expected_forward(max(SMALL), k, max(SMALL), dtype)
    for rows in SMALL:
        for units in SMALL:
            got = linear(X[:rows], W[:, :units], b[:units])
            assert got.tobytes() == expected[:rows, :units].tobytes(), (rows, units)


@pytest.mark.parametrize(
    "rows,k,units",
    [(5, k, 3) for k in (*EDGES, 128 * 3)]
    + [(rows, 3, 2) for rows in EDGES]
    + [(2, 3, units) for units in EDGES]
    + [(129, 129, 17), (1, 513, 1), (33, 257, 40)],
)
def test_forward_at_the_edges_of_blocks(rows, k, units, isa, dtype):
    X, W, b, expected = expected_forward(rows, k, units, dtype)
    assert_same_bits(linear(X, W, b), expected)


def test_rows_know_nothing_of_their_neighbours(isa, dtype):
    """Not of those in the same vector, which may be NaN, and not of how many there are."""
    X, W = numbers(0, 300, 9, dtype=dtype), numbers(1, 9, 5, dtype=dtype)
    W2, b, b2 = (numbers(s, *n, dtype=dtype) for s, n in ((2, (5, 3)), (3, (5,)), (4, (3,))))
    for link in ("identity", "softmax", "logistic", "exp"):

        def predict(X, link=link):
            return _core.predict(X, [W, W2], [b, b2], "tanh", link, 1)

        whole = predict(X)
        for rows in (1, 2, 7, 8, 9, 15, 16, 17, 100, 127, 128, 129, 257):
            assert_same_bits(predict(X[:rows]), whole[:rows])
            assert_same_bits(predict(X[-rows:]), whole[-rows:])
        poisoned = X.copy()
        poisoned[::3] = np.nan
        clean = np.arange(300) % 3 != 0
        assert_same_bits(predict(poisoned)[clean], whole[clean])


def test_no_rows(dtype):
    out = linear(np.zeros((0, 3), dtype), np.zeros((3, 2), dtype), np.zeros(2, dtype))
    assert out.shape == (0, 2)
    assert out.dtype == dtype


# --- gradient and backward -----------------------------------------------------------------------


def linear_net(units, dtype, rows, weighted):
    """Return (trainer, X, Y, weights, W, b) of an identity net with half the squared error."""
    W = [numbers(i, *shape, dtype=dtype) for i, shape in enumerate(pairwise(units))]
    b = [numbers(i + 9, n, dtype=dtype) for i, n in enumerate(units[1:])]
    X, Y = numbers(20, rows, units[0], dtype=dtype), numbers(21, rows, units[-1], dtype=dtype)
    weight = np.abs(numbers(22, rows, dtype=dtype)) if weighted else None
    kind = _core.TrainerF32 if dtype == np.float32 else _core.TrainerF64
    trainer = kind(list(units), "identity", "squared_error", "sgd")
    trainer.set_parameters(W, b)
    return trainer, X, Y, weight, W, b


def row_weights(rows, weight, dtype):
    """Return w_r / sum w, divided in float64, row after row summed."""
    if weight is None:
        return np.full(rows, 1.0 / rows).astype(dtype)
    inverse = 1.0 / np.cumsum(weight.astype(np.float64))[-1]
    return (weight.astype(np.float64) * inverse).astype(dtype)


def emulated_gradient(X, Y, weight, W, b, l2):
    """Return dW, db of the identity net, layer by layer from the last."""
    dtype, rows, T = X.dtype, len(X), X.dtype.type
    a = [X]
    for W_l, b_l in zip(W, b, strict=True):
        a.append(product(a[-1], W_l) + b_l)
    delta = row_weights(rows, weight, dtype)[:, None] * (a[-1] - Y)
    scale = T(l2 * (1.0 / rows if weight is None else 1.0 / np.cumsum(weight.astype(float))[-1]))
    dW, db = [], []
    for a_l, W_l in reversed(list(zip(a[:-1], W, strict=True))):
        g, g_b = product(a_l.T, delta), product(np.ones((1, rows), dtype), delta)[0]
        below = product(delta, W_l.T)
        dW.insert(0, fma(scale, W_l, g))
        db.insert(0, g_b)
        delta = below
    return dW, db


@cache
def expected_gradient(units, dtype, rows, weighted, l2):
    _, *net = linear_net(units, dtype, rows, weighted)
    dW, db = emulated_gradient(*net, l2)
    return [*dW, *db]


@pytest.mark.parametrize(
    "units,rows",
    [((n, m), rows) for rows in (1, 2, 3, 15, 16, 17) for n, m in ((1, 1), (3, 2), (17, 33))]
    + [((5, 4), rows) for rows in EDGES]
    + [((n, 3), 9) for n in (111, 112, 113, 225)]  # lines of a task: 112
    + [((3, n), 9) for n in (15, 31, 32, 48, 65)]  # panels of a task: 2
    + [((7, 19, 5), 35), ((4, 129, 3, 2), 18), ((3, 2, 257, 4), 6), ((5, 40, 300), 2)]
    + [((7, 19, 5), 1), ((3, 140, 37, 33, 2), 1), ((150, 40, 70), 1)],
    ids=str,
)
def test_gradient(units, rows, isa, dtype):
    weighted = sum(units) % 2 == 0  # every kind of shape has nets of both kinds
    l2 = 0.37 if weighted else 0.0
    trainer, X, Y, weight, *_ = linear_net(units, dtype, rows, weighted)
    _, _, dW, db = trainer.loss_and_gradient(X, Y, weight, l2, 1)
    for got, expected in zip(
        [*dW, *db], expected_gradient(units, dtype, rows, weighted, l2), strict=True
    ):
        # equal as numbers: a product of 0 and a negative number may come as -0 or +0
        np.testing.assert_array_equal(got, expected)


def test_plain_step_is_one_fma(isa, dtype):
    """W <- W - eta dW by one FMA, with the gradient of `loss_and_gradient`."""
    trainer, X, Y, _, W, b = linear_net((9, 21, 5), dtype, 20, False)
    _, _, dW, db = trainer.loss_and_gradient(X, Y, None, 0.3, 1)
    step(trainer, X, Y, 0.3)
    moved_W, moved_b = trainer.parameters()
    for p, g, moved in zip([*W, *b], [*dW, *db], [*moved_W, *moved_b], strict=True):
        assert_same_bits(moved, fma(dtype.type(-0.01), g, p))


def step(trainer, X, Y, l2, weight=None):
    trainer.eta = 0.01
    run = _core.Run()
    run.batch_size, run.l2, run.shuffle = len(X), l2, False
    trainer.run(X, Y, weight, None, None, run, None, 1)


# --- one row -------------------------------------------------------------------------------------


def row_forward(a, W, b):
    """Return a @ W + b: a chain from the bias on, and one from 0 for every other 32 terms."""
    z = b
    for k in range(0, len(a), 64):
        z = chained(z, a[k : k + 32], W[k : k + 32])
        if len(a) > 32:
            z = z + chained(np.zeros_like(b), a[k + 32 : k + 64], W[k + 32 : k + 64])
    return z


def row_backward(W, delta):
    """Return W @ delta: sums over groups of 4, 2, 1 vectors of units, added left to right."""
    lanes = 64 // W.dtype.itemsize
    vectors, start, total = -(-len(delta) // lanes), 0, None
    for group in [4] * (vectors // 4) + [2] * (vectors % 4 // 2) + [1] * (vectors % 2):
        part = slice(start * lanes, (start + group) * lanes)
        sums = dots(W[:, part], delta[part])
        total = sums if total is None else total + sums
        start += group
    return total


@pytest.mark.parametrize("l2", [0.0, 0.3])
@pytest.mark.parametrize(
    "units",
    [(4, 3, 2, 1), (7, 5), (33, 8, 7), (100, 6, 8, 3)]  # tiny: at most a vector wide
    + [(7, 19, 5), (3, 140, 37, 33, 2), (150, 40, 70), (20, 64, 64, 1), (2, 130, 300, 9)],
    ids=str,
)
def test_a_step_on_one_row(units, l2, isa, dtype):
    trainer, X, Y, _, W, b = linear_net(units, dtype, 1, False)
    step(trainer, X, Y, l2)
    lanes = 64 // dtype.itemsize
    tiny = max(units[1:]) <= lanes

    def narrow(l, n_in, n_out):  # lanes are units below
        return l > 0 and n_out <= lanes and n_out * -(-n_in // lanes) < n_in

    a = [X[0]]
    for l, (W_l, b_l) in enumerate(zip(W, b, strict=True)):
        if tiny and l > 0:
            a.append(chained(b_l, a[l], W_l))
        elif not tiny and narrow(l, *W_l.shape):
            a.append(dots(W_l.T, a[l]) + b_l)
        else:
            a.append(row_forward(a[l], W_l, b_l))
    delta, eta = a[-1] - Y[0], dtype.type(-0.01)
    moved_W, moved_b = trainer.parameters()
    for l in reversed(range(len(W))):
        g = fma(dtype.type(l2), W[l], np.outer(a[l], delta))
        np.testing.assert_array_equal(moved_W[l], fma(eta, g, W[l]))
        np.testing.assert_array_equal(moved_b[l], fma(eta, delta, b[l]))
        if tiny or narrow(l, *W[l].shape):
            delta = chained(np.zeros(len(W[l]), dtype), delta, W[l].T)
        else:
            delta = row_backward(W[l], delta)


# --- a few rows ----------------------------------------------------------------------------------


FEW = [2, 3, 4, 5, 6, 7, 8, 9]  # each has kernels of its own; 9 are not few
FEW_UNITS = [
    *((4, 3, 2, 1), (7, 5), (33, 8, 7), (3, 140, 37, 33, 2), (150, 40, 70)),
    *((20, 64, 64, 1), (2, 130, 300, 9)),
]


@cache
def expected_of_a_few_rows(units, rows, l2, dtype):
    """Return W and b after one step, once for all instruction sets."""
    _, X, Y, weight, W, b = linear_net(units, dtype, rows, True)
    a = [X]
    for W_l, b_l in zip(W, b, strict=True):
        a.append(product(a[-1], W_l) + b_l)
    delta, eta = row_weights(rows, weight, dtype)[:, None] * (a[-1] - Y), dtype.type(-0.01)
    scale = dtype.type(l2 / np.cumsum(weight.astype(np.float64))[-1])
    moved_W, moved_b = [], []
    for l in reversed(range(len(W))):
        g = fma(scale, W[l], product(a[l].T, delta))
        g_b = product(np.ones((1, rows), dtype), delta)[0]
        moved_W.insert(0, fma(eta, g, W[l]))
        moved_b.insert(0, fma(eta, g_b, b[l]))
        if rows == 9:
            delta = product(delta, W[l].T)
        else:
            delta = np.stack([row_backward(W[l], of_row) for of_row in delta])
    return moved_W, moved_b


# One net with every number of rows, and two others in turn, so that each meets several.
@pytest.mark.parametrize(
    ("units", "rows", "l2"),
    [((7, 19, 5), rows, 0.3 * (rows % 2)) for rows in FEW]
    + [(FEW_UNITS[(2 * i + j) % 7], rows, 0.3 * j) for i, rows in enumerate(FEW) for j in (0, 1)],
    ids=str,
)
def test_a_step_on_a_few_rows(units, rows, l2, isa, dtype):
    """Forward and gradient are products as everywhere, backward folds its sums as one row's."""
    trainer, X, Y, weight, *_ = linear_net(units, dtype, rows, True)
    step(trainer, X, Y, l2, weight)
    for got, expected in zip(
        trainer.parameters(), expected_of_a_few_rows(units, rows, l2, dtype), strict=True
    ):
        for mine, right in zip(got, expected, strict=True):
            np.testing.assert_array_equal(mine, right)
