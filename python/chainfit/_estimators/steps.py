"""What a step does beside its rule: schedules, dropout, decay, clipping, averages.

The keywords are in `keywords.TABLE`. A new one is read in `StepSettings.of`; one that makes no
sense with other parameters says so in `check_steps`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from numbers import Integral, Real
from typing import Any

import numpy as np
import numpy.typing as npt

from .. import _core
from .parameters import LARGEST_INT, as_float
from .rules import BY_STEP

Schedule = Callable[[int, int], float]

# Keywords of the solvers that make steps, with the values that ask for nothing.
_OFF: dict[str, tuple[Any, ...]] = {
    "dropout": (0,),
    "l1": (0,),
    "weight_decay": (0, None),
    "clip_norm": (None,),
    "average": (None,),
    "warmup": (0,),
}


@dataclass(frozen=True, slots=True)
class StepSettings:
    """What the estimator's parameters ask of each step.

    Attributes
    ----------
    run : tuple of (str, float)
        Attributes of the core's Run that are not as it has them.
    learning_rate : tuple
        The parameters in `rules.LEARNING_RATE`.
    schedule : str or callable
    by_step : bool
        Whether the schedule counts steps.
    epochs : int
        How many it goes over.
    warmup, decay_steps : int or float
        Steps, or a share of all of them.
    decay_rate : float
    dropout : float or tuple of float
    averages : bool
        Whether the model's weights are the average of those that are trained.
    own_decay : bool
        Whether weights decay as the optimizer has it by itself.
    """

    run: tuple[tuple[str, float], ...]
    learning_rate: tuple[Any, Any, Any]
    schedule: str | Schedule
    by_step: bool
    epochs: int
    warmup: float
    decay_steps: float
    decay_rate: float
    dropout: float | tuple[float, ...]
    averages: bool
    own_decay: bool

    @classmethod
    def of(cls, p: Mapping[str, Any]) -> StepSettings:
        """Make them of an estimator's parameters."""
        options = {
            "weight_decay": as_float(p["weight_decay"] or 0),
            "clip_norm": as_float(p["clip_norm"] or 0),
            "average_decay": 0.0 if p["average"] is None else float(p["average_decay"]),
        }
        schedule = p["learning_rate"]
        return cls(
            run=tuple((name, value) for name, value in options.items() if value),
            learning_rate=(schedule, p["learning_rate_init"], p["power_t"]),
            schedule=schedule,
            by_step=callable(schedule) or schedule in BY_STEP or bool(p["warmup"]),
            epochs=min(int(p["max_iter"]), LARGEST_INT),
            warmup=p["warmup"],
            decay_steps=p["decay_steps"],
            decay_rate=float(p["decay_rate"]),
            dropout=p["dropout"],
            averages=p["average"] is not None,
            own_decay=p["weight_decay"] is None,
        )

    def dropout_rates(self, layers: int) -> list[float]:
        """Return the rates of layers 0..L-1 of a net of L layers of weights; none: []."""
        if not self.dropout:
            return []
        given = self.dropout
        rates = given if isinstance(given, tuple | list) else [0.0, *[given] * (layers - 1)]
        return [*map(float, rates)] if any(rates) else []

    def set_options(self, run: _core.Run, rule: str) -> None:
        """Tell the core what else the steps of this optimizer are to do."""
        for name, value in self.run:
            setattr(run, name, value)
        if self.own_decay:
            run.weight_decay = decay_of(None, rule)

    def set_schedule(self, run: _core.Run, eta: float, power_t: float, batches: int) -> None:
        """Tell the core its schedule, whose epochs have so many batches."""
        if self.schedule != "constant":
            run.schedule = "given" if callable(self.schedule) else self.schedule
            run.eta_init, run.power_t = eta, power_t
        if self.by_step:
            total = min(self.epochs * batches, LARGEST_INT)
            run.total_steps = total
            run.warmup = min(_steps(self.warmup, total), LARGEST_INT)
            run.decay_steps = min(max(1, _steps(self.decay_steps, total)), LARGEST_INT)
            run.decay_rate = self.decay_rate


def goes_by_max_iter(p: Mapping[str, Any]) -> bool:
    """Whether the learning rate of a step depends on how many steps there are in all."""
    schedule = p["learning_rate"]
    if p["warmup"] and not isinstance(p["warmup"], Integral):  # a share of them
        return True
    if schedule == "step":
        return not isinstance(p["decay_steps"], Integral)
    return callable(schedule) or schedule in BY_STEP


def decay_of(weight_decay: float | None, rule: str) -> float:
    """Return the decay of a rule's weights; None is its own."""
    if weight_decay is None:
        return 0.01 if rule == "adamw" else 0.0
    return as_float(weight_decay)


def _steps(value: float, total: int) -> int:
    return int(value) if isinstance(value, Integral) else int(value * total)


def given_sizes(schedule: Schedule, first: int, count: int, total: int) -> npt.NDArray[np.float64]:
    """Return the learning rates of steps from `first` on, which a user's function says.

    Raises
    ------
    TypeError, ValueError
        If one is no number that a step can have.
    """
    sizes = np.empty(count)
    for i in range(count):
        size = schedule(first + i, total)
        what = f"learning_rate({first + i}, {total}) must be a finite number >= 0, got {size!r}"
        if not isinstance(size, Real) or isinstance(size, bool):
            raise TypeError(what)
        if not 0 <= size < np.inf:
            raise ValueError(what)
        sizes[i] = size
    return sizes


def check_steps(p: Mapping[str, Any]) -> None:
    """Raise a ValueError where parameters ask together for what does not go together."""
    schedule = p["learning_rate"]
    if p["solver"] == "lbfgs":
        for name, nothing in _OFF.items():
            value = p[name]
            values = value if isinstance(value, tuple | list) else (value,)
            if any(v not in nothing for v in values):
                raise ValueError(
                    f"{name}={value!r} is for solvers that make steps, such as 'adam', not for "
                    "'lbfgs'."
                )
        if callable(schedule) or schedule in BY_STEP:
            raise ValueError(
                f"learning_rate={schedule!r} is for solvers that make steps, such as 'adam', not "
                "for 'lbfgs'."
            )
    if p["warmup"] and (callable(schedule) or schedule == "one_cycle"):
        raise ValueError(
            f"warmup={p['warmup']!r} has no meaning with learning_rate={schedule!r}, which says "
            "by itself how it begins."
        )


def check_dropout(dropout: Any, hidden: int) -> None:
    """Raise a ValueError where a tuple has not a rate for the input and for each hidden layer.

    One rate is that of all hidden layers, of which a linear model has none.
    """
    if not isinstance(dropout, Real) and len(dropout) != hidden + 1:
        raise ValueError(
            "dropout must be one rate for all hidden layers, or a tuple with the input's and one "
            f"for each of {hidden} hidden layers, got {dropout!r}."
        )
