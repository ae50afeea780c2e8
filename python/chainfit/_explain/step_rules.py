"""The rules of what a step makes of the gradient: clipping, the solvers' updates, the average.

To add an update rule: an entry in `_RULES`, beside its line in `reference`. What a step of any rule
may do beside it is a key of `OPTIONS`, and its lines are in `update_of`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, NamedTuple

from .formula import (
    Apply,
    Case,
    Formula,
    Name,
    Partial,
    Quantity,
    Special,
    Variable,
    code,
    indexed,
    substitute,
    variables_of,
)
from .schedule_rules import ETA, SCHEDULES, evaluated


def old_new(base: Name) -> tuple[Name, Name]:
    """Name a quantity before and after the step."""
    return (
        Name(f"{base.unicode} old", f"{base.ascii} old", rf"{{{base.latex}}}_{{\text{{old}}}}"),
        Name(f"{base.unicode} new", f"{base.ascii} new", rf"{{{base.latex}}}_{{\text{{new}}}}"),
    )


def _before_after(base: Name, key: str) -> tuple[Variable, Variable]:
    old, new = old_new(base)
    return Variable(f"{key}old", old), Variable(f"{key}new", new)


# Keys are those of `Update.of`.
MU = Variable("mu", indexed("μ"))
BETA1 = Variable("beta1", Name("β₁", "beta1", r"\beta_1"))
BETA2 = Variable("beta2", Name("β₂", "beta2", r"\beta_2"))
RHO = Variable("rho", Name("ρ", "rho", r"\rho"))
DECAY = Variable("weight_decay", Name("λ", "lambda", r"\lambda"))
EPS = Variable("eps", Name("ε", "eps", r"\varepsilon"))
T, ETA_T = Variable("t", indexed("t")), Variable("eta_t", indexed("η", "t"))
G = Variable("gradient", Name("∂J/∂w", "dJ/dw", r"\partial J/\partial w"))
OLD, NEW = _before_after(indexed("w"), "")
VELOCITY_OLD, VELOCITY = _before_after(indexed("v"), "velocity_")
M_OLD, M = _before_after(indexed("m"), "m_")
V_OLD, V = _before_after(indexed("v"), "v_")

# Of the whole gradient: its norm over all weights and biases, what that is cut to, and the factor.
NORM = Variable("norm", Name("‖∇J‖", "|grad J|", r"\|\nabla J\|"))
CLIP_NORM = Variable("clip_norm", code("clip_norm"))
FACTOR, CLIPPED = Variable("clip", indexed("c")), Variable("clipped", indexed("g"))
_SIZE = NORM + 1e-6

# The average begins with the weights after the first step, before which it has a share of 0.
SHARE = Variable("average_decay", indexed("d"))
AVERAGE_OLD, AVERAGE = _before_after(Name("avg", "avg", r"\text{avg}"), "average_")

#: What a step may do beside its rule, by the number that asks for it: 0, or none, is not to.
OPTIONS = {DECAY.key: "weight decay", CLIP_NORM.key: "clipping", SHARE.key: "an average"}


@dataclass(frozen=True)
class UpdateRule:
    words: str
    lines: tuple[tuple[Variable, Formula], ...]  # assignments in their order
    constants: tuple[Variable, ...]
    memory: tuple[Variable, ...] = ()  # what is remembered of the weight: slots in their order


class _Rule(NamedTuple):
    words: str
    lines: tuple[tuple[Variable, Formula], ...]
    last: Callable[[Formula], Formula]  # what the step makes of the weight
    constants: tuple[Variable, ...]
    memory: tuple[Variable, ...] = ()


_VELOCITY = ((VELOCITY, MU * VELOCITY_OLD - ETA * G),)
_ADAM = _Rule(
    "Adam",
    (
        (M, BETA1 * M_OLD + (1 - BETA1) * G),
        (V, BETA2 * V_OLD + (1 - BETA2) * G**2),
        (ETA_T, ETA * Apply("sqrt", 1 - BETA2**T) / (1 - BETA1**T)),
    ),
    lambda w: w - ETA_T * M / (Apply("sqrt", V) + EPS),
    (ETA, BETA1, BETA2, EPS),
    (M_OLD, V_OLD),
)

_RULES: dict[str, _Rule] = {
    "sgd": _Rule("gradient descent", (), lambda w: w - ETA * G, (ETA,)),
    "momentum": _Rule("momentum", _VELOCITY, lambda w: w + VELOCITY, (ETA, MU), (VELOCITY_OLD,)),
    "nesterov": _Rule(
        "Nesterov's momentum",
        _VELOCITY,
        lambda w: w + MU * VELOCITY - ETA * G,
        (ETA, MU),
        (VELOCITY_OLD,),
    ),
    "adam": _ADAM,
    "adamw": _ADAM,  # with the decay that it always has
    "rmsprop": _Rule(
        "RMSProp",
        ((V, RHO * V_OLD + (1 - RHO) * G**2),),
        lambda w: w - ETA * G / (Apply("sqrt", V) + EPS),
        (ETA, RHO, EPS),
        (V_OLD,),
    ),
}


@lru_cache
def _update_of(name: str, options: tuple[str, ...], schedule: str | None) -> UpdateRule:
    rule = _RULES[name]
    words = " and ".join(OPTIONS[key] for key in options)
    decays = DECAY.key in options
    last = rule.last(OLD - ETA * DECAY * OLD if decays else OLD)
    update = UpdateRule(
        f"{rule.words}, with {words}" if words else rule.words,
        (*rule.lines, (NEW, last)),
        (*rule.constants, DECAY) if decays else rule.constants,
        rule.memory,
    )
    if CLIP_NORM.key in options:
        cut = Case(_SIZE - CLIP_NORM, CLIP_NORM / _SIZE, 1)
        clipping = (FACTOR, cut), (CLIPPED, FACTOR * G)
        update = replace(
            update,
            lines=(*clipping, *substitute(update.lines, {G: CLIPPED})),
            constants=(*update.constants, CLIP_NORM, NORM),
        )
    if SHARE.key in options:
        mean = Special(SHARE, ((0, NEW),), SHARE * AVERAGE_OLD + (1 - SHARE) * NEW)
        update = replace(
            update,
            lines=(*update.lines, (AVERAGE, mean)),
            constants=(*update.constants, SHARE),
            memory=(*update.memory, AVERAGE_OLD),
        )
    if schedule is not None:
        lines, constants = SCHEDULES[schedule]
        update = replace(
            update, lines=(*lines, *update.lines), constants=(*update.constants, *constants)
        )
    return update


def update_of(name: str, numbers: Mapping[str, Any]) -> UpdateRule:
    """Return a rule with what the step does beside it: the OPTIONS that there are numbers for.

    It begins with the "schedule" that the numbers name, if any.
    """
    asked = {key for key in OPTIONS if key in numbers} | ({DECAY.key} if name == "adamw" else set())
    options = tuple(key for key in OPTIONS if key in asked)
    return _update_of(name, options, numbers.get("schedule"))


#: Update rules by name, without options.
UPDATES = {name: update_of(name, {}) for name in _RULES}


#: What the constants are called as settings of a net or an estimator, where it is something else.
SETTINGS = {"eta": "learning_rate_init", "mu": "momentum", "eps": "epsilon"}
SETTINGS |= {f"beta{k}": f"beta_{k}" for k in (1, 2)}


def numbers_of_rule(
    rule: str, t: int, settings: Mapping[str, Any], **known: float | None
) -> dict[str, Any]:
    """Return the numbers of step t = 1, 2, ... that are the same for every weight, by key.

    `known` are numbers that are no settings, or no longer: eta, if a schedule has changed it, and
    the norm of the gradient.
    """
    update = update_of(rule, settings)
    found = {key: x for key, x in known.items() if x is not None}
    for v in update.constants:
        name = SETTINGS.get(v.key, v.key)
        found |= {} if v.key in found or name not in settings else {v.key: float(settings[name])}
    if any(T in variables_of(tree) for _, tree in update.lines):
        found["t"] = t
    if "schedule" in settings:
        found["schedule"] = settings["schedule"]
    return evaluated(update.lines, found)  # as Adam's step size with its corrections


def rule_of(numbers: Mapping[str, Any]) -> UpdateRule:
    """Return the rule of an update; `numbers` are those of `Update.of`."""
    return update_of(numbers["rule"], numbers)


class Assignment(NamedTuple):
    """One line of an update: a new quantity, the rule that it comes from, and its number."""

    name: Name
    rule: Formula
    value: float


def update_rule(numbers: Mapping[str, Any], J: Name, weight: Name) -> list[Assignment]:
    """Return the lines of a weight's update; `numbers` are those of `Update.of`."""
    update = rule_of(numbers)
    old, new = old_new(weight)
    variables = (*update.constants, *update.memory, *(v for v, _ in update.lines))
    values: dict[Formula, Any] = {v: Quantity(v.name, numbers[v.key]) for v in variables}
    values[G] = Partial(J, weight, numbers["gradient"])
    values[OLD], values[NEW] = (
        Quantity(name, numbers[v.key]) for name, v in ((old, OLD), (new, NEW))
    )
    values[T] = Quantity(T.name, int(numbers.get("t", 0)))
    return [
        Assignment(new if v == NEW else v.name, substitute(rule, values), numbers[v.key])
        for v, rule in update.lines
    ]


def of_update(numbers: Mapping[str, Any] | None, *kinds: str) -> list[Quantity]:
    """Return an update's 'constants', or the 'memory' of the weight before the step; or none."""
    rule = rule_of(numbers) if numbers else None
    variables = [v for kind in kinds for v in getattr(rule, kind, ())]
    return [Quantity(v.name, float((numbers or {})[v.key])) for v in variables]
