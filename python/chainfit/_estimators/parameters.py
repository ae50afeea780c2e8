"""The values that the estimators' common parameters may take, checked by scikit-learn.

scikit-learn's intervals take numbers that no float64 holds, and sequences of anything for the sizes
of layers; both then fail somewhere on the way.
"""

from __future__ import annotations

import math
import operator
import re
from collections.abc import Collection
from numbers import Integral, Real
from typing import Any

import numpy as np
from sklearn.utils._param_validation import HasMethods, Interval, Options, StrOptions

from .rules import ACTIVATIONS, SCHEDULES, SOLVERS

LARGEST_INT = 2**63 - 1  # of the core's

#: The value of `verbose` that asks for a bar.
PROGRESS = "progress"


def as_float(value: Any) -> float:
    """Return the real number `value` as a float, infinite where it is beyond all floats."""
    try:
        return float(value)
    except OverflowError:
        return math.inf if value > 0 else -math.inf


def hidden_units(sizes: Any) -> list[int]:
    """Return `hidden_layer_sizes`, an int, several, or several in a text, as a list."""
    if isinstance(sizes, str):
        return [*map(int, sizes.split("-"))]
    hidden = list(sizes) if hasattr(sizes, "__iter__") else [sizes]
    if hidden and min(hidden) <= 0:
        raise ValueError(f"hidden_layer_sizes must be > 0, got {hidden}.")
    return hidden


def rows_of_batch(solver: str, batch_size: int | str, rows: int) -> int:
    """Rows of a mini-batch as the parameters have it, which may be more than there are."""
    if solver == "lbfgs":
        return rows
    return min(200, rows) if batch_size == "auto" else int(batch_size)


class Number(Interval):
    """An interval of real numbers, fractions too, as far as a float64 can hold them."""

    def __init__(self, left: Any, right: Any, *, closed: str) -> None:
        super().__init__(Real, left, right, closed=closed)

    def is_satisfied_by(self, val: Any) -> bool:
        """Return whether scikit-learn's check lets `val` pass."""
        return isinstance(val, Real) and as_float(val) in self


# As nets are written: "64-32". Search spaces of words (Optuna's categories, configuration files)
# can't hold a tuple.
_SIZES = re.compile(r"[1-9][0-9]{0,17}(-[1-9][0-9]{0,17})*", re.ASCII)

_SECONDS = re.compile(r"[0-9]{1,9}([.][0-9]{1,9})?s", re.ASCII)


class LayerSizes(Interval):
    """An int, a sequence of ints, or a text such as "64-32".

    That the ints of a sequence are above 0 is checked later, as in scikit-learn.
    """

    def __init__(self) -> None:
        super().__init__(Integral, 1, None, closed="left")

    def is_satisfied_by(self, val: Any) -> bool:
        """Return whether scikit-learn's check lets `val` pass."""
        if isinstance(val, Integral):
            return _is_int(val) and val in self
        if isinstance(val, str):
            return _SIZES.fullmatch(val) is not None
        if not isinstance(val, Collection) or isinstance(val, bytes):
            return False
        try:
            return all(map(_is_int, val))
        except TypeError:  # an array of no dimension
            return False

    def __str__(self) -> str:
        return (
            "an int >= 1, or one for each hidden layer in a tuple such as (64, 32) or a text such "
            "as '64-32'"
        )


def _is_int(value: Any) -> bool:
    try:
        operator.index(value)
    except TypeError:
        return False
    return not isinstance(value, bool | np.bool_)  # which had an index in NumPy 2.0


LAYER_SIZES = LayerSizes()


class CheckpointInterval(Interval):
    """A number of epochs, or of seconds as in "60s"."""

    def __init__(self) -> None:
        super().__init__(Integral, 1, None, closed="left")

    def is_satisfied_by(self, val: Any) -> bool:
        """Return whether scikit-learn's check lets `val` pass."""
        if isinstance(val, str):
            return _SECONDS.fullmatch(val) is not None
        return not isinstance(val, bool) and bool(super().is_satisfied_by(val))

    def __str__(self) -> str:
        return "a number of epochs >= 1, or of seconds in a text such as '60s'"


