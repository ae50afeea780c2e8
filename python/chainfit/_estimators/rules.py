"""The rules of the core in the estimators' words: losses, solvers, and the parameters of each.

All of it is read from the core's tables, so that a new rule there needs no word here: its name is
allowed, and its parameters become keywords of the estimators.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

from .. import _core

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
