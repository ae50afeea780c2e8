"""Schema: what the columns of a table mean, learned once from training rows, then only applied.

`learn_schema` is the one place where anything is inferred; `Schema.parse` reads any other rows,
text or typed, one or many, by what was learned.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..._estimators.warn import warn
from ..._files.fields import Fields, ModelFileError
from ..arrow import pa
from .column_json import pack_column, unpack_column
from .columns import (
    NOUNS,
    BooleanColumn,
    CategoryColumn,
    Cells,
    Column,
    DateColumn,
    DroppedColumn,
    NumberColumn,
    TimeColumn,
)
from .hints import ColumnError, Hints
from .kinds import learn_columns
from .texts import OTHERS, TAKEN_AS_MISSING, named, plural

__all__ = [
    "BooleanColumn",
    "CategoryColumn",
    "ColumnError",
    "DateColumn",
    "DroppedColumn",
    "Hints",
    "NumberColumn",
    "Schema",
    "Tally",
    "TimeColumn",
    "learn_and_read",
    "learn_schema",
]

#: Different texts of a column that are counted each by itself.
MOST_TEXTS = 1000

#: Columns that a warning names.
MOST_COLUMNS = 4


class Tally:
    """What the blocks of a table had so far.

    Attributes
    ----------
    seen : set of str
        Columns of which some block had a value.
    unread : dict of str to dict of str to int
        For each column the texts that could not be read, and their rows; from MOST_TEXTS on
        those of the others together, as OTHERS.
    """

    def __init__(self) -> None:
        self.seen: set[str] = set()
        self.unread: dict[str, dict[str, int]] = {}

    def add(self, name: str, rows: dict[str, int]) -> None:
        """Add the texts of a column that could not be read."""
        if not rows:
            return
        known = self.unread.setdefault(name, {})
        for text, count in rows.items():
            key = text if text in known or len(known) < MOST_TEXTS else OTHERS
            known[key] = known.get(key, 0) + count


@dataclass(frozen=True)
class Schema:
    """Meaning of the columns of a table.

    Attributes
    ----------
    columns : tuple of Column
        The columns in the order of the training table, including those left out.
    """

    columns: tuple[Column, ...]

    @property
    def used(self) -> tuple[Column, ...]:
        """The columns that are not left out."""
        return tuple(column for column in self.columns if not isinstance(column, DroppedColumn))

    @property
    def left_out(self) -> list[str]:
        """Names of the columns that are left out, and why."""
        dropped = [column for column in self.columns if isinstance(column, DroppedColumn)]
        return [f"{column.name!r}: {column.reason}" for column in dropped]

    @property
    def notes(self) -> list[str]:
        """What was decided on the way: what else cells may mean first, then what is missing."""
        notes = [note for column in self.columns for note in column.notes]
        return sorted(notes, key=lambda note: TAKEN_AS_MISSING in note)

    def parse(self, table: pa.Table, tally: Tally | None = None) -> dict[str, np.ndarray]:
        """Read the rows of a table.

        Parameters
        ----------
        table : pyarrow.Table
            Columns of text or typed ones, in any order; those that training had not are ignored.
        tally : Tally, default=None
            Of a table that is read in blocks: what the blocks before had, to which it is added.
            Whoever has one calls `warn` after the last block.

        Returns
        -------
        dict of str to ndarray of shape (rows,)
            float64, NaN where missing, of numbers, dates (days since 1970), times (seconds) and
            booleans (1 and 0); int32 of categories: the level's place, -1 where missing, -2 where
            training had no such level.

        Raises
        ------
        ColumnError
            If a column is missing or stands twice, or if none of its cells can be read.

        Warns
        -----
        UserWarning
            Names and counts what could not be read and is taken as missing; not with a `tally`.
        """
        columns = self.used
        check_names(table, [column.name for column in columns])
        so_far = Tally() if tally is None else tally
        parsed = {}
        for column in columns:
            cells = _read(column, table.column(column.name))
            parsed[column.name] = cells.values
            if not isinstance(column, CategoryColumn):
                _check_readable(column, cells, so_far.seen)
            so_far.add(column.name, cells.unread.rows)
        if tally is None:
            self.warn(so_far)
        return parsed

    def warn(self, tally: Tally) -> None:
        """Name and count what could not be read, in a warning for each way in which it was not."""
        found: dict[str, dict[str, dict[str, int]]] = {}
        for column in self.used:
            if rows := tally.unread.get(column.name):
                what = f"not {NOUNS[column.kind]}, {TAKEN_AS_MISSING}"
                if isinstance(column, CategoryColumn):
                    what = "not seen in training"
                found.setdefault(what, {})[column.name] = rows
        for what, columns in found.items():
            if len(columns) == 1:
                ((name, rows),) = columns.items()
                text = f"column {name!r}: {what}: {named(rows)}"
            else:
                shown = [f"{name!r}: {named(rows, 1)}" for name, rows in columns.items()]
                more = len(shown) - MOST_COLUMNS
                text = f"{len(shown)} columns: {what}: {'; '.join(shown[:MOST_COLUMNS])}"
                text += f"; and {plural(more, 'more column')}" if more > 0 else ""
            warn(text)

    def to_json(self) -> dict[str, Any]:
        """Return the schema as JSON; `from_json` takes it back."""
        return {"columns": [pack_column(column) for column in self.columns]}

    @classmethod
    def from_json(cls, values: object, where: str = "schema") -> Schema:
        """Build a schema, everything checked.

        Raises
        ------
        ModelFileError
            If it is no sane schema; the text says where.
        """
        fields = Fields(values, where)
        columns = tuple(unpack_column(item, f"{where}: column") for item in fields.items("columns"))
        fields.done()
        names = [column.name for column in columns]
        if len(set(names)) != len(names):
            raise ModelFileError(f"{where}: columns: their names must differ")
        return cls(columns)


def learn_schema(table: pa.Table, hints: Hints | None = None) -> Schema:
    """Learn what the columns of a table mean.

    Parameters
    ----------
    table : pyarrow.Table
        The training rows, without the target: columns of text, as of a CSV file, or typed ones.
    hints : Hints, default=None
        What the user says.

    Returns
    -------
    Schema

    Raises
    ------
    ColumnError
        If a name stands twice, or the hints name a column that is not there.
    """
    check_names(table, [])
    return Schema(learn_columns(table, hints or Hints())[0])


def learn_and_read(
    table: pa.Table, hints: Hints | None = None
) -> tuple[Schema, dict[str, np.ndarray]]:
    """Learn a schema as `learn_schema` does; return with it what it parses of the same rows."""
    check_names(table, [])
    columns, values = learn_columns(table, hints or Hints())
    schema = Schema(columns)
    rest = Schema(tuple(column for column in schema.used if column.name not in values))
    kept = {column.name: values[column.name] for column in schema.used if column.name in values}
    return schema, {**kept, **rest.parse(table)}


def check_names(table: pa.Table, needed: Sequence[str]) -> None:
    """Refuse a table with a name twice, or without a column that is needed."""
    names = table.column_names
    known = set(names)
    if len(known) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise ColumnError(f"the table has several columns named {twice!r}")
    lacking = [name for name in needed if name not in known]
    if lacking:
        more = f" and {len(lacking) - 10} more" if len(lacking) > 10 else ""
        shown = ", ".join(map(repr, lacking[:10]))
        raise ColumnError(f"the table lacks columns that the model needs: {shown}{more}")


def _read(column: Column, cells: pa.ChunkedArray) -> Cells:
    try:
        return column.read(cells)
    except pa.ArrowNotImplementedError:  # lists, structs
        raise ColumnError(
            f"column {column.name!r} holds values of type {cells.type}; {_expected(column)}"
        ) from None


def _check_readable(column: Column, cells: Cells, seen: set[str]) -> None:
    """Refuse a column with cells of which none can be read."""
    if column.name in seen:
        return
    if not np.isnan(cells.values).all():
        seen.add(column.name)
    elif cells.strange:
        raise ColumnError(
            f"column {column.name!r}: nothing can be read as {NOUNS[column.kind]}: "
            f"{cells.unread}; {_expected(column)}"
        )


def _expected(column: Column) -> str:
    if isinstance(column, NumberColumn):
        return f"training had numbers with {column.format}"
    if isinstance(column, DateColumn):
        return f"training had dates written as {column.format.format}"
    return f"training had {NOUNS[column.kind]}"
