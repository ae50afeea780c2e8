"""Several nets on the same features, each with rows of its own to validate on; then their mean.

Each net is trained by itself, side by side on the cores there are: results know nothing of that.
"""

from __future__ import annotations

import math
import threading
import warnings
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import islice
from typing import TYPE_CHECKING, Any, NamedTuple, Self

import numpy as np
import numpy.typing as npt
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import RepeatedKFold, RepeatedStratifiedKFold

from .._estimators.callbacks import Listener, Record, Snapshot
from .._estimators.endings import INTERRUPTED, check_end
from .._estimators.guard import nothing_learned
from .._estimators.inputs import FitData
from .._estimators.job import Given
from .._estimators.progress import EpochBar
from .._estimators.reading import Reading, warn_if_reading_bounds
from .._estimators.settings import FitSettings
from .._estimators.state import State
from .._estimators.stream import Stream
from .._estimators.stream_job import rows_of
from .._estimators.temperature import Unseen, fit_temperature, fold_temperature, unseen_rows
from .._estimators.training import train
from .._estimators.warn import warn
from .._estimators.windows import Window
from .over_ranks import OverRanks

if TYPE_CHECKING:
    from .._estimators.checkpoint import Checkpointer

Array = npt.NDArray[Any]

#: Rows of a source that the temperature is fitted on, at most, and of a table on which a net is
#: compared with a constant: single numbers need no more.
SAMPLE_ROWS = 50_000

#: Epochs after which a net that is no better than a constant has learned nothing.
ENOUGH_EPOCHS = 10

#: Told of each epoch: the net's number, the epoch's, its loss, and the score, NaN without one.
OnEpoch = Callable[[int, int, float, float], object]


class Samples(NamedTuple):
    """The training rows of an ensemble."""

    X: Any  # (rows, features): an array, MadeRows, or an EncodedSource, which has the others too
    y: Array | None  # (rows,): labels, or standardised targets
    sample_weight: Array | None  # (rows,)
    validation: Given | None  # rows of the user's own, encoded alike


class Ensemble(NamedTuple):
    """Trained nets."""

    nets: tuple[Any, ...]
    temperature: float  # folded into the last W and b of each; 1 in regression


class _Member(NamedTuple):
    net: Any
    unseen: Unseen | None
    interrupted: bool
    reading: Reading | None
    nothing: str  # what says that it learned nothing, if it is so


def held_out_rows(
    y: Array, classes: bool, fraction: float, n_nets: int, generator: np.random.RandomState
) -> list[Array] | None:
    """Draw the rows that each net is validated on.

    They are folds of a K-fold split, and of further ones when there are more nets than folds: no
    two nets of one split share a row, and as much as possible is learned from every row.

    Parameters
    ----------
    y : ndarray of shape (rows,)
        Labels, which the folds are stratified by, or real targets.
    classes : bool
        Which of them.
    fraction : float
        Share of the rows; 0 is none.
    n_nets : int
    generator : RandomState

    Returns
    -------
    held_out : list of ndarray, or None
        Row numbers for each net; None where there are too few rows to hold some out.
    """
    rows = len(y)
    if fraction <= 0:
        return None
    n_splits = max(2, round(1 / fraction))
    split: type = RepeatedKFold
    if classes:
        codes, counts = np.unique(y, return_inverse=True, return_counts=True)[1:]
        y, split = codes, RepeatedStratifiedKFold
        n_splits = min(n_splits, int(counts.max()))
    if n_splits < 2 or rows // n_splits < 2:
        return None
    repeats = -(-n_nets // n_splits)
    folds = split(n_splits=n_splits, n_repeats=repeats, random_state=generator)
    with warnings.catch_warnings():
        # a class with fewer rows than there are folds is in some of them
        warnings.simplefilter("ignore", UserWarning)
        parts = islice(folds.split(np.zeros((rows, 1)), y), n_nets)
        return [np.asarray(fold, dtype=np.int64) for _, fold in parts]


class _Follower(Listener):
    """Reports a net's epochs, and stops it when the others are to stop."""

    def __init__(self, number: int, stop: threading.Event, on_epoch: OnEpoch | None) -> None:
        self._number, self._stop, self._on_epoch = number, stop, on_epoch
        self._epoch, self._loss, self._score = 0, math.nan, math.nan

    def epoch(self, n_iter: int, loss: float) -> None:
        self._epoch, self._loss = n_iter, loss

    def score(self, score: float) -> None:
        self._score = score

    def end(self, state: Snapshot, record: Record) -> bool:
        if self._on_epoch is not None:
            self._on_epoch(self._number, self._epoch, self._loss, self._score)
        return self._stop.is_set()


class Reports:
    """Reports the epochs of all nets: prints or counts them, and tells who else wants to know.

    Its block of `with` ends the bar that counts them.
    """

    def __init__(
        self, verbose: Any, count: int, bar: EpochBar | None, on_epoch: OnEpoch | None
    ) -> None:
        self._verbose, self._count, self._bar, self._on_epoch = verbose, count, bar, on_epoch
        self.needed = bool(verbose) or on_epoch is not None

    def __call__(self, net: int, epoch: int, loss: float, score: float) -> None:
        """Report an epoch."""
        if self._bar is not None:
            self._bar.add(loss, score)
        elif self._verbose:
            held_out = "" if math.isnan(score) else f", validation score = {score:.6f}"
            print(f"Net {net + 1} of {self._count}, epoch {epoch}, loss = {loss:.8f}{held_out}")
        if self._on_epoch is not None:
            self._on_epoch(net, epoch, loss, score)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *rest: object) -> None:
        if self._bar is not None:
            self._bar.close(whole=kind is None)


