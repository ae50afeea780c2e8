"""The rows' weights and the L2 penalty, brought to where no sum of weights over- or underflows.

Weights count by their share of a batch's sum, and that sum divides the penalty. So the weights and
alpha may be multiplied by any number together, and a power of two changes no bit of the result.
"""

from __future__ import annotations

import inspect
import math
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.utils.validation import _check_sample_weight, assert_all_finite

from .limits import LARGEST, too_large
from .parameters import as_float

Array = npt.NDArray[Any]

# Binary exponents up to here leave room for sums over rows and for squares of errors.
_ORDINARY = {np.dtype(dtype): np.finfo(dtype).maxexp // 2 for dtype in (np.float32, np.float64)}

# Older versions of scikit-learn don't ask.
_ASKS = "allow_all_zero_weights" in inspect.signature(_check_sample_weight).parameters


def checked_weights(
    sample_weight: Any, X: Any, *, dtype: Any = None, may_be_zero: bool = False
) -> Array:
    """Return the weights (rows,) of X as scikit-learn's checks leave them.

    may_be_zero: whether all may be 0, as those of some of the rows may.
    """
    asked = {"allow_all_zero_weights": may_be_zero} if _ASKS else {}
    weights: Array = _check_sample_weight(sample_weight, X, dtype=dtype, **asked)
    return weights


def weights_and_penalties(
    sample_weight: Array | None,
    penalties: tuple[Any, Any],
    rows: int,
    batch_rows: int,
    dtype: np.dtype[Any],
) -> tuple[Array | None, float, float]:
    """Return checked weights (rows,) in dtype, alpha and l1, all times the same power of two.

    batch_rows: the rows of a mini-batch, which may be more than there are.

    Raises
    ------
    ValueError
        If a batch of all rows would have the weight 0, or the penalty is more than dtype can hold.
    """
    l2, l1 = as_float(penalties[0]), as_float(penalties[1])
    if sample_weight is None and not l1 and l2 <= LARGEST[dtype]:
        return None, l2, l1
    total = float(rows)
    if sample_weight is not None:
        sample_weight, exponent = weights_in_range(sample_weight, dtype)
        if exponent:
            with np.errstate(over="ignore"):
                l2, l1 = (float(np.ldexp(penalty, exponent)) for penalty in (l2, l1))
        total = abs(float(np.add.reduce(sample_weight, dtype=np.float64)))
        if total == 0:
            if batch_rows >= rows:
                raise ValueError(
                    "Sample weights sum to zero over all rows, which make one batch: a weighted "
                    "mean over it does not exist."
                )
            return sample_weight, l2, l1  # batches of fewer rows may have other sums
    if max(l2, l1) > LARGEST[dtype] * total:
        at = (l2, l1).index(max(l2, l1))
        name = ("alpha", "l1")[at]
        by, remedy = "number of rows", f"Lower {name}"
        if sample_weight is not None:
            by, remedy = "sum of the sample weights", f"Lower {name}, give the rows larger weights"
        what = f"{name}={as_float(penalties[at]):g} is divided by the {by} and comes to "
        raise too_large(what + f"{max(l2, l1) / total:.2g}", dtype, remedy)
    return sample_weight, l2, l1


def weights_in_range(sample_weight: Array, dtype: np.dtype[Any]) -> tuple[Array, int]:
    """Return the weights in dtype times 2^exponent, and the exponent, 0 in the ordinary range."""
    sizes = np.abs(sample_weight)
    largest, smallest = sizes.item(sizes.argmax()), sizes.item(sizes.argmin())
    if not math.isfinite(largest):
        assert_all_finite(sizes, input_name="sample_weight")  # scikit-learn lets a scalar pass
    if largest == 0:
        return sample_weight.astype(dtype, copy=False), 0
    if smallest == 0:
        smallest = float(sizes[sizes > 0].min())
    high, low, limit = math.frexp(largest)[1], math.frexp(smallest)[1], _ORDINARY[dtype]
    if -limit <= low and high <= limit:
        return sample_weight.astype(dtype, copy=False), 0
    exponent = min(-(low + high) // 2, limit - high)
    return np.ldexp(sample_weight, exponent).astype(dtype, copy=False), exponent
