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
OUTPUTS = _core.links()
OPTIMIZERS = _core.optimizers()

#: Output activation of each loss.
LINKS = {name: loss.link for name, loss in LOSSES.items()}

#: The output activations that losses may have apart from their own.
FREE_LINKS = tuple(name for name, link in OUTPUTS.items() if link.unit_by_unit)

#: The losses of real targets. Those of classes follow from the labels.
REAL_LOSSES = tuple(name for name, loss in LOSSES.items() if math.isinf(loss.highest_target))
CLASS_LOSSES = ("log_loss", "binary_log_loss")

#: What solver='sgd' is in the core, by its momentum.
SGD_FAMILY = ("sgd", "momentum", "nesterov")
SOLVERS = ("lbfgs", "sgd", *(name for name in OPTIMIZERS if name not in SGD_FAMILY))


#: Schedules of the learning rate. Those by step change it from step to step, not between epochs.
BY_STEP = ("cosine", "linear", "step", "one_cycle")
SCHEDULES = ("constant", "invscaling", "adaptive", *BY_STEP)


def _named(parameters: Iterable[_core.Parameter]) -> dict[str, _core.Parameter]:
    return {parameter.name: parameter for parameter in parameters}


OPTIMIZER_PARAMETERS = _named(p for rule in OPTIMIZERS.values() for p in rule.parameters)

#: The learning rate and its schedule, which every `partial_fit` reads anew.
LEARNING_RATE = ("learning_rate", "learning_rate_init", "power_t")

#: Estimator parameters that belong to the optimizer. As in scikit-learn all but LEARNING_RATE are
#: read when it is made: `set_params` between two `partial_fit` calls doesn't change a running one.
SETTINGS = (*LEARNING_RATE, *OPTIMIZER_PARAMETERS)

#: The parameters of each loss, which every step reads.
LOSS_SETTINGS = {name: tuple(_named(loss.parameters)) for name, loss in LOSSES.items()}


def link_of(loss: str, out_activation: str | None) -> str:
    """Return the output activation of a loss: its own, or the one that is asked for.

    Raises
    ------
    ValueError
        If outputs may be values that the loss is not defined for.
    """
    rule = LOSSES[loss]
    if out_activation is None or out_activation == rule.link:
        return rule.link
    link = OUTPUTS[out_activation]
    inside = link.lowest >= rule.lowest_output and link.highest <= rule.highest_output
    if rule.takes_links and inside:
        return out_activation
    if not rule.takes_links:
        problem = f"has an output activation of its own, {rule.link!r}"
    else:
        low, high = rule.lowest_output, rule.highest_output
        where = f"above {low:g}" if math.isinf(high) else f"between {low:g} and {high:g}"
        problem = f"needs outputs {where}"
    raise ValueError(
        f"out_activation={out_activation!r} does not go with loss={loss!r}, which {problem}."
    )


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
