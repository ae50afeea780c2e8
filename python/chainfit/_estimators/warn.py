"""Warnings that point at the user's line, however many frames of ours lie between."""

from __future__ import annotations

import sys
import warnings


def warn(message: str, category: type[Warning] = UserWarning) -> None:
    """Warn at the innermost frame outside this package and scikit-learn's decorators."""
    frame, level = sys._getframe(1), 2
    while frame.f_back is not None and _ours(frame.f_globals.get("__name__", "")):
        frame, level = frame.f_back, level + 1
    warnings.warn(message, category, stacklevel=level)


def _ours(module: str) -> bool:
    return module.startswith("chainfit.") or module == "sklearn.base"
