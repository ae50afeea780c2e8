"""What a net is made of: its layers with their parameters, arithmetic and memory, to be shown."""

from __future__ import annotations

import html
from typing import Any, NamedTuple

from .._common.public import public
from .rules import OPTIMIZERS, optimizer_name


class LayerSummary(NamedTuple):
    """One layer of a net.

    Attributes
    ----------
    units : int
        Number of units.
    activation : str
        Name of the activation, '' for the inputs.
    parameters : int
        Number of weights and biases that lead to the layer.
    flop : int
        Number of multiplications and additions of one row's product with these weights.
    """

    units: int
    activation: str
    parameters: int
    flop: int


@public
class Summary:
    """A fitted net's layers, parameters, arithmetic and memory; made by `model.summary()`.

    Attributes
    ----------
    layers : tuple of LayerSummary
        The layers, from the inputs to the outputs: units, activation, parameters, flop.
    n_parameters : int
        Number of weights and biases.
    dtype : str
        Their data type.
    nbytes : int
        Their memory in bytes.
    solver : str
        The solver.
    optimizer_nbytes : int
        Memory of the solver's state in bytes; 'lbfgs' keeps the last ten pairs of steps and
        gradients in float64.
    predict_flop, training_flop : int
        Number of floating-point operations per row, of `predict` and of a training step, in matrix
        products.
    """

    def __init__(
        self, units: list[int], activations: list[str], dtype: Any, solver: str, rule: str
    ):
        pairs = list(zip(units, units[1:], activations, strict=False))
        self.layers = (
            LayerSummary(units[0], "", 0, 0),
            *(LayerSummary(n, name, m * n + n, 2 * m * n) for m, n, name in pairs),
        )
        self.n_parameters = sum(layer.parameters for layer in self.layers)
        self.dtype = str(dtype)
        self.nbytes = self.n_parameters * dtype.itemsize
        self.solver = solver
        slots = OPTIMIZERS[rule].slots * dtype.itemsize if solver != "lbfgs" else 20 * 8
        self.optimizer_nbytes = self.n_parameters * slots
        self.predict_flop = sum(layer.flop for layer in self.layers)
        # forward, by the weights, and by the inputs of all layers but the first
        self.training_flop = 3 * self.predict_flop - self.layers[1].flop

    def _cells(self) -> list[list[str]]:
        head = ["layer", "units", "activation", "parameters", "FLOP per row"]
        rows = [
            [
                str(l),
                f"{layer.units:,}",
                layer.activation,
                f"{layer.parameters:,}",
                f"{layer.flop:,}",
            ]
            for l, layer in enumerate(self.layers)  # noqa: E741
        ]
        return [head, *rows]

    def _sentences(self) -> list[str]:
        return [
            f"{self.n_parameters:,} parameters in {self.dtype}, {_bytes(self.nbytes)}; the "
            f"optimizer {self.solver!r} needs {_bytes(self.optimizer_nbytes)} more.",
            f"A row takes {self.predict_flop:,} FLOP in predict and about {self.training_flop:,} "
            "in training.",
        ]

    def __str__(self) -> str:
        cells = self._cells()
        widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
        lines = [
            "  ".join(
                text.ljust(width) if i == 2 else text.rjust(width)
                for i, (text, width) in enumerate(zip(row, widths, strict=True))
            )
            for row in cells
        ]
        return "\n".join([*lines, *self._sentences()])

    __repr__ = __str__

    def _repr_html_(self) -> str:
        head, *rows = self._cells()
        cells = "".join(f"<th>{html.escape(text)}</th>" for text in head)
        body = "".join(
            "<tr>" + "".join(f"<td>{html.escape(text)}</td>" for text in row) + "</tr>"
            for row in rows
        )
        notes = "".join(f"<p>{html.escape(text)}</p>" for text in self._sentences())
        return f"<table><thead><tr>{cells}</tr></thead><tbody>{body}</tbody></table>{notes}"


def summary_of(model: Any) -> Summary:
    """Return the summary of a fitted estimator."""
    units = [*map(len, model.coefs_), len(model.intercepts_[-1])]
    hidden = model.activation
    names = [hidden] * (len(units) - 2) if isinstance(hidden, str) else list(hidden)
    rule = optimizer_name(model.solver, model.momentum, model.nesterovs_momentum)
    dtype = model._model_dtype()
    return Summary(units, [*names, model.out_activation_], dtype, model.solver, rule)


def _bytes(n: int) -> str:
    """Return a number of bytes in three digits and the unit that fits."""
    if n < 1000:
        return f"{n} bytes"
    value, units = n / 1000, ["kB", "MB", "GB", "TB"]
    while value >= 1000 and len(units) > 1:
        value /= 1000
        units.pop(0)
    return f"{value:.3g} {units[0]}"
