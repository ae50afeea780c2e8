"""What the next step of a fitted model starts from: its weights, and its optimizer's content."""

from __future__ import annotations

from typing import Any

from .. import _core, reference
from .._estimators.base import BaseMLP
from .._estimators.rules import BY_STEP, SETTINGS, optimizer_name
from .._estimators.sklearn_convert import plain_state as sklearn_state
from .._estimators.steps import StepSettings, decay_of, given_sizes
from .formula import Array
from .step_rules import DECAY, SHARE, numbers_of_rule

#: Whose weights are shown, where a model's are an average.
AVERAGED = (
    "The model's own weights are the average of those that training goes on with, which are these: "
    "the gradient is theirs."
)

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
    have the options that steps are asked for and no others. An average of the weights is the last
    slot, after the first step.
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
        return state
    step = StepSettings.of(vars(model))
    settings |= dict(step.run)
    settings[DECAY.key] = decay_of(getattr(model, "weight_decay", None), state["name"])
    if not settings[DECAY.key]:
        del settings[DECAY.key]
    if step.averages:
        settings[SHARE.key] = model.average_decay if "raw" in state else 0.0
    return {**state, **_eta_now(model, step, state)}


def numbers_of_state(state: dict[str, Any], **known: float | None) -> dict[str, Any]:
    """Return the numbers of the rule of an optimizer, for the step after its `steps`."""
    eta = state.get("eta_now", state["eta"])
    steps = int(state["steps"]) + 1
    return numbers_of_rule(state["name"], steps, state["settings"], eta=eta, **known)


def _eta_now(model: BaseMLP, step: StepSettings, state: dict[str, Any]) -> dict[str, float]:
    """Return the step size of the next step as "eta_now", where the schedule has one for each."""
    if not step.by_step:
        return {}
    run = _core.Run()
    step.set_schedule(run, 1.0, 0.5, state.get("batches", 1))
    now, total = int(state["steps"]), run.total_steps
    if callable(step.schedule):
        return {"eta_now": float(given_sizes(step.schedule, now, 1, total)[0])}
    schedule = step.schedule if step.schedule in BY_STEP else "constant"
    names = ("warmup", "decay_steps", "decay_rate")
    numbers = {name: getattr(run, name) for name in names}
    eta = reference.learning_rate(schedule, now, total, eta=state["eta"], **numbers)
    return {"eta_now": eta}
