"""The optimizer that a fitted model carries on with: the core's trainer and the settings behind it.

The trainer is a C++ object and stays in this process. What is pickled or saved is `state()`, plain
numbers and arrays, and the trainer is built again from it when training goes on.
"""

from __future__ import annotations

import os
import threading
import weakref
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from .. import _core
from .rules import LEARNING_RATE, LOSSES, OPTIMIZERS, SETTINGS
from .settings import FitSettings

Array = npt.NDArray[Any]
Trainer = _core.TrainerF32 | _core.TrainerF64


def cast(arrays: list[Array], dtype: np.dtype[Any]) -> list[Array]:
    """Return the arrays as ndarrays of `dtype`; those that are so already pass as they are."""
    return [
        a if type(a) is np.ndarray and a.dtype is dtype else np.asarray(a, dtype=dtype)
        for a in arrays
    ]


Blocks = list[tuple[int, dict[str, float]]] | None


def by_blocks(
    parameters: Mapping[str, Any], outputs: int, sizes: tuple[int, ...] = ()
) -> tuple[Blocks, dict[str, float]]:
    """Return parameters in the core's form: of blocks of outputs, if any, and of all outputs.

    The blocks have the given sizes, or a parameter that is a tuple has a value for each of as many
    equal ones.
    """
    if sizes:
        return [(n, {}) for n in sizes], {k: float(v) for k, v in parameters.items()}
    each = {key: value for key, value in parameters.items() if isinstance(value, tuple)}
    rows = [*zip(*each.values(), strict=True)]
    blocks = [(outputs // len(rows), dict(zip(each, row, strict=True))) for row in rows]
    return blocks or None, {k: float(v) for k, v in parameters.items() if k not in each}


def new_trainer(
    name: str,
    units: list[int],
    activation: str | tuple[str, ...],
    loss: str,
    dtype: np.dtype[Any],
    settings: Mapping[str, Any],
    out_activation: str,
    sizes: tuple[int, ...] = (),
) -> Trainer:
    """Return a core trainer for one net: units = [n_0, ..., n_L], sizes of blocks of outputs."""
    kind = _core.TrainerF32 if dtype == np.float32 else _core.TrainerF64
    known = (*OPTIMIZERS[name].parameters, *(LOSSES[loss].parameters if loss in LOSSES else ()))
    parameters = {p.name: settings[p.name] for p in known if p.name in settings}
    blocks, common = by_blocks(parameters, units[-1], sizes)
    return kind(
        units,
        activation,
        loss,
        name,
        out_activation=out_activation,
        blocks=blocks,
        **common,
    )


def gradient_trainer(settings: FitSettings, units: list[int], dtype: np.dtype[Any]) -> Trainer:
    """Return a core trainer whose loss and gradient are asked for, and which makes no step."""
    return new_trainer(
        "sgd",
        units,
        settings.activation,
        settings.core_loss,
        dtype,
        settings.loss_settings,
        settings.core_link,
        settings.blocks,
    )


def published(trainer: Trainer) -> tuple[list[Array], list[Array]]:
    """Return the weights that a model gets: the trainer's, or their average where it keeps one."""
    return trainer.average() or trainer.parameters()


class Optimizer:
    """One optimizer through fit and the partial_fit calls after it.

    Parameters
    ----------
    name : str
        One of the core's optimizers.
    settings : mapping
        The estimator's parameters listed in `SETTINGS`.

    Attributes
    ----------
    lock : RLock
        Held by whoever makes steps or reads a state that must belong to the model's weights.
    running : bool
        Whether steps are being made. To the holder of the lock: whether by itself, further down
        the stack.
    known_steps : int
        Number of steps when `train` returned last; `steps` goes on in the core meanwhile.
    """

    def __init__(self, name: str, settings: Mapping[str, Any]) -> None:
        self.name = name
        self.settings = {key: settings[key] for key in SETTINGS}
        #: Batches of its first epoch with a schedule by step, which counts by them.
        self.batches: int | None = None
        #: Where dropout's masks come from, once there were some.
        self.seed: int | None = None
        #: Whether the core's weights are not the model's, which are their average.
        self.averages = False
        self.lock = threading.RLock()
        self.running = False
        #: The part of the settings whose learning rate it has taken over.
        self.obeyed: Any = None
        #: The settings whose scorer has been tried.
        self.tried: Any = None
        #: What the settings of the last `partial_fit` were made of, and they themselves.
        self.memo: tuple[tuple[Any, ...], Any] | None = None
        self._order: tuple[int, int, npt.NDArray[np.int64]] | None = None
        self._begin(float(self.settings["learning_rate_init"]))
        _all.add(self)

    def restart(self) -> None:
        """Start anew, at the learning rate at hand: without what it knows of gradients."""
        self._begin(self.learning_rate)

    def _begin(self, eta: float) -> None:
        self.known_steps = 0
        self.averages = False
        self._trainer: Trainer | None = None
        self._net: tuple[Any, ...] | None = None
        # what `trainer` was called with last: as long as it stays the same, so does the answer
        self._made_for: tuple[FitSettings, list[int], np.dtype[Any]] | None = None
        # waits for a trainer; None while the trainer holds the state
        self._state: dict[str, Any] | None = {"eta": eta, "steps": 0, "slots": None}

    def after_fork(self) -> None:
        """Let go, in a forked child, of what a thread held that does not exist here.

        If it was making a step, nobody knows how far it came: the optimizer starts anew. The
        model's weights are those published last.
        """
        if self.lock._is_owned():  # type: ignore[attr-defined]
            return
        self.lock = threading.RLock()
        if self.running:
            self.running = False
            self.restart()

    @classmethod
    def from_state(cls, state: Mapping[str, Any], settings: Mapping[str, Any]) -> Optimizer:
        """Make the optimizer that `state()` described; `settings` stand in for missing ones."""
        optimizer = cls(state["name"], {**settings, **state.get("settings", {})})
        optimizer._state = {key: state[key] for key in ("eta", "steps", "slots")}
        optimizer.known_steps = int(state["steps"])
        optimizer.batches, optimizer.seed = state.get("batches"), state.get("seed")
        if "raw" in state:
            optimizer._state["raw"] = state["raw"]
            optimizer.averages = True
        if "outer" in state:
            optimizer._state["outer"] = state["outer"]
        return optimizer

    def obey(self, learning_rate: tuple[Any, Any, Any], t: int) -> None:
        """Take over the parameters in LEARNING_RATE, if they are no longer what they were.

        `t` is the number of training rows seen, by which 'invscaling' goes.
        """
        own = self.settings
        if (own["learning_rate"], own["learning_rate_init"], own["power_t"]) == learning_rate:
            return
        own.update(zip(LEARNING_RATE, learning_rate, strict=True))
        eta = float(own["learning_rate_init"])
        if own["learning_rate"] == "invscaling":
            eta /= (t + 1) ** float(own["power_t"])
        if self._trainer is not None:
            self._trainer.eta = eta
        else:
            assert self._state is not None
            self._state["eta"] = eta

    @property
    def learning_rate(self) -> float:
        """Current eta of the sgd family; Adam's learning_rate_init."""
        if self._trainer is not None:
            return self._trainer.eta
        assert self._state is not None
        return float(self._state["eta"])

    @property
    def steps(self) -> int:
        """Number of the steps made so far."""
        held = self._trainer.steps if self._state is None else self._state["steps"]  # type: ignore[union-attr]
        return int(held)

    def weights(self) -> dict[str, list[Array]]:
        """Return the weights after the last whole step of a run, as fitted attributes."""
        if self._trainer is None:  # which did not begin yet
            return {}
        coefs, intercepts = published(self._trainer)
        return {"coefs_": coefs, "intercepts_": intercepts}

    def state(self) -> dict[str, Any]:
        """Plain content: name, eta, steps, slots (one (coefs-like, intercepts-like) pair each).

        Where there are any: batches, seed, raw, the weights (such a pair) that the model's are the
        average of, and outer, the velocity of outer steps (such a pair).
        """
        if self._trainer is not None:
            trainer = self._trainer
            held = {"eta": trainer.eta, "steps": trainer.steps, "slots": trainer.slots()}
            if self.averages and trainer.average() is not None:
                held["raw"] = trainer.parameters()
            if (outer := trainer.outer()) is not None:
                held["outer"] = outer
        else:
            assert self._state is not None
            held = {**self._state, "slots": self._state["slots"] or []}
        for key in ("batches", "seed"):
            if getattr(self, key) is not None:
                held[key] = getattr(self, key)
        return {"name": self.name, **held, "settings": dict(self.settings)}

    def trainer(self, units: list[int], settings: FitSettings, dtype: np.dtype[Any]) -> Trainer:
        """Return the trainer for this net, the one at hand or a new one that takes the state over.

        Raises
        ------
        ValueError
            If the state belongs to a net of other shapes.
        """
        made_for = self._made_for
        if made_for is None or made_for[0] is not settings or made_for[1:] != (units, dtype):
            self._make_trainer(units, settings, dtype)
            self._made_for = settings, units, dtype
        assert self._trainer is not None
        return self._trainer

    def _make_trainer(self, units: list[int], settings: FitSettings, dtype: np.dtype[Any]) -> None:
        """Make a trainer that takes the state over, unless the one at hand is for the same net."""
        activation, loss, own = settings.activation, settings.core_loss, settings.loss_settings
        link, blocks = settings.core_link, settings.blocks
        net = (units, activation, loss, dtype, own, link, blocks)
        if self._trainer is not None and self._net == net:
            return
        state = self.state() if self._state is None else self._state
        own = {**self.settings, **own}
        trainer = new_trainer(self.name, units, activation, loss, dtype, own, link, blocks)
        trainer.eta, trainer.steps = float(state["eta"]), int(state["steps"])
        if state["slots"]:
            trainer.set_slots([(cast(c, dtype), cast(b, dtype)) for c, b in state["slots"]])
        if "raw" in state:
            coefs, intercepts = state["raw"]
            trainer.set_parameters(cast(coefs, dtype), cast(intercepts, dtype))
        if "outer" in state:
            coefs, intercepts = state["outer"]
            trainer.set_outer(cast(coefs, dtype), cast(intercepts, dtype))
        self._trainer, self._net, self._state = trainer, net, None

    def first_order(self, seed: int, rows: int) -> npt.NDArray[np.int64]:
        """Return the order of rows that RandomState(seed) shuffles first.

        With an integer seed every partial_fit call starts the generator again, so the order is the
        same for the same number of rows, and seeding costs more than a small step.
        """
        if self._order is None or self._order[:2] != (seed, rows):
            order = np.arange(rows, dtype=np.int64)
            np.random.RandomState(seed).shuffle(order)
            self._order = (seed, rows, order)
        return self._order[2]


_all: weakref.WeakSet[Optimizer] = weakref.WeakSet()


def _after_fork_in_child() -> None:
    for optimizer in list(_all):
        optimizer.after_fork()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork_in_child)
