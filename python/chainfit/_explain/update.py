"""Update: what one step of the solver does to every weight, and the numbers of its rule.

For a model it is no formula worked out again: what trains the model makes the step, on a copy of
its state, so that the new weights are those of the next partial_fit, bit for bit.
"""

from __future__ import annotations

import copy
import math
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from sklearn.utils import check_random_state

from .. import _core, reference
from .._estimators.base import BaseMLP
from .._estimators.endings import check_end
from .._estimators.optimizer import Optimizer
from .._estimators.rules import BY_STEP, SETTINGS, optimizer_name
from .._estimators.sklearn_convert import plain_state as sklearn_state
from .._estimators.state import HISTORY, OWN_HISTORY
from .._estimators.steps import StepSettings, decay_of, given_sizes
from .._estimators.training import train
from . import rules
from .batch import Batch, labels_of
from .formula import Array
from .net import Net

Layers = tuple[tuple[Array, ...], tuple[Array, ...]]  # (as coefs, as intercepts)

# What each rule remembers of earlier steps, in the order of the core's slots.
SLOTS = {
    name: tuple(variable.key.removesuffix("_old") for variable in rule.memory)
    for name, rule in rules.UPDATES.items()
}


@dataclass(frozen=True, eq=False, repr=False)
class Update:
    """One step of the solver on one mini-batch: every parameter before and after.

    Attributes
    ----------
    rule : str
        'sgd', 'momentum', 'nesterov', 'adam' and so on, as defined in `chainfit.reference`.
    dtype : dtype
        What the step computed in.
    constants : dict of str to float
        The rule's numbers that are the same for every weight, attributes as well: ``eta``, as the
        schedule left it, ``mu``, ``beta1``; ``t``, the number of the step; ``eta_t``, Adam's step
        size with both of its bias corrections.
    old, new, gradient : tuple of (coefs, intercepts)
        The parameters, and dJ by each, as arrays of their shapes; the gradient in float64.
    slots : dict of str to tuple of (old, new)
        'velocity', or 'm' and 'v', each before and after as `old` and `new` are.
    """

    rule: str
    dtype: np.dtype[Any]
    constants: dict[str, float]
    old: Layers
    new: Layers
    gradient: Layers
    slots: dict[str, tuple[Layers, Layers]]

    @property
    def t(self) -> int:
        """Number of the step, from 1; 0 with rules that don't count."""
        return int(self.constants.get("t", 0))

    def __getattr__(self, name: str) -> float:
        constants: dict[str, float] = vars(self).get("constants", {})  # none while unpickled
        if name not in constants:
            raise AttributeError(f"the update's rule has no {name!r}")
        return constants[name]

    def __setstate__(self, state: dict[str, Any]) -> None:
        if "constants" not in state:  # of 0.1.0, which had a field for each
            old = {key: state.pop(key) for key in ("eta", "mu", "beta1", "beta2", "eps", "t")}
            settings = {rules.SETTINGS[key]: x for key, x in old.items() if key != "t"}
            settings["weight_decay"] = 0.0  # there was none
            settings_of = settings.__getitem__
            state["constants"] = rules.numbers_of_rule(state["rule"], old["t"], settings_of)
        self.__dict__.update(state)

    def of(self, layer: int, i: int | None, j: int) -> dict[str, Any]:
        """Return the numbers of the update of ``coefs[layer][i, j]``, or ``intercepts[layer][j]``.

        They are ``rule``, ``gradient``, ``old``, ``new``, the constants (a bias has no weight
        decay), and each slot before and after: ``velocity_old``, ``velocity_new``, ``m_old`` and so
        on.
        """

        def element(arrays: Layers) -> float:
            return float(arrays[1][layer][j] if i is None else arrays[0][layer][i, j])

        numbers: dict[str, Any] = {
            "rule": self.rule,
            "eta": self.eta,
            "gradient": element(self.gradient),
            "old": element(self.old),
            "new": element(self.new),
            **self.constants,
        }
        if i is None and rules.DECAY.key in numbers:  # biases don't decay
            numbers[rules.DECAY.key] = 0.0
        for name, (old, new) in self.slots.items():
            numbers |= {f"{name}_old": element(old), f"{name}_new": element(new)}
        return numbers


def update_of(net: Net, batch: Batch, dW: Sequence[Array], db: Sequence[Array]) -> Update | None:
    """Return the update that a step on `batch` makes, as `read_batch` returns it, all rows at once.

    The net and its model stay as they are. None for 'lbfgs', which has no rule for a single weight:
    it makes its step of the gradients of all weights, now and before.
    """
    if net.solver == "lbfgs":
        return None
    gradient = (tuple(dW), tuple(db))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about rows and settings that nobody chose
        if net.model is None:
            step = _step_by_hand(net, gradient)
        elif isinstance(net.model, BaseMLP):
            step = _step_of_ours(net.model, batch)
        else:
            step = _step_of_sklearn(net.model, batch)
    names = SLOTS[step.before["name"]]
    zeros = _copy([[np.zeros_like(p) for p in kind] for kind in step.old])
    slots = zip(step.before["slots"] or [zeros] * len(names), step.slots, strict=True)
    pairs = dict(zip(names, slots, strict=True))
    rule, dtype, constants = (
        step.before["name"],
        step.new[0][0].dtype,
        numbers_of_state(step.before),
    )
    return Update(rule, dtype, constants, step.old, step.new, gradient, pairs)


class _Step(NamedTuple):
    """Weights before and after a step; the optimizer's content before it, its slots after it."""

    old: Layers
    new: Layers
    before: dict[str, Any]
    slots: Sequence[Layers]


