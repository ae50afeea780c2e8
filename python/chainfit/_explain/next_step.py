"""What the next step of a fitted model starts from: its weights, and its optimizer's content."""

from __future__ import annotations

import copy
import math
from typing import Any, NamedTuple

import numpy as np
from sklearn.utils import check_random_state

from .. import _core, reference
from .._estimators.base import BaseMLP
from .._estimators.rules import BY_STEP, SETTINGS, optimizer_name
from .._estimators.sklearn_convert import plain_state as sklearn_state
from .._estimators.steps import StepSettings, decay_of, given_sizes
from .formula import Array
from .schedule_rules import SCHEDULES, evaluated
from .step_rules import DECAY, SHARE, numbers_of_rule

#: Why 'lbfgs' has no update to show.
NO_RULE = (
    "L-BFGS has no rule for a single weight: it computes each step from the gradients of all "
    "weights, in this and earlier iterations."
)

#: Whose weights are shown, where a model's are an average.
AVERAGED = (
    "The weights shown, and their gradient, are those with which training continues; the model "
    "predicts with their average."
)

#: What masks are, on a page.
DROPPED = (
    "Dropout: values are those of the next step on this row, or on all rows, which drops units at "
    "random. The mask of a dropped unit is 0. Predictions drop none."
)

#: What a unit of a row is multiplied by, of layers 0..L-1; None of those that drop none.
Masks = list[Array | None]


class Dropout(NamedTuple):
    """What the next step leaves out, and what the core needs to leave out the same."""

    masks: Masks  # (rows, n_l), 0 or 1 / (1 - rate)
    rates: list[float]
    seed: int
    step: int  # from 0
    order: Array  # of the rows in the batch, by which masks are drawn


Weights = tuple[list[Array], list[Array]]


def trained_weights(mlp: Any) -> Weights:
    """Return the weights that steps move: the model's, or those that the model's average."""
    if isinstance(mlp, BaseMLP) and getattr(mlp, "average", None) and hasattr(mlp, "_optimizer"):
        with mlp._at_rest() as model:
            raw: Weights | None = model._optimizer_state.get("raw")
        if raw is not None:
            return raw
    return mlp.coefs_, mlp.intercepts_


def optimizer_state(model: Any) -> dict[str, Any]:
    """Return name, eta, steps, slots and settings of the optimizer that partial_fit goes on with.

    Without one, after 'lbfgs' for instance, it is the new one that partial_fit would make. Settings
    have the options that steps are asked for and no others.
    """
    settings = {key: getattr(model, key) for key in SETTINGS if hasattr(model, key)}
    ours = isinstance(model, BaseMLP)
    if hasattr(model, "_optimizer"):
        state = (
            model._optimizer_state if ours else sklearn_state(model._optimizer, len(model.coefs_))
        )
        settings |= state["settings"]
    else:
        name = optimizer_name(model.solver, model.momentum, model.nesterovs_momentum)
        eta = model.learning_rate_init
        state = {"name": name, "eta": eta, "steps": 0, "slots": []}
    state = {**state, "settings": settings}
    if not ours:
        settings |= _checked(_by_epoch(model, state), state["eta"])
        return state
    step = StepSettings.of(vars(model))
    settings |= dict(step.run)
    settings[DECAY.key] = decay_of(getattr(model, "weight_decay", None), state["name"])
    if not settings[DECAY.key]:
        del settings[DECAY.key]
    if step.averages:
        settings[SHARE.key] = model.average_decay if "raw" in state else 0.0
    numbers = _scheduled(model, step, state) or _by_epoch(model, state)
    eta = numbers.pop("eta_now", state["eta"])
    settings |= _checked(numbers, eta)
    return {**state, "eta_now": eta}


def _checked(numbers: dict[str, Any], eta: float) -> dict[str, Any]:
    """Return the numbers of a schedule if they make eta, which may be where none has left it."""
    schedule = SCHEDULES.get(numbers.get("schedule", ""))
    if schedule is None:
        return {}
    made = evaluated(schedule.lines, numbers).get("eta", eta)
    return numbers if math.isclose(made, eta, rel_tol=1e-12) else {}


def next_random_state(model: Any) -> Any:
    """Return the seed that the next step draws by, or a copy of its generator as it stands.

    So the global one is not moved either.
    """
    given = model.random_state
    return copy.deepcopy(check_random_state(None) if given is None else given)


def dropout_of(model: Any, rows: int) -> Dropout | None:
    """Return what the next step on so many rows leaves out; None if it drops no units."""
    if not isinstance(model, BaseMLP) or not getattr(model, "dropout", 0):
        return None
    with model._at_rest() as draft:
        state, step = optimizer_state(draft), StepSettings.of(vars(draft))
    rates = step.dropout_rates(len(model.coefs_))
    if not rates:
        return None
    generator, seed = check_random_state(next_random_state(draft)), state.get("seed")
    if seed is None:
        seed = int(generator.randint(2**32, dtype=np.int64))
    order = np.arange(rows)
    if draft.shuffle:
        generator.shuffle(order)
    units = [len(W) for W in model.coefs_]
    masks: Masks = reference.masks(seed, int(state["steps"]), rates, rows, units)
    back = np.argsort(order)
    in_place = [None if mask is None else mask[back] for mask in masks]
    return Dropout(in_place, rates, seed, int(state["steps"]), order)


def numbers_of_state(state: dict[str, Any], **known: float | None) -> dict[str, Any]:
    """Return the numbers of the rule of an optimizer, for the step after its `steps`."""
    eta = state.get("eta_now", state["eta"])
    steps = int(state["steps"]) + 1
    return numbers_of_rule(state["name"], steps, state["settings"], eta=eta, **known)


def _scheduled(model: BaseMLP, step: StepSettings, state: dict[str, Any]) -> dict[str, Any]:
    """Return the numbers of a schedule by step, and eta as "eta_now"; none of any other."""
    if not step.by_step:
        return {}
    run = _core.Run()
    step.set_schedule(run, 1.0, 0.5, state.get("batches", 1))
    now, total = int(state["steps"]), run.total_steps
    if callable(step.schedule):
        eta = float(given_sizes(step.schedule, now, 1, total)[0])
        return {"schedule": "given", "step": now, "steps": total, "eta_now": eta}
    name = step.schedule if step.schedule in BY_STEP else "constant"
    numbers = {key: getattr(run, key) for key in ("warmup", "decay_steps", "decay_rate")}
    eta = reference.learning_rate(name, now, total, eta=state["eta"], **numbers)
    numbers |= {"eta_0": state["eta"], "eta_now": eta}
    if now < run.warmup:
        return {**numbers, "schedule": "warmup", "step": now}
    steps = max(1, total - run.warmup)
    now = min(now - run.warmup, steps - 1)
    if name == "one_cycle":
        name = f"one_cycle, {'rising' if now <= 0.3 * steps - 1 else 'falling'}"
    return {**numbers, "schedule": name, "step": now, "steps": steps}


def _by_epoch(model: Any, state: dict[str, Any]) -> dict[str, Any]:
    """Return the numbers of the schedule that changes eta after an epoch; none if it has none."""
    settings, eta = state["settings"], state["eta"]
    name, eta_0 = settings["learning_rate"], settings["learning_rate_init"]
    if name == "invscaling":
        return {"schedule": name, "eta_0": eta_0, "rows": model.t_, "power_t": settings["power_t"]}
    if name == "adaptive" and 0 < eta < eta_0:
        return {"schedule": name, "eta_0": eta_0, "times": round(math.log(eta_0 / eta, 5))}
    return {}
