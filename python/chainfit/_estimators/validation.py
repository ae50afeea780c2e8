"""Validation: the score and the loss, after each epoch, on rows held out or given by the user.

It costs one pass of those rows through the net: also a scorer of scikit-learn is given a model that
knows its output for them.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.model_selection import train_test_split

from .. import _core
from .callbacks import Snapshot
from .inputs import FitData, Rows, all_finite, core_form, take_rows
from .optimizer import by_blocks
from .settings import FitSettings

Array = npt.NDArray[Any]


class Validation:
    """Scores a net on rows.

    Parameters
    ----------
    settings : FitSettings
    data : FitData
    rows : Rows
    """

    def __init__(self, settings: FitSettings, data: FitData, rows: Rows) -> None:
        weight = rows.sample_weight
        if weight is not None and weight.sum() == 0:
            raise ValueError(
                "Sample weights must not sum to zero over the rows that training is validated on."
            )
        assert data.score_on is not None
        self._settings, self._rows = settings, rows
        self._score = data.score_on(rows)
        scoring = settings.own.get("scoring")
        self._by_loss = scoring == "loss"
        self.with_loss = data.validation is not None or scoring is not None
        self._threads = settings.threads

    def __call__(
        self, coefs: list[Array], intercepts: list[Array], state: Snapshot
    ) -> tuple[float, float]:
        """Return score and loss of these weights, NaN where the net's output is not finite.

        The loss is NaN too where nobody has asked for it: without X_val and `scoring`.
        """
        settings, rows = self._settings, self._rows
        activations = settings.activation, settings.out_activation
        threads, blocks = self._threads, settings.blocks
        output = _core.predict(rows.X, coefs, intercepts, *activations, threads, blocks)
        if not (all_finite(output) or bool(np.isfinite(output).all())):
            return math.nan, math.nan
        loss = self._loss(output, coefs, intercepts) if self.with_loss else math.nan
        if self._by_loss:
            return -loss, loss
        score = self._score(output, state)
        if settings.early_stopping and math.isnan(score):
            raise ValueError(
                "The score of the validation rows is not a number, and nothing can be decided by "
                "it."
            )
        return score, loss

    def _loss(self, output: Array, coefs: list[Array], intercepts: list[Array]) -> float:
        rows, settings = self._rows, self._settings
        if settings.custom is not None:
            raw = _core.predict(
                rows.X, coefs, intercepts, settings.activation, "identity", self._threads
            )
            return settings.custom.mean(rows.Y, raw, rows.sample_weight)
        blocks, common = by_blocks(settings.loss_settings, output.shape[1], settings.blocks)
        loss = _core.loss(output, rows.Y, rows.sample_weight, settings.loss, blocks, **common)
        return loss * settings.loss_scale(output.shape[1])


def hold_out(
    settings: FitSettings, data: FitData, generator: np.random.RandomState | None
) -> tuple[npt.NDArray[np.int64], Rows]:
    """Split the rows: the numbers of those to train on, and those held out."""
    stratify = None
    if data.classes and data.Y.shape[1] == 1:
        # as words: an error that names a class names it as scikit-learn does
        stratify = np.where(data.Y[:, 0] > 0.5, "True", "False")
    train, held_out = train_test_split(
        np.arange(data.X.shape[0], dtype=np.int64),
        random_state=generator,
        test_size=settings.validation_fraction,
        stratify=stratify,
    )
    if len(held_out) < 2:
        raise ValueError(
            "The validation set is too small. Increase 'validation_fraction' or the size of your "
            "dataset."
        )
    weight = None if data.sample_weight is None else data.sample_weight[held_out]
    X = core_form(data.X[held_out], data.dtype)
    given: Callable[[], tuple[Any, Any]] = lambda: (  # noqa: E731
        take_rows(data.given[0], held_out),
        take_rows(data.given[1], held_out),
    )
    return train, Rows(X, data.Y[held_out], weight, given)
