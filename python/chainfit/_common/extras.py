"""What to say where a library of an extra is not installed."""

from __future__ import annotations


def missing(who: str, library: str, extra: str) -> ImportError:
    """Return the error: `who` is "tables need" or "explore needs"."""
    return ImportError(f"{who} {library}, which is not installed: pip install 'chainfit[{extra}]'")
