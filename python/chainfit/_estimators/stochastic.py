"""Training by steps over mini-batches: the estimators' side of the core's fit loop."""

from __future__ import annotations

import math
from collections.abc import Callable
from numbers import Integral
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import train_test_split
from sklearn.utils import check_random_state

from .. import _core
from .convergence import check_finite, warn_of_infinite_loss
from .inputs import all_finite, core_form
from .optimizer import SETTINGS, Optimizer, cast, optimizer_name
from .parameters import LARGEST_INT, as_float, rows_of_batch
from .threads import thread_limit
from .warn import warn

if TYPE_CHECKING:
    from .base import BaseMLP
    from .callbacks import FitTasks
    from .inputs import FitData
    from .optimizer import Trainer

Array = npt.NDArray[Any]
Validation = Callable[[list[Array], list[Array]], float]

# Fitted attributes that grow from fit to fit under warm_start and partial_fit.
HISTORY = (
    "loss_",
    "loss_curve_",
    "best_loss_",
    "validation_scores_",
    "best_validation_score_",
    "_no_improvement_count",
)


# All that an epoch of a fitted model sets.
TRAINED = ("coefs_", "intercepts_", "n_iter_", "t_", *HISTORY)


class _Watcher:
    """Listens to the core's fit loop: prints progress, scores the validation rows, keeps the best.

    Parameters
    ----------
    validation : callable or None
        Returns the score of (coefs, intercepts) on the rows held out for early stopping.
    on_epoch : callable or None
        Called with (n_iter, loss) after each epoch.
    tasks : FitTasks or None
        Where scikit-learn's callbacks are told of epochs.
    """

    def __init__(
        self,
        model: BaseMLP,
        trainer: Trainer,
        run: _core.Run,
        validation: Validation | None,
        on_epoch: Callable[[int, float], object] | None,
        tasks: FitTasks | None,
    ) -> None:
        self.model, self.trainer, self.run, self.validation = model, trainer, run, validation
        self.on_epoch = on_epoch
        self.tasks = tasks
        self.stopped = False  # by a callback
        self.scores: list[float] = []
        self.best: tuple[list[Array], list[Array]] | None = None
        if tasks is not None:
            tasks.begin("epoch", self._so_far)

    def __call__(self, event: str, value: float) -> float | None:
        score = None
        if event == "validate":
            score = self._validate()
        elif event == "epoch":
            if self.on_epoch is not None:
                self.on_epoch(self.run.n_iter, value)
            if self.model.verbose:
                print(f"Iteration {self.run.n_iter}, loss = {value:.8f}")
        elif event == "learning_rate" and self.model.verbose:
            print(f"{self.reason()} Setting learning rate to {value:f}")
        elif event == "end" and self.tasks is not None:
            return self._next_task(self.tasks)
        return score

    def _next_task(self, tasks: FitTasks) -> bool:
        if tasks.end(self._so_far):
            self.stopped = True
        elif self.run.n_iter < self.run.max_iter:
            tasks.begin("epoch", self._so_far)
        return self.stopped

    def _so_far(self) -> dict[str, Any]:
        """Fitted attributes as if training ended here, for callbacks."""
        coefs, intercepts = self.trainer.parameters() if self.best is None else self.best
        held, losses = vars(self.model), self.run.loss_curve
        state = {
            "coefs_": coefs,
            "intercepts_": intercepts,
            "n_iter_": self.run.n_iter,
            "t_": self.run.t,
            "loss_curve_": [*(held.get("loss_curve_") or []), *losses],
        }
        if losses:
            state["loss_"] = losses[-1]
        if self.validation is not None:
            state["validation_scores_"] = [*(held.get("validation_scores_") or []), *self.scores]
        return state

    def _validate(self) -> float:
        assert self.validation is not None
        parameters = self.trainer.parameters()
        score = self.validation(*parameters)
        self.scores.append(score)
        if score > self.run.best_validation_score:
            self.best = parameters
        if self.model.verbose:
            print(f"Validation score: {score:f}")
        return score

    def reason(self) -> str:
        """Say why training stops or slows down, in scikit-learn's words."""
        what = "Training loss" if self.validation is None else "Validation score"
        return (
            f"{what} did not improve more than tol={float(self.model.tol):f} for "
            f"{self.model.n_iter_no_change:.0f} consecutive epochs."
        )


