"""The parameters of the nets, handed on by the tabular estimators, each under its own name.

They are read from MLPClassifier and MLPRegressor: a new keyword there is one here too. Those that a
preset decides have the default 'auto'; all others have the net's own default.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any, TypeVar

from sklearn.utils._param_validation import StrOptions

from .._estimators.rules import REAL_LOSSES, SOLVERS
from .presets import DECIDED

Class = TypeVar("Class", bound=type)

#: What has no meaning here: an ensemble begins anew in each fit, is always validated where it can
#: be, and holds its rows out itself.
LEFT_OUT = {
    "warm_start",
    "early_stopping",
    "shuffle",
    "checkpoint",
    "checkpoint_interval",
    "callbacks",
}

_ENTRY = re.compile(r"^(\w+) : (.+)$", re.M)


def net_parameters(net: type) -> dict[str, Any]:
    """Return the parameters of a net that its tabular estimator has, with their defaults."""
    parameters = inspect.signature(net).parameters
    left_out = LEFT_OUT | ({"loss"} if net.__name__ == "MLPClassifier" else set())
    return {
        name: "auto" if name in DECIDED else parameter.default
        for name, parameter in parameters.items()
        if name not in left_out
    }


def with_net_parameters(net: Any) -> Callable[[Class], Class]:
    """Append the parameters of a net to a class's own, and to its docstring: a decorator.

    Parameters
    ----------
    net : type
        MLPClassifier or MLPRegressor.
    """

    def decorate(cls: Any) -> Any:
        plain = cls.__init__
        signature = inspect.signature(plain)
        known = net_parameters(net)
        own = {name: value for name, value in known.items() if name not in signature.parameters}
        allowed = {name: net._parameter_constraints[name] for name in known}
        for name in DECIDED & set(known):
            allowed[name] = [*allowed[name], StrOptions({"auto"})]
        allowed["solver"] = [StrOptions(set(SOLVERS))]
        if "loss" in known:
            allowed["loss"] = [StrOptions(set(REAL_LOSSES))]
        cls._parameter_constraints = {**allowed, **cls._parameter_constraints}
        cls._net_class, cls._net_parameters = net, tuple(known)

        @wraps(plain)
        def init(self: Any, *arguments: Any, **keywords: Any) -> None:
            values = {name: keywords.pop(name, default) for name, default in own.items()}
            plain(self, *arguments, **keywords)
            vars(self).update(values)

        added = [
            inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default)
            for name, default in own.items()
        ]
        parameters = [*signature.parameters.values(), *added]
        vars(init)["__signature__"] = signature.replace(parameters=parameters)
        cls.__init__ = init
        before, heading, after = inspect.cleandoc(cls.__doc__ or "").partition("\nAttributes\n")
        described = _descriptions(net)
        paragraphs = (_paragraph(name, described[name], own[name]) for name in own)
        cls.__doc__ = before + "".join(paragraphs) + heading + after
        return cls

    return decorate


def _descriptions(net: type) -> Mapping[str, str]:
    """Return what a net's docstring says of each parameter: its type and its text."""
    text = (inspect.getdoc(net) or "").partition("Parameters\n----------\n")[2]
    text = text.partition("\nAttributes\n")[0]
    starts = [*_ENTRY.finditer(text)]
    ends = [*(match.start() for match in starts[1:]), len(text)]
    return {
        match[1]: match[2] + "\n" + text[match.end() + 1 : end].rstrip() + "\n"
        for match, end in zip(starts, ends, strict=True)
    }


def _paragraph(name: str, described: str, default: Any) -> str:
    kind, _, text = described.partition("\n")
    kind = kind.rpartition(", default=")[0]
    if default == "auto":
        kind, text = f"{kind} or 'auto'", text.rstrip() + "\n    'auto': see `preset`.\n"
    default = f"{default:g}" if isinstance(default, float) else repr(default)
    return f"\n{name} : {kind}, default={default}\n{text}"
