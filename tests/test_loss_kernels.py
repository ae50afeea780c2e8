"""Links and losses on every instruction set, value by value: see tests/exact.py for the oracle."""

import decimal
from decimal import Decimal
from functools import cache

import numpy as np
import pytest
from exact import (
    DIGITS,
    EXP_ULP,
    FLUSHED,
    LOG1P_ULP,
    LOG_U,
    LOGISTIC_ULP,
    TANH_ULP,
    assert_close,
    exact_exp,
    exact_logistic,
    exact_softplus,
    exact_tanh,
    points,
)

from chainfit import _core, reference

# --- links: a net of one unit with W = 1, b = 0 has z = x exactly --------------------------------


def through_link(link, z):
    n = z.shape[1]
    return _core.predict(z, [np.eye(n, dtype=z.dtype)], [np.zeros(n, z.dtype)], "relu", link, 1)


@cache
def exact_link(link, dtype):
    f = {
        "exp": exact_exp,
        "logistic": exact_logistic,
        "tanh": exact_tanh,
        "softplus": exact_softplus,
    }[link]
    with decimal.localcontext(prec=DIGITS):
        return [f(x) for x in points(dtype).tolist()]


@pytest.mark.parametrize(
    "link,ulps",
    [
        ("exp", EXP_ULP),
        ("logistic", LOGISTIC_ULP),
        ("tanh", TANH_ULP),
        ("softplus", LOG1P_ULP),
    ],
)
def test_link(link, ulps, isa, dtype):
    a = through_link(link, points(dtype)[:, None])[:, 0]
    with decimal.localcontext(prec=DIGITS):
        assert_close(a, exact_link(link, dtype), ulps, dtype, FLUSHED)


def test_link_identity_and_special_values(isa, dtype):
    z = np.array([[-np.inf], [-1e30], [0], [1e30], [np.inf], [np.nan]], dtype)
    assert through_link("identity", z)[:5].tolist() == z[:5].tolist()
    assert through_link("exp", z)[:5, 0].tolist() == [0, 0, 1, np.inf, np.inf]
    assert through_link("logistic", z)[:5, 0].tolist() == [0, 0, 0.5, 1, 1]
    assert through_link("softmax", z)[1:4, 0].tolist() == [1, 1, 1]
    for link in _core.links():
        assert np.isnan(through_link(link, z)[5, 0])


@pytest.mark.parametrize("n", [1, 2, 3, 10, 33])
def test_softmax(n, isa, dtype):
    """e_j = e^(z_j - c), a_j = e_j / sum.

    The difference costs u |z_j - c|, exp 2u, the sum n u and what its terms bring: each u d e^-d
    <= 0.4u for a distance d, so 0.4 n u, and 2u of exp; quotient and product 2u.
    """
    rng = np.random.RandomState(n)
    z = np.concatenate([rng.uniform(-s, s, (6, n)) for s in (0.1, 1, 10, 60)]).astype(dtype)
    a = through_link("softmax", z)
    u = Decimal(float(np.finfo(dtype).eps) / 2)
    floor = Decimal(float(np.finfo(dtype).tiny) * FLUSHED)
    with decimal.localcontext(prec=DIGITS):
        for row, got in zip(z.tolist(), a.tolist(), strict=True):
            d = [Decimal(x) - Decimal(max(row)) for x in row]
            e = [x.exp() for x in d]
            for j in range(n):
                right = e[j] / sum(e)
                bound = (-d[j] + Decimal("1.4") * n + 6) * u * right + floor
                assert abs(Decimal(got[j]) - right) <= bound
    # the relative errors weighted by a_j, where sum a_j |d_j| <= ln n; n roundings of this sum
    assert np.abs(a.sum(axis=1) - 1).max() <= (3 * n + 10) * float(u)


def test_softmax_at_the_ends_of_the_range(isa, dtype):
    big = float(np.finfo(dtype).max)
    rows = [
        ([big, 0, -big], [1, 0, 0]),
        ([-big, -big], [0.5, 0.5]),
        ([big, big, big, big], [0.25] * 4),
        ([-np.inf, 0, 0], [0, 0.5, 0.5]),
        ([1000, 1000 - 1e5], [1, 0]),
    ]
    for z, a in rows:
        # the products with 0 of the identity matrix would make NaN of infinity
        W = np.zeros((1, len(z)), dtype)
        b = np.array(z, dtype)
        got = _core.predict(np.zeros((3, 1), dtype), [W], [b], "relu", "softmax", 1)
        assert got.tolist() == [a] * 3
    nan = _core.predict(
        np.array([[np.nan], [0]], dtype), [np.ones((1, 3), dtype)], [np.zeros(3, dtype)],
        "relu", "softmax", 1,
    )  # fmt: skip
    assert np.isnan(nan).tolist() == [[True] * 3, [False] * 3]


# --- losses, told by a ---------------------------------------------------------------------------


def clipped(p, eps):
    return min(max(p, eps), 1 - eps)


def exact_squared_error(y, a, eps):
    return (y - a) ** 2 / 2, 3 * (y - a) ** 2 / 2  # residual and two products


def exact_binary_log_loss(y, a, eps):
    # 1 - p is rounded: u on ln(1 - p); logarithm, product, sum; 1 - y is exact for y in {0, 1}
    p = clipped(a, eps)
    first, second = y * p.ln(), (1 - y) * (1 - p).ln()
    size = abs(first) + abs(second)
    return -(first + second), Decimal(LOG_U + 2) * size + (1 - y)


def exact_log_loss(y, a, eps):
    loss = -y * clipped(a, eps).ln()
    return loss, Decimal(LOG_U + 1) * abs(loss)


