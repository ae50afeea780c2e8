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

from .parameters import range_constraint
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
TABLE: tuple[Keyword, ...] = ()


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
