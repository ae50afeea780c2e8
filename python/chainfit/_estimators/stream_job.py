"""What a `fit` on a source comes to: its first pass, and how each block is encoded from then on."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from .class_weights import balanced
from .inputs import FitData, Rows, core_form
from .parameters import rows_of_batch
from .ranks import current_ranks
from .source import Block, Source, naming
from .stream import Stream
from .survey import Survey, checked_block, surveyed
from .weights import weights_and_penalties, weights_in_range
from .windows import Window

Array = npt.NDArray[Any]


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
    return surveyed(model, source, dtype, reset=reset, classes=classes, digest=digest)


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
        with naming(next(n for n, rows in enumerate(survey.counts) if rows)):
            Y = model._encode(targets, None, False, dtype)
    batch_rows = rows_of_batch(model.solver, model.batch_size, survey.rows)
    penalties = model.alpha, model.l1
    _, l2, l1 = weights_and_penalties(None, penalties, survey.rows, batch_rows, dtype)
    nameless = model._without_names()
    classes = survey.times is not None
    weighted = survey.weighted or (classes and model.class_weight is not None)
    stream = Stream(
        source, survey, lambda block: _window(nameless, block, dtype), weighted=weighted
    )
    given = source, targets
    return FitData(stream, Y, None, dtype, l2, model._score_on, classes, None, given, l1)


def _window(model: Any, block: Block, dtype: np.dtype[Any]) -> Window:
    """Return a block as the core takes it."""
    X, y, weight = checked_block(model, block, dtype, False)
    Y = model._encode_known(y, dtype)
    weight = model._row_weight(weight, Y, False)
    if weight is not None:
        weight, exponent = weights_in_range(weight, dtype)
        if exponent:
            raise ValueError(
                f"The sample weights of a source must be of moderate size in {dtype}; multiply "
                f"them by {2.0**exponent:g}."
            )
    return Window(core_form(X, dtype), Y, weight)


def held_out(
    stream: Stream, fraction: float, generator: np.random.RandomState
) -> tuple[Stream, Rows]:
    """Split a stream by blocks: those to train on, and the rows of those held out.

    Raises
    ------
    ValueError
        If it has fewer than two blocks.
    """
    numbers = stream.numbers
    if len(numbers) < 2:
        raise ValueError(
            "early_stopping holds out blocks of a source, which has only one. Give it smaller "
            "blocks, or X_val."
        )
    count = min(max(1, round(fraction * len(numbers))), len(numbers) - 1)
    chosen = np.sort(generator.choice(len(numbers), count, replace=False))
    left = np.delete(np.arange(len(numbers)), chosen)
    rest = stream.part([numbers[n] for n in left])
    return rest, rows_of(stream.part([numbers[n] for n in chosen]), keep=True)


def rows_of(stream: Stream, *, keep: bool = False) -> Rows:
    """Return the rows of a stream as rows to validate on.

    X stays where it is, and is read again each time, unless it is to be kept and fits a window.
    """
    fits = stream.shape[0] <= stream.survey.buffer_rows
    return Rows(*stream.whole(with_X=keep and fits), stream.labels)


def validation_rows(model: Any, source: Source, dtype: np.dtype[Any]) -> Rows:
    """Return the rows of a source of their own to validate on."""
    model = model._without_names()
    survey = survey_of(model, source, dtype, reset=False)
    stream = Stream(source, survey, lambda block: _window(model, block, dtype))
    return rows_of(stream, keep=source.known is None)  # else several nets would keep it
