"""The notations as data: what weights, sums, activations and deltas are called in each.

Everything inside counts layers and units from 0, as `coefs_`; a notation only names. To add one: an
entry in `NOTATIONS`. `address` reads its names back, and the page gets the same templates.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Literal, NamedTuple

from .formula import Name, code, indexed

Unit = int | str  # a number counted from 0, or a letter that runs over a layer
Legend = tuple[str | Name, ...]

PLACE = re.compile(r"\{([lij])([+-]\d)?\}")  # {l}, {j+1}: an index, with what it counts from
_SYMBOL = re.compile(r"([^_^(]+)(?:_((?:\{[^}]*\}|[^{^(])+))?(?:\^(\([^)]*\)))?(\(.*\))?")

NotationName = Literal["tutorial", "outputs", "matrix", "sklearn"]


class Symbol(NamedTuple):
    """The parts of a template, whose indices are yet to be filled in."""

    base: str
    below: tuple[str, ...]
    above: str
    after: str

    @classmethod
    def of(cls, template: str) -> Symbol:
        """Take a template apart; a piece of code is all base."""
        if "[" in template:
            return cls(template, (), "", "")
        match = _SYMBOL.fullmatch(template)
        assert match is not None, template
        base, below, above, after = (text or "" for text in match.groups())
        return cls(base, tuple(re.findall(r"\{.*?\}|.", below)), above, after)


_J = indexed("J")


@dataclass(frozen=True)
class Notation:
    """Names of everything; l = 0..L are layers, i and j units of them, all counted from 0.

    What ends in _ is a template of a symbol, ``base_indices^(above)(after)``, or a piece of code
    with brackets. The weight leads from unit i of layer l to unit j of layer l+1, whose bias is of
    layer l.
    """

    key: NotationName
    summary: str
    weight_: str
    bias_: str
    z_: str
    a_: str
    delta_: str
    target_: str
    how_to_read: str  # its legend, symbols between backticks
    loss: Name = _J
    first: int = 1  # what its indices count from
    node: str = "unit"
    layer_: str = "layer {l+1}"
    input_layer: str = ""  # another word and symbol for the inputs
    input_: str = ""
    per_neuron: bool = False  # one factor for each neuron, dO/dO, instead of dz/dh and dh/dz
    in_vectors: bool = False  # layers as vectors and matrices

    def weight(self, l: int, i: Unit, j: Unit) -> Name:
        """Name the weight from unit i of layer l to unit j of layer l+1."""
        return _named(self.weight_, l, i, j)

    def bias(self, l: int, j: Unit) -> Name:
        return _named(self.bias_, l, 0, j)

    def z(self, l: int, j: Unit) -> Name:
        return _named(self.z_, l, 0, j)

    def a(self, l: int, j: Unit) -> Name:
        return _named(self.a_ if l or not self.input_ else self.input_, l, 0, j)

    def delta(self, l: int, j: Unit) -> Name:
        return _named(self.delta_, l, 0, j)

    def target(self, j: Unit) -> Name:
        return _named(self.target_, 0, 0, j)

    def row_loss(self) -> Name:
        return indexed(self.loss.ascii, "r")

    def vector(self, what: str, l: int) -> Name:
        """Name a whole layer's z, a, delta, W or b, where they are pieces of code."""
        templates = {"W": self.weight_, "b": self.bias_, "z": self.z_, "a": self.a_}
        array, bracket, _ = templates.get(what, self.delta_).partition("]")
        return _named(array + bracket, l, 0, 0)

    def layer(self, l: int) -> str:
        return self.input_layer if l == 0 and self.input_layer else _filled(self.layer_, l, 0, 0)

    def place(self, l: int, j: Unit) -> str:
        if l == 0 and self.input_layer:
            return f"input {_filled('{j+1}', l, 0, j)}"
        return f"{self.node} {j + self.first if isinstance(j, int) else j} of {self.layer(l)}"

    def letter(self, n: int) -> str:
        return "kmnpstuv"[n] if n < 8 else f"k{n}"

    def legend(self) -> Legend:
        pieces = self.how_to_read.split("`")
        return tuple(_named(p, 0, 0, 0) if n % 2 else p for n, p in enumerate(pieces) if p)


