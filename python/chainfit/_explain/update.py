"""Update: what one step of the solver does to every weight, and the numbers of its rule.

For a model it is no formula worked out again: what trains the model makes the step, on a copy of
its state, so that the new weights are those of the next partial_fit, bit for bit.
"""

from __future__ import annotations

import copy
import functools
import math
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.utils import check_random_state

from .. import reference
from .._estimators.base import BaseMLP
from .._estimators.endings import check_end
from .._estimators.optimizer import Optimizer
from .._estimators.rules import SETTINGS, optimizer_name
from .._estimators.sklearn_convert import plain_state as sklearn_state
from .._estimators.state import HISTORY
from .._estimators.training import train
from . import rules
from .batch import Batch, labels_of
from .net import Net

Array = npt.NDArray[Any]
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
            words = {"momentum": "mu", "beta_1": "beta1", "beta_2": "beta2", "epsilon": "eps"}
            words["learning_rate_init"] = "eta"
            state["constants"] = rules.numbers_of_rule(
                state["rule"], old["t"], lambda setting: old[words[setting]]
            )
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
    if net.model is None:
        return _by_formula(net, gradient)
    return _by_training(net, batch, gradient)


def _by_formula(net: Net, gradient: Layers) -> Update:
    """Make the first step of the rule that a net by hand was given."""
    rule = optimizer_name(net.solver, net.momentum, net.nesterovs_momentum)
    old: Layers = (net.coefs, net.intercepts)
    new = _copy(old)
    constants = rules.numbers_of_rule(rule, 1, functools.partial(getattr, net))
    settings = {v.key: constants[v.key] for v in rules.UPDATES[rule].constants}
    state = reference.init_state(*new, rule, **settings)
    before = [_copy(slot) for slot in state.slots]
    state.steps = 1
    for kind in (0, 1):  # weights, biases
        slots_of_p = zip(*(slot[kind] for slot in state.slots), strict=True)
        slots = list(slots_of_p) or [()] * len(new[kind])
        for p, g, slots_p in zip(new[kind], gradient[kind], slots, strict=True):
            reference.UPDATES[rule][1](p, g, state, *slots_p)
    return Update(
        rule=rule,
        dtype=net.dtype,
        constants=constants,
        old=old,
        new=new,
        gradient=gradient,
        slots=dict(
            zip(SLOTS[rule], zip(before, map(_copy, state.slots), strict=True), strict=True)
        ),
    )


def _by_training(net: Net, batch: Batch, gradient: Layers) -> Update:
    step = _step_of_ours if isinstance(net.model, BaseMLP) else _step_of_sklearn
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about rows and settings that nobody chose
        old, new, state, after = step(net.model, batch)
    zeros = _copy([[np.zeros_like(p) for p in kind] for kind in old])
    rule = state["name"]
    before = state["slots"] or [zeros] * len(SLOTS[rule])
    slots = zip(before, after["slots"], strict=True)
    return Update(
        rule=rule,
        dtype=new[0][0].dtype,
        constants=numbers_of_state(state),
        old=old,
        new=new,
        gradient=gradient,
        slots=dict(zip(SLOTS[rule], slots, strict=True)),
    )


# Weights before and after a step, and the optimizer's content before and after it.
_Step = tuple[Layers, Layers, dict[str, Any], dict[str, Any]]


def _step_of_ours(model: BaseMLP, batch: Batch) -> _Step:
    """Train a copy of the state for one mini-batch, the arrays shared with the model."""
    with model._at_rest() as draft:
        before = _optimizer_state(draft)
        old = _copy((draft.coefs_, draft.intercepts_))
    held = draft.__dict__
    for name in ("feature_names_in_", *HISTORY):  # names that arrays don't have; its record
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
    return old, new, before, _optimizer_state(draft)


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
    return old, (tuple(twin.coefs_), tuple(twin.intercepts_)), before, _optimizer_state(twin)


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
    return rules.numbers_of_rule(name, int(state["steps"]) + 1, settings.__getitem__, state["eta"])


def _optimizer_state(model: Any) -> dict[str, Any]:
    """Return name, eta, steps, slots and settings of the optimizer that partial_fit goes on with.

    Without one, after 'lbfgs' for instance, it is the new one that partial_fit would make.
    """
    settings = {key: getattr(model, key) for key in SETTINGS if hasattr(model, key)}
    if hasattr(model, "_optimizer"):
        if isinstance(model, BaseMLP):
            state = model._optimizer_state
        else:
            state = sklearn_state(model._optimizer, len(model.coefs_))
        return {**state, "settings": {**settings, **state["settings"]}}
    name = optimizer_name(model.solver, model.momentum, model.nesterovs_momentum)
    eta = model.learning_rate_init
    return {"name": name, "eta": eta, "steps": 0, "slots": [], "settings": settings}
