"""The rules of a step's size: each schedule of the learning rate, and its warm-up, as trees.

To add a schedule: its lines in `SCHEDULES`, beside its line in `reference`; and in `next_step` the
numbers that they are made of.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from .formula import (
    Apply,
    Constant,
    Formula,
    Name,
    Quantity,
    Variable,
    code,
    indexed,
    substitute,
    variables_of,
)

ETA = Variable("eta", indexed("η"))
ETA_0 = Variable("eta_0", Name("η₀", "eta_0", r"\eta_0"))
#: Steps before this one, since the warm-up, and in all.
STEP, STEPS = Variable("step", code("step")), Variable("steps", code("steps"))
WARMUP = Variable("warmup", code("warmup"))
DECAY_STEPS = Variable("decay_steps", code("decay_steps"))
DECAY_RATE = Variable("decay_rate", code("decay_rate"))
ROWS, POWER_T = Variable("rows", code("rows")), Variable("power_t", code("power_t"))
TOP, TIMES = Variable("top", code("top")), Variable("times", indexed("k"))
PI = Quantity(Name("π", "pi", r"\pi"), math.pi)


class Schedule(NamedTuple):
    lines: tuple[tuple[Variable, Formula], ...]  # assignments in their order, the last to `ETA`
    constants: tuple[Variable, ...]


def _half_cosine(part: Formula) -> Formula:
    return (1 + Apply("cos", PI * part)) / 2


_FIRST, _LAST = 1 / 25, 1 / 25 / 1e4  # of the eta of a cycle
_TOP = (TOP, 0.3 * STEPS - 1)

#: By name; a cycle has two parts. "given" is the user's function, of which nothing else is known.
SCHEDULES = {
    "given": Schedule((), (STEP, STEPS)),
    "warmup": Schedule(((ETA, ETA_0 * (STEP + 1) / (WARMUP + 1)),), (ETA_0, STEP, WARMUP)),
    "cosine": Schedule(((ETA, ETA_0 * _half_cosine(STEP / STEPS)),), (ETA_0, STEP, STEPS)),
    "linear": Schedule(((ETA, ETA_0 * (1 - STEP / STEPS)),), (ETA_0, STEP, STEPS)),
    "step": Schedule(
        ((TIMES, Apply("floor", STEP / DECAY_STEPS)), (ETA, ETA_0 * DECAY_RATE**TIMES)),
        (ETA_0, STEP, DECAY_STEPS, DECAY_RATE),
    ),
    "one_cycle, rising": Schedule(
        (_TOP, (ETA, ETA_0 * (1 - (1 - _FIRST) * _half_cosine(STEP / TOP)))),
        (ETA_0, STEP, STEPS),
    ),
    "one_cycle, falling": Schedule(
        (
            _TOP,
            (
                ETA,
                ETA_0
                * (_LAST + (1 - Constant(_LAST)) * _half_cosine((STEP - TOP) / (STEPS - 1 - TOP))),
            ),
        ),
        (ETA_0, STEP, STEPS),
    ),
    "invscaling": Schedule(((ETA, ETA_0 / (ROWS + 1) ** POWER_T),), (ETA_0, ROWS, POWER_T)),
    "adaptive": Schedule(((ETA, ETA_0 / Constant(5) ** TIMES),), (ETA_0, TIMES)),
}


def evaluated(
    lines: Iterable[tuple[Variable, Formula]], known: Mapping[str, Any]
) -> dict[str, Any]:
    """Return what is known, and the number of each line that it makes."""
    found = dict(known)
    for variable, tree in lines:
        needed = variables_of(tree)
        if variable.key not in found and all(v.key in found for v in needed):
            values = {v: Quantity(v.name, found[v.key]) for v in needed}
            found[variable.key] = float(substitute(tree, values).value)
    return found


def words_of(numbers: Mapping[str, Any]) -> str:
    """Say what the formula of a schedule does not."""
    schedule = numbers.get("schedule")
    if schedule == "given":
        step, steps, eta = (numbers[key] for key in ("step", "steps", "eta"))
        return f"Your function gave the learning rate {eta:.6g} at step {step:.0f} of {steps:.0f}."
    if schedule is None or STEP not in SCHEDULES[schedule].constants:
        return ""
    after = "" if schedule == "warmup" else ", after the warm-up if there is one"
    return f"step is the number of steps before this one{after}."
