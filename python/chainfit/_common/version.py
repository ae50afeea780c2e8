"""The version of the library, which the compiled core knows."""

from __future__ import annotations

from .._core import __version__

__all__ = ["__version__"]
