"""What a file of a table is: its dialect, kept in the model file as the default of later files.

``sniff.py`` finds it out, ``text.py`` reads by it, ``output.py`` writes by it.
"""

from __future__ import annotations

import codecs
from dataclasses import asdict, dataclass
from typing import Any, Literal

from ..._files.fields import Fields, ModelFileError

#: Names of separators in messages; any other is shown as it is.
_SPOKEN = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "'|'", " ": "spaces"}


@dataclass(frozen=True)
class Dialect:
    r"""How a file writes its table.

    Attributes
    ----------
    kind : {'csv', 'parquet'}
        The others are those of text.
    delimiter : str
        One character.
    quote : str
        The character around cells that hold delimiters or ends of lines.
    escape : str
        What stands before a quote within such a cell: the quote itself, or a backslash.
    encoding : str
        A codec of Python.
    header : bool
        Whether the first row has the names of the columns.
    skip : int
        Lines above the first row: a title, blank lines, ``sep=``.
    row_names : bool
        Whether the first column has names of rows: one without a name, or one more than the
        header has, as R's ``write.table`` writes it.
    newline : {'\n', '\r\n'}
        End of the lines that are written.
    """

    kind: Literal["csv", "parquet"] = "csv"
    delimiter: str = ","
    quote: str = '"'
    escape: str = '"'
    encoding: str = "utf-8"
    header: bool = True
    skip: int = 0
    row_names: bool = False
    newline: str = "\n"

    def to_json(self) -> dict[str, Any]:
        """Return the settings of a model file."""
        return asdict(self)

    @classmethod
    def from_json(cls, values: object) -> Dialect:
        """Make a dialect of the settings of a model file.

        Raises
        ------
        ModelFileError
            If an entry is missing, unknown or not what it must be.
        """
        fields = Fields(values, "dialect")
        kind = fields.text("kind", ("csv", "parquet"))
        delimiter, quote, escape = (fields.text(key) for key in ("delimiter", "quote", "escape"))
        marks = {delimiter, quote, escape}
        if any(len(mark) != 1 or mark in "\r\n" for mark in marks) or delimiter in (quote, escape):
            raise ModelFileError(
                "dialect: delimiter, quote and escape must be single characters, the delimiter "
                "unlike the others"
            )
        encoding = fields.text("encoding")
        if not is_text_encoding(encoding):
            raise ModelFileError(f"dialect: there is no encoding {encoding[:60]!r}")
        dialect = cls(
            "csv" if kind == "csv" else "parquet",
            delimiter,
            quote,
            escape,
            encoding,
            fields.flag("header"),
            fields.integer("skip"),
            fields.flag("row_names"),
            fields.text("newline", ("\n", "\r\n")),
        )
        fields.done()
        return dialect


@dataclass(frozen=True)
class ReadOptions:
    """What the user said about a file; None: found out.

    Attributes
    ----------
    sep : str or None
        One character.
    encoding : str or None
        A codec of Python.
    header : bool or None
        Whether the first row has the names of the columns.
    """

    sep: str | None = None
    encoding: str | None = None
    header: bool | None = None

    def __post_init__(self) -> None:
        if self.sep is not None and (len(self.sep) != 1 or self.sep in '"\r\n'):
            raise ValueError(f"the separator must be one character, got {self.sep!r}")
        if self.encoding is not None and not is_text_encoding(self.encoding):
            raise ValueError(
                f"there is no encoding {self.encoding!r}; Python's are meant, such as latin-1, "
                "cp1252, utf-16"
            )


#: Nothing said.
FOUND_OUT = ReadOptions()


def is_text_encoding(name: str) -> bool:
    """Whether Python has a codec of that name between bytes and text."""
    try:
        return bool(codecs.lookup(name)._is_text_encoding)
    except (LookupError, ValueError):
        return False


def spoken(delimiter: str) -> str:
    """Return a separator in words."""
    return _SPOKEN.get(delimiter, repr(delimiter))
