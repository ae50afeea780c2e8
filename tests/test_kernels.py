"""Activations on every instruction set, value by value: see tests/exact.py for the oracle."""

import decimal
from decimal import Decimal
from functools import cache

import numpy as np
import pytest
from exact import (
    ALPHA,
    DIGITS,
    FLUSHED,
    GELU_ULP,
    LOG1P_ULP,
    LOGISTIC_ULP,
    MISH_ULP,
    SCALE,
    TANH_ULP,
    assert_close,
    exact_density,
    exact_expm1,
    exact_logistic,
    exact_mish_share,
    exact_mish_slope,
    exact_normal,
    exact_softplus,
    exact_tanh,
    mish_slope_bound,
    points,
)

from chainfit import _core, reference

# name: (f, bound in ulp); one of T's own roundings is half an ulp.
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
