"""What goes on within a run: validation rows are scored, the best weights kept, listeners called.

And the state that a run leaves, after its last epoch or as if an earlier one were it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy.typing as npt

from .. import _core
from .callbacks import Listener
from .optimizer import Optimizer, Trainer, published
from .record import joined, last_epoch
from .settings import FitSettings
from .state import State
from .steps import given_sizes
from .together import Together
from .validation import Validation

Array = npt.NDArray[Any]
Weights = tuple[list[Array], list[Array]]


class Watcher:
    """Listens to the core's fit loop: scores the validation rows, keeps the best, calls listeners.

    Parameters
    ----------
    validation : Validation or None
        Of the rows held out for early stopping, or given by the user.
    together : Together or None
        The fit of all ranks, each of which may stop it.

    Attributes
    ----------
    best : tuple or None
        With early stopping the weights (coefs, intercepts) that had the best score.
    """

    def __init__(
        self,
        settings: FitSettings,
        state: State,
        optimizer: Optimizer,
        trainer: Trainer,
        run: _core.Run,
        validation: Validation | None,
        listeners: Sequence[Listener],
        together: Together | None = None,
    ) -> None:
        self.state, self.optimizer, self.trainer, self.run = state, optimizer, trainer, run
        self.validation, self.listeners = validation, listeners
        self.schedule = settings.step.schedule
        self.stopped = False  # by a listener
        self.together = together
        self.scores: list[float] = []
        self.losses: list[float] = []
        self.best: Weights | None = None
        self.keeps_best, self.incremental = settings.early_stopping, settings.incremental
        if self.keeps_best and (self.incremental or state.resumed):
            self.best = state.best
        elif self.keeps_best and state.generator is not None:
            # what stays of weights just drawn if no epoch has a score
            self.best = (state.coefs, state.intercepts)

    def __call__(self, event: str, value: float, count: int = 0) -> Any:
        if event == "validate":
            return self._validate()
        if event == "step_sizes":
            assert callable(self.schedule)
            return given_sizes(self.schedule, int(value), count, self.run.total_steps)
        if event == "window":
            for listener in self.listeners:
                listener.window(int(value))
        elif event == "epoch":
            for listener in self.listeners:
                listener.epoch(self.run.n_iter, value)
        elif event == "learning_rate":
            for listener in self.listeners:
                listener.learning_rate(value)
        elif event == "end":
            return self._end(value)
        return None

    def begin(self) -> None:
        for listener in self.listeners:
            listener.begin("epoch", self._so_far)

    def _end(self, loss: float) -> bool:
        record = partial(last_epoch, self.run, loss)
        for listener in self.listeners:
            self.stopped |= listener.end(self._so_far, record)
        if self.together is not None:
            self.stopped = self.together.any(self.stopped)
        if not self.stopped and self.run.n_iter < self.run.max_iter:
            self.begin()
        return self.stopped

    def _validate(self) -> tuple[float, float]:
        assert self.validation is not None
        parameters = published(self.trainer)
        score, loss = self.validation(*parameters, partial(self._state_with, parameters))
        self.scores.append(score)
        if self.validation.with_loss:
            self.losses.append(loss)
        if self.keeps_best and score > self.run.best_validation_score:
            self.best = parameters
        for listener in self.listeners:
            listener.score(score)
        return score, loss

    def _so_far(self) -> State:
        """Return the state as if training ended here."""
        best = None if self.incremental else self.best
        return self._state_with(best or published(self.trainer))

    def whole(self) -> State:
        """Return the state to go on from: the last weights and the best, and the optimizer."""
        state = self._state_with(published(self.trainer))
        state.best, state.optimizer = self.best, self.optimizer
        if self.run.so_far[0]:
            state.so_far = self.run.so_far
        return state

    def _state_with(self, weights: Weights) -> State:
        return after_run(replace(self.state, optimizer=None), weights, self.run, self, None)


def after_run(
    state: State,
    weights: Weights,
    run: _core.Run,
    watcher: Watcher | None,
    optimizer: Optimizer | None,
) -> State:
    """Return the state after a run, whole or cut short, that began with `state`.

    One that goes on by its own optimizer is the same object, and its lists are extended. A fit
    makes new ones, so that one that fails leaves the old ones alone.
    """
    in_place = state.optimizer is not None and not state.resumed
    after = state if in_place else State(*weights, loss=state.loss)
    after.coefs, after.intercepts = weights
    after.n_iter, after.t = run.n_iter, run.t
    losses = run.loss_curve
    if losses:  # otherwise interrupted in the first epoch
        after.loss = losses[-1]
    after.epochs = joined(state.epochs, run, in_place=in_place)
    after.loss_curve = _joined(state.loss_curve, losses, in_place)
    if state.losses is not None:
        after.losses = _joined(state.losses, losses, in_place)
    after.no_improvement_count = run.no_improvement_count
    after.validation_scores = state.validation_scores
    after.best_validation_score = state.best_validation_score
    after.validation_loss_curve = state.validation_loss_curve
    after.best, after.best_loss = None, run.best_loss
    if watcher is not None and watcher.validation is not None:
        after.validation_scores = _joined(state.validation_scores, watcher.scores, in_place)
        after.best_validation_score = run.best_validation_score
        if watcher.validation.with_loss:
            losses = watcher.losses
            after.validation_loss_curve = _joined(state.validation_loss_curve, losses, in_place)
        if watcher.keeps_best:
            after.best_loss = None
            after.best = watcher.best if watcher.incremental else None
    after.optimizer = optimizer
    return after


def _joined(held: list[float] | None, values: list[float], in_place: bool) -> list[float]:
    if in_place and held is not None:
        held.extend(values)
        return held
    return [*(held or []), *values]
