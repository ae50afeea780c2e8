"""Outputs that belong together: means with variances, quantiles, classifications side by side.

The rules of such outputs have variables beside z, a and y, whose numbers are here, output by
output. Blocks lie as the estimators have them: the first of every target, then the second.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import accumulate
from typing import Any

import numpy as np

from . import rules
from .formula import Array, Variable


def per_target(net: Any) -> int:
    """Return how many outputs a target has."""
    if net.loss == "gaussian_nll":
        return 2
    return len(net.quantile) if net.loss == "quantile" and isinstance(net.quantile, tuple) else 1


def constants(net: Any) -> dict[Variable, Array]:
    """Return what differs from output to output in the rules, (n_L,) each."""
    targets = net.units[-1] // per_target(net)
    if net.loss == "gaussian_nll":
        return {rules.IS_VARIANCE: np.repeat([0.0, 1.0], targets)}
    if per_target(net) > 1:
        return {rules.LEVEL: np.repeat(net.quantile, targets)}
    return {}


def partners(net: Any) -> Array | None:
    """Return the number of the variance of each mean and the other way round, or None."""
    n = net.units[-1]
    return (np.arange(n) + n // 2) % n if net.loss == "gaussian_nll" else None


def known(net: Any, Y: Any, a: Any) -> dict[Variable, Any]:
    """Return the numbers of all variables of the loss that are not z, a or y."""
    if net.custom is not None:
        loss, slope = net.custom(Y, a)
        first = np.zeros_like(a)  # all of the loss, which is no sum over the outputs
        first[:, 0] = loss
        return {rules.GIVEN: first, rules.GIVEN_SLOPE: np.asarray(slope, dtype=float)}
    other = partners(net)
    return {**constants(net), **({} if other is None else {rules.PARTNER: a[..., other]})}


def group_of(net: Any, k: int) -> range:
    """Return the outputs that a softmax ties together with output k."""
    ends = [*accumulate(net.groups)] or [net.units[-1]]
    start = max([0, *(end for end in ends if end <= k)])
    return range(start, min(end for end in ends if end > k))


def by_group(net: Any, f: Callable[..., Array], *arrays: Array) -> Array:
    """Return f of arrays (rows, n_L), each softmax by itself."""
    if not net.groups:
        return f(*arrays)
    ends = [*accumulate(net.groups)][:-1]
    parts = zip(*(np.split(array, ends, axis=1) for array in arrays), strict=True)
    return np.hstack([f(*part) for part in parts])


def sums_of(net: Any, Y: Array) -> Array:
    """Return the sums of the rows of Y, of each softmax by itself."""
    return by_group(net, lambda part: part.sum(axis=1, keepdims=True), Y)


def names_of_outputs(mlp: Any) -> list[str] | None:
    """Name what each output is: the probability of a class, a variance; None: one for a target."""
    classes = getattr(mlp, "classes_", None)
    if classes is None:
        return _block_names(mlp)
    if isinstance(classes, list):
        columns = enumerate(classes, start=1)
        return [f"{name} in column {n}" for n, part in columns for name in part]
    n_outputs = len(mlp.intercepts_[-1])
    return [str(name) for name in (classes[-1:] if n_outputs == 1 else classes)]


def _block_names(mlp: Any) -> list[str] | None:
    """Name the outputs of targets that have several."""
    blocks = vars(mlp).get("_units_per_target", 0)
    if not blocks:
        return None
    quantiles = [f"quantile {q:g}" for q in mlp.quantile] if mlp.loss == "quantile" else []
    targets = len(mlp.intercepts_[-1]) // blocks
    of = [""] if targets == 1 else [f" of y_{k + 1}" for k in range(targets)]
    return [what + target for what in quantiles or ("mean", "variance") for target in of]


def remark(net: Any) -> str:
    """Say what outputs are to each other, where they belong together."""
    if net.custom is not None:
        return (
            "The loss is a function of your own, of y and the raw outputs h. Its value and its "
            "derivative with respect to h are the numbers that it returned."
        )
    if net.loss == "gaussian_nll":
        return (
            "Each target has two outputs, its mean in the first half and its variance in the "
            "second; partner is the other of the two."
        )
    if constants(net):
        return f"Each target has an output for each quantile q, {_listed(net.quantile)}, in blocks."
    if net.groups:
        return (
            f"The outputs are {len(net.groups)} classifications, of {_listed(net.groups)} classes, "
            "with a softmax each: k runs over its outputs."
        )
    return ""


def _listed(numbers: Any) -> str:
    *others, last = (f"{x:g}" for x in numbers)
    return f"{', '.join(others)} and {last}" if others else last
