"""The steps of one path, from the loss back to the weight, each with its local rule and number.

A path is given by its units, one of each layer above the weight; letters in their place give the
chain in general. A notation with one factor for each neuron joins the step through a neuron's
activation with the step along the weight before it.
"""

# ruff: noqa: E741 - l is the layer, here as in the formulas

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from .address import Address
from .formula import Constant, Formula, Name
from .notation import Notation, Unit
from .symbols import Symbols


class Step(NamedTuple):
    """One step: d top / d bottom. `at` are its units, from the loss's side on."""

    kind: str  # 'loss', 'loss_z', 'slope', 'edge', 'neuron', 'weight', 'neuron_weight'
    layer: int  # of the unit that the step enters from the loss's side
    at: tuple[Unit, ...]
    top: Name
    bottom: Name


def path_steps(
    notation: Notation,
    address: Address,
    units: Sequence[Unit],
    n_layers: int,
    *,
    loss: Name,
    to_sum: bool = False,
) -> list[Step]:
    """Return the steps of a path.

    Parameters
    ----------
    notation, address
    units : sequence
        Unit of each layer above the weight's own, l+2..L, as numbers or letters.
    n_layers : int
        L.
    loss : Name
        What the steps begin with: J, or the loss of a row.
    to_sum : bool, default=False
        Whether loss and output activation are one step, from the loss to z[L]: with a softmax, and
        where an output is so near its limit that only their product is finite.
    """
    l, L = address.layer, n_layers
    unit: dict[int, Unit] = dict(enumerate([address.target, *units], start=l + 1))
    z, a = notation.z, notation.a
    k = unit[L]
    steps = []
    open_neuron = False  # the slope of the neuron at hand waits for the weight below it
    if to_sum:
        steps.append(Step("loss_z", L, (k,), loss, z(L, k)))
    else:
        steps.append(Step("loss", L, (k,), loss, a(L, k)))
        open_neuron = True
    for m in range(L, l, -1):
        top = z(m, unit[m])
        if open_neuron and notation.per_neuron:
            top = a(m, unit[m])
        elif open_neuron:
            steps.append(Step("slope", m, (unit[m],), a(m, unit[m]), z(m, unit[m])))
        joined = open_neuron and notation.per_neuron
        if m > l + 1:
            at = (unit[m], unit[m - 1])
            kind = "neuron" if joined else "edge"
            steps.append(Step(kind, m, at, top, a(m - 1, unit[m - 1])))
        else:
            kind = "neuron_weight" if joined else "weight"
            steps.append(Step(kind, m, (unit[m],), top, address.name(notation)))
        open_neuron = True
    return steps


class PathSymbols(Symbols):
    """The quantities of one row of a trace, and the rules of the steps of its paths."""

    def source(self, address: Address) -> Formula:
        """Return the rule of dz/dw."""
        if address.source is None:
            return Constant(1)
        return self.a(address.layer, address.source)

    def rule(self, step: Step, address: Address) -> Formula:
        """Return the rule of a step; its `value` is the step's number."""
        at: Any = step.at
        if step.kind == "loss":
            return self.loss_derivative(at[0])
        if step.kind == "loss_z":
            return self.canonical_derivative(at[0])
        if step.kind == "slope":
            return self.slope(step.layer, at[0])
        if step.kind == "edge":
            return self.w(step.layer - 1, at[1], at[0])
        if step.kind == "neuron":
            return self.slope(step.layer, at[0]) * self.w(step.layer - 1, at[1], at[0])
        source = self.source(address)
        if step.kind == "weight":
            return source
        return self.slope(step.layer, at[0]) * source
