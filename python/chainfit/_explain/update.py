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

from .. import reference
from .._estimators.base import BaseMLP
from .._estimators.endings import check_end
from .._estimators.optimizer import Optimizer
from .._estimators.rules import optimizer_name
from .._estimators.state import HISTORY, OWN_HISTORY
from .._estimators.training import train
from . import step_rules
from .batch import Batch, labels_of
from .formula import Array
from .net import Net
from .next_step import next_random_state, numbers_of_state, optimizer_state

Layers = tuple[tuple[Array, ...], tuple[Array, ...]]  # (as coefs, as intercepts)


@dataclass(frozen=True, eq=False, repr=False)
class Update:
    """Step of the solver on one mini-batch: all parameters before and after.

    Attributes
    ----------
    rule : str
        'sgd', 'momentum', 'nesterov', 'adam' and so on, as defined in `chainfit.reference`.
    dtype : dtype
        Data type of the step.
    constants : dict of str to float
        Numbers of the rule that are the same for all weights, which are attributes too: ``eta``,
        after the schedule; the name of the ``schedule`` and its parameters; ``mu``, ``beta1``;
        ``t``, the number of the step; ``eta_t``, Adam's step size with both bias corrections;
        ``norm`` of the gradient and ``clip``, the factor it was multiplied by.
    old, new, gradient : tuple of (coefs, intercepts)
        The parameters before and after, and the derivatives of J with respect to them, in float64
        and before clipping.
    slots : dict of str to tuple of (old, new)
        The state of the rule before and after, in the form of `old` and `new`: 'velocity', or 'm'
        and 'v'; and 'average', the weights of the model if they are an average.
    """

    rule: str
    dtype: np.dtype[Any]
    constants: dict[str, Any]
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
            settings = {step_rules.SETTINGS[key]: x for key, x in old.items() if key != "t"}
            state["constants"] = step_rules.numbers_of_rule(state["rule"], old["t"], settings)
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
        if i is None and step_rules.DECAY.key in numbers:  # biases don't decay
            numbers[step_rules.DECAY.key] = 0.0
        if step_rules.FACTOR.key in numbers:
            numbers[step_rules.CLIPPED.key] = numbers[step_rules.FACTOR.key] * numbers["gradient"]
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
    rule, dtype = step.before["name"], step.new[0][0].dtype
    constants = numbers_of_state(step.before, norm=_norm(net, gradient))
    memory = step_rules.rule_of({"rule": rule, **constants}).memory
    zeros = _copy([[np.zeros_like(p) for p in kind] for kind in step.old])
    before = step.before["slots"] or [zeros] * len(step.slots)
    slots = [*zip(before, step.slots, strict=True), *step.averages]
    pairs = dict(zip((v.key.removesuffix("_old") for v in memory), slots, strict=True))
    return Update(rule, dtype, constants, step.old, step.new, gradient, pairs)


def _norm(net: Net, gradient: Layers) -> float | None:
    """Return the norm of the whole gradient, where the step asks for it."""
    if getattr(net.model, "clip_norm", None) is None:
        return None
    return float(np.linalg.norm(np.concatenate([g.ravel() for kind in gradient for g in kind])))


class _Step(NamedTuple):
    """Weights before and after a step; the optimizer's content before it, its slots after it."""

    old: Layers
    new: Layers
    before: dict[str, Any]
    slots: Sequence[Layers]
    averages: Sequence[tuple[Layers, Layers]] = ()  # before and after, of weights if there is one


def settings_of(net: Net) -> dict[str, Any]:
    """Return the settings of a net by hand that its updates are made with."""
    return {k: x for k, x in vars(net).items() if x or k not in step_rules.OPTIONS}


def _step_by_hand(net: Net, gradient: Layers) -> _Step:
    """Make the first step of the rule that a net by hand was given."""
    name = optimizer_name(net.solver, net.momentum, net.nesterovs_momentum)
    eta = net.learning_rate_init
    before = {"name": name, "eta": eta, "steps": 0, "slots": [], "settings": settings_of(net)}
    numbers = numbers_of_state(before)
    new = _copy((net.coefs, net.intercepts))
    constants = {v.key: numbers[v.key] for v in step_rules.update_of(name, numbers).constants}
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
        before = optimizer_state(draft)
        published = _copy((draft.coefs_, draft.intercepts_))
        old = _copy(before.get("raw", published))
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
    after = optimizer_state(draft)
    if "raw" not in after:
        return _Step(old, new, before, after["slots"])
    return _Step(old, _copy(after["raw"]), before, after["slots"], [(published, new)])


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
    before = optimizer_state(twin)
    old = _copy((twin.coefs_, twin.intercepts_))
    arguments = {} if batch.sample_weight is None else {"sample_weight": batch.sample_weight}
    twin.partial_fit(batch.X, labels_of(twin, batch.Y), **arguments)
    new = tuple(twin.coefs_), tuple(twin.intercepts_)
    return _Step(old, new, before, optimizer_state(twin)["slots"])


def _one_quiet_step(model: Any, rows: int) -> dict[str, Any]:
    """Return the parameters by which partial_fit makes one step of one mini-batch.

    What it draws for the order of the rows is what the model would draw.
    """
    return {
        "batch_size": rows,
        "verbose": False,
        "early_stopping": False,  # for which partial_fit has no meaning
        "warm_start": False,  # which would want every class in the batch
        "random_state": next_random_state(model),
    }


def _copy(arrays: Any) -> Layers:
    coefs, intercepts = arrays
    return tuple(np.array(p) for p in coefs), tuple(np.array(p) for p in intercepts)
