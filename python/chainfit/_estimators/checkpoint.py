"""Checkpoints: a fit written to a file as it goes, and taken up from there after a crash.

A file holds the State between two epochs, or two windows of one, and the fingerprint of the fit.
Shuffles and splits are not in it: they follow from `random_state`, and are drawn again when a fit
goes on.
"""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from .._common.printable import printable
from .._files.disk import as_path, check_writable
from .._files.fields import Fields, Tensors
from .._files.model import Kind, Packed, load, save
from .callbacks import Listener, Record, Snapshot
from .endings import Why
from .fingerprint import differences, of_data, of_parameters
from .inputs import FitData
from .optimizer import Optimizer
from .ranks import current_ranks
from .settings import FitSettings
from .state import State
from .state_file import (
    pack_layers,
    pack_steps,
    pack_training,
    unpack_layers,
    unpack_steps,
    unpack_training,
)

# Seconds after which a state is kept in memory, for a fit that is cut short within an epoch.
_KEPT_FOR = 1.0

# Ends after which the state is one between two epochs.
_WHOLE = ("max_iter", "converged", "eta_too_small", "callback")


@dataclass
class Checkpoint:
    """What a file holds.

    Attributes
    ----------
    fit : dict of str to str
        The fingerprint of the fit.
    state : State
        As it was between two epochs or windows: the last weights, the best ones, what the fit has
        recorded.
    optimizer : dict
        Plain content of the optimizer: eta, steps, slots.
    """

    fit: dict[str, str]
    state: State
    optimizer: dict[str, Any]


def check_resumable(parameters: Mapping[str, Any]) -> None:
    """Raise a ValueError if an estimator's parameters allow no checkpoints."""
    if parameters["solver"] == "lbfgs":
        raise ValueError("checkpoint is for solvers that make steps: 'lbfgs' can't be resumed.")
    if parameters["random_state"] is None:
        raise ValueError(
            "checkpoint needs a random_state, such as an int: with None no later fit makes the "
            "same draws."
        )


