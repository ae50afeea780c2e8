"""scikit-learn's base classes and decorators, which has no types of its own.

A base that mypy knows nothing of would let every attribute pass, `model.fitt(X)` too: it takes
those of `sklearn_types`. Others read scikit-learn, so that models stay what its functions ask for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

MYPY: Final = False  # True to mypy alone, by its name
if MYPY:
    from .sklearn_types import (
        BaseEstimator,
        CallbackSupportMixin,
        ClassifierMixin,
        RegressorMixin,
    )
else:
    from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin

    from .callback_support import CallbackSupportMixin

if TYPE_CHECKING:
    from .sklearn_types import available_if, fit_context
else:
    from sklearn.base import _fit_context as fit_context
    from sklearn.utils.metaestimators import available_if

__all__ = [
    "BaseEstimator",
    "CallbackSupportMixin",
    "ClassifierMixin",
    "RegressorMixin",
    "available_if",
    "fit_context",
]
