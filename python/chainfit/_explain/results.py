"""Sections on what comes of a chain: the update that the solver makes, and the verification."""

from __future__ import annotations

import numpy as np

from .formula import Quantity, code
from .rules import SOLVER_WORDS, constants_of_update, memory_of_update, update_rule
from .sections import Math, Row, Section, Told, Words, equal_to, named


def update(told: Told) -> Section:
    """Write the update of the weight by the solver's rule, with what it remembers."""
    numbers = told.chain.update
    if numbers is None:
        text = (
            "lbfgs has no rule for a single weight: it makes its step of the gradients of all "
            "weights, now and before."
        )
        return Section("update", "The update", intro=((text,),))
    rows = [
        Row((named(line.name),), equal_to(line.rule, line.value))
        for line in update_rule(numbers, told.J, told.weight)
    ]
    title = f"The update: {SOLVER_WORDS.get(numbers['rule'], numbers['rule'])}"
    dtype = told.trace.update.dtype if told.trace.update is not None else told.net.dtype
    after: Words = ()
    if dtype != np.float64:
        after = (f"Training computes in {dtype}, and so are the new numbers.",)
    return Section("update", title, rows=tuple(rows), after=(after,) if after else ())


def given_to_update(told: Told) -> list[Quantity]:
    """Return what the rule of the update starts from beside weight and gradient."""
    numbers = told.chain.update or {}
    return [*constants_of_update(numbers), *memory_of_update(numbers)]


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
