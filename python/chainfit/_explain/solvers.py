"""The solvers' updates as formulas: of one weight, with what the solver remembers of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from .formula import Apply, Formula, Name, Partial, Quantity, indexed

ETA, MU = indexed("η"), indexed("μ")
BETA1, BETA2, EPS = (
    Name("β₁", "beta1", r"\beta_1"),
    Name("β₂", "beta2", r"\beta_2"),
    Name("ε", "eps", r"\varepsilon"),
)
ETA_T = indexed("η", "t")


SOLVER_WORDS = {"sgd": "gradient descent", "nesterov": "Nesterov's momentum", "adam": "Adam"}


class Assignment(NamedTuple):
    """One line of an update: a new quantity, the rule that it comes from, and its number."""

    name: Name
    rule: Formula
    value: float


def update_rule(numbers: Mapping[str, Any], J: Name, weight: Name) -> list[Assignment]:
    """Return the lines of a weight's update; `numbers` are those of `Update.of`."""
    rules = {"sgd": _sgd, "momentum": _momentum, "nesterov": _nesterov, "adam": _adam}
    return rules[numbers["rule"]](numbers, J, weight)


def constants_of_update(numbers: Mapping[str, Any]) -> list[Quantity]:
    """Return the solver's constants that its update has."""
    names = {"eta": ETA, "mu": MU, "beta1": BETA1, "beta2": BETA2, "eps": EPS}
    return [Quantity(name, float(numbers[key])) for key, name in names.items() if key in numbers]


def memory_of_update(numbers: Mapping[str, Any]) -> list[Quantity]:
    """Return what the solver remembers of the weight, before the step."""
    names = {"velocity_old": "v", "m_old": "m", "v_old": "v"}
    return [
        Quantity(old_new(indexed(letter))[0], float(numbers[key]))
        for key, letter in names.items()
        if key in numbers
    ]


def old_new(base: Name) -> tuple[Name, Name]:
    """Name a quantity before and after the step."""
    return (
        Name(f"{base.unicode} old", f"{base.ascii} old", rf"{{{base.latex}}}_{{\text{{old}}}}"),
        Name(f"{base.unicode} new", f"{base.ascii} new", rf"{{{base.latex}}}_{{\text{{new}}}}"),
    )


def _pieces(n: Mapping[str, Any], J: Name, weight: Name) -> tuple[Formula, Formula, Formula, Name]:
    old, new = old_new(weight)
    gradient = Partial(J, weight, n["gradient"])
    return Quantity(old, n["old"]), Quantity(ETA, n["eta"]), gradient, new


def _sgd(n: Mapping[str, Any], J: Name, weight: Name) -> list[Assignment]:
    w, eta, g, new = _pieces(n, J, weight)
    return [Assignment(new, w - eta * g, n["new"])]


def _velocity(
    n: Mapping[str, Any], eta: Formula, g: Formula
) -> tuple[Assignment, Formula, Formula]:
    old, new = old_new(indexed("v"))
    mu = Quantity(MU, n["mu"])
    rule = mu * Quantity(old, n["velocity_old"]) - eta * g
    return Assignment(new, rule, n["velocity_new"]), Quantity(new, n["velocity_new"]), mu


def _momentum(n: Mapping[str, Any], J: Name, weight: Name) -> list[Assignment]:
    w, eta, g, new = _pieces(n, J, weight)
    row, v, _ = _velocity(n, eta, g)
    return [row, Assignment(new, w + v, n["new"])]


def _nesterov(n: Mapping[str, Any], J: Name, weight: Name) -> list[Assignment]:
    w, eta, g, new = _pieces(n, J, weight)
    row, v, mu = _velocity(n, eta, g)
    return [row, Assignment(new, w + mu * v - eta * g, n["new"])]


def _adam(n: Mapping[str, Any], J: Name, weight: Name) -> list[Assignment]:
    w, eta, g, new = _pieces(n, J, weight)
    (m_old, m_new), (v_old, v_new) = old_new(indexed("m")), old_new(indexed("v"))
    beta1, beta2 = Quantity(BETA1, n["beta1"]), Quantity(BETA2, n["beta2"])
    m, v = Quantity(m_new, n["m_new"]), Quantity(v_new, n["v_new"])
    t = int(n["t"])
    bias2 = Apply("sqrt", 1 - beta2**t, 0.0)
    eta_t = Quantity(ETA_T, n["eta_t"])
    return [
        Assignment(m_new, beta1 * Quantity(m_old, n["m_old"]) + (1 - beta1) * g, n["m_new"]),
        Assignment(v_new, beta2 * Quantity(v_old, n["v_old"]) + (1 - beta2) * g**2, n["v_new"]),
        Assignment(ETA_T, eta * bias2 / (1 - beta1**t), n["eta_t"]),
        Assignment(
            new, w - eta_t * m / (Apply("sqrt", v, 0.0) + Quantity(EPS, n["eps"])), n["new"]
        ),
    ]