def train_nets(
    nets: Sequence[Any],
    samples: Samples,
    held_out: Sequence[Array] | None,
    n_jobs: int,
    on_epoch: OnEpoch | None = None,
    checkpointers: Sequence[Checkpointer] | None = None,
    over: OverRanks | None = None,
) -> Ensemble:
    """Train nets side by side, and set the temperature of classifiers.

    Parameters
    ----------
    nets : sequence of MLPClassifier or MLPRegressor
        Unfitted, with parameters that have been validated. They are changed.
    samples : Samples
    held_out : sequence of ndarray, or None
        The rows that each is validated on, if they aren't given.
    n_jobs : int
        Nets at a time.
    on_epoch : callable, default=None
    checkpointers : sequence of Checkpointer, default=None
        One for each net, compared with this fit.
    over : OverRanks, default=None
        Which ranks train the nets.

    Returns
    -------
    ensemble : Ensemble
        Of fewer nets where the user interrupted before some had begun.
    """
    stop, over = threading.Event(), over or OverRanks(len(nets))

    def work(number: int) -> _Member:
        rows = None if held_out is None else held_out[number]
        follower = _Follower(number, stop, on_epoch)
        checkpointer = None if checkpointers is None else checkpointers[number]
        return _train_one(nets[number], samples, rows, follower, checkpointer, over)

    done = over.collect(_side_by_side(work, over.mine, n_jobs, stop))
    members = [done[number] for number in sorted(done)]
    if any(member.interrupted for member in members) or len(members) < len(nets):
        warn(INTERRUPTED)
    if all(member.nothing for member in members):
        warn(f"The model learned nothing: of net 1, {members[0].nothing}.", ConvergenceWarning)
    warn_if_reading_bounds([m.reading for m in members if m.reading is not None])
    trained = tuple(member.net for member in members)
    unseen = [member.unseen for member in members if member.unseen is not None]
    temperature = 1.0
    if unseen:
        temperature = fit_temperature(trained, unseen, n_jobs)
        for net in trained:
            fold_temperature(net, temperature)
    return Ensemble(trained, temperature)


