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
    from ._chain import Chain, explain
    from ._chain_check import MismatchError
    from ._history import History
    from ._model_file import ModelFileError, load
    from ._net import Net
    from ._page import Page, explore
    from ._sklearn_convert import from_sklearn
    from ._table import TableModel
    from ._trace import Trace, trace
    from ._walkthrough import walkthrough

__all__ = [
    "Chain",
    "History",
    "MLPClassifier",
    "MLPRegressor",
    "MismatchError",
    "ModelFileError",
    "Net",
    "Page",
    "TableModel",
    "Trace",
    "__version__",
    "explain",
    "explore",
    "from_sklearn",
    "info",
    "load",
    "reference",
    "trace",
    "walkthrough",
]

# What fitting doesn't need is imported when it is first asked for: name -> its module.
_LAZY = {
    "Chain": "._chain",
    "History": "._history",
    "MismatchError": "._chain_check",
    "ModelFileError": "._model_file",
    "Net": "._net",
    "Page": "._page",
    "TableModel": "._table",
    "Trace": "._trace",
    "explain": "._chain",
    "explore": "._page",
    "from_sklearn": "._sklearn_convert",
    "load": "._model_file",
    "reference": ".reference",
    "trace": "._trace",
    "walkthrough": "._walkthrough",
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
