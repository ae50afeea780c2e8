"""Update: what one step of the solver does to every weight, and the numbers of its rule.

For a model it is no formula worked out again: what trains the model makes the step, on a copy of
its state, so that the new weights are those of the next partial_fit, bit for bit.
"""

from __future__ import annotations

import copy
import math
import warnings
from collections.abc import Mapping, Sequence
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

# The estimators' words for the constants of the rules, where these have other names.
_WORDS = {"mu": "momentum", "beta1": "beta_1", "beta2": "beta_2", "eps": "epsilon"}


def _slots(rule: str) -> list[str]:
    """Name what a rule remembers of earlier steps, in the order of the core's slots."""
    return [variable.key.removesuffix("_old") for variable in rules.UPDATES[rule].memory]


@dataclass(frozen=True, eq=False, repr=False)
class Update:
    """One step of the solver on one mini-batch: every parameter before and after.

    Attributes
    ----------
    rule : {'sgd', 'momentum', 'nesterov', 'adam'}
        Or another one, as named, and defined, in `chainfit.reference`.
    dtype : dtype
        What the step computed in.
    eta : float
        Step size, as the schedule left it.
    mu, beta1, beta2, eps : float
        Constants of the rules that have them; those of other rules are in `others`, by name.
    t : int
        Number of Adam's step, from 1; 0 with other rules.
    old, new : tuple of (coefs, intercepts)
        The parameters, tuples of ndarray as those of the model.
    gradient : tuple of (dW, db)
        dJ/dcoefs, dJ/dintercepts, float64, of all rows in one mini-batch.
    slots : dict of str to tuple of (old, new)
        'velocity', or 'm' and 'v', each before and after as `old` and `new` are.
    """

    rule: str
    dtype: np.dtype[Any]
    eta: float
    mu: float
    beta1: float
    beta2: float
    eps: float
    t: int
    old: Layers
    new: Layers
    gradient: Layers
    slots: dict[str, tuple[Layers, Layers]]
    others: tuple[tuple[str, float], ...] = ()

    @property
    def eta_t(self) -> float:
        """Adam's step size with both of its bias corrections."""
        return self.eta * math.sqrt(1 - self.beta2**self.t) / (1 - self.beta1**self.t)

    def of(self, layer: int, i: int | None, j: int) -> dict[str, Any]:
        """Return the numbers of one parameter's update.

        Parameters
        ----------
        layer, i, j : int
            ``coefs[layer][i, j]``; i = None: ``intercepts[layer][j]``.

        Returns
        -------
        numbers : dict
            - ``rule`` (str), ``eta``, ``gradient``, ``old``, ``new``;
            - momentum and nesterov: ``mu``, ``velocity_old``, ``velocity_new``;
            - adam, adamw: ``beta1``, ``beta2``, ``eps``, ``t``, ``eta_t``, ``m_old``, ``m_new``,
              ``v_old``, ``v_new``;
            - adamw: ``weight_decay``, 0 for a bias.
        """

        def element(arrays: Layers) -> float:
            return float(arrays[1][layer][j] if i is None else arrays[0][layer][i, j])

        numbers: dict[str, Any] = {
            "rule": self.rule,
            "eta": self.eta,
            "gradient": element(self.gradient),
            "old": element(self.old),
            "new": element(self.new),
        }
        others, rule = dict(self.others), rules.UPDATES[self.rule]
        for constant in rule.constants:
            key = constant.key
            numbers[key] = others[key] if key in others else getattr(self, key)
            if i is None and constant == rules.DECAY:  # biases don't decay
                numbers[key] = 0.0
        if _corrects_bias(self.rule):
            numbers |= {"t": self.t, "eta_t": self.eta_t}
        for name, (old, new) in self.slots.items():
            numbers |= {f"{name}_old": element(old), f"{name}_new": element(new)}
        return numbers


def _corrects_bias(rule: str) -> bool:
    return any(variable == rules.ETA_T for variable, _ in rules.UPDATES[rule].lines)


def _constants(rule: str, words: Mapping[str, Any]) -> dict[str, Any]:
    """Return the constants of an Update, of parameters in the estimators' words."""
    known = {key: float(words[word]) for key, word in _WORDS.items()}
    keys = [v.key for v in rules.UPDATES[rule].constants if v.key not in ("eta", *known)]
    return {**known, "others": tuple((key, float(words[key])) for key in keys)}


def update_of(net: Net, batch: Batch, dW: Sequence[Array], db: Sequence[Array]) -> Update | None:
    """Return the update that a step on `batch` makes; the net and its model stay as they are.

    Parameters
    ----------
    net : Net
    batch : Batch
        As `read_batch` returns it; all rows are one mini-batch, whatever the model's batch_size.
    dW, db : sequences of ndarray, float64
        The gradient on it.

    Returns
    -------
    update : Update or None
        None for 'lbfgs', which has no rule for a single weight: it makes its step of the gradients
        of all weights, now and before.

    Raises
    ------
    ValueError
        If the step ends in weights that are not finite.
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
    constants = _constants(rule, vars(net))
    own = dict(constants["others"]) | {key: constants[key] for key in _WORDS}
    state = reference.init_state(*new, rule, eta=net.learning_rate_init, **own)
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
        eta=net.learning_rate_init,
        **constants,
        t=1 if _corrects_bias(rule) else 0,
        old=old,
        new=new,
        gradient=gradient,
        slots=dict(
            zip(_slots(rule), zip(before, map(_copy, state.slots), strict=True), strict=True)
        ),
    )


def _by_training(net: Net, batch: Batch, gradient: Layers) -> Update:
    """Make the next step of a model as training makes it, and leave the model alone."""
    step = _step_of_ours if isinstance(net.model, BaseMLP) else _step_of_sklearn
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about rows and settings that nobody chose
        old, new, state, after = step(net.model, batch)
    zeros = _copy([[np.zeros_like(p) for p in kind] for kind in old])
    rule, settings = state["name"], state["settings"]
    before = state["slots"] or [zeros] * len(_slots(rule))
    slots = zip(before, after["slots"], strict=True)
    return Update(
        rule=rule,
        dtype=new[0][0].dtype,
        eta=float(state["eta"]),
        **_constants(rule, settings),
        t=int(after["steps"]) if _corrects_bias(rule) else 0,
        old=old,
        new=new,
        gradient=gradient,
        slots=dict(zip(_slots(rule), slots, strict=True)),
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


def _optimizer_state(model: Any) -> dict[str, Any]:
    """Return name, eta, steps, slots and settings of the optimizer that partial_fit goes on with.

    Without one, after 'lbfgs' for instance, it is the new one that partial_fit would make.
    """
    # scikit-learn has fewer optimizers, and so fewer parameters
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
