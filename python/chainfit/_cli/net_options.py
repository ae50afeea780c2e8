"""Options of ``chainfit train`` that are parameters of the estimators, made from their tables."""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable
from typing import Any

from sklearn.utils._param_validation import make_constraint

from .._estimators.classifier import MLPClassifier
from .._estimators.keywords import Keyword
from .._estimators.regressor import MLPRegressor
from .._estimators.rules import ACTIVATIONS, REAL_LOSSES, SCHEDULES, SOLVERS
from .._tables.parameters import parameters_of
from .._tables.presets import PRESETS
from .options import MEANING, number


def sizes(text: str) -> tuple[int, ...]:
    """Convert '64,32' or '64-32' to (64, 32), 'none' to ()."""
    if text == "none":
        return ()
    count = number(int, 1)
    return tuple(count(word) for word in text.replace("-", ",").split(","))


def _activation(text: str) -> str | tuple[str, ...]:
    """Convert 'relu' to itself, 'relu,tanh' to a tuple."""
    names = tuple(text.split(","))
    for name in names:
        if name not in ACTIVATIONS:
            known = ", ".join(map(repr, ACTIVATIONS))
            raise argparse.ArgumentTypeError(f"invalid choice: {name!r} (choose from {known})")
    return names[0] if len(names) == 1 else names


def _batch_size(text: str) -> int | str:
    return text if text == "auto" else int(number(int, 1)(text))


def _patience(text: str) -> float:
    return math.inf if text == "inf" else int(number(int, 1)(text))


def _value(text: str) -> Any:
    """Convert a word to a number, True, False or None, 'a,b' to a tuple of these."""
    if "," in text:
        return tuple(map(_value, text.split(",")))
    words = {"none": None, "true": True, "false": False}
    if text.lower() in words:
        return words[text.lower()]
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text


def _checked(keyword: Keyword) -> Callable[[str], Any]:
    """Make a converter for what the keyword may be."""
    constraints = [*map(make_constraint, keyword.allowed)]

    def convert(text: str) -> Any:
        for value in (_value(text), text):  # "1" may be the name of a file
            if any(constraint.is_satisfied_by(value) for constraint in constraints):
                return value
        known = " or ".join(str(c) for c in constraints if not c.hidden)
        raise argparse.ArgumentTypeError(f"must be {known}, got {text}")

    return convert


#: Options with a name, a converter or words of their own; all other parameters are options of their
#: own names.
_OWN: dict[str, tuple[str, dict[str, Any]]] = {
    "preset": (
        "--preset",
        {
            "choices": tuple(PRESETS),
            "help": "one net, several or larger ones, with suitable parameters (default: good)",
        },
    ),
    "hidden_layer_sizes": (
        "--hidden",
        {
            "type": sizes,
            "metavar": "N,N",
            "help": "units of the hidden layers, or 'none' (default: set by the preset)",
        },
    ),
    "activation": (
        "--activation",
        {
            "type": _activation,
            "metavar": "NAME",
            "help": f"activation of the hidden layers, or one for each as in relu,tanh: "
            f"{', '.join(ACTIVATIONS)} (default: relu)",
        },
    ),
    "solver": ("--solver", {"choices": SOLVERS, "help": "optimizer (default: adam)"}),
    "loss": (
        "--loss",
        {"choices": REAL_LOSSES, "help": "loss of a regression (default: squared_error)"},
    ),
    "batch_size": (
        "--batch-size",
        {
            "type": _batch_size,
            "metavar": "N",
            "help": "rows of a mini-batch (default: set by the preset)",
        },
    ),
    "learning_rate_init": (
        "--learning-rate",
        {
            "type": number(float, 0, above=True),
            "metavar": "ETA",
            "help": "learning rate, the largest one of a schedule (default: set by the preset)",
        },
    ),
    "learning_rate": (
        "--schedule",
        {
            "choices": SCHEDULES,
            "help": "learning-rate schedule (default: set by the preset)",
        },
    ),
    "alpha": (
        "--alpha",
        {
            "type": number(float, 0),
            "metavar": "L2",
            "help": "strength of the L2 penalty (default: set by the preset)",
        },
    ),
    "max_iter": (
        "--max-iter",
        {
            "type": number(int, 1),
            "metavar": "N",
            "help": "number of epochs of each net (default: set by the preset)",
        },
    ),
    "validation_fraction": (
        "--validation-fraction",
        {
            "type": number(float, 0, 1),
            "metavar": "PART",
            "help": "fraction of the rows that each net holds out to find its best epoch, 0 for "
            "none (default: 0.1)",
        },
    ),
    "n_iter_no_change": (
        "--patience",
        {
            "type": _patience,
            "metavar": "N",
            "help": "epochs without improvement before training stops, or 'inf' "
            "(default: set by the preset)",
        },
    ),
    "checkpoint": (
        "--checkpoint",
        {
            "metavar": "NAME",
            "help": "files NAME.1, NAME.2, ... to which the state of each net is written; after "
            "Ctrl-C or a crash the same command resumes from there and ends with the same model",
        },
    ),
    "precision": (
        "--precision",
        {"choices": ("float32", "float64"), "help": "data type of the nets (default: float32)"},
    ),
    "n_threads": (
        "--threads",
        {
            "type": number(int, 1),
            "metavar": "N",
            "help": "maximum number of threads (default: the number of CPUs)",
        },
    ),
}


def _net_options() -> dict[str, tuple[str, dict[str, Any]]]:
    """Make an option of each parameter of the estimators that words and numbers can say."""
    nets = (parameters_of(net) for net in (MLPClassifier, MLPRegressor))
    known = {name: keyword for parameters in nets for name, keyword in parameters.items()}
    return {
        name: _OWN[name] if name in _OWN else (f"--{name.replace('_', '-')}", _option(keyword))
        for name, keyword in known.items()
        if keyword.option and name not in MEANING
    }


def _option(keyword: Keyword) -> dict[str, Any]:
    text = f"{' '.join(keyword.doc.split())} (default: {keyword.default})"
    return {"type": _checked(keyword), "metavar": "X", "help": text.replace("%", "%%")}


#: Parameters of the estimators as options: parameter -> (option, settings of add_argument). Those
#: not given are left to the estimators' own defaults.
NET_OPTIONS = _net_options()


def parameters_given(args: argparse.Namespace) -> dict[str, Any]:
    """Parameters of the estimators that the user gave."""
    given = {name: getattr(args, name) for name in (*NET_OPTIONS, *MEANING)}
    return {name: value for name, value in given.items() if value is not None}
