"""What a net's estimator may be in: pipelines, searches, a regressor on a transformed target."""

from __future__ import annotations

from typing import Any, NamedTuple

from sklearn.exceptions import NotFittedError
from sklearn.pipeline import Pipeline


class Wrapped(NamedTuple):
    """An estimator, and what its X and y go through before it."""

    inner: Any
    steps: tuple[Any, ...]  # of X, the first one first
    targets: tuple[Any, ...]  # of y

    def feature_names(self) -> list[str] | None:
        """Return the names of what the steps make of X, if they name it."""
        if not self.steps or not hasattr(self.steps[-1], "feature_names_in_"):
            return None
        try:
            return [str(name) for name in self.steps[-1].get_feature_names_out()]
        except (AttributeError, ValueError, NotFittedError):  # a step that names nothing
            return None


def unwrapped(model: Any) -> Wrapped:
    """Return the estimator that fitted pipelines, searches and the like lead to."""
    steps: list[Any] = []
    targets: list[Any] = []
    while True:
        if isinstance(model, Pipeline):
            steps += [model[:-1]] if len(model) > 1 else []
            model = model.steps[-1][1]
        elif hasattr(model, "regressor_") and hasattr(model, "transformer_"):
            targets.append(model.transformer_)
            model = model.regressor_
        elif hasattr(model, "best_estimator_"):
            model = model.best_estimator_
        else:
            return Wrapped(model, tuple(steps), tuple(targets))