def fit_stochastic(
    model: BaseMLP,
    data: FitData,
    units: list[int],
    random_state: np.random.RandomState | None,
    *,
    first_pass: bool,
    incremental: bool,
    tasks: FitTasks | None = None,
) -> None:
    """Train the model's weights by its solver's steps; sets every fitted attribute that follows.

    Parameters
    ----------
    units : list of int
        [n_0, ..., n_L] of the weights at hand.
    random_state : RandomState or None
        The generator, already used for the initial weights; None where none were drawn.
    first_pass : bool
        The weights are new.
    incremental : bool
        One epoch by the optimizer at hand (`partial_fit`).
    tasks : FitTasks or None
        Where there are callbacks.

    Raises
    ------
    ValueError
        If weights, or the optimizer's state, are no finite numbers in the end.
    """
    optimizer = model.__dict__.get("_optimizer") if incremental else None
    if optimizer is None:
        settings = {key: getattr(model, key) for key in SETTINGS}
        name = optimizer_name(model.solver, model.momentum, model.nesterovs_momentum)
        optimizer = Optimizer(name, settings)
    early_stopping = bool(model.early_stopping)
    shuffle = bool(model.shuffle)
    order = None
    if incremental and not first_pass and shuffle and isinstance(model.random_state, Integral):
        order, shuffle = optimizer.first_order(int(model.random_state), data.X.shape[0]), False
    elif random_state is None and (shuffle or early_stopping):
        random_state = check_random_state(model.random_state)

    validation = None
    if early_stopping:
        order, validation = _hold_out(model, data, random_state)
        if tasks is not None:
            tasks.train_on(order)

    trainer = optimizer.trainer(units, model.activation, model._core_loss(), data.dtype)
    trainer.set_parameters(cast(model.coefs_, data.dtype), cast(model.intercepts_, data.dtype))
    rows = data.X.shape[0] if order is None else len(order)
    run = _new_run(model, optimizer, rows, shuffle=shuffle, incremental=incremental)
    run.l2 = data.l2
    # how the command line follows a long fit: called with (n_iter, loss) after each epoch
    on_epoch = model.__dict__.get("_on_epoch")
    watcher = None
    if early_stopping or model.verbose or on_epoch is not None or tasks is not None:
        watcher = _Watcher(model, trainer, run, validation, on_epoch, tasks)
        if early_stopping and first_pass:
            # what stays if no epoch has a score
            watcher.best = (model.coefs_, model.intercepts_)
    steps = trainer.steps
    try:
        trainer.run(
            data.X,
            data.Y,
            data.sample_weight,
            order,
            random_state._bit_generator if shuffle and random_state is not None else None,
            run,
            watcher,
            thread_limit(model.n_threads),
        )
    except KeyboardInterrupt:
        if incremental:  # the user's own loop is to end too
            raise
        warn("Training interrupted by user.")
    finally:
        if not incremental or trainer.steps != steps:
            _take_over(model, optimizer, trainer, run, watcher, in_place=incremental)
    if tasks is not None:
        tasks.close()

    if run.stopped == "converged" and model.verbose and watcher is not None:
        slow = optimizer.name != "adam" and optimizer.settings["learning_rate"] == "adaptive"
        print(watcher.reason() + (" Learning rate too small." if slow else "") + " Stopping.")
    if run.stopped == "diverged" and not incremental:
        warn(
            f"Stochastic Optimizer: The loss is not a number after epoch {run.n_iter}; training "
            "stopped there.",
            ConvergenceWarning,
        )
    best_kept = watcher is not None and watcher.best is not None
    if not best_kept:
        warn_of_infinite_loss(model.loss_)
    stopped = watcher is not None and watcher.stopped  # by a callback
    if run.stopped == "max_iter" and not (incremental or stopped):
        warn(
            f"Stochastic Optimizer: Maximum iterations ({model.max_iter}) reached and the "
            "optimization hasn't converged yet.",
            ConvergenceWarning,
        )
    if not best_kept and trainer.is_finite():
        return
    check_finite(model)
    if not best_kept:
        raise ValueError(
            f"The state of the optimizer went beyond the range of {data.dtype}. The data may "
            "contain large values and need to be preprocessed: scale the features, and in "
            "regression the targets."
        )
    if not trainer.is_finite():  # the steps after the best epoch led nowhere
        model.__dict__.pop("_optimizer")