def _side_by_side(
    work: Callable[[int], _Member], nets: range, n_jobs: int, stop: threading.Event
) -> dict[int, _Member]:
    """Return what work made of the nets; this thread, which gets the signals, works too."""
    done: dict[int, _Member] = {}
    numbers, lock = iter(nets), threading.Lock()

    def next_number() -> int | None:
        with lock:
            return None if stop.is_set() else next(numbers, None)

    def worker() -> None:
        try:
            while (number := next_number()) is not None:
                done[number] = work(number)
                if done[number].interrupted:
                    stop.set()
        except BaseException:
            stop.set()
            raise

    with ThreadPoolExecutor(max(1, n_jobs - 1)) as pool:
        others = [pool.submit(worker) for _ in range(min(n_jobs, len(nets)) - 1)]
        interrupted: KeyboardInterrupt | None = None
        try:
            worker()
            for other in others:
                other.result()
        except KeyboardInterrupt as error:  # between two nets, or while waiting for the others
            stop.set()
            interrupted = error
        for other in others:
            other.result()
    if interrupted is not None and not done:
        raise interrupted
    return done


def _train_one(
    net: Any,
    samples: Samples,
    held_out: Array | None,
    follower: Listener,
    checkpointer: Checkpointer | None,
    over: OverRanks,
) -> _Member:
    settings, data, state = net._job(
        samples.X, samples.y, samples.sample_weight, validation=samples.validation
    )
    if held_out is not None and isinstance(data.X, Stream):
        blocks = held_out.tolist()
        held = rows_of(data.X.part(blocks))
        data = replace(data, X=data.X.without(blocks), validation=held)
    elif held_out is not None:
        data = replace(data, held_out=held_out)
    listeners = [follower]
    state = over.share(net, data, state)
    if checkpointer is not None:
        state = checkpointer.resumed(settings, state)
        listeners.append(checkpointer)
    state, end = train(settings, data, state, listeners)
    if data.together is not None:
        data.together.end(end.error, state)
    interrupted = end.why == "interrupted"
    if end.error is not None and not interrupted:
        raise end.error
    check_end(end, state, data.dtype)
    state.into(net.__dict__)
    net.__dict__.pop("_optimizer", None)  # nobody goes on
    unseen = _unseen(net, data, held_out) if data.classes else None
    enough = end.why == "max_iter" and state.n_iter >= ENOUGH_EPOCHS  # presets go by their number
    whole = enough or end.why in ("converged", "eta_too_small")
    nothing = _nothing_learned(state, settings, data) if whole else ""
    return _Member(net, unseen, interrupted, end.reading, nothing)


def _nothing_learned(state: State, settings: FitSettings, data: FitData) -> str:
    """Say that a net learned nothing, if it is so; by each rank, all of which have the table."""
    data, sample = replace(data, together=None), None
    if not isinstance(data.X, Stream):
        count = len(data.Y)
        size = min(count, SAMPLE_ROWS)
        rows = np.arange(size) * count // size
        weight = None if data.sample_weight is None else data.sample_weight[rows]
        sample = Window(data.X[rows], data.Y[rows], weight)
    return nothing_learned(state, settings, data, sample)


def _unseen(net: Any, data: FitData, held_out: Array | None) -> Unseen | None:
    """Return the rows that a classifier was validated on, their targets 0 and 1 again."""
    if data.validation is not None:
        X, Y, weight = data.validation[:3]
    elif held_out is not None:
        weight = data.sample_weight
        X, Y = data.X[held_out], data.Y[held_out]
        weight = None if weight is None else weight[held_out]
    else:
        return None
    # before label smoothing
    hard = Y > 0.5 if Y.shape[1] == 1 else Y == Y.max(axis=1, keepdims=True)
    if isinstance(X, Stream):
        X = X.first(SAMPLE_ROWS)
        hard, weight = hard[: len(X)], None if weight is None else weight[: len(X)]
    return unseen_rows(net, X, hard.astype(np.float64), weight)


def blocks_of_rows(rows: int, width: int) -> Iterator[slice]:
    """Cut rows into blocks whose features take a bounded memory."""
    size = max(1, (1 << 24) // max(1, width))
    return (slice(start, start + size) for start in range(0, max(1, rows), size))


def mean_probabilities(nets: Sequence[Any], X: Array) -> Array:
    """Return the mean of the nets' probabilities, float64 (rows, classes), rows adding up to 1."""
    if not len(X):
        return np.empty((0, len(nets[0].classes_)))
    total = np.zeros((len(X), len(nets[0].classes_)))
    for net in nets:
        total += net.predict_proba(X)
    total /= total.sum(axis=1, keepdims=True)
    return total
