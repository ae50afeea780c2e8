"""One fit made by several ranks: what they must agree on, and what each takes of it.

`_fit` makes a Together, and the places that decide by all rows ask it. The rows are shared out in
`shares`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp
from sklearn.utils import check_random_state

from .fingerprint import FIRST_WEIGHTS, of_data, of_parameters
from .inputs import FitData, Rows, Streamed
from .ranks import Ranks, agreed
from .shares import boundaries, shares_of_all, shares_of_shards
from .state import State

Array = npt.NDArray[Any]

# Parameters that may differ from rank to rank.
_OWN = ("random_state", "verbose", "callbacks", "n_threads", "n_jobs", "checkpoint")


def common_parameters(parameters: Mapping[str, Any]) -> dict[str, str]:
    """Return the parameters that must be the same on all ranks, as texts."""
    common = {k: v for k, v in parameters.items() if k not in _OWN}
    return {**of_parameters(common), "max_iter": str(parameters["max_iter"])}


class Together:
    """A fit of this rank and others. The core takes sums and shares from it.

    Parameters
    ----------
    ranks : Ranks
    """

    def __init__(self, ranks: Ranks) -> None:
        self.ranks, self._plan = ranks, ranks.plan
        self.first = ranks.rank == 0
        self.shards = ranks.plan.shards
        self.sync_every = ranks.plan.sync_every
        self.outer_rate, self.outer_momentum = ranks.plan.outer_rate, ranks.plan.outer_momentum
        self.begin_sum, self.finish_sums = ranks.begin_sum, ranks.finish_sums
        self.poke, self.sum = ranks.poke, ranks.sum

    # -- before training

    def begin(
        self, parameters: Mapping[str, Any], known: Mapping[str, Any], data: FitData, state: State
    ) -> State:
        """Agree on parameters and data, and return the state of rank 0.

        Parameters
        ----------
        parameters : mapping
            Of the estimator.
        known : mapping
            Its attributes, with what the checks of the data have set.
        data : FitData
        state : State

        Raises
        ------
        ValueError
            On all ranks, if they differ in what they must have in common.
        """
        mine: dict[str, dict[str, Any]] = {
            "parameters": {
                "shards": self.shards,
                "sync_every": self.sync_every or None,
                "outer_learning_rate": self.outer_rate,
                "outer_momentum": self.outer_momentum,
                **common_parameters(parameters),
            },
            "the model to go on from": _history(state),
            "X": {
                "n_features": data.X.shape[1],
                "feature names": [*map(str, known.get("feature_names_in_", ()))],
                "dtype": str(data.dtype),
            },
            "y": {"outputs": data.Y.shape[1], "classes": _classes(known.get("classes_"))},
            "sample_weight": {"scale": (data.l2, data.l1)},
        }
        if not self.shards:
            texts = of_data(data, state)
            mine["data"] = {k: texts[k] for k in texts if k != FIRST_WEIGHTS}
        weights = _weights(data)
        validates = data.validation is not None
        self._generator = state.generator or check_random_state(parameters["random_state"])
        first = None
        if self.first:
            first = (state.coefs, state.intercepts, self._generator.get_state(legacy=True))
        told = self.ranks.exchange(
            "fit", (mine, weights, isinstance(data.X, Streamed), validates, first)
        )
        for rank, (theirs, *_) in enumerate(told):
            _check_same(told[0][0], theirs, rank)
        if len({part[3] for part in told}) > 1:
            raise agreed(ValueError("X_val and y_val must be given on all ranks or on none."))
        if self.sync_every and any(negative for _, (_, negative), *_ in told):
            raise agreed(ValueError("sync_every needs sample weights that are not negative."))
        self.weighted = any(weighted for _, (weighted, _), *_ in told)
        self.in_windows = any(part[2] for part in told)
        coefs, intercepts, draws = told[0][4]
        if self.first:
            return state
        self._generator = np.random.RandomState()
        self._generator.set_state(draws)
        return replace(state, coefs=coefs, intercepts=intercepts)

    @property
    def common_draws(self) -> np.random.RandomState:
        """The generator of rank 0, or one that draws the same."""
        return self._generator

    @property
    def own_draws(self) -> np.random.RandomState:
        """The generator of what each rank draws for itself: its shuffles and rows held out."""
        if self.first or not self.shards:
            return self._generator
        state: Any = self._generator.get_state(legacy=True)
        words = state[1][:8]
        return np.random.RandomState([*map(int, words), self.ranks.rank])

    def count(self, rows: int) -> int:
        """Take the number of rows to train on, and return that of all ranks."""
        self._sizes = self.ranks.exchange("rows", rows)
        self.all_rows = sum(self._sizes) if self.shards else rows
        return self.all_rows

    def share(self, batch_size: int) -> None:
        """Share out the rows, and begin."""
        self.batch_size = batch_size
        if self.shards:
            self.shares = shares_of_shards(self._sizes, self.ranks.rank, batch_size)
            self.ends = self.shares[:, 1]
        else:
            self.shares = shares_of_all(self.all_rows, self.ranks.rank, self.ranks.size, batch_size)
            self.ends = boundaries(self.all_rows, batch_size)[1:]
        self.begin_sums()

    def begin_sums(self) -> None:
        """Begin what is made of sums: from here on an error ends the fit of the others too."""
        self.ranks.exchange("training")
        self.ranks.in_step = True

    def penalty_here(self, penalty: float) -> float:
        """Return the penalty of this rank's rows, where `mean` adds up those of all ranks."""
        return penalty if self.first or not self.shards else 0.0

    def fingerprint(self, texts: Mapping[str, str]) -> dict[str, str]:
        """Return the fingerprint of the data of all ranks, and of how they train."""
        parts = self.ranks.exchange("fingerprint", dict(texts))
        found = {
            name: texts[name] if len({part[name] for part in parts}) == 1 else _joined(name, parts)
            for name in texts
        }
        return {**found, "ranks": f"{self.ranks.size}, {self._plan}"}

    # -- of all ranks

    def any(self, answer: bool) -> bool:
        """Whether it is so on any rank."""
        return self.ranks.any(answer)

    def rows_of_all(self, values: Array) -> Array:
        """Return the rows of all ranks."""
        return self.ranks.rows_of_all(values) if self.shards else values

    def validation(self, rows: Rows, with_X: bool) -> Rows:
        """Return the rows to validate on of all ranks; X where somebody looks at it."""
        if not self.shards:
            return rows
        y = np.asarray(rows.given()[1])
        there = with_X and not isinstance(rows.X, Streamed)
        mine = (rows.X if there else None, rows.Y, rows.sample_weight, y)
        parts = self.ranks.exchange("validation", mine)
        weights = [p[2] if p[2] is not None else np.ones(len(p[1]), p[1].dtype) for p in parts]
        weighted = any(p[2] is not None for p in parts)
        X: Any = rows.X
        if all(p[0] is not None for p in parts):  # else a source stands for all rows
            stack = sp.vstack if sp.issparse(rows.X) else np.concatenate
            X = stack([p[0] for p in parts])
        every = np.concatenate([p[3] for p in parts])
        return Rows(
            X,
            np.concatenate([p[1] for p in parts]),
            np.concatenate(weights) if weighted else None,
            lambda: (X, every),
        )

    def mean(self, weight: float, values: Array) -> Array:
        """Return the mean of values over the ranks by these weights."""
        if not self.shards:
            return values
        weights = np.array([weight])
        self.sum(weights)
        total = float(weights[0])
        found = values * (weight / total if total else 0.0)
        self.sum(found)
        return found

    # -- after training

    def end(self, error: BaseException | None, state: State) -> None:
        """Raise an error of this rank, or compare the weights.

        Raises
        ------
        RuntimeError
            If the ranks have different weights.
        """
        if error is not None:
            raise error
        self.ranks.in_step = False
        total = hashlib.sha256()
        for array in (*state.coefs, *state.intercepts):
            total.update(np.ascontiguousarray(array).tobytes())
        hashes = self.ranks.exchange("trained", total.hexdigest())
        if len(set(hashes)) > 1:
            raise agreed(RuntimeError("The ranks have ended with different weights."))


