"""chainfit: multilayer perceptrons trained on the CPU, behind the scikit-learn API."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from . import _core
from ._core import __version__
from ._estimators.threads import resolve_n_threads
from ._old_names import find_old_names

if TYPE_CHECKING:
    from . import data, distributed, reference
    from ._estimators.classifier import MLPClassifier
    from ._estimators.from_sklearn import from_sklearn
    from ._estimators.learning_rates import LearningRateDisplay, find_learning_rate
    from ._estimators.regressor import MLPRegressor
    from ._estimators.search import HiddenLayers
    from ._explain.explain import Chain, explain
    from ._explain.history import History
    from ._explain.net import Net
    from ._explain.page.page import Page, explore
    from ._explain.step import Trace, trace
    from ._explain.verify import MismatchError
    from ._explain.walkthrough import walkthrough
    from ._files.fields import ModelFileError
    from ._load import load
    from ._onnx.export import register_skl2onnx, to_onnx
    from ._onnx.inputs import onnx_inputs
    from ._plots.gradient_flow import GradientFlowDisplay
    from ._plots.loss_curve import LossCurveDisplay
    from ._plots.network import NetworkDisplay
    from ._tables.classifier import TabularClassifier
    from ._tables.regressor import TabularRegressor

__all__ = [
    "Chain",
    "GradientFlowDisplay",
    "HiddenLayers",
    "History",
    "LearningRateDisplay",
    "LossCurveDisplay",
    "MLPClassifier",
    "MLPRegressor",
    "MismatchError",
    "ModelFileError",
    "Net",
    "NetworkDisplay",
    "Page",
    "TabularClassifier",
    "TabularRegressor",
    "Trace",
    "__version__",
    "data",
    "distributed",
    "explain",
    "explore",
    "find_learning_rate",
    "from_sklearn",
    "info",
    "load",
    "onnx_inputs",
    "reference",
    "register_skl2onnx",
    "to_onnx",
    "trace",
    "walkthrough",
]

# Imported when first asked for, so that `chainfit --help` needs no scikit-learn: name -> module.
_LAZY = {
    "Chain": "._explain.explain",
    "GradientFlowDisplay": "._plots.gradient_flow",
    "HiddenLayers": "._estimators.search",
    "History": "._explain.history",
    "LearningRateDisplay": "._estimators.learning_rates",
    "LossCurveDisplay": "._plots.loss_curve",
    "MLPClassifier": "._estimators.classifier",
    "MLPRegressor": "._estimators.regressor",
    "MismatchError": "._explain.verify",
    "ModelFileError": "._files.fields",
    "Net": "._explain.net",
    "NetworkDisplay": "._plots.network",
    "Page": "._explain.page.page",
    "TabularClassifier": "._tables.classifier",
    "TabularRegressor": "._tables.regressor",
    "Trace": "._explain.step",
    "data": ".data",
    "distributed": ".distributed",
    "explain": "._explain.explain",
    "explore": "._explain.page.page",
    "find_learning_rate": "._estimators.learning_rates",
    "from_sklearn": "._estimators.from_sklearn",
    "load": "._load",
    "onnx_inputs": "._onnx.inputs",
    "reference": ".reference",
    "register_skl2onnx": "._onnx.export",
    "to_onnx": "._onnx.export",
    "trace": "._explain.step",
    "walkthrough": "._explain.walkthrough",
}


find_old_names()


def info() -> dict[str, Any]:
    """Return information on this installation and on what it uses on this machine.

    Returns
    -------
    info : dict
        - ``version`` (str): the version of the package;
        - ``isa`` (str): the instruction set in use;
        - ``isas`` (dict of str to bool): the instruction sets built, best first, and whether this
          machine has them;
        - ``threads`` (int): the maximum number of threads of a call with ``n_threads=None``.

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


def _lazy(name: str) -> Any:
    """Import a lazy name."""
    if name not in _LAZY:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module = import_module(_LAZY[name], __name__)
    value = module if _LAZY[name] == f".{name}" else getattr(module, name)
    globals()[name] = value
    return value


if not TYPE_CHECKING:  # to whom every name would be one
    __getattr__ = _lazy


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
