"""Public classes: they say where users find them, and not the private file that they stand in.

So pickles and messages hold no private paths.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

Class = TypeVar("Class", bound=type)


def public(cls: Class) -> Class:
    """Let a class that ``chainfit`` offers under its own name say so; a decorator."""
    cls.__module__ = "chainfit"
    return cls


def public_in(module: str) -> Callable[[Class], Class]:
    """Let a class that a module of ``chainfit`` offers say so; a decorator."""

    def decorate(cls: Class) -> Class:
        cls.__module__ = module
        return cls

    return decorate


def public_class(model: object) -> type:
    """Return the public class that an object is of, or of whose subclass it is."""
    return next(cls for cls in type(model).__mro__ if cls.__module__ == "chainfit")
