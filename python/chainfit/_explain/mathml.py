"""MathML that may break between lines, which browsers don't do inside of a formula.

A formula is cut into several before its operators: at the outside, and inside of brackets that
need not grow with a fraction.
"""

from __future__ import annotations

from xml.etree import ElementTree
from xml.etree.ElementTree import Element

_NAMESPACE = ' xmlns="http://www.w3.org/1998/Math/MathML"'  # HTML knows what <math> is
_BREAKS = set("+−-·=→")  # a line may end before one of these
_TALL = {"mfrac", "msqrt", "munder", "munderover"}
LONG = 3  # operators from which on a row in brackets may be cut: (1 - h) stays whole


def breakable(mathml: str) -> str:
    """Return a formula as a sequence of short ones, which stand in a line as the whole did."""
    root = ElementTree.fromstring(mathml.replace(_NAMESPACE, "", 1))
    pieces: list[list[Element]] = [[]]
    for element in _flat(list(root)):
        if _is_operator(element):
            is_sign = not pieces[-1] or _opens(pieces[-1][-1])
            element.set("form", "prefix" if is_sign else "infix")
            if not is_sign:
                pieces.append([])
        pieces[-1].append(element)
    return "".join(_math(piece) for piece in pieces)


def _math(elements: list[Element]) -> str:
    math = Element("math", {"displaystyle": "true"})
    math.extend(elements)
    # a blank that can't be told from others is written as what it is
    return ElementTree.tostring(math, encoding="unicode").replace("\xa0", "&#160;")


def _flat(elements: list[Element]) -> list[Element]:
    """Take rows apart, and long ones in brackets; none of these grows but with a fraction."""
    found = []
    for element in elements:
        bracketed = element.tag == "mrow" and _is_bracketed(element)
        tall = bracketed and any(part.tag in _TALL for part in element.iter())
        if bracketed and not tall:
            for bracket in (element[0], element[-1]):
                bracket.set("stretchy", "false")
        long = sum(map(_is_operator, element.iter())) >= LONG
        if element.tag != "mrow" or tall or (bracketed and not long):
            found.append(element)
        else:
            found += _flat(list(element))
    return found


def _is_bracketed(row: Element) -> bool:
    return len(row) > 1 and row[0].tag == "mo" and (row[0].text or "") in "(["


def _is_operator(element: Element) -> bool:
    return element.tag == "mo" and (element.text or "") in _BREAKS


def _opens(element: Element) -> bool:
    """Say whether what follows is at the front: of brackets, or behind another operator."""
    return element.tag == "mo" and (element.text or "") in {*_BREAKS, "(", "[", ","}
