"""A frozen dataclass with cached properties, which neither pickles nor copies keep."""

from __future__ import annotations

from dataclasses import fields
from typing import Any


class Record:
    """Base of a frozen dataclass: its state is its fields alone."""

    def __getstate__(self) -> dict[str, Any]:
        return {field.name: getattr(self, field.name) for field in fields(self)}  # type: ignore[arg-type]