def _step_by_hand(net: Net, gradient: Layers) -> _Step:
    """Make the first step of the rule that a net by hand was given."""
    name = optimizer_name(net.solver, net.momentum, net.nesterovs_momentum)
    eta = net.learning_rate_init
    before = {"name": name, "eta": eta, "steps": 0, "slots": [], "settings": vars(net)}
    numbers = numbers_of_state(before)
    new = _copy((net.coefs, net.intercepts))
    constants = {v.key: numbers[v.key] for v in rules.update_of(name, net.weight_decay).constants}
    state = reference.init_state(*new, name, **constants)
    state.steps = 1
    for kind, p_of_layers in enumerate(new):  # weights, biases
        for l, p in enumerate(p_of_layers):
            slots = (slot[kind][l] for slot in state.slots)
            reference.update(p, gradient[kind][l], state, *slots)
    return _Step((net.coefs, net.intercepts), new, before, [_copy(slot) for slot in state.slots])


def _step_of_ours(model: BaseMLP, batch: Batch) -> _Step:
    """Train a copy of the state for one mini-batch, the arrays shared with the model."""
    with model._at_rest() as draft:
        before = _optimizer_state(draft)
        old = _copy((draft.coefs_, draft.intercepts_))
    held = draft.__dict__
    # names that arrays don't have, and its record, which is another's
    for name in ("feature_names_in_", *HISTORY, *OWN_HISTORY):
        held.pop(name, None)
    held.update(_one_quiet_step(draft, len(batch.X)))
    held["_optimizer"] = Optimizer.from_state(before, held)
    y = labels_of(draft, batch.Y)
    settings, data, state = draft._job(batch.X, y, batch.sample_weight, incremental=True)
    state, end = train(settings, data, state)
    if end.error is not None:
        raise end.error
    check_end(end, state, data.dtype)
    new = tuple(state.coefs), tuple(state.intercepts)
    return _Step(old, new, before, _optimizer_state(draft)["slots"])


def _step_of_sklearn(model: Any, batch: Batch) -> _Step:
    """Let a copy of a scikit-learn model make its next step, which writes into its arrays."""
    twin = copy.copy(model)
    for name in ("_skl_callbacks", "feature_names_in_"):
        twin.__dict__.pop(name, None)  # watchers of fits; names that arrays don't have
    twin = copy.deepcopy(twin)
    vars(twin).update(_one_quiet_step(twin, len(batch.X)))
    # the record of losses, which scikit-learn's other ways of fitting leave without
    for name, value in (("loss_curve_", []), ("best_loss_", math.inf)):
        if getattr(twin, name, None) is None:
            setattr(twin, name, value)
    vars(twin).setdefault("_no_improvement_count", 0)
    before = _optimizer_state(twin)
    old = _copy((twin.coefs_, twin.intercepts_))
    arguments = {} if batch.sample_weight is None else {"sample_weight": batch.sample_weight}
    twin.partial_fit(batch.X, labels_of(twin, batch.Y), **arguments)
    new = tuple(twin.coefs_), tuple(twin.intercepts_)
    return _Step(old, new, before, _optimizer_state(twin)["slots"])


def _one_quiet_step(model: Any, rows: int) -> dict[str, Any]:
    """Return the parameters by which partial_fit makes one step of one mini-batch.

    What it draws for the order of the rows is what the model would draw: a RandomState is copied as
    it stands, the global one too, which so is not moved.
    """
    random_state = model.random_state
    return {
        "batch_size": rows,
        "verbose": False,
        "early_stopping": False,  # for which partial_fit has no meaning
        "warm_start": False,  # which would want every class in the batch
        "random_state": copy.deepcopy(
            check_random_state(None) if random_state is None else random_state
        ),
    }


def _copy(arrays: Any) -> Layers:
    coefs, intercepts = arrays
    return tuple(np.array(p) for p in coefs), tuple(np.array(p) for p in intercepts)


def numbers_of_state(state: dict[str, Any]) -> dict[str, Any]:
    """Return the numbers of the rule of an optimizer, for the step after its `steps`."""
    name, settings = state["name"], state["settings"]
    eta = state.get("eta_now", state["eta"])
    return rules.numbers_of_rule(name, int(state["steps"]) + 1, settings.__getitem__, eta)


def _optimizer_state(model: Any) -> dict[str, Any]:
    """Return name, eta, steps, slots and settings of the optimizer that partial_fit goes on with.

    Without one, after 'lbfgs' for instance, it is the new one that partial_fit would make.
    """
    settings = {key: getattr(model, key) for key in SETTINGS if hasattr(model, key)}
    decay = getattr(model, "weight_decay", None)
    if hasattr(model, "_optimizer"):
        if isinstance(model, BaseMLP):
            state = model._optimizer_state
        else:
            state = sklearn_state(model._optimizer, len(model.coefs_))
        settings |= state["settings"]
    else:
        name = optimizer_name(model.solver, model.momentum, model.nesterovs_momentum)
        eta = model.learning_rate_init
        state = {"name": name, "eta": eta, "steps": 0, "slots": []}
    settings["weight_decay"] = decay_of(decay, state["name"])
    state = {**state, "settings": settings}
    return {**state, **_eta_now(model, state)} if isinstance(model, BaseMLP) else state


def _eta_now(model: BaseMLP, state: dict[str, Any]) -> dict[str, float]:
    """Return the step size of the next step as "eta_now", where the schedule has one for each."""
    step = StepSettings.of(vars(model))
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
