"""The keywords that the estimators have beyond scikit-learn's: one table.

To add one, add it to TABLE. It then is a parameter of both estimators, or of one, with its default,
its check and its place in the docstring; it is cloned, pickled, saved and an option of the command
line; files from before it have its default. Training finds its value in `FitSettings.own`.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable
from functools import wraps
from typing import Any, Literal, NamedTuple, TypeVar

from sklearn.metrics import get_scorer_names
from sklearn.utils._param_validation import StrOptions

from .initial import INITIALIZERS
from .parameters import FUNCTIONS, Number, range_constraint
from .rules import own_parameters

Class = TypeVar("Class", bound=type)
Kind = Literal["classifier", "regressor", "both"]


class Keyword(NamedTuple):
    """A parameter of the estimators that scikit-learn has no word for.

    Attributes
    ----------
    name : str
    default : Any
        A value that cannot change.
    allowed : list
        What it may be, as in scikit-learn's `_parameter_constraints`.
    type : str
        The same in words, for the docstring.
    doc : str
        What it is, in sentences, for the docstring and the command line.
    kind : {'classifier', 'regressor', 'both'}
        Which estimators have it.
    option : bool
        Whether it is an option of the command line: where numbers and words can say it.
    """

    name: str
    default: Any
    allowed: list[Any]
    type: str
    doc: str
    kind: Kind = "both"
    option: bool = True


#: What no rule of the core brings with it, in the order of the signature.
TABLE: tuple[Keyword, ...] = (
    Keyword(
        "init",
        "glorot_uniform",
        [StrOptions(set(INITIALIZERS))],
        "{" + ", ".join(map(repr, INITIALIZERS)) + "}",
        """How the weights are drawn. 'glorot_uniform' is scikit-learn's way, which draws the
        biases too; all others start from biases of 0 and are PyTorch's, 'he_uniform' and
        'he_normal' with the gain sqrt(2) of relu, 'orthogonal' with a gain of 1.""",
    ),
    Keyword(
        "scoring",
        None,
        [StrOptions({"loss", *get_scorer_names()}), callable, None],
        "str, callable or None",
        """The score of the validation rows, of which more is better: one of scikit-learn's scorers
        by its name, a callable (estimator, X, y), or 'loss', the negative of the loss. None is
        accuracy, or R^2 in regression.""",
    ),
    Keyword(
        "time_limit",
        None,
        [Number(0, None, closed="neither"), None],
        "float or None",
        """Seconds after which `fit` stops, within an epoch too, and keeps what it has.""",
    ),
    Keyword(
        "callbacks",
        None,
        [FUNCTIONS, None],
        "list of callable or None",
        """Functions called after each epoch, or iteration of 'lbfgs', with its record: a dict with
        'epoch' and the parts of `history_`. One that returns True stops the training.""",
        option=False,
    ),
    Keyword(
        "class_weight",
        None,
        [dict, list, StrOptions({"balanced"}), None],
        "dict, list of dict, 'balanced' or None",
        """Weights of the classes, {label: weight}, times which the rows count, those held out by
        `early_stopping` too. 'balanced' is n_samples / (n_classes * number of rows of the class),
        and not for `partial_fit`. Multilabel targets have a dict {0: weight, 1: weight} for each
        column, and a row then counts times the product over the columns.""",
        kind="classifier",
    ),
)


def table_names(kind: Kind) -> list[str]:
    """Return the names in the table of what an estimator of this kind has."""
    return [keyword.name for keyword in TABLE if keyword.kind in (kind, "both")]


def keywords_of(kind: Kind, losses: Iterable[str]) -> dict[str, Keyword]:
    """Return the keywords of an estimator by name: the parameters of rules, and the table's.

    Parameters
    ----------
    kind : {'classifier', 'regressor'}
    losses : iterable of str
        The losses of the estimator.
    """
    of_rules = [
        Keyword(name, p.default, [range_constraint(p)], "float", p.doc)
        for name, p in own_parameters(losses).items()
    ]
    here = [keyword for keyword in TABLE if keyword.kind in (kind, "both")]
    return {keyword.name: keyword for keyword in (*of_rules, *here)}


def with_keywords(kind: Kind, losses: Iterable[str]) -> Callable[[Class], Class]:
    """Append the keywords to a class's parameters: a decorator, with the arguments of keywords_of.

    They are keywords of `__init__`, in its signature, its checks and the class's docstring, and
    `_own_parameters` has their defaults by name.
    """

    def decorate(cls: Any) -> Any:
        plain = cls.__init__
        signature = inspect.signature(plain)
        known = keywords_of(kind, losses)
        own = {name: keyword for name, keyword in known.items() if name not in signature.parameters}
        cls._own_parameters = {name: keyword.default for name, keyword in own.items()}
        allowed = {name: keyword.allowed for name, keyword in known.items()}
        cls._parameter_constraints = {**cls._parameter_constraints, **allowed}
        if not own:
            return cls

        @wraps(plain)
        def init(self: Any, *arguments: Any, **keywords: Any) -> None:
            values = {name: keywords.pop(name, k.default) for name, k in own.items()}
            plain(self, *arguments, **keywords)
            vars(self).update(values)

        added = [
            inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=keyword.default)
            for name, keyword in own.items()
        ]
        parameters = [*signature.parameters.values(), *added]
        vars(init)["__signature__"] = signature.replace(parameters=parameters)
        cls.__init__ = init
        before, heading, after = inspect.cleandoc(cls.__doc__ or "").partition("\nAttributes\n")
        cls.__doc__ = before + "".join(map(_paragraph, own.values())) + heading + after
        return cls

    return decorate


def _paragraph(keyword: Keyword) -> str:
    default = f"{keyword.default:g}" if keyword.type == "float" else repr(keyword.default)
    lines = keyword.doc.strip().splitlines()
    text = "\n".join(f"    {line.strip()}" if line.strip() else "" for line in lines)
    return f"\n{keyword.name} : {keyword.type}, default={default}\n{text}\n"
