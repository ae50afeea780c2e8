"""Columns of a data frame read as numbers, booleans, dates or levels; the unreadable is reported.

Each reader gives an array with a mark for missing (NaN, or the code -1) and a list of the texts
that it could not read. pandas is imported here, and only when a table is there.
"""

from __future__ import annotations

from types import ModuleType
from typing import Any

import numpy as np

#: Text that reads as numbers in at least this share of a column makes it a column of numbers.
NUMBER_SHARE = 0.9

_ISO_DATE = r"\d{4}-\d{2}-\d{2}(?:[T ]\d{2}:\d{2}(?::\d{2}(?:\.\d+)?)?)?(?:Z|[+-]\d{2}:?\d{2})?"

_TRUTH = {"true": 1.0, "1": 1.0, "false": 0.0, "0": 0.0}


def require_pandas() -> ModuleType:
    """Import pandas, or say how to get it."""
    try:
        import pandas
    except ImportError:
        raise ImportError(
            "tables need pandas, which is not installed: pip install 'chainfit[table]'"
        ) from None
    return pandas


class ColumnError(ValueError):
    """A column that cannot be used; the text names it."""


def level_text(value: object) -> str:
    """One text per level: 1, 1.0 and '1' are the same, whatever type a file's reader chose."""
    if isinstance(value, (float, np.floating)) and float(value).is_integer():
        return str(int(value))
    return str(value)


def read_levels(series: Any) -> tuple[np.ndarray, list[str]]:
    """Codes of the rows (-1: missing) and the text of each code."""
    pandas = require_pandas()
    try:
        codes, found = pandas.factorize(series)
    except TypeError:
        raise _no_values(series) from None
    return codes, [level_text(value) for value in found]


def _no_values(series: Any) -> ColumnError:
    return ColumnError(
        f"column {series.name!r} holds values that are neither numbers, text, booleans nor dates "
        "(lists, for example)"
    )


def read_numbers(series: Any) -> tuple[np.ndarray, list[str]]:
    """Float64 values, NaN where missing or infinite, and the texts that are no numbers."""
    pandas = require_pandas()
    if series.dtype.kind == "m":
        return _days_of(series.to_numpy("timedelta64[us]")), []
    if series.dtype.kind == "c":
        raise ColumnError(f"column {series.name!r} holds complex numbers")
    if not pandas.api.types.is_numeric_dtype(series.dtype):
        series = series.astype(object)
    try:
        numbers = pandas.to_numeric(series, errors="coerce")
    except TypeError:
        raise _no_values(series) from None
    values = np.array(numbers.to_numpy(dtype=np.float64, na_value=np.nan))
    missing = np.isnan(values)
    junk = [] if not missing.any() else _junk(series[missing])
    values[np.isinf(values)] = np.nan
    return values, junk


def read_booleans(series: Any) -> tuple[np.ndarray, list[str]]:
    """1.0, 0.0 or NaN for missing, and the texts that are neither true nor false."""
    codes, found = read_levels(series)
    table = [_TRUTH.get(text.lower(), np.nan) for text in found]
    junk = [text for text, value in zip(found, table, strict=True) if np.isnan(value)]
    return np.array([*table, np.nan])[codes], junk


def read_days(series: Any) -> tuple[np.ndarray, list[str]]:
    """Days since 1970 (UTC), NaN where missing, and the texts that are no ISO dates."""
    pandas = require_pandas()
    if isinstance(series.dtype, pandas.PeriodDtype):
        series = series.dt.to_timestamp()
    times = pandas.to_datetime(series, errors="coerce", format="ISO8601", utc=True)
    days = _days_of(times.dt.tz_localize(None).to_numpy("datetime64[us]"))
    missing = np.isnan(days)
    return days, [] if not missing.any() else _junk(series[missing])


def _days_of(times: np.ndarray) -> np.ndarray:
    """Days from NumPy's dates or time spans in microseconds, NaN where there is none."""
    days = times.astype(np.int64) / 86_400e6
    days[np.isnat(times)] = np.nan
    return days


def _junk(series: Any) -> list[str]:
    """Distinct texts of the values that are there though they could not be read."""
    return sorted({str(value) for value in series.dropna().unique()})


def kind_of_column(series: Any) -> str:
    """Tell 'number', 'date', 'boolean' or 'category'; an all-missing column is a 'number'."""
    pandas = require_pandas()
    types = pandas.api.types
    if isinstance(series.dtype, pandas.CategoricalDtype):
        return "category"
    if types.is_bool_dtype(series.dtype):
        return "boolean"
    if types.is_datetime64_any_dtype(series.dtype) or isinstance(series.dtype, pandas.PeriodDtype):
        return "date"
    if types.is_numeric_dtype(series.dtype) or types.is_timedelta64_dtype(series.dtype):
        return "number"
    present = series.dropna()
    inferred = types.infer_dtype(present, skipna=True)
    if inferred == "bytes":
        raise ColumnError(f"column {series.name!r} holds bytes; decode them to text")
    if inferred in ("boolean", "date", "datetime", "datetime64"):
        return "boolean" if inferred == "boolean" else "date"
    if not len(present):
        return "number"
    try:
        values = pandas.to_numeric(present.astype(object), errors="coerce")
    except TypeError:
        raise _no_values(series) from None
    if values.notna().mean() >= NUMBER_SHARE:
        return "number"
    texts = present.astype(str).drop_duplicates()
    return "date" if texts.str.fullmatch(_ISO_DATE).all() else "category"
