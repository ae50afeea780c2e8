"""What the solver makes of a gradient, as sections of the stories of a step and of a chain."""

from __future__ import annotations

from typing import Any

import numpy as np

from . import document as d
from . import schedule_rules, step_rules
from .address import Address
from .chain_symbols import ChainSymbols
from .formula import indexed
from .net import SOLVERS
from .next_step import NO_RULE
from .story import between, left_out, listed
from .symbols import Symbols

SHOWN_PARAMETERS = 42  # of a layer, in the table of updates; where there are more,
FIRST_WEIGHTS, FIRST_BIASES = 12, 6  # this many

W = indexed("w")  # any weight


def update_of_weight(s: ChainSymbols, numbers: dict[str, Any] | None) -> d.Section:
    """Write the update of the chain's weight by the solver's rule, with what it remembers."""
    if numbers is None:
        return d.Section.of("update", "The update", d.Paragraph.of(NO_RULE))
    title = f"The update: {step_rules.rule_of(numbers).words}"
    dtype = s.trace.update.dtype if s.trace.update is not None else s.net.dtype
    after = f"Training computes in {dtype}, so the new numbers are in {dtype} too."
    after = "" if dtype == np.float64 else after
    lines = step_rules.update_rule(numbers, s.J, s.weight)
    rows = tuple(d.equal_to(line.name, line.rule, line.value) for line in lines)
    return d.Section.of(
        "update", title, rows, d.Paragraph.of(schedule_rules.words_of(numbers), after)
    )


def update_of_step(s: Symbols) -> list[d.Section]:
    made, net = s.trace.update, s.net
    if made is None:
        if net.solver in SOLVERS:  # nobody asked for it
            return []
        return [d.Section.of("update", "Update", d.Paragraph.of(NO_RULE))]
    numbers = made.of(0, 0, 0)
    rule = [d.equation(line.name, line.rule) for line in step_rules.update_rule(numbers, s.J, W)]
    by_training = (
        f"A copy of the model made this step, in {made.dtype}: these are the numbers of its next "
        "partial_fit on these rows as one mini-batch."
    )
    first = d.Section.of(
        "update",
        f"Update: {step_rules.rule_of({'rule': made.rule, **made.constants}).words}",
        d.Paragraph.of(*rule),
        d.Paragraph.of(listed(step_rules.of_update(numbers, "constants"))),
        d.Paragraph.of(schedule_rules.words_of(numbers)),
        d.Paragraph.of(by_training if net.model is not None else ""),
    )
    each = [d.Section.of("update", f"Update: {between(s, l)}", _updates(s, l)) for l in range(s.L)]
    return [first, *each]


def _updates(s: Symbols, l: int) -> d.Table:
    made, n, m = s.trace.update, s.net.units[l], s.net.units[l + 1]
    assert made is not None
    weights, biases = [Address(l, j, i) for i in range(m) for j in range(n)], m
    if n * m + m > SHOWN_PARAMETERS:
        weights, biases = weights[:FIRST_WEIGHTS], min(m, FIRST_BIASES)
    slots = [f"{slot}_{when}" for slot in made.slots for when in ("old", "new")]
    rows = []
    for address in (*weights, *(Address(l, None, i) for i in range(biases))):
        numbers = made.of(*address)
        keys = ("gradient", *slots, "old", "new")
        rows.append((address.name(s.notation), *(numbers[key] for key in keys)))
    note = left_out((len(weights), n * m, "weights"), (biases, m, "biases"))
    header = [slot.replace("velocity", "v").replace("_", " ") for slot in slots]
    return d.Table(("", s.dJ(W), *header, "w old", "w new"), tuple(rows), note)
