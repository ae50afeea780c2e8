"""Training: `train` takes settings, data and a state, and returns a new state and why it stopped.

Here are the solvers that make a step for each mini-batch, the estimators' side of the core's fit
loop; `lbfgs` has a file of its own.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.utils import check_random_state

from .. import _core
from .callbacks import Listener
from .endings import End, Why
from .inputs import FitData, MadeRows
from .lbfgs import minimise
from .optimizer import Optimizer, Trainer, cast, published
from .parameters import LARGEST_INT, as_float, rows_of_batch
from .reading import Reading
from .settings import FitSettings
from .state import State
from .stream import Stream, Streaming
from .stream_job import held_out
from .validation import Validation, hold_out
from .warn import warn
from .watcher import Watcher, after_run
from .windows import Ahead, Feed, Picked

#: X of rows that come in windows.
_NOT_THERE = (MadeRows, Stream)

Array = npt.NDArray[Any]
Weights = tuple[list[Array], list[Array]]


def train(
    settings: FitSettings, data: FitData, state: State, listeners: Sequence[Listener] = ()
) -> tuple[State, End]:
    """Train a net.

    Parameters
    ----------
    settings : FitSettings
    data : FitData
    state : State
        Left alone, but for a live optimizer and its record (see State): these go on.
    listeners : sequence of Listener

    Returns
    -------
    state : State
    end : End
        Why it stopped. An exception out of a listener or a signal handler is returned here, with
        the state after the last whole step.

    Raises
    ------
    ValueError
        Before the first step: if no rows can be held out, or if the weights don't fit the rows.
    """
    if settings.solver == "lbfgs":
        return minimise(settings, data, state, listeners)
    return _make_steps(settings, data, state, listeners)


def _make_steps(
    settings: FitSettings, data: FitData, state: State, listeners: Sequence[Listener]
) -> tuple[State, End]:
    optimizer, generator, together = state.optimizer, state.generator, data.together
    if together is not None:
        generator = together.common_draws
    shuffle, early_stopping = settings.shuffle, settings.early_stopping
    order = validation = watcher = None
    if together is not None and isinstance(data.X, MadeRows):
        data = replace(data, X=data.X[:])  # ranks share out rows that are there
    windowed = isinstance(data.X, _NOT_THERE)
    step = settings.step
    rates = step.dropout_rates(len(state.coefs)) if step.dropout else []
    if optimizer is None:
        optimizer = Optimizer(settings.rule, settings.rule_settings)
    elif optimizer.obeyed is not step:
        optimizer.obey(step.learning_rate, state.t)
        optimizer.obeyed = step
    if rates and (optimizer.seed is None or state.resumed):  # drawn again, it is what it was
        generator = generator or check_random_state(settings.random_state)
        optimizer.seed = int(generator.randint(2**32, dtype=np.int64))
    started = settings.incremental and state.optimizer is not None
    if started and generator is None and shuffle and settings.seed is not None:
        order = optimizer.first_order(settings.seed, data.X.shape[0])
        shuffle = False
    if generator is None and (shuffle or (early_stopping and data.validation is None)):
        generator = check_random_state(settings.random_state)
    if together is not None:
        generator = together.own_draws
    rows = data.validation
    if early_stopping and rows is None:
        if isinstance(data.X, Stream):
            assert generator is not None
            stream, rows = held_out(data.X, settings.validation_fraction, generator)
            data = replace(data, X=stream)
        else:
            order, rows = hold_out(settings, data, generator)
            for listener in listeners:
                listener.train_on(order)
    if rows is not None:
        validation = Validation(settings, data, rows)
        if optimizer.tried is not settings:
            validation.try_scorer(state)
            optimizer.tried = settings
    if state.resumed and shuffle and not isinstance(data.X, Stream):
        order = _shuffled(data.X.shape[0] if order is None else order, generator, state.n_iter)

    coefs, intercepts = cast(state.coefs, data.dtype), cast(state.intercepts, data.dtype)
    trainer = optimizer.trainer(state.units, settings, data.dtype)
    if optimizer.averages and step.averages:
        trainer.set_average(coefs, intercepts)
    else:
        trainer.set_parameters(coefs, intercepts)
    optimizer.averages = step.averages
    if rates or optimizer.seed is not None:
        trainer.set_dropout(rates, optimizer.seed or 0)
    rows_seen = data.X.shape[0] if order is None else len(order)
    if together is not None:
        rows_seen = together.count(rows_seen)
    run = _new_run(settings, data, state, optimizer, rows_seen)
    if validation is not None:
        run.validate = True
    if not shuffle or windowed:
        run.shuffle = False
    if validation is not None or listeners or callable(step.schedule) or together is not None:
        given = optimizer, trainer, run, validation, listeners, together
        watcher = Watcher(settings, state, *given)
        for listener in listeners:
            listener.watch(watcher.whole)
        watcher.begin()
    error = reading = None
    if together is not None:
        together.share(run.batch_size)
    try:
        draws = generator if shuffle else None
        if not windowed:
            trainer.run(
                data.X,
                data.Y,
                data.sample_weight,
                order,
                None if draws is None else draws._bit_generator,
                run,
                watcher,
                settings.threads,
                None,
                settings.loss_hook(data.Y, data.sample_weight),
                together,
            )
        elif isinstance(data.X, Stream):
            streaming = Streaming(data.X, draws, trainer, run.batch_size, together)
            streaming.skip(state.n_iter if state.resumed else 0)
            reading = _run_windows(settings, trainer, streaming, run, watcher)
        else:
            picked = Picked(data, order, draws, trainer, run.batch_size)
            _run_windows(settings, trainer, picked, run, watcher)
    except BaseException as raised:
        error = raised
    why = _why(run, watcher, optimizer, error)
    best = None
    if watcher is not None and (why in ("converged", "eta_too_small") or not settings.incremental):
        best = watcher.best
    in_range = trainer.is_finite()
    optimizer.averages = step.averages and trainer.average() is not None
    before, optimizer.known_steps = optimizer.known_steps, trainer.steps
    steps = optimizer.known_steps - before
    end = End(why, error, steps, best is not None, in_range, reading)
    # Also for a warm start without a better score: scikit-learn then ends with the last weights, as
    # its best ones are the arrays that it goes on training.
    weights = best or (published(trainer) if optimizer.averages else trainer.parameters())
    if best is not None and settings.incremental:  # which keeps them for later
        weights = [w.copy() for w in best[0]], [b.copy() for b in best[1]]
    # The steps after the best epoch may have led nowhere.
    kept = optimizer if in_range or best is None else None
    # What leads nowhere must not be in the lists of a model that stays as it was.
    in_place = state.optimizer is not None and not state.resumed and end.leads_on
    after = after_run(state, weights, run, watcher, kept, in_place=in_place)
    for listener in listeners if why != "failed" else ():
        listener.finish(why)
    return after, end


def _run_windows(
    settings: FitSettings, trainer: Trainer, feed: Feed, run: _core.Run, watcher: Watcher | None
) -> Reading:
    begin = time.perf_counter()
    with Ahead(feed) as windows:

        def loss_of_window(rows: Array, raw: Array) -> Any:
            assert windows.window is not None
            _, Y, sample_weight = windows.window
            return settings.loss_hook(Y, sample_weight)(rows, raw)

        own_loss = None if settings.custom is None else loss_of_window
        given = windows, feed.rows, feed.sparse, run, watcher, settings.threads, None, own_loss
        trainer.run_windows(*given, feed.together)
    return Reading(windows.waited, time.perf_counter() - begin)


def _shuffled(rows: Any, generator: Any, times: int) -> npt.NDArray[np.int64]:
    """Return the order of rows, or of so many, after the shuffles of so many epochs."""
    order = np.array(rows) if np.ndim(rows) else np.arange(rows, dtype=np.int64)
    for _ in range(times):
        generator.shuffle(order)
    return order


def _why(
    run: _core.Run, watcher: Watcher | None, optimizer: Optimizer, error: BaseException | None
) -> Why:
    if error is not None:
        return "interrupted" if isinstance(error, KeyboardInterrupt) else "failed"
    stopped = run.stopped
    if stopped == "converged":
        adaptive = optimizer.settings["learning_rate"] == "adaptive"
        return "eta_too_small" if adaptive else "converged"
    if stopped == "diverged":
        return "diverged"
    if stopped == "time_limit":
        return "time_limit"
    return "callback" if watcher is not None and watcher.stopped else "max_iter"


def _new_run(
    settings: FitSettings, data: FitData, state: State, optimizer: Optimizer, rows: int
) -> _core.Run:
    """Return the core's settings for this run, its counters where the state left them."""
    batch_size = rows_of_batch(settings.solver, settings.batch_size, rows)
    if batch_size > rows:
        warn("Got `batch_size` less than 1 or larger than sample size. It is going to be clipped")
        batch_size = rows
    run = _core.Run()
    run.batch_size = batch_size
    # what is as Run has it isn't set: of a step on a few rows each attribute is a hundredth
    if not settings.incremental:
        run.max_iter = min(int(settings.max_iter), LARGEST_INT)
        limit = settings.own.get("time_limit")
        if limit is not None:
            run.time_limit = as_float(limit)
    run.l2 = data.l2
    if data.l1:
        run.l1 = data.l1
    run.tol = settings.tol
    run.n_iter_no_change = settings.n_iter_no_change
    if settings.early_stopping:
        run.early_stopping = True
    if settings.step.schedule != "constant" or settings.step.by_step:
        own = optimizer.settings
        eta, power_t = float(own["learning_rate_init"]), float(own["power_t"])
        if settings.step.by_step and optimizer.batches is None:
            optimizer.batches = -(-rows // batch_size)
        settings.step.set_schedule(run, eta, power_t, optimizer.batches or 1)
    if settings.step.run or optimizer.name == "adamw":
        settings.step.set_options(run, optimizer.name)
    outputs = len(state.intercepts[-1])
    if outputs > 1:
        run.loss_scale = settings.loss_scale(outputs)
    run.t = int(state.t)
    if state.resumed:
        run.n_iter = state.n_iter
        if state.so_far is not None:
            run.so_far = state.so_far
    if settings.early_stopping and _scores_anew(settings, data, state):
        return run
    if state.no_improvement_count:
        run.no_improvement_count = int(state.no_improvement_count)
    if state.best_loss is not None:
        run.best_loss = float(state.best_loss)
    if state.best_validation_score is not None:
        run.best_validation_score = float(state.best_validation_score)
    return run


def _scores_anew(settings: FitSettings, data: FitData, state: State) -> bool:
    """Whether scores of a fit before don't count, for they may be those of other rows."""
    if (settings.incremental and state.best) or state.resumed:
        return False
    return data.validation is not None or settings.own.get("scoring") is not None
