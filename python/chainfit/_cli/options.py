"""Options of the command line that several commands share, and what their words mean."""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable
from typing import Any

from sklearn.utils._param_validation import make_constraint

from .._estimators.classifier import MLPClassifier
from .._estimators.keywords import Keyword, keywords_of
from .._estimators.regressor import MLPRegressor
from .._estimators.rules import ACTIVATIONS, CLASS_LOSSES, REAL_LOSSES, SCHEDULES, SOLVERS


def number(
    kind: type[int] | type[float], low: float, high: float = math.inf, *, above: bool = False
) -> Callable[[str], Any]:
    """Make a converter for a number in [low, high], in (low, high] if ``above``."""

    def convert(text: str) -> Any:
        word = "a whole number" if kind is int else "a number"
        try:
            value = kind(text)
        except ValueError:
            raise argparse.ArgumentTypeError(f"{text!r} is not {word}") from None
        # The comparisons are false for NaN too.
        if not (low < value if above else low <= value) or not value <= high:
            bound = f"above {low}" if above else f"of at least {low}"
            upper = f" and at most {high}" if high < math.inf else ""
            raise argparse.ArgumentTypeError(f"must be {word} {bound}{upper}, got {text}")
        return value

    return convert


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


def _separator(text: str) -> str:
    text = {"tab": "\t", "\\t": "\t"}.get(text, text)
    if len(text) != 1:
        raise argparse.ArgumentTypeError(f"must be one character or 'tab', got {text!r}")
    return text


def add_table_options(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("reading the table")
    group.add_argument(
        "--sep",
        type=_separator,
        metavar="CHAR",
        help="separator of a CSV file, or 'tab' (default: found out among , ; and tab)",
    )
    group.add_argument(
        "--decimal",
        choices=(".", ","),
        default=".",
        help="decimal point of a CSV file (default: %(default)s)",
    )


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


def _options_of_keywords() -> list[tuple[str, str, dict[str, Any]]]:
    """Make an option of each keyword that scikit-learn has no word for."""
    own = {**MLPRegressor._own_parameters, **MLPClassifier._own_parameters}

    def described(keyword: Keyword) -> str:
        text = f"{' '.join(keyword.doc.split())} (default: {own[keyword.name]})"
        return text.replace("%", "%%")

    known = {**keywords_of("classifier", CLASS_LOSSES), **keywords_of("regressor", REAL_LOSSES)}
    return [
        (
            "--" + name.replace("_", "-"),
            name,
            {
                "type": _checked(keyword),
                "metavar": "X",
                "help": f"{' '.join(keyword.doc.split())} (default: {own[name]})".replace(
                    "%", "%%"
                ),
            },
        )
        for name, keyword in known.items()
        if name in own and keyword.option
    ]


#: Estimator parameters as options: (option, parameter, settings of add_argument). Those not given
#: are left to TableModel's own defaults.
NET_OPTIONS: tuple[tuple[str, str, dict[str, Any]], ...] = (
    (
        "--hidden",
        "hidden_layer_sizes",
        {
            "type": sizes,
            "metavar": "N,N",
            "help": "units of the hidden layers, or 'none' (default: 64,64)",
        },
    ),
    (
        "--activation",
        "activation",
        {
            "type": _activation,
            "metavar": "NAME",
            "help": f"of the hidden layers, or one for each as in relu,tanh: "
            f"{', '.join(ACTIVATIONS)} (default: relu)",
        },
    ),
    ("--solver", "solver", {"choices": SOLVERS, "help": "(default: adam)"}),
    (
        "--loss",
        "loss",
        {
            "choices": REAL_LOSSES,
            "help": "of a regression (default: squared_error)",
        },
    ),
    (
        "--batch-size",
        "batch_size",
        {
            "type": _batch_size,
            "metavar": "N",
            "help": "rows of an update (default: a hundredth of the rows, between 32 and 200)",
        },
    ),
    (
        "--learning-rate",
        "learning_rate_init",
        {"type": number(float, 0, above=True), "metavar": "ETA", "help": "(default: 0.001)"},
    ),
    (
        "--schedule",
        "learning_rate",
        {
            "choices": SCHEDULES,
            "help": "of the learning rate (default: constant)",
        },
    ),
    (
        "--momentum",
        "momentum",
        {"type": number(float, 0, 1), "metavar": "MU", "help": "for sgd (default: 0.9)"},
    ),
    (
        "--alpha",
        "alpha",
        {
            "type": number(float, 0),
            "metavar": "L2",
            "help": "L2 penalty (default: 0.0001, below 2,000 rows 0.3)",
        },
    ),
    (
        "--max-iter",
        "max_iter",
        {"type": number(int, 1), "metavar": "N", "help": "maximum number of epochs (default: 200)"},
    ),
    (
        "--early-stopping",
        "early_stopping",
        {
            "action": argparse.BooleanOptionalAction,
            "help": "stop when a tenth of the training rows, set aside, is predicted no better "
            "(default: from 2,000 rows on)",
        },
    ),
    (
        "--validation-fraction",
        "validation_fraction",
        {
            "type": number(float, 0, 1, above=True),
            "metavar": "PART",
            "help": "rows set aside for early stopping (default: 0.1)",
        },
    ),
    (
        "--patience",
        "n_iter_no_change",
        {
            "type": _patience,
            "metavar": "N",
            "help": "epochs without improvement before training stops, or 'inf' (default: 10)",
        },
    ),
    (
        "--tol",
        "tol",
        {
            "type": number(float, 0),
            "metavar": "X",
            "help": "smallest change that is an improvement (default: 0.0001)",
        },
    ),
    (
        "--precision",
        "precision",
        {"choices": ("float32", "float64"), "help": "(default: float32)"},
    ),
    (
        "--threads",
        "n_threads",
        {
            "type": number(int, 1),
            "metavar": "N",
            "help": "maximum number of threads (default: as it pays)",
        },
    ),
    *_options_of_keywords(),
)


def net_parameters(args: argparse.Namespace) -> dict[str, Any]:
    """Estimator parameters that the user gave."""
    given = {name: getattr(args, name) for _, name, _ in NET_OPTIONS}
    return {name: value for name, value in given.items() if value is not None}
