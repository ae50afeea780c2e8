"""The rules of the core in the estimators' words: losses, solvers, and the parameters of each.

All of it is read from the core's tables, so that a new rule there needs no word here: its name is
allowed, and its parameters become keywords of the estimators (`with_own_parameters`).
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Iterable
from functools import wraps
from typing import Any, TypeVar

from .. import _core

Class = TypeVar("Class", bound=type)

ACTIVATIONS = tuple(_core.activations())
LOSSES = _core.losses()
OPTIMIZERS = _core.optimizers()

#: Output activation of each loss.
LINKS = {name: loss.link for name, loss in LOSSES.items()}

#: The losses of real targets. Those of classes follow from the labels.
REAL_LOSSES = tuple(name for name, loss in LOSSES.items() if math.isinf(loss.highest_target))
CLASS_LOSSES = ("log_loss", "binary_log_loss")

#: What solver='sgd' is in the core, by its momentum; only these have a schedule of the step size.
SGD_FAMILY = ("sgd", "momentum", "nesterov")
SOLVERS = ("lbfgs", "sgd", *(name for name in OPTIMIZERS if name not in SGD_FAMILY))


def _named(parameters: Iterable[_core.Parameter]) -> dict[str, _core.Parameter]:
    return {parameter.name: parameter for parameter in parameters}


OPTIMIZER_PARAMETERS = _named(p for rule in OPTIMIZERS.values() for p in rule.parameters)

#: Estimator parameters that belong to the optimizer. As in scikit-learn they are read when an
#: optimizer is made: `set_params` between two `partial_fit` calls doesn't change a running one.
SETTINGS = ("learning_rate", "learning_rate_init", "power_t", *OPTIMIZER_PARAMETERS)

#: The parameters of each loss, which every step reads.
LOSS_SETTINGS = {name: tuple(_named(loss.parameters)) for name, loss in LOSSES.items()}


def optimizer_name(solver: str, momentum: float, nesterovs_momentum: bool) -> str:
    """Name of the core's optimizer for scikit-learn's words."""
    if solver not in ("sgd", "lbfgs"):
        return solver
    if momentum == 0:
        return "sgd"
    return "nesterov" if nesterovs_momentum else "momentum"


def own_parameters(losses: Iterable[str]) -> dict[str, _core.Parameter]:
    """Return the parameters of all optimizers and of these losses, by name."""
    return OPTIMIZER_PARAMETERS | _named(p for name in losses for p in LOSSES[name].parameters)


def with_own_parameters(losses: Iterable[str]) -> Callable[[Class], Class]:
    """Append what the rules need, and scikit-learn has no keyword for, to a class's parameters.

    A decorator. They are keywords of `__init__`, in its signature and in the class's docstring.

    Parameters
    ----------
    losses : iterable of str
        The losses of the class.
    """

    def decorate(cls: Any) -> Any:
        plain = cls.__init__
        signature = inspect.signature(plain)
        known = own_parameters(losses)
        own = {name: p for name, p in known.items() if name not in signature.parameters}
        cls._own_parameters = {name: parameter.default for name, parameter in own.items()}
        if not own:
            return cls

        @wraps(plain)
        def init(self: Any, *arguments: Any, **keywords: Any) -> None:
            values = {name: keywords.pop(name, p.default) for name, p in own.items()}
            plain(self, *arguments, **keywords)
            vars(self).update(values)

        added = [
            inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=p.default)
            for name, p in own.items()
        ]
        parameters = [*signature.parameters.values(), *added]
        vars(init)["__signature__"] = signature.replace(parameters=parameters)
        cls.__init__ = init
        text = "".join(
            f"\n{name} : float, default={p.default:g}\n    {p.doc}\n" for name, p in own.items()
        )
        before, heading, after = inspect.cleandoc(cls.__doc__ or "").partition("\nAttributes\n")
        cls.__doc__ = before + text + heading + after
        return cls

    return decorate
