"""Elementwise kernels on every instruction set: activations, links and losses, value by value.

The oracle is Python's `decimal`, whose exp and ln are correctly rounded at any precision. Error
bounds are in units u = eps/2 of relative error, counted rounding by rounding from the formulas of
cpp/kernels/vecmath.inl and losses.inl; one ulp of y is between u|y| and 2u|y|.
"""

import decimal
from decimal import Decimal
from functools import cache

import mpmath
import numpy as np
import pytest
from exact import DIGITS, FLUSHED, assert_close, exact_exp, exact_logistic, exact_tanh, points

from chainfit import _core, reference

with mpmath.workdps(80):
    SQRT_2_PI = mpmath.sqrt(2 * mpmath.pi)
# exp. x = n ln2 + r is exact but for the last FMA: u/4. In e^r = 1 + (r + r^2 p) the bracket, at
# most 0.42 in size, is off by 0.45u (its rounding, and 3u on r^2 p <= 0.067), the series' end by
# u/8. The last sum adds u/2 below 1, where an ulp is u, and u above, where it is 2u:
# 0.25 + 0.45 + 0.125 + 0.5 = 1.32 ulp below, (0.35 + 0.575 + 1)/2 = 0.97 ulp above.
EXP_ULP = 1.5
EXP_U = 2.0  # the same as relative error: 1.32/0.707 and 1.93
# logistic, 1/(1 + e): exp's 2u at most, the sum's u, half an ulp for the quotient.
LOGISTIC_ULP = 3.5
# tanh, -t/(t + 2): t's 2.5u (expm1 keeps its relative accuracy), enlarged by 2/(2 - |t|) to at
# most 2.9u, the sum's u, half an ulp for the quotient.
TANH_ULP = 4.5
# gelu, z Phi(z). Phi's tail is e t p(t): exp's 2u, its correction's u, t's 2u enlarged by p's slope
# to 3u, the polynomial's 2u, three products.
GELU_ULP = 10.0
# ln. s = (m - 1)/(m + 1): 2u; with the series 3.1u on ln m, at most 0.35 in size. Beside e ln2,
# where the result is at least 0.34, 1.07u of absolute error and two roundings.
LOG_U = 5.0


def exact_normal(x):
    x = min(max(x, -60), 60)  # beyond, Phi is below the smallest number or 1
    with mpmath.workdps(DIGITS):
        return Decimal(mpmath.nstr(mpmath.ncdf(mpmath.mpf(str(Decimal(x)))), DIGITS))


def exact_density(x):
    return exact_exp(-(min(abs(x), 60) ** 2) / 2) / Decimal(mpmath.nstr(SQRT_2_PI, DIGITS))


# name: (f, bound in ulp); one of T's own roundings is half an ulp.
# ln(1 + e): of the quotient 2u, of the series 3.1u; e itself at 2u. In softplus it is added to z,
# in mish e^z has twice its own 2u in n = e (e + 2), and there are four roundings and a product.
LOG1P_ULP = 8.0
MISH_ULP = 9.0


def exact_expm1(x):
    x = Decimal(max(x, -1000.0))
    if x > Decimal("-1e-10"):
        return x + x**2 / 2 + x**3 / 6 + x**4 / 24 + x**5 / 120
    return x.exp() - 1


SCALE, ALPHA = Decimal(reference.SELU_SCALE), Decimal(reference.SELU_ALPHA)


def exact_softplus(x):
    e = exact_exp(-abs(x))
    return max(Decimal(x), Decimal(0)) + (e - e**2 / 2 if e < Decimal("1e-25") else (1 + e).ln())


def exact_mish_share(x):
    """tanh(ln(1 + e^x)) is n / (n + 2), n = e (e + 2)."""
    e = exact_exp(min(x, 900.0))
    return e * (e + 2) / (e * (e + 2) + 2)


def exact_mish_slope(z):
    e = exact_exp(min(float(z), 900.0))
    return exact_mish_share(float(z)) + z * 4 * e * (e + 1) / (e * (e + 2) + 2) ** 2


def mish_slope_bound(z):
    """Return how many eps the slope t + z w, w = 4 e (e + 1) / (n + 2)^2, is off at most.

    To first order: e, at 2u, moves it as z alone in t and w would, by w + z w'; then there are six
    roundings of t and ten of z w, and the sum's.
    """
    p = np.logaddexp(0, z)
    t, s = np.tanh(p), np.exp(-np.logaddexp(0, -z))
    steep = 4 * np.exp(-2 * np.logaddexp(p, -p))  # 1 - t^2
    w, w_slope = steep * s, steep * (s * (1 - s) - 2 * t * s * s)
    return abs(w + z * w_slope) + 3 * t + 5 * abs(z) * w + 0.5


