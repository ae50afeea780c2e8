"""Elementary functions by `decimal`, and how a kernel's values are compared with them."""

from decimal import Decimal
from functools import cache

import numpy as np

DIGITS = 60  # e^-x to 60 digits leaves 44 right ones in 1 - a^2, where float64 has 16

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
