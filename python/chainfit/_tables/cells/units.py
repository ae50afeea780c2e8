"""Words for units beside numbers, 12 kg, 3.5 km, 5 °C: which ones count, and whether there is one.

A further unit is a word of `KNOWN`. Signs that may be mixed, such as %, stand in `numbers.UNIT`.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..arrow import pa, pc
from .numbers import SPACE

#: Units that are one beside few numbers too, and without a space: singular, in lower case but for
#: single letters.
KNOWN = frozenset(
    unit
    for units in (
        # length, area, volume
        "nm, µm, μm, mm, cm, dm, m, km, meter, metre, kilometer, kilometre, in, inch, inches, ft",
        "foot, feet, yd, yard, mi, mile, nmi, cm2, cm², m2, m², km2, km², sqm, sq m, sq km, sqft",
        "sq ft, ha, acre, cm3, cm³, cc, m3, m³, ml, cl, dl, l, L, liter, litre, gal, gallon",
        # mass
        "µg, μg, mg, g, kg, t, ton, tonne, lb, oz, gram, kilogram, pound",
        # time
        "ms, s, sec, second, min, minute, h, hr, hour, d, day, wk, week, mo, month, y, yr, year",
        # temperature, speed, angle
        "°, °c, °f, ° c, ° f, C, F, K, km/h, kmh, kph, mph, m/s, knot, deg",
        # power, energy, voltage, pressure, frequency
        "W, kw, mw, gw, kwh, mwh, hp, bhp, ps, kj, kcal, cal, V, kv, ma, mah, hpa, kpa, mpa, bar",
        "mbar, psi, mmhg, hz, khz, mhz, ghz, rpm, bpm",
        # data, concentrations, shares, print
        "kb, mb, gb, tb, mbps, bit, byte, db, ppm, ppb, mol, mmol, mg/dl, mmol/l, pct, percent",
        "bps, k, M, mn, bn, million, billion, x, px, pt",
    )
    for unit in units.split(", ")
)

#: A word for a unit, known or not.
WORD = (
    r"(?:(?:[kcdm]?m|ft|in|mi)[23]"
    r"|[\p{L}\p{Sc}%\x{b0}\x{b5}][^\d\s,;()]{0,14}(?: \p{L}[^\d\s,;()]{0,9}){0,2})"
)

# One before a number: `kg 5`, but not `A 5`, which is a code.
WORD_BEFORE = rf"\p{{L}}[^\d\s,;()]{{1,9}}{SPACE}"

# Words after numbers that say more than what is counted.
_NO_UNITS = {"e", "am", "pm", "a.m.", "p.m.", "st", "nd", "rd", "th"}

# An unknown word is a unit beside decimals or more different numbers than this; others are levels.
_FEW_NUMBERS = 10

# Cells of another unit than most have, beside which these still have one.
_STRAY = 0.05


def unit_of(parts: Any, counts: np.ndarray, total: int) -> tuple[str, ...]:
    """Return the ways to write the one unit that most cells have; () if there is none.

    Parameters
    ----------
    parts : pyarrow.StructArray
        Of the texts that may be numbers: ``before``, ``core``, ``gap`` and ``after``.
    counts : ndarray of int
        Rows that have each.
    total : int
        Rows, those of other texts among them.
    """
    words = words_of(parts)
    units = _rows(words, counts)
    if not units:
        return ()
    best = max(units, key=lambda unit: units[unit])
    rows = units[best]
    if rows * 2 <= total or sum(units.values()) - rows > _STRAY * rows or best in _NO_UNITS:
        return ()
    has = np.array([_unit(word) == best for word in words])
    if best not in KNOWN:
        its = parts.filter(pa.array(has))
        spaced = all(its.field("gap").to_pylist()) or not best[0].isalpha()
        spaced = spaced and not any(its.field("before").to_pylist())
        cores = its.field("core")
        marked = pc.any(pc.match_substring_regex(cores, "[.,]")).as_py()
        if not spaced or not (marked or len(cores.unique()) > _FEW_NUMBERS):
            return ()
    return tuple(sorted({word for word, one in zip(words, has, strict=True) if one}))


def several_units(parts: Any, counts: np.ndarray, total: int) -> list[str]:
    """Name the known units that most cells have, if there are several; the most frequent first."""
    units = _rows(words_of(parts), counts)
    known = {unit: rows for unit, rows in units.items() if unit in KNOWN}
    if len(known) < 2 or sum(known.values()) * 2 <= total:
        return []
    return sorted(known, key=lambda unit: -known[unit])


def words_of(parts: Any) -> list[str]:
    """Return the unit of each text, '' where there is none."""
    before, after = parts.field("before").to_pylist(), parts.field("after").to_pylist()
    return [(b or a or "").strip() for b, a in zip(before, after, strict=True)]


def _rows(words: list[str], counts: np.ndarray) -> dict[str, int]:
    units: dict[str, int] = {}
    for word, count in zip(words, counts.tolist(), strict=True):
        if word:
            unit = _unit(word)
            units[unit] = units.get(unit, 0) + count
    return units


def _unit(word: str) -> str:
    """Return a unit whose plural and capitals don't count."""
    word = word.lower() if len(word) > 1 else word
    plural = len(word) > 2 and word.endswith("s") and word not in KNOWN
    return word[:-1] if plural else word