EXACT = {
    "elu": (lambda x: Decimal(x) if x > 0 else exact_expm1(x), 2.5),
    "selu": (lambda x: SCALE * (Decimal(x) if x > 0 else ALPHA * exact_expm1(x)), 4),
    "softplus": (exact_softplus, LOG1P_ULP),
    "mish": (lambda x: Decimal(x) * exact_mish_share(x), MISH_ULP),
    "identity": (Decimal, 0),
    "logistic": (exact_logistic, LOGISTIC_ULP),
    "tanh": (exact_tanh, TANH_ULP),
    "relu": (lambda x: max(Decimal(0), Decimal(x)), 0),
    "leaky_relu": (lambda x: Decimal(x) * (1 if x > 0 else Decimal("0.01")), 1.5),  # 0.01, product
    "gelu": (lambda x: Decimal(x) * exact_normal(x), GELU_ULP),
    "silu": (lambda x: Decimal(x) * exact_logistic(x), LOGISTIC_ULP + 1.5),
}

# name: (f' given a or z, bound): tanh's 1 - a^2 is one FMA, logistic's a (1 - a) has two roundings.
# The bound is in ulp; given z, which may be where f' is 0, in ulp of f' or of 1.


def silu_slope_bound(z):
    """Return how many eps the slope s + z s (1 - s) is off at most, to first order.

    s, at 5 ulp, enters with 1 + z (1 - 2s); then there are three roundings of the product and one
    of the sum.
    """
    s = np.exp(-np.logaddexp(0, -z))
    product = np.abs(z) * s * np.exp(-np.logaddexp(0, z))
    return 5 * s * np.abs(1 + z * (1 - 2 * s)) + 1.5 * product + 0.5 * (s + product)


EXACT_DERIVATIVE = {
    "elu": (lambda a: min(a, Decimal(0)) + 1, 0.5),
    "selu": (lambda a: SCALE if a > 0 else a + SCALE * ALPHA, 1.5),
    "softplus": (lambda z: exact_logistic(float(z)), LOGISTIC_ULP),
    "mish": (exact_mish_slope, mish_slope_bound),
    "identity": (lambda a: Decimal(1), 0),
    "logistic": (lambda a: a * (1 - a), 1.5),
    "tanh": (lambda a: 1 - a * a, 0.5),
    "relu": (lambda a: Decimal(int(a > 0)), 0),
    "leaky_relu": (lambda a: Decimal(1) if a > 0 else Decimal("0.01"), 0.5),
    "gelu": (lambda z: exact_normal(z) + z * exact_density(z), 8),
    "silu": (lambda z: (s := exact_logistic(z)) + z * s * (1 - s), silu_slope_bound),
}

ACTIVATIONS = _core.activations()
KNOWN_ACTIVATIONS = [name for name in ACTIVATIONS if name in EXACT]


def test_the_reference_and_the_core_know_the_same_names():
    assert set(reference.ACTIVATIONS) <= set(ACTIVATIONS)
    assert set(EXACT) == set(EXACT_DERIVATIVE) == set(reference.ACTIVATIONS)
    losses, optimizers = _core.losses(), _core.optimizers()
    assert all(losses[name].link == loss.link for name, loss in reference.LOSSES.items())
    assert all(optimizers[name].slots == slots for name, (slots, _) in reference.UPDATES.items())


@cache
def exact_activation(name, dtype):
    with decimal.localcontext(prec=DIGITS):
        return [EXACT[name][0](x) for x in points(dtype).tolist()]


@pytest.mark.parametrize("name", KNOWN_ACTIVATIONS)
def test_activation(name, isa, dtype):
    a = _core.activate(name, points(dtype))
    assert a.dtype == dtype
    with decimal.localcontext(prec=DIGITS):
        # where z is a factor, what is flushed is up to 720 times as large
        flushed = 720 * FLUSHED if reference.ACTIVATIONS[name].given == "z" else 1.0
        assert_close(a, exact_activation(name, dtype), EXACT[name][1], dtype, flushed)


@pytest.mark.parametrize("name", KNOWN_ACTIVATIONS)
def test_activation_derivative(name, isa, dtype):
    derivative, bound = EXACT_DERIVATIVE[name]
    z = points(dtype)
    a = _core.activate(name, z)
    if reference.ACTIVATIONS[name].given == "z":
        slope = _core.activate(name, z, True).astype(float)
        exact = np.array([float(derivative(Decimal(x))) for x in z.tolist()])
        eps = float(np.finfo(dtype).eps)
        if callable(bound):
            bound = np.minimum(bound(z.astype(float).clip(-1e3, 1e3)), 20)  # 20 where z is large
        flushed = 720 * float(np.finfo(dtype).tiny)  # |z| times a logistic that became 0
        assert (abs(slope - exact) <= bound * eps + flushed).all()
        return
    with decimal.localcontext(prec=250):  # 1 - a^2 is exact, so that half an ulp can be told
        exact = [derivative(Decimal(x)) for x in a.tolist()]
        if name == "selu":  # near -1.76 the sum with a rounded constant cancels
            got, eps = _core.activate(name, z, True).tolist(), Decimal(float(np.finfo(dtype).eps))
            assert all(abs(Decimal(g) - e) <= 2 * eps for g, e in zip(got, exact, strict=True))
            return
        # a (1 - a) of a denormal a: 0, as a is itself
        assert_close(_core.activate(name, z, True), exact, bound, dtype)


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_activation_derivative_against_differences(name, isa):
    """Of any activation in the table, with nothing but its own values, away from a bend at 0.

    z and h are multiples of 2^-20, so z +- h is exact. Truncation is h^2/6 |f'''|, with |f'''|
    taken to be at most 8 (tanh's is 2); values are at most 20 in size and off by 5 ulp.
    """
    h = 2.0**-17
    z = np.random.RandomState(1).randint(-20 * 2**20, 20 * 2**20, 2000) / 2**20
    z = z[np.abs(z) > 2 * h]
    difference = (_core.activate(name, z + h) - _core.activate(name, z - h)) / (2 * h)
    tolerance = h**2 / 6 * 8 + 5 * np.spacing(20.0) / h
    np.testing.assert_allclose(_core.activate(name, z, True), difference, rtol=0, atol=tolerance)


