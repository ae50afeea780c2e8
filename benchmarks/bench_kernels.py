"""The three products of a layer and the activations, on one thread.

GFLOP/s and the share of the FMA peak measured in the same process stand in `extra_info`.
"""

from __future__ import annotations

import functools

import numpy as np
import pytest

from chainfit import _core

LAYERS = ((32, 64, 64), (128, 784, 128), (128, 512, 512), (512, 2048, 2048))
DTYPES = ("float32", "float64")


@functools.cache
def peak(dtype: str) -> float:
    """GFLOP/s of one core: the best of five, so that a slow moment doesn't flatter the shares."""
    return max(_core.peak_gflops(double_precision=dtype == "float64") for _ in range(5))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("layer", LAYERS, ids=lambda layer: "x".join(map(str, layer)))
def test_products(benchmark, layer, dtype):
    measured = []

    def products():
        measured.append(_core.product_gflops(*layer, dtype == "float64", 0.05))

    benchmark.pedantic(products, rounds=5)
    for product in ("forward", "backward", "gradient"):
        rate = float(np.median([m[product] for m in measured]))
        benchmark.extra_info[f"{product}_gflops"] = round(rate, 1)
        benchmark.extra_info[f"{product}_share_of_peak"] = round(rate / peak(dtype), 3)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", _core.activations())
def test_activation(benchmark, name, dtype):
    z = np.random.RandomState(0).standard_normal(1 << 14).astype(dtype)
    benchmark(_core.activate, name, z)
    benchmark.extra_info["values"] = z.size


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", ["tanh", "exp"])
def test_activation_numpy(benchmark, name, dtype):
    z = np.random.RandomState(0).standard_normal(1 << 14).astype(dtype)
    benchmark(getattr(np, name), z)
    benchmark.extra_info["values"] = z.size
