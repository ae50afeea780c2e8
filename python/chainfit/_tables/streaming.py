"""A tabular fit on a source: what is learned of its tables, and the nets' inputs block by block.

What cells mean and how columns are encoded is learned from a sample of the rows, drawn evenly from
all blocks: a share of the rows below some number is off by more than e with a probability of at
most 2 exp(-2 n e^2) for n rows sampled (Dvoretzky, Kiefer and Wolfowitz; Massart 1990).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.model_selection import RepeatedKFold
from sklearn.utils.validation import _num_samples

from .._estimators.sample import EvenSample
from .._estimators.source import Block, Source, check_weighted, naming, numbered
from .._estimators.survey import surveyed
from .._estimators.weights import checked_weights
from .arrow import pa
from .cells.frames import is_array
from .cells.schema import Tally
from .sources import check_like_first

Array = npt.NDArray[Any]

#: Rows of the sample, where the source says no `buffer_rows`: shares are off by less than 0.4 %,
#: but in one of a thousand fits.
SAMPLE_ROWS = 1 << 18


class Sample(EvenSample[tuple[Any, Array]]):
    """An even sample of the rows of tables, and of an array beside them.

    Parameters
    ----------
    size : int
    """

    def __init__(self, size: int) -> None:
        super().__init__(size, _take, _join)


def _take(rows: tuple[Any, Array], numbers: Array) -> tuple[Any, Array]:
    table, beside = rows
    return table.take(pa.array(numbers)), beside[numbers]


def _join(blocks: Sequence[tuple[Any, Array]]) -> tuple[Any, Array]:
    tables, beside = zip(*blocks, strict=True)
    return together(tables), np.concatenate(beside)


def together(tables: Sequence[Any]) -> Any:
    """Return tables of the same columns as one."""
    return pa.concat_tables(tables, promote_options="permissive")


@dataclass
class FirstPass:
    """What is known of a source of tables after a pass over it.

    Attributes
    ----------
    rows : int
        Number of the rows that count.
    table, y : pyarrow.Table, ndarray of shape (rows,)
        All of them, or a sample.
    sample_weight : ndarray of shape (rows,), or None
        Of all of them.
    whole : bool
        Whether they are all.
    labels : ndarray
        Each different target, of a classification.
    range : tuple of float
        The least and the largest target, of a regression.
    """

    rows: int = 0
    table: Any = None
    y: Any = None
    sample_weight: Array | None = None
    whole: bool = True
    labels: Any = None
    range: tuple[float, float] = (np.inf, -np.inf)
    _kept: list[Block] = field(default_factory=list)


def first_pass(model: Any, source: Source) -> FirstPass:
    """Go through a source of tables.

    Parameters
    ----------
    model : TabularClassifier or TabularRegressor
        A draft; it learns the names of the columns.
    source : Source

    Raises
    ------
    ValueError, TypeError
        If a block is not valid; the text names it. If there are no rows.
    """
    size = source.buffer_rows or SAMPLE_ROWS
    found, sample, labels = FirstPass(), Sample(size), []
    schema, weighted = None, False
    for number, block in numbered(source):
        with naming(number):
            X, y, weight = checked(model, block, reset=schema is None)
            if not len(y):
                continue
            if schema is None:
                schema, weighted = X.schema, weight is not None
            schema = _unified(schema, X.schema)
            check_weighted(weight, weighted)
            if model._classes:
                labels.append(np.unique(y, return_counts=True)[0])
            else:
                low, high = found.range
                found.range = min(low, float(y.min())), max(high, float(y.max()))
        found.rows += len(y)
        sample.add((X, y), len(y))
        if found.whole and found.rows <= size:
            if not isinstance(block[0], pa.Table | pa.RecordBatch):  # whose memory never changes
                X = X.take(pa.array(np.arange(len(y))))
            found._kept.append((X, y.copy(), None if weight is None else weight.copy()))
        else:
            found.whole, found._kept = False, []
    if not found.rows:
        raise ValueError("The source has no rows.")
    if labels:
        found.labels = np.unique(np.concatenate(labels), return_counts=True)[0]
    if found.whole:
        tables, y, weight = zip(*found._kept, strict=True)
        found.table, found.y, found._kept = together(tables), np.concatenate(y), []
        if weight[0] is not None:
            found.sample_weight = np.concatenate(weight)
    else:
        found.table, found.y = sample.rows()
    return found


def _unified(schema: Any, other: Any) -> Any:
    """Return the schema of tables that are put together."""
    check_like_first(other.names, schema.names)
    try:
        return pa.unify_schemas([schema, other], promote_options="permissive")
    except pa.ArrowException as error:
        raise ValueError(f"its columns do not go with those before: {error}") from None


def checked(model: Any, block: Block, *, reset: bool = False) -> Block:
    """Return a block as Arrow table, targets and weights, without rows of weight 0."""
    X, y, weight = block
    if y is None:
        raise ValueError("its rows have no target, which is needed for training")
    rows = _num_samples(y)
    if not rows and is_array(X) and not _num_samples(X):  # which scikit-learn's checks refuse
        return pa.table({}), np.empty(0), None
    table = model._table(X, reset=reset, least=0)
    y = model._checked_target(y) if rows else np.empty(0)
    if table.num_rows != len(y):
        raise ValueError(
            f"Found input variables with inconsistent numbers of samples: [{table.num_rows}, "
            f"{len(y)}]"
        )
    if weight is not None:
        rows = np.empty((len(y), 0))
        weight = checked_weights(weight, rows, dtype=np.float64, may_be_zero=True)
        counts = weight != 0
        if not counts.all():
            table, y, weight = table.filter(pa.array(counts)), y[counts], weight[counts]
    return table, y, weight


class EncodedSource(Source):
    """The nets' inputs for the rows of a source of tables.

    Parameters
    ----------
    model : TabularClassifier or TabularRegressor
        It has a schema and an encoding.
    source : Source
    dtype : dtype
    digest : bool
        Whether a hash of all inputs is wanted.
    """

    def __init__(self, model: Any, source: Source, dtype: Any, *, digest: bool) -> None:
        self._model, self._given, self._dtype = model, source, np.dtype(dtype)
        self.n_blocks, self.buffer_rows = source.n_blocks, source.buffer_rows
        self._tally: Tally | None = Tally()
        net, check = model._net_class(), None
        if not model._classes:
            net.loss, check = model.loss, net._encode_known
        self.known = surveyed(
            net,
            self,
            self._dtype,
            reset=True,
            classes=model._classes,
            digest=digest,
            keep=False,
            check=check,
        )
        tally, self._tally = self._tally, None
        assert tally is not None
        for column in model.schema_.used:
            if column.kind == "category":  # levels too rare for the sample
                tally.unread.pop(column.name, None)
        model.schema_.warn(tally)

    def __len__(self) -> int:
        return int(self.known.rows)

    def blocks(self, numbers: Sequence[int] | None = None) -> Iterator[Block]:
        """Give the inputs of each block."""
        model = self._model
        for block in self._given.blocks(numbers):
            table, y, weight = checked(model, block)
            if not len(y):
                yield np.empty((0, model.encoding_.width), self._dtype), y, weight
                continue
            parsed = model.schema_.parse(table, self._tally or Tally())
            yield model.encoding_.write(parsed, self._dtype), model._as_learned(y), weight

    def held_out(
        self, fraction: float, n_nets: int, generator: np.random.RandomState
    ) -> list[Array] | None:
        """Draw the blocks that each net is validated on, as folds of all blocks.

        Raises
        ------
        ValueError
            If there are too few blocks.
        """
        numbers = np.flatnonzero(self.known.counts)
        if fraction <= 0:
            return None
        if len(numbers) < 2:
            raise ValueError(
                "The nets hold out blocks of a source, which has only one. Give it smaller blocks, "
                "or X_val, or set validation_fraction=0."
            )
        n_splits = min(max(2, round(1 / fraction)), len(numbers))
        n_repeats = -(-n_nets // n_splits)
        folds = RepeatedKFold(n_splits=n_splits, n_repeats=n_repeats, random_state=generator)
        return [numbers[fold] for _, fold in islice(folds.split(numbers), n_nets)]
