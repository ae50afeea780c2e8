"""Sections on what comes of a chain: the update that the solver makes, and the verification."""

from __future__ import annotations

from typing import Any

import numpy as np

from .._formulas.formula import Apply, Formula, Name, Partial, Quantity, code, indexed
from .sections import Math, Row, Section, Told, Words, equal_to, named

ETA, MU = indexed("η"), indexed("μ")
BETA1, BETA2, EPS = (
    Name("β₁", "beta1", r"\beta_1"),
    Name("β₂", "beta2", r"\beta_2"),
    Name("ε", "eps", r"\varepsilon"),
)
ETA_T = indexed("η", "t")


def update(told: Told) -> Section:
    """Write the update of the weight by the solver's rule, with what it remembers."""
    numbers = told.chain.update
    if numbers is None:
        text = (
            "lbfgs has no rule for a single weight: it makes its step of the gradients of all "
            "weights, now and before."
        )
        return Section("update", "The update", intro=((text,),))
    rule = numbers["rule"]
    rows = {"sgd": _sgd, "momentum": _momentum, "nesterov": _nesterov, "adam": _adam}[rule](
        numbers, told.J, told.weight
    )
    words = {"sgd": "gradient descent", "nesterov": "Nesterov's momentum", "adam": "Adam"}
    title = f"The update: {words.get(rule, rule)}"
    dtype = told.trace.update.dtype if told.trace.update is not None else told.net.dtype
    after: Words = ()
    if dtype != np.float64:
        after = (f"Training computes in {dtype}, and so are the new numbers.",)
    return Section("update", title, rows=tuple(rows), after=(after,) if after else ())


def given_to_update(told: Told) -> list[Quantity]:
    """Return what the rule of the update starts from beside weight and gradient."""
    n = told.chain.update or {}
    m, v = (_old_new(indexed(letter))[0] for letter in "mv")
    names = {
        **{"eta": ETA, "mu": MU, "beta1": BETA1, "beta2": BETA2, "eps": EPS},
        **{"velocity_old": v, "m_old": m, "v_old": v},
    }
    return [Quantity(name, float(n[key])) for key, name in names.items() if key in n]


def _old_new(base: Name) -> tuple[Name, Name]:
    """Name a quantity before and after the step."""
    return (
        Name(f"{base.unicode} old", f"{base.ascii} old", rf"{{{base.latex}}}_{{\text{{old}}}}"),
        Name(f"{base.unicode} new", f"{base.ascii} new", rf"{{{base.latex}}}_{{\text{{new}}}}"),
    )


def _pieces(n: dict[str, Any], J: Name, weight: Name) -> tuple[Formula, Formula, Formula, Name]:
    old, new = _old_new(weight)
    gradient = Partial(J, weight, n["gradient"])
    return Quantity(old, n["old"]), Quantity(ETA, n["eta"]), gradient, new


def _row(name: Name, rule: Formula, value: float) -> Row:
    return Row((named(name),), equal_to(rule, value))


def _sgd(n: dict[str, Any], J: Name, weight: Name) -> list[Row]:
    w, eta, g, new = _pieces(n, J, weight)
    return [_row(new, w - eta * g, n["new"])]


def _velocity(n: dict[str, Any], eta: Formula, g: Formula) -> tuple[Row, Formula, Formula]:
    old, new = _old_new(indexed("v"))
    mu = Quantity(MU, n["mu"])
    rule = mu * Quantity(old, n["velocity_old"]) - eta * g
    return _row(new, rule, n["velocity_new"]), Quantity(new, n["velocity_new"]), mu


def _momentum(n: dict[str, Any], J: Name, weight: Name) -> list[Row]:
    w, eta, g, new = _pieces(n, J, weight)
    row, v, _ = _velocity(n, eta, g)
    return [row, _row(new, w + v, n["new"])]


def _nesterov(n: dict[str, Any], J: Name, weight: Name) -> list[Row]:
    w, eta, g, new = _pieces(n, J, weight)
    row, v, mu = _velocity(n, eta, g)
    return [row, _row(new, w + mu * v - eta * g, n["new"])]


def _adam(n: dict[str, Any], J: Name, weight: Name) -> list[Row]:
    w, eta, g, new = _pieces(n, J, weight)
    (m_old, m_new), (v_old, v_new) = _old_new(indexed("m")), _old_new(indexed("v"))
    beta1, beta2 = Quantity(BETA1, n["beta1"]), Quantity(BETA2, n["beta2"])
    m, v = Quantity(m_new, n["m_new"]), Quantity(v_new, n["v_new"])
    t = int(n["t"])
    bias2 = Apply("sqrt", 1 - beta2**t, 0.0)
    eta_t = Quantity(ETA_T, n["eta_t"])
    return [
        _row(m_new, beta1 * Quantity(m_old, n["m_old"]) + (1 - beta1) * g, n["m_new"]),
        _row(v_new, beta2 * Quantity(v_old, n["v_old"]) + (1 - beta2) * g**2, n["v_new"]),
        _row(ETA_T, eta * bias2 / (1 - beta1**t), n["eta_t"]),
        _row(new, w - eta_t * m / (Apply("sqrt", v, 0.0) + Quantity(EPS, n["eps"])), n["new"]),
    ]


def verified(told: Told) -> Section:
    """Write the derivative in three ways, side by side, with how far they may lie apart."""
    rows = []
    check = told.chain.verification
    for what, value, tolerance, note in check.rows():
        if value is None:
            rows.append(Row((what,), (("-",), (note,))))
            continue
        exact = Math(Quantity(code(""), value), True, 17)
        words: Words = ()
        if value is not check.chain:
            off = abs(value - check.chain)
            words = (f"off by {off:.1e}, allowed {tolerance:.1e}",)
        rows.append(Row((what,), ((exact,), words), (note,) if note else ()))
    return Section("verified", "Verified", rows=tuple(rows), facts=True)
