"""What a `fit` on a source comes to: its first pass, and how each block is encoded from then on."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from .class_weights import balanced
from .inputs import FitData, Rows, core_form
from .parameters import rows_of_batch
from .ranks import current_ranks
from .source import Block, Source
from .stream import Stream
from .survey import Survey, check_like_first, checked_block, surveyed
from .weights import weights_and_penalties, weights_in_range
from .windows import Window

Array = npt.NDArray[Any]
RowWeight = Callable[[Array | None, Array, bool], Array | None]


def check_source(y: Any, sample_weight: Any, *, incremental: bool) -> None:
    """Raise an error where what comes with a source does not go with one."""
    if incremental:
        raise TypeError("partial_fit takes rows; a source of rows is for fit.")
    if y is not None or sample_weight is not None:
        raise ValueError("y and sample_weight must be None with a source, which has its own.")


def survey_of(model: Any, source: Source, dtype: Any, *, reset: bool) -> Survey:
    """Go through a source for the first time, unless somebody has."""
    if (known := source.known) is not None:
        model.n_features_in_ = known.width
        return known
    ranks = current_ranks()
    compared = ranks is not None and not ranks.plan.shards  # with those of other ranks
    classes, digest = not model._y_numeric, compared or model.checkpoint is not None
    # all rows in a window are checked as rows in memory are, and nothing else goes with 'lbfgs'
    check = None if classes or model.solver == "lbfgs" else model._encode_known
    reader = _reader(model, source)
    found = surveyed(
        reader, source, dtype, reset=reset, classes=classes, digest=digest, check=check
    )
    model.n_features_in_ = found.width
    return found


def _reader(model: Any, source: Source) -> Any:
    """Return the model that checks blocks: one that knows no names where their X has none."""
    return model if source.feature_names is None else model._without_names()


def stream_data(model: Any, source: Source, survey: Survey, dtype: np.dtype[Any]) -> FitData:
    """Return the data of a fit on a surveyed source that no window holds.

    Parameters
    ----------
    model : MLPClassifier or MLPRegressor
        A draft; it learns its classes.
    source : Source
    survey : Survey
    dtype : dtype
        To train in.

    Raises
    ------
    ValueError
        If the solver needs all rows at once.
    """
    if model.solver == "lbfgs":
        raise ValueError(
            f"solver='lbfgs' goes through all rows in each step: the source has {survey.rows}, and "
            f"buffer_rows={survey.buffer_rows}. Raise buffer_rows, or choose another solver."
        )
    targets = survey.targets
    if survey.times is not None:
        # as often as classes stand in a y, which all different targets would not
        Y = model._encode(np.concatenate([targets] * 3), None, False, dtype)[: len(targets)]
        if isinstance(model.class_weight, str):
            multilabel = targets.ndim > 1 and not isinstance(model._label_binarizer, list)
            found = balanced(targets != 0 if multilabel else targets, survey.times)
            model = model._sharing({**vars(model), "class_weight": found})
    else:
        Y = model._encode(targets, None, False, dtype)
    batch_rows = rows_of_batch(model.solver, model.batch_size, survey.rows)
    penalties = model.alpha, model.l1
    _, l2, l1 = weights_and_penalties(None, penalties, survey.rows, batch_rows, dtype)
    classes = survey.times is not None
    weighted = survey.weighted or (classes and model.class_weight is not None)
    if survey.weighted:
        _in_range(np.array([size for size in survey.sizes if size]), dtype)
    reader, nameless = _reader(model, source), model._without_names()

    def prepare(block: Block) -> Window:
        # the sample is one of arrays, as the checks have left them
        checker = nameless if block is survey.sample else reader
        return _window(checker, block, survey, dtype, model._row_weight)

    stream = Stream(source, survey, prepare, weighted=weighted)
    given = source, targets
    return FitData(stream, Y, None, dtype, l2, model._score_on, classes, None, given, l1)


def _window(
    model: Any, block: Block, survey: Survey, dtype: np.dtype[Any], row_weight: RowWeight | None
) -> Window:
    """Return a block as the core takes it, if it is still like the others."""
    X, y, weight = checked_block(model, block, survey.accepted, False)
    check_like_first(survey, X, y, weight)
    Y = model._encode_known(y, dtype)
    if row_weight is not None:
        weight = row_weight(weight, Y, False)
    return Window(core_form(X, dtype), Y, None if weight is None else _in_range(weight, dtype))


def _in_range(weight: Array, dtype: np.dtype[Any]) -> Array:
    weight, exponent = weights_in_range(weight, dtype)
    if exponent:
        raise ValueError(
            f"The sample weights of a source must be of moderate size in {dtype}; multiply them "
            f"by {2.0**exponent:g}."
        )
    return weight


def held_out(
    stream: Stream, fraction: float, generator: np.random.RandomState
) -> tuple[Stream, Rows]:
    """Split a stream by blocks: those to train on, and the rows of those held out.

    Raises
    ------
    ValueError
        If it has fewer than two blocks, or too few rows.
    """
    numbers, counts = np.array(stream.numbers), stream.survey.counts
    if len(numbers) < 2:
        raise ValueError(
            "early_stopping holds out blocks of a source, which has only one. Give it smaller "
            "blocks, or X_val."
        )
    count = min(max(1, round(fraction * len(numbers))), len(numbers) - 1)
    drawn = [int(number) for number in numbers[generator.permutation(len(numbers))]]
    while count < len(numbers) - 1 and sum(counts[number] for number in drawn[:count]) < 2:
        count += 1  # a row alone has no score
    part = stream.part(sorted(drawn[:count]))
    if part.shape[0] < 2:
        raise ValueError(
            "The validation set is too small. Increase 'validation_fraction' or the size of your "
            "dataset."
        )
    return stream.without(part.numbers), rows_of(part, keep=True)


def rows_of(stream: Stream, *, keep: bool = False) -> Rows:
    """Return the rows of a stream as rows to validate on.

    X stays where it is, and is read again each time, unless it is to be kept and fits a window.
    """
    fits = stream.shape[0] <= stream.survey.buffer_rows
    return Rows(*stream.whole(with_X=keep and fits), stream.labels)


def validation_rows(model: Any, source: Source, dtype: np.dtype[Any]) -> Rows:
    """Return the rows of a source of their own to validate on.

    As in memory class weights don't count there, which are for training.
    """
    survey = survey_of(model, source, dtype, reset=False)
    reader = _reader(model, source)

    def prepare(block: Block) -> Window:
        return _window(reader, block, survey, dtype, None)

    stream = Stream(source, survey, prepare, weighted=survey.weighted)
    return rows_of(stream, keep=source.known is None)  # else several nets would keep it