class Activations(StrOptions):
    """One of the core's activations, or a tuple or list of one for each hidden layer."""

    def __init__(self) -> None:
        super().__init__(set(ACTIVATIONS))

    def is_satisfied_by(self, val: Any) -> bool:
        """Return whether scikit-learn's check lets `val` pass."""
        if isinstance(val, tuple | list):
            return all(map(super().is_satisfied_by, val))
        return bool(super().is_satisfied_by(val))

    def __str__(self) -> str:
        return f"{super().__str__()}, or one for each hidden layer in a tuple"


class Functions(HasMethods):
    """A list or tuple of functions."""

    def __init__(self) -> None:
        super().__init__("__call__")

    def is_satisfied_by(self, val: Any) -> bool:
        """Return whether scikit-learn's check lets `val` pass."""
        return isinstance(val, list | tuple) and all(map(callable, val))

    def __str__(self) -> str:
        return "a list of functions"


FUNCTIONS = Functions()


def check_activations(activation: Any, hidden: int) -> None:
    """Raise a ValueError where activations are given one by one, and not for each hidden layer."""
    if not isinstance(activation, str) and len(activation) != hidden:
        raise ValueError(
            f"activation must be one name, or one for each of {hidden} hidden layers, got "
            f"{activation!r}."
        )


class Rates(Number):
    """A rate in [0, 1), or several in a tuple or list."""

    def __init__(self) -> None:
        super().__init__(0, 1, closed="left")

    def is_satisfied_by(self, val: Any) -> bool:
        """Return whether scikit-learn's check lets `val` pass."""
        rates = val if isinstance(val, tuple | list) else [val]
        return all(super(Rates, self).is_satisfied_by(r) and r is not True for r in rates)

    def __str__(self) -> str:
        return "a rate in [0, 1), or a tuple of the input's and one for each hidden layer"


def range_constraint(parameter: Any) -> Number:
    """Return the constraint of a parameter of one of the core's rules."""
    ends = {(True, True): "neither", (True, False): "right", (False, True): "left"}
    closed = ends.get((parameter.low_open, parameter.high_open), "both")
    low, high = (None if math.isinf(end) else end for end in (parameter.low, parameter.high))
    return Number(low, high, closed=closed)


# Of scikit-learn's parameters; those of the core's rules come with `keywords`.
CONSTRAINTS: dict[str, Any] = {
    "hidden_layer_sizes": [LAYER_SIZES],
    "activation": [Activations()],
    "solver": [StrOptions(set(SOLVERS))],
    "alpha": [Number(0, None, closed="left")],
    "batch_size": [StrOptions({"auto"}), Interval(Integral, 1, None, closed="left")],
    "learning_rate": [StrOptions(set(SCHEDULES)), callable],
    "learning_rate_init": [Number(0, None, closed="neither")],
    "power_t": [Number(0, None, closed="left")],
    "max_iter": [Interval(Integral, 1, None, closed="left")],
    "shuffle": ["boolean"],
    "random_state": ["random_state"],
    "tol": [Number(0, None, closed="left")],
    "verbose": ["verbose", StrOptions({PROGRESS})],
    "warm_start": ["boolean"],
    "nesterovs_momentum": ["boolean"],
    "early_stopping": ["boolean"],
    "validation_fraction": [Number(0, 1, closed="left")],
    "n_iter_no_change": [
        Interval(Integral, 1, None, closed="left"),
        Options(Real, {math.inf}),
    ],
    "max_fun": [Interval(Integral, 1, None, closed="left")],
    "n_threads": [Interval(Integral, 1, None, closed="left"), None],
    "precision": [StrOptions({"auto", "float32", "float64"})],
}