def exact_poisson(y, a, eps):
    # the quotient's rounding is u on the logarithm; then logarithm, product and two sums
    ln = (y / a).ln() if y else Decimal(0)
    bound = Decimal(LOG_U + 1) * abs(y * ln) + y + abs(y * ln - y) + abs(y * ln - y + a)
    return y * ln - y + a, bound


def exact_huber(y, a, eps):
    """The difference, enlarged by the slope, and three roundings."""
    size, bend = abs(y - a), Decimal("1.35")
    loss = size * size / 2 if size <= bend else bend * (size - bend / 2)
    return loss, 6 * max(loss, size * min(size, bend))


def exact_absolute_error(y, a, eps):
    return abs(y - a), abs(y - a)


def exact_log_cosh(y, a, eps):
    """The residual, enlarged to 2u; of a small one then m^2/(2q), 9u, and ln(1 + x), 6u."""
    r = abs(y - a)
    loss = ((r.exp() + (-r).exp()) / 2).ln()
    return loss, 18 * loss


def exact_gamma(y, a, eps):
    """The quotient's rounding goes into the logarithm too; then two differences."""
    ln = (y / a).ln()
    loss = y / a - 1 - ln
    return loss, y / a + 1 + Decimal(LOG_U) * abs(ln) + abs(y / a - 1) + abs(loss)


EXACT_LOSSES = {
    "absolute_error": exact_absolute_error,
    "quantile": lambda y, a, eps: (abs(y - a) / 2, abs(y - a) / 2),
    "log_cosh": exact_log_cosh,
    "gamma": exact_gamma,
    "squared_error": exact_squared_error,
    "binary_log_loss": exact_binary_log_loss,
    "log_loss": exact_log_loss,
    "poisson": exact_poisson,
    "huber": exact_huber,
}
KNOWN_LOSSES = [
    (loss.name, loss.link) for loss in _core.losses().values() if loss.name in EXACT_LOSSES
]


def row_loss(loss, z, y):
    """Return (data loss, delta) of one row: z and y are (n,)."""
    n = len(z)
    kind = _core.TrainerF32 if z.dtype == np.float32 else _core.TrainerF64
    trainer = kind([1, n], "relu", loss, "sgd")
    trainer.set_parameters([np.zeros((1, n), z.dtype)], [z])
    value, penalty, _, (delta,) = trainer.loss_and_gradient(
        np.zeros((1, 1), z.dtype), y[None], None, 0.0, 1
    )
    assert penalty == 0
    return value, delta


def assert_delta(loss, y, a, delta):
    """Check the bits of dloss/dz, which is the oracle's but for functions of NumPy's own."""
    known = reference.LOSSES[loss]
    if loss == "log_cosh":
        np.testing.assert_array_max_ulp(delta, np.tanh(a - y), 6)
    elif loss == "gamma":  # dloss/da times the slope of exp, a
        assert delta.tobytes() == (1 - y / a).tobytes()
    else:
        right = a - y if known.canonical else known.slope(y, a)
        assert delta.tobytes() == right.astype(y.dtype).tobytes()


@pytest.mark.parametrize("loss,link", KNOWN_LOSSES)
@pytest.mark.parametrize("n", [1, 3, 17])
def test_loss_and_delta(loss, link, n, isa, dtype, make_net):
    rng = np.random.RandomState(n)
    u = Decimal(float(np.finfo(dtype).eps) / 2)
    eps = 2 * u
    Y = make_net([1, n], loss=loss, dtype=dtype, rows=24).Y
    Z = (rng.uniform(-1, 1, Y.shape) * rng.choice([0.1, 2, 8, 30], (24, 1))).astype(dtype)
    A = through_link(link, Z)
    for z, y, a in zip(Z, Y, A, strict=True):
        value, delta = row_loss(loss, z, y)
        assert_delta(loss, y, a, delta)
        with decimal.localcontext(prec=DIGITS):
            terms = [
                EXACT_LOSSES[loss](Decimal(t), Decimal(p), eps)
                for t, p in zip(y.tolist(), a.tolist(), strict=True)
            ]
            exact = sum(term for term, _ in terms)
            # the sum over outputs: n roundings of partial sums, none larger than all sizes added
            bound = sum(b for _, b in terms) + n * sum(abs(term) for term, _ in terms)
            assert abs(Decimal(value) - exact) <= u * bound


def test_losses_at_the_ends_of_the_range(isa, dtype):
    def value(loss, z, y):
        return row_loss(loss, np.array(z, dtype), np.array(y, dtype))[0]

    eps = float(np.finfo(dtype).eps)
    clip = -np.log(eps)
    near = {"rel": 10 * eps}  # ln at LOG_U u, and clip's own rounding
    for z, right, wrong in ([1000.0], [1.0], [0.0]), ([-1000.0], [0.0], [1.0]):
        assert value("binary_log_loss", z, wrong) == pytest.approx(clip, **near)
        assert value("binary_log_loss", z, right) == pytest.approx(eps, **near)
    assert value("log_loss", [1000, 0], [0, 1]) == pytest.approx(clip, **near)
    assert value("log_loss", [1000, 0], [1, 0]) == pytest.approx(eps, **near)
    assert value("poisson", [-1000], [0]) == 0
    assert value("poisson", [-1000], [1]) == np.inf
    assert value("poisson", [1000], [1]) == np.inf
    assert value("squared_error", [np.finfo(dtype).max], [0]) == np.inf
    for loss in _core.losses():
        assert np.isnan(value(loss, [np.nan, 0, 0, 0], [1, 0, 0, 0]))
