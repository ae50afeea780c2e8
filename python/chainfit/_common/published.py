"""Published: what came of a fit is published in one assignment, `__dict__` replaced as a whole.

A fit works on a draft. Other threads see the object of before or the new one, never a part of each,
and a fit that fails leaves nothing behind.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Mapping
from typing import Any, Generic, Self, TypeVar

AnyPublished = TypeVar("AnyPublished", bound="Published")
_MISSING = object()

#: Held from a look at an object's attributes to the assignment that replaces them. One for all
#: objects, for it is held for a moment only, and objects are copied and pickled.
publishing = threading.RLock()

if hasattr(os, "register_at_fork"):  # a child must not find it held by a thread that it lacks
    os.register_at_fork(
        before=publishing.acquire,
        after_in_parent=publishing.release,
        after_in_child=publishing.release,
    )


class Published:
    """Base of a class whose objects are fitted while other threads use them."""

    def _as_published(self) -> Self:
        """Return an object that stays as this one is now, whatever is published later."""
        other = object.__new__(type(self))  # not by _sharing: a call is 2 % of predict
        other.__dict__ = self.__dict__
        return other

    def _draft(self) -> Draft[Self]:
        """Begin a draft of this object."""
        return Draft(self)

    def _sharing(self, attributes: dict[str, Any]) -> Self:
        """Return another object of this class with these attributes."""
        other = object.__new__(type(self))
        other.__dict__ = attributes
        return other

    def _publish(self, attributes: Mapping[str, Any]) -> None:
        """Take these attributes, all at once."""
        with publishing:
            new = self.__dict__.copy()
            new.update(attributes)
            self.__dict__ = new


class Draft(Generic[AnyPublished]):
    """A copy of an object to work on, and how it takes the object's place.

    Parameters
    ----------
    original : Published
        Left alone until `publish`. Arrays and lists are shared with it: what works on the copy must
        replace them, not change them.

    Attributes
    ----------
    copy : Published
        The copy.
    """

    def __init__(self, original: AnyPublished) -> None:
        self._original = original
        self._found = original.__dict__
        self._before = self._found.copy()
        self.copy = original._sharing(self._before.copy())

    def publish(self) -> None:
        """Give the original every attribute that differs from when the draft was made.

        If something else was published since then, by another thread, this takes its place as a
        whole: no part of it may stay, be it equal to what was there before.
        """
        with publishing:
            new = self._original.__dict__.copy()  # with what others have set in the meantime
            if self._original.__dict__ is self._found:
                for name in self._before.keys() - self.copy.__dict__.keys():
                    new.pop(name, None)
                new.update(self.changes())
            else:
                own = {name: value for name, value in new.items() if not _is_fitted(name)}
                new = {**self.copy.__dict__, **own}
            self._original.__dict__ = new

    def changes(self) -> dict[str, Any]:
        """Return the attributes that the copy has by now got anew."""
        before = self._before
        return {
            name: value
            for name, value in self.copy.__dict__.items()
            if before.get(name, _MISSING) is not value
        }


def _is_fitted(name: str) -> bool:
    """Whether an attribute is a fit's by its name, not a parameter or the user's."""
    return name.startswith("_") or name.endswith("_")
