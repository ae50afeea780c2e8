"""Elementary functions by `decimal`, how far a kernel may be from them, and the comparison.

Python's exp and ln are correctly rounded at any precision. Error bounds are in units u = eps/2 of
relative error, counted rounding by rounding from the formulas of cpp/kernels/vecmath.inl; one ulp
of y is between u|y| and 2u|y|.
"""

from decimal import Decimal
from functools import cache

import mpmath
import numpy as np

from chainfit import reference

DIGITS = 60  # e^-x to 60 digits leaves 44 right ones in 1 - a^2, where float64 has 16

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
# ln(1 + e): of the quotient 2u, of the series 3.1u; e itself at 2u. In softplus it is added to z,
# in mish e^z has twice its own 2u in n = e (e + 2), and there are four roundings and a product.
LOG1P_ULP = 8.0
MISH_ULP = 9.0
# Below this the kernels give 0 or flush: exp cuts at -86.6 (-707.7), where e^x is 2.1 (2.0) times
# the smallest normal number.
FLUSHED = 2.2


@cache
def exact_exp(x):
    return Decimal(min(x, 1000.0)).exp()  # e^1000 is past both dtypes, and within Decimal


def exact_logistic(x):
    e = exact_exp(-abs(x))
    return 1 / (1 + e) if x >= 0 else e / (1 + e)


def exact_tanh(x):
    if abs(x) < 1e-10:  # the next term is x^7/18: 1e-61 of x
        x = Decimal(x)
        return x - x**3 / 3 + 2 * x**5 / 15
    e = exact_exp(-2 * abs(x))
    return ((1 - e) / (1 + e)).copy_sign(Decimal(x))


def exact_normal(x):
    x = min(max(x, -60), 60)  # beyond, Phi is below the smallest number or 1
    with mpmath.workdps(DIGITS):
        return Decimal(mpmath.nstr(mpmath.ncdf(mpmath.mpf(str(Decimal(x)))), DIGITS))


def exact_density(x):
    return exact_exp(-(min(abs(x), 60) ** 2) / 2) / Decimal(mpmath.nstr(SQRT_2_PI, DIGITS))


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


@cache
def points(dtype):
    """Return finite z: all magnitudes, the bends of the formulas, and the ends of the range."""
    rng = np.random.RandomState(0)
    info = np.finfo(dtype)
    every = 2.0 ** rng.uniform(info.minexp, info.maxexp - 1, 400) * rng.choice([-1, 1], 400)
    bends = np.arange(-60, 61) * (np.log(2) / 2)  # where n of x = n ln2 + r changes
    near = [bends * (1 + k * float(info.eps)) for k in (-2, 0, 2)]
    ends = np.concatenate([np.log(float(info.max)) + np.linspace(-2, 1, 40)])
    z = [every, rng.uniform(-1, 1, 300), rng.uniform(-20, 20, 300), *near, ends, -ends]
    z = np.concatenate([*z, [0.0, float(info.max), -float(info.max), float(info.tiny)]])
    return z.astype(dtype)


def assert_close(got, exact, ulps, dtype, flushed=1.0):
    """Compare with Decimals: `ulps` units in the last place, `flushed` smallest normal numbers.

    A result below the smallest normal number may be 0.
    """
    info = np.finfo(dtype)
    floor = Decimal(float(info.tiny) * flushed)
    for value, right in zip(got.tolist(), exact, strict=True):
        if np.isinf(value):  # right only if rounding gives it too
            assert right.copy_sign(Decimal(1)) * (1 + Decimal(ulps * float(info.eps))) >= Decimal(
                float(info.max)
            )
            continue
        ulp = Decimal(2.0 ** (int(np.frexp(float(right))[1]) - 1 - info.nmant))
        if abs(right) < floor:
            assert abs(Decimal(value) - right) <= floor
        else:
            assert abs(Decimal(value) - right) <= Decimal(ulps) * ulp, (value, right)
