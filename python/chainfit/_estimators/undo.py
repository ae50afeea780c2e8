"""All or nothing: a call that fails leaves the estimator as it was."""

from __future__ import annotations

from types import TracebackType
from typing import Any, Self

from sklearn.base import BaseEstimator


class Undo:
    """Puts an estimator's attributes back if the block fails, until `release` is called.

    The attributes are kept, not copied: the block must replace arrays and lists, not change them.
    """

    def __init__(self, estimator: BaseEstimator) -> None:
        self._estimator = estimator
        self._before: dict[str, Any] | None = estimator.__dict__.copy()

    def __enter__(self) -> Self:
        return self

    def release(self) -> None:
        """From here on a failure leaves things as they are."""
        self._before = None

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if kind is not None and self._before is not None:
            self._estimator.__dict__.clear()
            self._estimator.__dict__.update(self._before)