def _weights(data: FitData) -> tuple[bool, bool]:
    """Return whether rows have weights, and whether some are negative."""
    if isinstance(data.X, Streamed):
        return data.X.weighted, data.X.negative
    weight = data.sample_weight
    return weight is not None, weight is not None and bool(weight.min() < 0)


def _classes(classes: Any) -> str:
    """Return classes as a text that leaves none out, as that of a long array does."""
    several = classes if isinstance(classes, list) else [classes]
    lists = [part if part is None else part.tolist() for part in several]
    return repr(lists if isinstance(classes, list) else lists[0])


def _history(state: State) -> dict[str, Any]:
    """Return what decides how a model goes on, of one that has been fitted before."""
    if state.generator is not None:
        return {"t_": "0"}
    names = ("t", "best_loss", "best_validation_score", "no_improvement_count")
    return {name + "_": str(getattr(state, name)) for name in names}


def _joined(name: str, parts: list[dict[str, str]]) -> str:
    texts = "\n".join(part[name] for part in parts)
    return f"sha256 {hashlib.sha256(texts.encode()).hexdigest()}"


def _check_same(there: Mapping[str, Any], here: Mapping[str, Any], rank: int) -> None:
    for what, parts in there.items():
        for name, value in parts.items():
            other = here[what].get(name)
            if other == value:
                continue
            shown = f"{value} on rank 0, {other} on rank {rank}"
            if str(value).startswith("sha256") or len(shown) > 300:
                shown = f"rank {rank} has other than rank 0"
            raise agreed(
                ValueError(
                    f"All ranks must have the same {name}"
                    f"{'' if what == 'parameters' else ' of ' + what}: {shown}."
                )
            )
