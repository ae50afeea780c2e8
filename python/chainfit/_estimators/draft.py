"""What came of a fit is published in one assignment: `model.__dict__` is replaced as a whole.

A fit works on a draft. Other threads see the model of before or the new one, never a part of each,
and a fit that fails leaves nothing behind.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

if TYPE_CHECKING:
    from .base import BaseMLP
    from .optimizer import Optimizer
    from .portable import Portable

AnyModel = TypeVar("AnyModel")
AnyPortable = TypeVar("AnyPortable", bound="Portable")
_MISSING = object()


class Draft:
    """A copy of a model to train, and how it takes the model's place.

    Parameters
    ----------
    model : BaseMLP
        Left alone until `publish`. Arrays and lists are shared with it: what trains the copy must
        replace them, not change them.

    Attributes
    ----------
    copy : BaseMLP
        The copy.
    """

    def __init__(self, model: BaseMLP) -> None:
        self._model = model
        self._before = model.__dict__.copy()
        self.copy = _sharing(model, self._before.copy())

    def publish(self) -> None:
        """Give the model every attribute that differs from when the draft was made."""
        new = self._model.__dict__.copy()  # with what others have set in the meantime
        for name in self._before.keys() - self.copy.__dict__.keys():
            new.pop(name, None)
        new.update(self.changes())
        self._model.__dict__ = new

    def publish_only(self, names: tuple[str, ...]) -> None:
        """Give the model these attributes: quicker than to look for those that differ."""
        new, after = self._model.__dict__.copy(), self.copy.__dict__
        for name in names:
            if name in after:
                new[name] = after[name]
        self._model.__dict__ = new

    def changes(self) -> dict[str, Any]:
        """Return the attributes that the copy has by now got anew."""
        before = self._before
        return {
            name: value
            for name, value in self.copy.__dict__.items()
            if before.get(name, _MISSING) is not value
        }


def as_published(model: AnyModel) -> AnyModel:
    """Return a model that stays as `model` is now, whatever is published later."""
    return _sharing(model, model.__dict__)


def _sharing(model: AnyModel, attributes: dict[str, Any]) -> AnyModel:
    other = object.__new__(type(model))
    other.__dict__ = attributes
    return other


def optimizer_of(model: Portable) -> Optimizer | None:
    """Return the optimizer that goes with the weights published last."""
    optimizer: Optimizer | None = model.__dict__.get("_optimizer")
    return optimizer


@contextmanager
def at_rest(model: AnyPortable) -> Iterator[AnyPortable]:
    """Yield a copy of the model whose weights and optimizer belong together.

    Other threads wait for a running `partial_fit` to end. A signal handler inside of it gets the
    weights of the last whole step.
    """
    while True:
        optimizer = optimizer_of(model)
        with nullcontext() if optimizer is None else optimizer.lock:
            copy = _sharing(model, model.__dict__.copy())
            if optimizer_of(copy) is not optimizer:
                continue  # a fit came first
            if optimizer is not None and optimizer.running:
                copy.__dict__["coefs_"], copy.__dict__["intercepts_"] = optimizer.parameters()
            yield copy
            return


@contextmanager
def generator_kept(random_state: Any) -> Iterator[None]:
    """Put a RandomState back to where it was if the block fails."""
    if not isinstance(random_state, np.random.RandomState):
        yield
        return
    before = random_state.get_state(legacy=False)
    try:
        yield
    except BaseException:
        random_state.set_state(before)
        raise
