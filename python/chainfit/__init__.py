"""chainfit: multilayer perceptrons trained on the CPU, behind the scikit-learn API."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from . import _core
from ._classifier import MLPClassifier
from ._core import __version__
from ._regressor import MLPRegressor
from ._threads import resolve_n_threads

if TYPE_CHECKING:
    from . import reference
    from ._model_file import ModelFileError, load
    from ._sklearn_convert import from_sklearn
    from ._table import TableModel

__all__ = [
    "MLPClassifier",
    "MLPRegressor",
    "ModelFileError",
    "TableModel",
    "__version__",
    "from_sklearn",
    "info",
    "load",
    "reference",
]

# What fitting doesn't need is imported when it is first asked for: name -> its module.
_LAZY = {
    "ModelFileError": "._model_file",
    "TableModel": "._table",
    "from_sklearn": "._sklearn_convert",
    "load": "._model_file",
    "reference": ".reference",
}


def info() -> dict[str, Any]:
    """Tell what this installation is and what it uses on this machine.

    Returns
    -------
    info : dict
        - ``version`` (str): the package's version;
        - ``isa`` (str): the instruction set in use;
        - ``isas`` (dict of str to bool): those built, best first, and whether they run here;
        - ``threads`` (int): most threads of a call with ``n_threads=None``.

    Examples
    --------
    >>> import chainfit
    >>> chainfit.info()["isas"]["generic"]
    True
    """
    return {
        "version": __version__,
        "isa": _core.isa(),
        "isas": dict(_core.isas()),
        "threads": resolve_n_threads(None),
    }


def __getattr__(name: str) -> Any:
    """Import a lazy name."""
    if name not in _LAZY:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module = import_module(_LAZY[name], __name__)
    value = module if name == "reference" else getattr(module, name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