@pytest.mark.parametrize("derivative", [False, True])
@pytest.mark.parametrize("name", ACTIVATIONS)
def test_activation_bits_are_those_of_every_instruction_set(name, dtype, derivative, using_isa):
    info = np.finfo(dtype)
    special = [0.0, -0.0, np.inf, -np.inf, np.nan, info.smallest_subnormal, -info.tiny / 2]
    z = np.concatenate([points(dtype), np.array(special, dtype)])
    bits = {}
    for isa, runs in _core.isas():
        if runs:
            with using_isa(isa):
                a = _core.activate(name, z, derivative)
            bits[isa] = np.where(np.isnan(a), dtype.type(np.nan), a).tobytes()
    assert set(bits.values()) == {bits["generic"]}


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_activation_at_special_values(name, isa, dtype):
    def f(*z):
        return _core.activate(name, np.array(z, dtype))

    info = np.finfo(dtype)
    assert np.isnan(f(np.nan, 1.0)).tolist() == [True, False]
    # denormals count as 0, and so does -0: z is a sum that starts from +0
    at_zero = f(0.0)
    for z in (-0.0, info.smallest_subnormal, -info.smallest_subnormal, info.tiny / 2):
        assert f(z).tobytes() == at_zero.tobytes()


def test_saturation_and_infinities(isa, dtype):
    def f(name):
        return _core.activate(
            name, np.array([-np.inf, -info.max, -800, 800, info.max, np.inf], dtype)
        )

    info = np.finfo(dtype)
    inf, big = np.inf, float(info.max)
    assert f("logistic").tolist() == [0, 0, 0, 1, 1, 1]
    assert f("tanh").tolist() == [-1, -1, -1, 1, 1, 1]
    assert f("relu").tolist() == [0, 0, 0, 800, big, inf]
    assert f("identity").tolist() == [-inf, -big, -800, 800, big, inf]
    assert f("leaky_relu")[[0, 5]].tolist() == [-inf, inf]
    for name in ("gelu", "silu", "mish", "softplus"):
        assert f(name).tolist() == [0, 0, 0, 800, big, inf]
    assert f("elu").tolist() == [-1, -1, -1, 800, big, inf]
    assert f("selu")[[0, 1, 5]] == pytest.approx([-1.7580993408473766] * 2 + [inf])


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_activation_does_not_depend_on_place_or_shape(name, isa, dtype):
    z = np.random.RandomState(2).uniform(-5, 5, 67).astype(dtype)
    for derivative in (False, True):
        whole = _core.activate(name, z, derivative)
        for n in range(len(z) + 1):
            assert _core.activate(name, z[:n], derivative).tobytes() == whole[:n].tobytes()
            assert _core.activate(name, z[n:], derivative).tobytes() == whole[n:].tobytes()
        table = _core.activate(name, z[:66].reshape(2, 3, 11), derivative)
        assert table.shape == (2, 3, 11)
        assert table.tobytes() == whole[:66].tobytes()


# --- links: a net of one unit with W = 1, b = 0 has z = x exactly --------------------------------


def through_link(link, z):
    n = z.shape[1]
    return _core.predict(z, [np.eye(n, dtype=z.dtype)], [np.zeros(n, z.dtype)], "relu", link, 1)


@cache
def exact_link(link, dtype):
    f = EXACT[link][0] if link in EXACT else exact_exp
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
    """Check the bits of dloss/dz, which is a - y or a step or two from it."""
    if loss == "log_cosh":
        np.testing.assert_array_max_ulp(delta, np.tanh(a - y), 6)
        return
    right = {
        "huber": np.clip(a - y, -y.dtype.type(1.35), y.dtype.type(1.35)),
        "absolute_error": np.sign(a - y),
        "quantile": np.sign(a - y) / 2,
        "gamma": 1 - y / a if loss == "gamma" else None,
    }.get(loss, a - y)
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
