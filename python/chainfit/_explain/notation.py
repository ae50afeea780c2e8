"""The four notations: what weights, sums, activations and deltas are called in each.

Everything inside counts layers and units from 0, as `coefs_`; a notation only names. To add one:
a class of `Notation` and its place in `NOTATIONS`; addresses in it are read in `address`.
"""

# ruff: noqa: E741 - l is the layer and O an output, here as in the formulas

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar

from .formula import Name, code, indexed

Unit = int | str  # a number counted from 0, or a letter that runs over a layer
Legend = tuple[str | Name, ...]


class Notation(ABC):
    """Names of everything; l = 0..L are layers, i and j units of them, all counted from 0."""

    key: ClassVar[str]
    first: ClassVar[int] = 1  # what its indices count from
    #: One factor for each neuron, dO/dO, instead of dz/dh and dh/dz.
    per_neuron: ClassVar[bool] = False
    #: Whether layers are written as vectors and matrices.
    in_vectors: ClassVar[bool] = False
    letters: ClassVar[str] = "kmnpstuv"
    node: ClassVar[str] = "unit"
    loss: ClassVar[Name] = indexed("J")
    target_letter: ClassVar[str] = "y"

    @abstractmethod
    def weight(self, l: int, i: Unit, j: Unit) -> Name:
        """Name the weight from unit i of layer l to unit j of layer l+1."""

    @abstractmethod
    def bias(self, l: int, j: Unit) -> Name:
        """Name the bias of unit j of layer l+1."""

    @abstractmethod
    def z(self, l: int, j: Unit) -> Name:
        """Name the weighted sum with bias of unit j of layer l = 1..L."""

    @abstractmethod
    def a(self, l: int, j: Unit) -> Name:
        """Name what unit j of layer l gives."""

    @abstractmethod
    def delta(self, l: int, j: Unit) -> Name:
        """Name dJ/dz of unit j of layer l."""

    def layer(self, l: int) -> str:
        """Say in words which layer this is."""
        return f"layer {l + self.first}"

    def place(self, l: int, j: Unit) -> str:
        """Say in words which unit this is."""
        return f"{self.node} {self._unit(j)} of {self.layer(l)}"

    @abstractmethod
    def legend(self) -> Legend:
        """Say in a line or two how to read the symbols."""

    def target(self, j: Unit) -> Name:
        """Name the target of output j."""
        return indexed(self.target_letter, [self._unit(j)])

    def row_loss(self) -> Name:
        """Name the loss of one row of a batch."""
        return indexed(self.loss.ascii, "r")

    def letter(self, n: int) -> str:
        """Return the letter that runs over the n-th layer above."""
        return self.letters[n] if n < len(self.letters) else f"k{n}"

    def _unit(self, j: Unit) -> Unit:
        return j + self.first if isinstance(j, int) else j


class Tutorial(Notation):
    """w_ij^(l) leads from node j of layer l to node i of layer l+1; layer 1 is the input."""

    key = "tutorial"
    node = "node"

    def weight(self, l: int, i: Unit, j: Unit) -> Name:
        """w_ji^(l+1): the node that it leads to comes first."""
        return indexed("w", [self._unit(j), self._unit(i)], f"({l + 1})")

    def bias(self, l: int, j: Unit) -> Name:
        """b_j^(l+1)."""
        return indexed("b", [self._unit(j)], f"({l + 1})")

    def z(self, l: int, j: Unit) -> Name:
        """z_j^(l): what enters node j of layer l+1."""
        return indexed("z", [self._unit(j)], f"({l})")

    def a(self, l: int, j: Unit) -> Name:
        """h_j^(l+1)."""
        return indexed("h", [self._unit(j)], f"({l + 1})")

    def delta(self, l: int, j: Unit) -> Name:
        """delta_j^(l), with the index of its z."""
        return indexed("δ", [self._unit(j)], f"({l})")

    def legend(self) -> Legend:
        """Layers from 1, the input; w_ij from node j to node i."""
        x, z, h = indexed("h", (), "(1)"), indexed("z", "i", "(l)"), indexed("h", "i", "(l+1)")
        w, below, b = indexed("w", "ij", "(l)"), indexed("h", "j", "(l)"), indexed("b", "i", "(l)")
        return (
            "layer 1 is the input, ",
            *(x, " = x; ", w, " leads from node j of layer l to node i of layer l+1; "),
            *(z, " is the sum over j of ", w, " ", below, ", plus ", b, "; "),
            *(h, " = f(", z, ")"),
        )


