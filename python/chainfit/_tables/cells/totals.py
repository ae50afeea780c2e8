"""A last row that sums up the others: said, for a net would learn from it as from any other."""

from __future__ import annotations

import re

import numpy as np

from ..arrow import pa
from .columns import NumberColumn
from .schema import Schema, learn_schema
from .texts import is_text

#: What such a row is called.
_TOTAL = re.compile(
    r"(?i)\W*(?:grand |sub)?(?:totals?|sum|summe|gesamt(?:summe)?|insgesamt|somme|totale|suma)"
    r"(?: g[eé]n[eé]ral)?\W*"
)

#: Columns that are looked at.
MOST_COLUMNS = 100


def total_row(table: pa.Table) -> str:
    """Tell of a last row that is called a total and is the sum of the others; '' if it is none."""
    rows = table.num_rows
    if rows < 3:
        return ""
    table = table.select(table.column_names[:MOST_COLUMNS])
    last = [column[rows - 1].as_py() for column in table.columns if is_text(column.type)]
    label = next((text for text in last if text and _TOTAL.fullmatch(text)), None)
    if label is None:
        return ""
    columns = learn_schema(table).columns
    numbers = Schema(tuple(c for c in columns if isinstance(c, NumberColumn)))
    sums = [name for name, values in numbers.parse(table).items() if _sums_up(values)]
    if not sums:
        return ""
    shown = ", ".join(map(repr, sums[:3])) + (f" and {len(sums) - 3} more" if sums[3:] else "")
    return (
        f"the last row, {label.strip()!r}, is the sum of the others in {shown}: "
        "it is used as any other row, so delete it if it is none"
    )


def _sums_up(values: np.ndarray) -> bool:
    """Whether the last value is the sum of the others, but for what rounding explains."""
    present = values[:-1][~np.isnan(values[:-1])]
    # each addition rounds once, and the written numbers too
    error = 2 * len(values) * np.finfo(np.float64).eps * np.abs(present).sum()
    return len(present) > 1 and values[-1] != 0 and bool(abs(present.sum() - values[-1]) <= error)
