"""Where classes stand today that pickles of 0.1.0 name by modules that are gone.

Public classes now say that they are of ``chainfit`` itself, so that no further move needs a line
here. An old module is imported only when a pickle asks for it, and hands on what is in the new one.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from functools import partial
from importlib import import_module
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType

#: Old module of a class -> its module today, both within the package.
OLD_NAMES = {
    "_chain.chain": "_explain.explain",
    "_chain.check": "_explain.verify",
    "_chain.flow": "_explain.flow",
    "_chain.parts": "_explain.rows",
    "_formulas.address": "_explain.address",
    "_formulas.formula": "_explain.formula",
    "_formulas.notation": "_explain.notation",
    "_net.history": "_explain.history",
    "_net.net": "_explain.net",
    "_net.update": "_explain.update",
    "_page.page": "_explain.page.page",
    "_tables.encoder": "_tables.old_columns",
    "_tables.table": "_tables.table_model",
    "_trace.trace": "_explain.step",
}
#: Notations were classes, with one object each; today they are data, found by their keys.
OLD_NOTATIONS = {
    "Tutorial": "tutorial",
    "Outputs": "outputs",
    "Matrix": "matrix",
    "Sklearn": "sklearn",
}
_PACKAGE = __name__.partition(".")[0]
_FOLDERS = {name.partition(".")[0] for name in OLD_NAMES}


class _Finder(MetaPathFinder, Loader):
    """Finds the old modules and their folders, after all other finders have failed."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        package, _, name = fullname.partition(".")
        if package != _PACKAGE or not (name in OLD_NAMES or name in _FOLDERS):
            return None
        return ModuleSpec(fullname, self, is_package=name in _FOLDERS)

    def exec_module(self, module: ModuleType) -> None:
        new = OLD_NAMES.get(module.__name__.partition(".")[2])
        if new is None:
            return
        today = import_module(f"{_PACKAGE}.{new}")
        module.__getattr__ = partial(getattr, today)  # type: ignore[method-assign]
        if new == "_explain.notation":
            for name, key in OLD_NOTATIONS.items():
                # unpickled by `cls.__new__(cls)`
                make = partial(_first, today.NOTATIONS[key])
                setattr(module, name, type(name, (), {"__new__": make}))


def _first(found: object, cls: type) -> object:
    return found


def find_old_names() -> None:
    """Let the old modules be found from now on."""
    if not any(isinstance(finder, _Finder) for finder in sys.meta_path):
        sys.meta_path.append(_Finder())
