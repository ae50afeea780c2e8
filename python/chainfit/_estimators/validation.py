"""Validation: the score and the loss, after each epoch, on rows held out or given by the user.

It costs one pass of those rows through the net: also a scorer of scikit-learn is given a model that
knows its output for them.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.model_selection import train_test_split
from sklearn.utils.multiclass import type_of_target

from .. import _core
from .callbacks import Snapshot
from .inputs import FitData, Rows, Streamed, all_finite, core_form, take_rows
from .optimizer import by_blocks, cast
from .outputs import right_answers
from .scores import UNSUITED
from .settings import FitSettings
from .state import State

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
        scoring = settings.own.get("scoring")
        self._by_loss = scoring == "loss"
        self._by_scorer = not (scoring is None or self._by_loss)
        # rows of this rank, of which there is the net's output; all rows, which are scored
        self._X, self._together = rows.X, data.together
        if self._together is not None:
            rows = self._together.validation(rows, self._by_scorer)
        self._settings, self._rows = settings, rows
        self._classes, self._y = data.classes, data.given[1]
        self._score = data.score_on(rows)
        self.with_loss = data.validation is not None or scoring is not None
        self._threads = settings.threads

    def __call__(
        self, coefs: list[Array], intercepts: list[Array], state: Snapshot
    ) -> tuple[float, float]:
        """Return score and loss of these weights, NaN where the net's output is not finite.

        The loss is NaN too where nobody has asked for it: without X_val and `scoring`.
        """
        settings, output = self._settings, self._output(coefs, intercepts)
        if output is None:
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

    def loss(self, coefs: list[Array], intercepts: list[Array]) -> float:
        """Return the loss of these weights, NaN where the net's output is not finite."""
        output = self._output(coefs, intercepts)
        return math.nan if output is None else self._loss(output, coefs, intercepts)

    def try_scorer(self, state: State) -> None:
        """Raise a ValueError where the scorer does not suit the targets, before training does.

        It scores the net as it is. In regression one that is not defined for all predictions, as
        logarithms are not, may fail there and suit all the same: then it takes the right answers.
        """
        if not self._by_scorer:
            return
        dtype = self._rows.Y.dtype
        output = self._output(cast(state.coefs, dtype), cast(state.intercepts, dtype))
        if output is None:
            return
        try:
            self._score(output, lambda: state)
        except UNSUITED as error:
            if not self._classes and self._takes_right_answers(state):
                return
            scoring, kind = self._settings.own["scoring"], type_of_target(self._y)
            raise ValueError(
                f"scoring={scoring!r} does not suit the target y, which is {kind!r}: {error}"
            ) from error

    def _takes_right_answers(self, state: State) -> bool:
        with suppress(*UNSUITED), np.errstate(all="ignore"):
            right = right_answers(self._rows.Y, self._settings.out_activation)
            return math.isfinite(self._score(right, lambda: state))
        return False

    def _output(self, coefs: list[Array], intercepts: list[Array]) -> Array | None:
        """Return the net's output for the rows, None where it is not finite."""
        output = self._predict(coefs, intercepts, self._settings.out_activation)
        finite = all_finite(output) or bool(np.isfinite(output).all())
        return output if finite else None

    def _predict(self, coefs: list[Array], intercepts: list[Array], out: str) -> Array:
        settings = self._settings
        blocks = settings.blocks if out == settings.out_activation else None

        def of(X: Any) -> Array:
            activation = settings.activation
            return _core.predict(X, coefs, intercepts, activation, out, self._threads, blocks)

        X = self._X
        output = np.concatenate([*map(of, X)]) if isinstance(X, Streamed) else of(X)
        return output if self._together is None else self._together.rows_of_all(output)

    def _loss(self, output: Array, coefs: list[Array], intercepts: list[Array]) -> float:
        rows, settings = self._rows, self._settings
        if settings.custom is not None:
            raw = self._predict(coefs, intercepts, "identity")
            return settings.custom.mean(rows.Y, raw, rows.sample_weight)
        blocks, common = by_blocks(settings.loss_settings, output.shape[1], settings.blocks)
        loss = _core.loss(output, rows.Y, rows.sample_weight, settings.loss, blocks, **common)
        return loss * settings.loss_scale(output.shape[1])


def hold_out(
    settings: FitSettings, data: FitData, generator: np.random.RandomState | None
) -> tuple[npt.NDArray[np.int64], Rows]:
    """Split the rows: the numbers of those to train on, and those held out."""
    rows = np.arange(data.X.shape[0], dtype=np.int64)
    if data.held_out is not None:
        train, held_out = np.delete(rows, data.held_out), data.held_out
    else:
        stratify = None
        if data.classes and data.Y.shape[1] == 1:
            # as words: an error that names a class names it as scikit-learn does
            stratify = np.where(data.Y[:, 0] > 0.5, "True", "False")
        train, held_out = train_test_split(
            rows,
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