def _hold_out(
    model: BaseMLP, data: FitData, random_state: np.random.RandomState | None
) -> tuple[npt.NDArray[np.int64], Validation]:
    """Split the rows: numbers of those to train on, and the score on those held out."""
    stratify = None
    if not model._y_numeric and data.Y.shape[1] == 1:
        # as words: an error that names a class names it as scikit-learn does
        stratify = np.where(data.Y[:, 0] > 0, "True", "False")
    train, held_out = train_test_split(
        np.arange(data.X.shape[0], dtype=np.int64),
        random_state=random_state,
        test_size=float(model.validation_fraction),
        stratify=stratify,
    )
    if len(held_out) < 2:
        raise ValueError(
            "The validation set is too small. Increase 'validation_fraction' or the size of your "
            "dataset."
        )
    weight = None if data.sample_weight is None else data.sample_weight[held_out]
    X = core_form(data.X[held_out], data.dtype)
    score_of = model._scorer(data.Y[held_out], weight)
    activations = model.activation, model.out_activation_
    threads = thread_limit(model.n_threads)

    def validate(coefs: list[Array], intercepts: list[Array]) -> float:
        output = _core.predict(X, coefs, intercepts, *activations, threads)
        finite = all_finite(output) or bool(np.isfinite(output).all())
        return score_of(output) if finite else math.nan

    return train, validate


def _new_run(
    model: BaseMLP, optimizer: Optimizer, rows: int, *, shuffle: bool, incremental: bool
) -> _core.Run:
    """Return the core's settings for this run, its counters where the model left them."""
    batch_size = rows_of_batch(model, rows)
    if batch_size > rows:
        warn("Got `batch_size` less than 1 or larger than sample size. It is going to be clipped")
        batch_size = rows
    run = _core.Run()
    run.batch_size = batch_size
    if not incremental:  # where it is 1
        run.max_iter = min(int(model.max_iter), LARGEST_INT)
    run.tol = float(model.tol)
    run.n_iter_no_change = as_float(model.n_iter_no_change)
    run.shuffle = shuffle
    # what is as Run has it isn't set: of a step on a few rows each attribute is a hundredth
    if model.early_stopping:
        run.early_stopping = True
    schedule = optimizer.settings["learning_rate"]
    if schedule != "constant" and optimizer.name != "adam":
        run.schedule = schedule
        run.eta_init = float(optimizer.settings["learning_rate_init"])
        run.power_t = float(optimizer.settings["power_t"])
    if model.out_activation_ == "identity":
        run.loss_scale = 1.0 / model.n_outputs_
    run.t = int(model.t_)
    seen = model.__dict__
    run.no_improvement_count = int(seen.get("_no_improvement_count", 0))
    best_loss, best_score = seen.get("best_loss_"), seen.get("best_validation_score_")
    run.best_loss = math.inf if best_loss is None else float(best_loss)
    run.best_validation_score = -math.inf if best_score is None else float(best_score)
    return run


def _take_over(
    model: BaseMLP,
    optimizer: Optimizer,
    trainer: Trainer,
    run: _core.Run,
    watcher: _Watcher | None,
    *,
    in_place: bool,
) -> None:
    """Set the fitted attributes from what the run came to, whole or cut short.

    in_place: append to the model's lists. Otherwise make new ones, so that a fit that fails later
    leaves the old lists alone.
    """
    model._optimizer = optimizer
    if watcher is not None and watcher.best is not None:
        model.coefs_, model.intercepts_ = watcher.best
    else:
        # Also for a warm start without a better score: scikit-learn then ends with the last
        # weights, as its best ones are the arrays that it goes on training.
        model.coefs_, model.intercepts_ = trainer.parameters()
    model.n_iter_ = run.n_iter
    model.t_ = run.t
    model._no_improvement_count = run.no_improvement_count
    losses = run.loss_curve
    if losses:
        model.loss_ = losses[-1]
    else:  # interrupted in the first epoch
        model.__dict__.setdefault("loss_", math.nan)
    _append(model, "loss_curve_", losses, in_place)
    if watcher is not None and watcher.validation is not None:
        model.best_loss_ = None
        model.best_validation_score_ = run.best_validation_score
        _append(model, "validation_scores_", watcher.scores, in_place)
    else:
        model.best_loss_ = run.best_loss
        model.__dict__.setdefault("best_validation_score_", None)
        model.__dict__.setdefault("validation_scores_", None)


def _append(model: BaseMLP, name: str, values: list[float], in_place: bool) -> None:
    held = model.__dict__.get(name)
    if in_place and held is not None:
        held.extend(values)
    else:
        setattr(model, name, [*(held or []), *values])
