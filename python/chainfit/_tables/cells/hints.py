"""What a user says about a table's cells, and the error that names a column."""

from __future__ import annotations

from dataclasses import dataclass

#: Marks between groups of three digits; a plain space stands for the narrow and fixed ones too.
THOUSANDS = (",", ".", " ", "'")

DECIMALS = (".", ",")


class ColumnError(ValueError):
    """A column that cannot be used; the text names it."""


@dataclass(frozen=True)
class Hints:
    """What the cells of a table mean, as far as the user says; None: found out.

    Parameters
    ----------
    decimal : {'.', ','}, default=None
        Decimal mark of numbers in text.
    thousands : {'', ',', '.', ' ', "'"}, default=None
        Mark between groups of three digits; '' for none.
    na : tuple of str, default=()
        Words that stand for a missing value, in every column and in the target.
    date_format : str, default=None
        How dates are written, in the directives of ``strptime``: '%d/%m/%Y', for example.
    drop : tuple of str, default=()
        Columns to leave out.
    """

    decimal: str | None = None
    thousands: str | None = None
    na: tuple[str, ...] = ()
    date_format: str | None = None
    drop: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.decimal not in (None, *DECIMALS):
            raise ValueError(f"decimal must be '.' or ',', got {self.decimal!r}")
        if self.thousands not in (None, "", *THOUSANDS):
            marks = ", ".join(map(repr, ("", *THOUSANDS)))
            raise ValueError(f"thousands must be one of {marks}, got {self.thousands!r}")
        if self.thousands and self.thousands == self.decimal:
            raise ValueError(f"thousands and decimal must differ, got {self.thousands!r} for both")
        for name in ("na", "drop"):
            value = getattr(self, name)
            if isinstance(value, str) or not all(isinstance(text, str) for text in value):
                raise TypeError(f"{name} must be a sequence of strings, got {value!r}")
            object.__setattr__(self, name, tuple(value))

    @property
    def say_nothing(self) -> bool:
        """Whether plain numbers, as Python writes them, mean what they mean without any hint."""
        marks = self.decimal != "," and self.thousands != "."
        return marks and not self.na and self.date_format is None