class Outputs(Notation):
    """O_lj is what neuron j of layer l gives; W_li(j) enters it from neuron i of layer l-1."""

    key = "outputs"
    node = "neuron"
    per_neuron = True
    loss = indexed("L")
    target_letter = "t"

    def weight(self, l: int, i: Unit, j: Unit) -> Name:
        """W_li(j): into layer l, from neuron i, to neuron (j)."""
        return _with_target("W", [l + 1, self._unit(i)], self._unit(j))

    def bias(self, l: int, j: Unit) -> Name:
        """b_l(j)."""
        return _with_target("b", [l + 1], self._unit(j))

    def z(self, l: int, j: Unit) -> Name:
        """y_lj: the sum of step 1."""
        return indexed("y", [l, self._unit(j)])

    def a(self, l: int, j: Unit) -> Name:
        """O_lj; X_j for an input."""
        return indexed("O", [l, self._unit(j)]) if l else indexed("X", [self._unit(j)])

    def delta(self, l: int, j: Unit) -> Name:
        """delta_lj."""
        return indexed("δ", [l, self._unit(j)])

    def place(self, l: int, j: Unit) -> str:
        """Neuron and layer; inputs are no neurons."""
        return super().place(l, j) if l else f"input {self._unit(j)}"

    def layer(self, l: int) -> str:
        """Layers of neurons count from 1."""
        return f"layer {l}" if l else "the inputs"

    def legend(self) -> Legend:
        """Layers of neurons from 1; W_li(j) from neuron i to neuron j."""
        W, b = _with_target("W", ["l", "i"], "j"), _with_target("b", ["l"], "j")
        y, O = indexed("y", "lj"), indexed("O", "lj")
        return (
            "layers of neurons count from 1, inputs are ",
            *(indexed("X", "i"), "; ", W, " leads from neuron i of the layer below to neuron j "),
            *("of layer l; ", y, " is the sum over i of ", W, " times what neuron i gives, plus "),
            *(b, "; ", O, " = f(", y, "); t is the target"),
        )


class Matrix(Notation):
    """W[l][j, i] from unit j of layer l to unit i of layer l+1, rows from, columns to."""

    key = "matrix"
    first = 0
    in_vectors = True

    def weight(self, l: int, i: Unit, j: Unit) -> Name:
        """W[l][i, j]."""
        return code(f"W[{l}][{i}, {j}]")

    def bias(self, l: int, j: Unit) -> Name:
        """b[l][j]."""
        return code(f"b[{l}][{j}]")

    def z(self, l: int, j: Unit) -> Name:
        """z[l][j]."""
        return code(f"z[{l}][{j}]")

    def a(self, l: int, j: Unit) -> Name:
        """a[l][j]."""
        return code(f"a[{l}][{j}]")

    def delta(self, l: int, j: Unit) -> Name:
        """delta[l][j]."""
        return code(f"δ[{l}][{j}]")

    def target(self, j: Unit) -> Name:
        """y[j]."""
        return code(f"y[{j}]")

    def legend(self) -> Legend:
        """All counted from 0; delta[l] = dJ/dz[l]."""
        return (
            "layers and units count from 0, a[0] = x; z[l] = a[l-1] @ W[l-1] + b[l-1]; "
            "a[l] = f(z[l]); ",
            *(code("δ[l]"), " = dJ/dz[l]"),
        )

    def vector(self, what: str, l: int) -> Name:
        """Name a whole layer's z, a, delta, W or b."""
        return code(f"{what}[{l}]")


class Sklearn(Matrix):
    """coefs_[l][j, i], and the names inside scikit-learn: activations[l], deltas[l-1]."""

    key = "sklearn"

    def weight(self, l: int, i: Unit, j: Unit) -> Name:
        """coefs_[l][i, j]."""
        return code(f"coefs_[{l}][{i}, {j}]")

    def bias(self, l: int, j: Unit) -> Name:
        """intercepts_[l][j]."""
        return code(f"intercepts_[{l}][{j}]")

    def a(self, l: int, j: Unit) -> Name:
        """activations[l][j]."""
        return code(f"activations[{l}][{j}]")

    def delta(self, l: int, j: Unit) -> Name:
        """deltas[l-1][j]: scikit-learn keeps none for the input and counts on from there."""
        return code(f"deltas[{l - 1}][{j}]")

    def legend(self) -> Legend:
        """All counted from 0; deltas[l] belongs to coefs_[l]."""
        return (
            "layers and units count from 0; z[l+1] = activations[l] @ coefs_[l] + intercepts_[l]; "
            "deltas[l] = dJ/dz[l+1]",
        )

    def vector(self, what: str, l: int) -> Name:
        """Name a whole layer's z, a, delta, W or b."""
        words = {"a": "activations", "δ": "deltas", "W": "coefs_", "b": "intercepts_"}
        return code(f"{words.get(what, what)}[{l - 1 if what == 'δ' else l}]")


def _with_target(base: str, below: list[Unit], to: Unit) -> Name:
    """Append the neuron that a weight leads to, in brackets on the line."""
    name = indexed(base, below)
    return Name(*(f"{text}({to})" for text in name))


NOTATIONS: dict[str, Notation] = {
    notation.key: notation for notation in (Tutorial(), Outputs(), Matrix(), Sklearn())
}


def get_notation(key: str) -> Notation:
    """Return a notation by its key; a ValueError names those that exist."""
    if key not in NOTATIONS:
        raise ValueError(f"notation must be one of {', '.join(map(repr, NOTATIONS))}, got {key!r}.")
    return NOTATIONS[key]