class Checkpointer(Listener):
    """Writes the state of a fit to a file, at an interval and at the end.

    Made before the fit draws random numbers. A file that is there is read, and `resume` takes the
    fit up from it.

    Parameters
    ----------
    parameters : dict
        Those of the estimator, as `get_params` returns them.
    to_delete : str
        What the user deletes to begin anew.
    writer : int, default=0
        The rank that reads and writes the file, where there are several.

    Raises
    ------
    ValueError
        If the parameters allow no checkpoints, or the file there is no checkpoint.
    OSError
        If the file can't be read or written.
    """

    def __init__(self, parameters: dict[str, Any], to_delete: str = "it", writer: int = 0) -> None:
        self._path = as_path(parameters["checkpoint"])
        check_resumable(parameters)
        interval = parameters["checkpoint_interval"]
        self._timed = isinstance(interval, str)
        self._seconds = float(interval[:-1]) if self._timed else 0.0
        self._epochs = 1 if self._timed else int(interval)
        ranks = current_ranks()
        self._writes = ranks is None or ranks.rank == writer
        self._found: Checkpoint | None = None
        if self._writes:
            check_writable(self._path)
            self._found = load(self._path, KINDS) if os.path.exists(self._path) else None
        if ranks is not None:  # whose file systems may be others
            self._found = ranks.exchange("checkpoint", self._found)[writer]
        self._fit = of_parameters(parameters)
        self._instead = f"Delete {to_delete} to begin anew, or choose another file."
        self._written_at = self._kept_at = time.monotonic()
        self._written = self._at = (0, 0)  # epochs that have ended, and rows of the next one
        self._kept: tuple[tuple[int, int], Checkpoint] | None = None
        self._whole: Snapshot | None = None

    @property
    def epochs(self) -> int:
        """Number of the epochs after which the fit goes on."""
        return 0 if self._found is None else self._found.state.n_iter

    def resume(self, settings: FitSettings, data: FitData, state: State) -> State:
        """Return the state to go on from, after `compare`."""
        texts = of_data(data, state)
        if data.together is not None:
            texts = data.together.fingerprint(texts)
        self.compare(texts, settings.max_iter)
        return self.resumed(settings, state)

    def compare(self, data: dict[str, str], max_iter: int) -> None:
        """Take the fingerprint of the data, and refuse a file of another fit.

        Raises
        ------
        ValueError
            If the file is of another fit, the text names the difference; or of more epochs than
            `max_iter`.
        """
        self._fit.update(data)
        found = self._found
        if found is None:
            return
        words = differences(found.fit, self._fit)
        if words:
            raise ValueError(
                f"The checkpoint {printable(self._path)} is of another fit, with other "
                f"{', '.join(words)}. {self._instead}"
            )
        epochs, begun = found.state.n_iter, found.state.so_far is not None
        if epochs + begun > max_iter:
            where = f"in epoch {epochs + 1}" if begun else f"after {epochs} epochs"
            raise ValueError(
                f"The checkpoint {printable(self._path)} is of a fit {where}, more than "
                f"max_iter={max_iter}. {self._instead}"
            )

    def resumed(self, settings: FitSettings, state: State) -> State:
        """Return the state to go on from: that of the file, the one given if there is no file."""
        found, self._found = self._found, None
        if found is None:
            return state
        rows = 0 if found.state.so_far is None else found.state.so_far[0]
        self._written = self._at = found.state.n_iter, rows
        content = {"name": settings.rule, **found.optimizer}
        optimizer = Optimizer.from_state(content, settings.rule_settings)
        return replace(found.state, optimizer=optimizer, generator=state.generator, resumed=True)

    def watch(self, whole: Snapshot) -> None:
        """Take what makes the state to go on from."""
        self._whole = whole

    def window(self, rows: int) -> None:
        """Write the state where it is time to, by the clock."""
        self._pass(self._at[0], rows)

    def end(self, state: Snapshot, record: Record) -> bool:
        """Write the state where it is time to; never stop training."""
        self._pass(self._at[0] + 1, 0)
        return False

    def _pass(self, epochs: int, rows: int) -> None:
        self._at = epochs, rows
        now = time.monotonic()
        due = self._timed or epochs - self._written[0] >= self._epochs
        if due and now - self._written_at >= self._seconds:
            self._write(self._at, self._now())
        elif now - self._kept_at >= _KEPT_FOR:
            self._kept, self._kept_at = (self._at, self._now()), now

    def finish(self, why: Why) -> None:
        """Write the last state; of a fit that was cut short, the last one that was kept."""
        if why in _WHOLE and self._written != self._at:
            self._write(self._at, self._now())
        elif self._kept is not None and self._kept[0] > self._written:
            self._write(*self._kept)

    def _now(self) -> Checkpoint:
        assert self._whole is not None
        state = self._whole()
        assert state.optimizer is not None
        return Checkpoint(self._fit, state, state.optimizer.state())

    def _write(self, at: tuple[int, int], now: Checkpoint) -> None:
        slots = [a for pair in now.optimizer["slots"] for arrays in pair for a in arrays]
        if self._writes and now.state.is_finite() and all(np.isfinite(a).all() for a in slots):
            # else training diverges, and ends with the next epoch
            save(KIND, now, self._path)
        self._written_at, self._written = time.monotonic(), at


# -- as a file


def _pack(checkpoint: Checkpoint) -> Packed:
    tensors: dict[str, np.ndarray] = {}
    state, optimizer = checkpoint.state, checkpoint.optimizer
    pack_layers("", (state.coefs, state.intercepts), tensors)
    settings = {
        "fit": checkpoint.fit,
        "units": state.units,
        "dtype": str(state.coefs[0].dtype),
        "training": pack_training(state, tensors),
        **pack_steps(optimizer, tensors),
    }
    return settings, tensors


def _unpack(cls: type, fields: Fields, tensors: Tensors) -> Checkpoint:
    given = fields.take("fit")
    fit = Fields(given, "settings: fit")
    fingerprint = {name: fit.text(name) for name in given}
    units = fields.counts("units")
    dtype = fields.text("dtype", ("float32", "float64"))
    state = State(*unpack_layers("", units, dtype, tensors))
    unpack_training(state, fields.fields("training"), tensors)
    optimizer = unpack_steps(fields, units, dtype, tensors)
    return Checkpoint(fingerprint, state, optimizer)


KIND = Kind(Checkpoint, _pack, _unpack)
KINDS = {KIND.name: KIND}
