"""Addresses of weights and biases: read in any notation, refused with a list of what exists."""

from __future__ import annotations

import operator
import re
import unicodedata
from collections.abc import Callable, Sequence
from itertools import chain, product
from typing import Any, NamedTuple, NoReturn

from .formula import Name
from .notation import NOTATIONS, PLACE, Notation


class Address(NamedTuple):
    """``coefs_[layer][source, target]``; source None: ``intercepts_[layer][target]``."""

    layer: int
    source: int | None
    target: int

    @property
    def stored(self) -> str:
        """Where the number is kept in a fitted model."""
        if self.source is None:
            return f"intercepts_[{self.layer}][{self.target}]"
        return f"coefs_[{self.layer}][{self.source}, {self.target}]"

    def name(self, notation: Notation) -> Name:
        if self.source is None:
            return notation.bias(self.layer, self.target)
        return notation.weight(self.layer, self.source, self.target)

    def exists(self, units: Sequence[int]) -> bool:
        l, i, j = self
        if not 0 <= l < len(units) - 1:
            return False
        return (i is None or 0 <= i < units[l]) and 0 <= j < units[l + 1]


class Syntax(NamedTuple):
    """How the names of one template are read.

    Each group of `pattern` holds the indices that `groups` says, (letter, what it counts from).
    """

    pattern: str
    groups: tuple[tuple[tuple[str, int], ...], ...]


def syntax_of(template: str) -> Syntax:
    text, *rest = re.split(r"((?:\{[^}]*\})+)", template.replace(" ", ""))
    pattern, groups = re.escape(text), []
    for places, text in zip(rest[::2], rest[1::2], strict=True):
        pattern += r"([\d,]+)" if pattern.endswith("_") else r"(\d+)"
        pattern += re.escape(text)
        groups.append(tuple((letter, int(n or 0)) for letter, n in PLACE.findall(places)))
    return Syntax(pattern.replace("_", "_?"), tuple(groups))


#: All of them are tried; none takes what another one does.
SYNTAXES = tuple(
    syntax_of(template)
    for notation in NOTATIONS.values()
    for template in (notation.weight_, notation.bias_)
)


def read_address(address: str | Sequence[int], units: Sequence[int], notation: Notation) -> Address:
    """Return the weight or bias that an address means, in any notation or as a tuple of indices.

    Where there is no such weight, a ValueError lists what there is, in the notation given.
    """

    def refuse(why: str) -> NoReturn:
        raise ValueError(f"{why} {existing(units, notation)}")

    if isinstance(address, str):
        readings = _readings(address, refuse)
    else:
        readings = [_of_tuple(address, refuse)]
    valid = [reading for reading in readings if reading.exists(units)]
    if not valid:
        refuse(f"There is no {_shown(address)} in a net of {'-'.join(map(str, units))}.")
    if len(valid) > 1:
        names = " or ".join(reading.name(notation).ascii for reading in valid)
        refuse(f"{_shown(address)} can be read as {names}: put a comma between the indices.")
    return valid[0]


def existing(units: Sequence[int], notation: Notation) -> str:
    """List the weights and biases of a net, layer by layer."""
    lines = []
    for l in range(len(units) - 1):
        last = units[l] - 1, units[l + 1] - 1
        weights = _range(notation.weight(l, 0, 0), notation.weight(l, *last))
        biases = _range(notation.bias(l, 0), notation.bias(l, last[1]))
        where = f"from layer {l + notation.first} to {l + 1 + notation.first}"
        if notation.per_neuron:
            where = f"into layer {l + 1}"
        lines.append(f"{where}: {weights} ({units[l]} x {units[l + 1]}), {biases}")
    return "It has " + "; ".join(lines) + "."


def _range(first: Name, last: Name) -> str:
    return first.ascii if first == last else f"{first.ascii} to {last.ascii}"


def _shown(address: Any) -> str:
    return repr(address if isinstance(address, str) else tuple(address))


def _of_tuple(address: Any, refuse: Callable[[str], NoReturn]) -> Address:
    try:
        numbers: list[Any] = [operator.index(number) for number in address]
    except TypeError:
        raise TypeError(
            "weight must be an address as 'w_12^(2)' or a tuple (layer, from, to) of integers, "
            f"got {address!r}."
        ) from None
    if len(numbers) == 2:
        numbers.insert(1, None)
    if len(numbers) != 3:
        refuse(f"A tuple is (layer, from, to), or (layer, to) for a bias, got {_shown(address)}.")
    return Address(*numbers)


def _readings(text: str, refuse: Callable[[str], NoReturn]) -> list[Address]:
    """Return all that a text may mean: indices without a comma can be split in several places."""
    plain = re.sub(r"[\s{}$\\]", "", unicodedata.normalize("NFKC", text.replace("⁽", "^(")))
    for pattern, groups in SYNTAXES:
        match = re.fullmatch(pattern, plain, re.IGNORECASE)
        if not match:
            continue
        places = [place for group in groups for place in group]
        splits = (_splits(d, len(g)) for d, g in zip(match.groups(), groups, strict=True))
        found = [
            {letter: n - first for (letter, first), n in zip(places, chain(*way), strict=True)}
            for way in product(*splits)
        ]
        return [Address(each["l"], each.get("i"), each["j"]) for each in found]
    refuse(f"{text!r} is no address of a weight.")


def _splits(digits: str, n: int) -> list[tuple[int, ...]]:
    """Return the ways to read n indices: at their comma, or every cut of a row of digits."""
    if "," in digits or n == 1:
        words = [digits.split(",")]
    else:
        words = [[digits[:cut], digits[cut:]] for cut in range(1, len(digits))]
    return [
        tuple(map(int, way))
        for way in words
        if len(way) == n and all(way) and (n == 1 or not any(w.startswith("0") for w in way))
    ]
