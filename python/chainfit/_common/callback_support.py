"""Whether estimators can have callbacks of `sklearn.callback`, which came with scikit-learn 1.9.

With an older version they have no `set_callbacks`, and everything else works.
"""

from __future__ import annotations

from typing import Any, NoReturn

import sklearn

__all__ = ["CallbackSupportMixin"]

try:
    from sklearn.callback import CallbackSupportMixin
except ModuleNotFoundError:

    class _NoTask:
        """A task that nobody follows."""

        def call_on_fit_task_begin(self, **arguments: Any) -> None:
            """Tell nobody."""

        def call_on_fit_task_end(self, **arguments: Any) -> None:
            """Tell nobody."""

    class CallbackSupportMixin:  # type: ignore[no-redef]
        """What scikit-learn's class is to us, without callbacks."""

        @property
        def set_callbacks(self) -> NoReturn:
            """Say what is missing; to `hasattr` there is no such method."""
            raise AttributeError(
                "set_callbacks needs scikit-learn 1.9 or newer, for it hands callbacks of "
                f"sklearn.callback to fit; this is scikit-learn {sklearn.__version__}. Functions "
                "given as the parameter callbacks are called after each epoch with any version."
            )

        def _init_callback_context(self, **arguments: Any) -> _NoTask:
            return _NoTask()
