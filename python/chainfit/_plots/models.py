"""What a model to be drawn is wrapped in."""

from __future__ import annotations

from typing import Any

from sklearn.pipeline import Pipeline


def unwrapped(model: Any) -> Any:
    """Return the pipeline or estimator that a search or a TransformedTargetRegressor has fitted."""
    for name in ("best_estimator_", "regressor_"):
        inner = getattr(model, name, None)
        if inner is not None:
            return unwrapped(inner)
    return model


def last_step(model: Any) -> Any:
    """Return the estimator at the end of a pipeline, and any other model as it is."""
    model = unwrapped(model)
    return last_step(model.steps[-1][1]) if isinstance(model, Pipeline) else model