def _filled(template: str, l: int, i: Unit, j: Unit) -> str:
    indices = {"l": l, "i": i, "j": j}

    def fill(match: re.Match[str]) -> str:
        index = indices[match[1]]
        return str(index + int(match[2] or 0)) if isinstance(index, int) else index

    return PLACE.sub(fill, template)


@lru_cache(maxsize=10_000)  # the same few symbols are named again and again
def _named(template: str, l: int, i: Unit, j: Unit) -> Name:
    base, below, above, after = Symbol.of(template)
    if "[" in base:
        return code(_filled(base, l, i, j))
    name = indexed(base, [_filled(index, l, i, j) for index in below], _filled(above, l, i, j))
    return Name(*(text + _filled(after, l, i, j) for text in name))


_MATRIX = Notation(
    key="matrix",
    summary="W[l][j, i], z, a",
    weight_="W[{l}][{i}, {j}]",
    bias_="b[{l}][{j}]",
    z_="z[{l}][{j}]",
    a_="a[{l}][{j}]",
    delta_="δ[{l}][{j}]",
    target_="y[{j}]",
    how_to_read="layers and units count from 0, a[0] = x; z[l] = a[l-1] @ W[l-1] + b[l-1]; "
    "a[l] = f(z[l]); `δ[l]` = dJ/dz[l]",
    first=0,
    layer_="layer {l}",
    in_vectors=True,
)

NOTATIONS: dict[str, Notation] = {
    # w_ij^(l) leads from node j of layer l to node i of layer l+1; layer 1 is the input. z_j^(l) is
    # what enters node j of layer l+1.
    "tutorial": Notation(
        key="tutorial",
        summary="w, z, h, J",
        weight_="w_{j+1}{i+1}^({l+1})",
        bias_="b_{j+1}^({l+1})",
        z_="z_{j+1}^({l})",
        a_="h_{j+1}^({l+1})",
        delta_="δ_{j+1}^({l})",
        target_="y_{j+1}",
        how_to_read="layer 1 is the input, `h^(1)` = x; `w_ij^(l)` leads from node j of layer l to "
        "node i of layer l+1; `z_i^(l)` is the sum over j of `w_ij^(l)` `h_j^(l)`, plus `b_i^(l)`; "
        "`h_i^(l+1)` = f(`z_i^(l)`)",
        node="node",
    ),
    # O_lj is what neuron j of layer l gives; W_li(j) enters it from neuron i of layer l-1.
    "outputs": Notation(
        key="outputs",
        summary="W, y, O, L",
        weight_="W_{l+1}{i+1}({j+1})",
        bias_="b_{l+1}({j+1})",
        z_="y_{l}{j+1}",
        a_="O_{l}{j+1}",
        delta_="δ_{l}{j+1}",
        target_="t_{j+1}",
        how_to_read="layers of neurons count from 1, inputs are `X_i`; `W_li(j)` leads from neuron "
        "i of the layer below to neuron j of layer l; `y_lj` is the sum over i of `W_li(j)` times "
        "what neuron i gives, plus `b_l(j)`; `O_lj` = f(`y_lj`); t is the target",
        loss=indexed("L"),
        node="neuron",
        layer_="layer {l}",
        input_layer="the inputs",
        input_="X_{j+1}",
        per_neuron=True,
    ),
    "matrix": _MATRIX,
    # The names inside scikit-learn, which keeps no deltas for the input and counts on from there.
    "sklearn": replace(
        _MATRIX,
        key="sklearn",
        summary="coefs_[l][j, i]",
        weight_="coefs_[{l}][{i}, {j}]",
        bias_="intercepts_[{l}][{j}]",
        a_="activations[{l}][{j}]",
        delta_="deltas[{l-1}][{j}]",
        how_to_read="layers and units count from 0; z[l+1] = activations[l] @ coefs_[l] + "
        "intercepts_[l]; deltas[l] = dJ/dz[l+1]",
    ),
}


def get_notation(key: str) -> Notation:
    if key not in NOTATIONS:
        raise ValueError(f"notation must be one of {', '.join(map(repr, NOTATIONS))}, got {key!r}.")
    return NOTATIONS[key]
