"""A trace told as a story: forward in two steps a layer, loss, backward, gradient, update.

What is written is made of the same symbols and rules as the chain of a single weight.
"""

# ruff: noqa: E741 - l is the layer, here as in the formulas

from __future__ import annotations

from typing import TYPE_CHECKING

from .address import Address
from .backward import backward, gradient
from .formula import indexed
from .forward import forward, inputs, loss, overview
from .render import Block, Section, Table
from .rules import SOLVER_WORDS, constants_of_update, update_rule
from .teller import Teller, left_out
from .writer import Writer

if TYPE_CHECKING:
    from .trace import Trace

SHOWN_PARAMETERS = 42  # of a layer, in the table of updates; where there are more,
FIRST_WEIGHTS, FIRST_BIASES = 12, 6  # this many


def story(trace: Trace, writer: Writer) -> list[Section]:
    """Return the whole step, section by section."""
    t = Teller(trace, writer)
    return [
        overview(t),
        Section("Forward: the inputs", [inputs(t)]),
        *(forward(t, l) for l in range(1, t.L + 1)),
        loss(t),
        *(backward(t, l) for l in range(t.L, 0, -1)),
        *(gradient(t, l) for l in range(t.L - 1, -1, -1)),
        *_update(t),
    ]


def _update(t: Teller) -> list[Section]:
    update, net = t.trace.update, t.net
    if update is None:
        if net.solver != "lbfgs":
            return []
        text = (
            "L-BFGS has no rule for a single weight: it makes a step of the gradients of all "
            "weights, over all training rows, now and in the steps before."
        )
        return [Section("Update", [text])]
    numbers = update.of(0, 0, 0)
    rule = "\n".join(
        t.say(line.name, line.rule) for line in update_rule(numbers, t.J, indexed("w"))
    )
    constants = [
        f"{t.write(q)} = {t.writer.constant(q.value)}" for q in constants_of_update(numbers)
    ]
    intro: list[Block] = [rule, ", ".join(constants)]
    if net.model is not None:
        intro.append(
            f"A copy of the model made this step, in {update.dtype}: these are the numbers of "
            "its next partial_fit on these rows as one mini-batch."
        )
    sections = [Section(f"Update: {SOLVER_WORDS.get(update.rule, update.rule)}", intro)]
    for l in range(t.L):
        sections.append(Section(f"Update: {t.between(l)}", [_update_table(t, l)]))
    return sections


def _update_table(t: Teller, l: int) -> Table:
    update = t.trace.update
    assert update is not None
    n, m = t.net.units[l], t.net.units[l + 1]
    addresses: list[tuple[int | None, int]] = [(j, i) for i in range(m) for j in range(n)]
    biases = m
    if len(addresses) + m > SHOWN_PARAMETERS:
        addresses, biases = addresses[:FIRST_WEIGHTS], min(m, FIRST_BIASES)
    shown = len(addresses)
    addresses += [(None, i) for i in range(biases)]
    slots = [f"{slot}_{when}" for slot in update.slots for when in ("old", "new")]
    rows: list[tuple[str | float, ...]] = []
    for j, i in addresses:
        numbers = update.of(l, j, i)
        name = t.write(Address(l, j, i).name(t.notation))
        rows.append((name, *(numbers[key] for key in ("gradient", *slots, "old", "new"))))
    note = left_out(shown, n * m, "weights", biases, m, "biases")
    header = [slot.replace("velocity", "v").replace("_", " ") for slot in slots]
    gradient = t.write(t.dJ(indexed("w")))
    return Table(("", gradient, *header, "w old", "w new"), rows, note)
