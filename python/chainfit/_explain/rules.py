"""The rules of a step, one tree each: activations, losses and the solvers' updates.

The chain, the trace and the page write and compute with these. To add a rule: an entry here, beside
its line in `reference`; `formula.FUNCTIONS` has the functions that it may be made of.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from .. import reference
from .formula import (
    Apply,
    Case,
    Constant,
    Formula,
    Largest,
    Name,
    Partial,
    Quantity,
    Special,
    Sum,
    SumOver,
    Variable,
    indexed,
    substitute,
    total,
    variables_of,
)

ONE, ZERO = Constant(1), Constant(0)
PI = Quantity(Name("π", "pi", r"\pi"), math.pi)
HALF = Quantity(Name("½", "1/2", r"\tfrac{1}{2}"), 0.5)

# What rules are functions of: the sum z of a unit and what it gives, a; z_k runs over all units of
# the layer; the target y.
Z, Z_K, A, Y = (Variable(key, indexed(key[0], key[2:])) for key in ("z", "z_k", "a", "y"))


def _exp(f: Formula) -> Formula:
    return Apply("exp", f)


def _ln(f: Formula) -> Formula:
    return Apply("ln", f)


# --- activations ---------------------------------------------------------------------------------


@dataclass(frozen=True)
class Activation:
    """An activation a = f(z); `value` is f, of `Z` and, if it looks at its whole layer, `Z_K`."""

    value: Formula
    slope: Formula | None  # f'(z), of `A` or `Z` or both; None: a matrix, as the softmax's
    stable: Formula | None = None  # f as it is computed, where `value` would overflow
    steepest: float | None = None  # the largest slope of those that flatten out
    cuts: bool = False  # whether it is exactly 0 there, as relu's

    def __call__(self, z: Formula, z_k: Formula = Z_K) -> Formula:
        return substitute(self.value, {Z: z, Z_K: z_k})

    def derivative(self, z: Formula, a: Formula) -> Formula:
        return substitute(self.slope, {Z: z, A: a})


_SHIFTED, _SHIFTED_K = Z - Largest("k", Z_K), Z_K - Largest("k", Z_K)

_LOGISTIC = 1 / (1 + _exp(-Z))

# gelu: the normal distribution, and its density
_NORMAL = 0.5 * (1 + Apply("erf", Z / Apply("sqrt", Constant(2))))
_DENSITY = _exp(-(Z**2) / 2) / Apply("sqrt", 2 * PI)

_SOFTPLUS = Case(Z, Z, 0) + _ln(1 + _exp(-Apply("abs", Z)))
_ALPHA, _LAMBDA = (
    Quantity(Name("α", "alpha", r"\alpha"), reference.SELU_ALPHA),
    Quantity(Name("λ", "lambda", r"\lambda"), reference.SELU_SCALE),
)
_MISH = Apply("tanh", _SOFTPLUS)

ACTIVATIONS = {
    "identity": Activation(Z, ONE),
    "logistic": Activation(1 / (1 + _exp(-Z)), A * (1 - A), steepest=0.25),
    "tanh": Activation(Apply("tanh", Z), 1 - A**2, steepest=1.0),
    "relu": Activation(Case(Z, Z, 0), Case(Z, 1, 0), steepest=1.0, cuts=True),
    "leaky_relu": Activation(Case(Z, Z, reference.LEAK * Z), Case(Z, 1, reference.LEAK)),
    "gelu": Activation(Z * _NORMAL, _NORMAL + Z * _DENSITY),
    "silu": Activation(Z * _LOGISTIC, _LOGISTIC + A * (1 - _LOGISTIC)),
    "elu": Activation(Case(Z, Z, _exp(Z) - 1), Case(Z, 1, A + 1), steepest=1.0),
    "selu": Activation(
        Case(Z, _LAMBDA * Z, _LAMBDA * _ALPHA * (_exp(Z) - 1)),
        Case(Z, _LAMBDA, A + _LAMBDA * _ALPHA),
        steepest=reference.SELU_SCALE * reference.SELU_ALPHA,
    ),
    "softplus": Activation(_ln(1 + _exp(Z)), _LOGISTIC, stable=_SOFTPLUS, steepest=1.0),
    "mish": Activation(
        Z * Apply("tanh", _ln(1 + _exp(Z))),
        _MISH + Z * (1 - _MISH**2) * _LOGISTIC,
        stable=Z * _MISH,
    ),
    "exp": Activation(_exp(Z), A),
    "softmax": Activation(
        _exp(Z) / SumOver("k", _exp(Z_K)),
        None,
        stable=_exp(_SHIFTED) / SumOver("k", _exp(_SHIFTED_K)),
    ),
}

# A unit lets less than this part of the steepest slope through: it is saturated.
SATURATED = 0.01


def softmax_derivative(a_m: Formula, a_k: Formula, same: bool | None) -> Formula:
    """Return da_m/dz_k; in general, for whatever m and k, where `same` is None."""
    if same is None:
        return a_m * (Quantity(Name("1{i=k}", "1{i=k}", r"1_{\{i=k\}}"), math.nan) - a_k)
    return a_m * (1 - a_m) if same else -(a_m * a_k)


# --- losses --------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Loss:
    """A loss: of a row it is `scale` times the sum of a term for each output, of `Y` and `A`."""

    term: Formula
    scale: Constant | Quantity
    slope: Formula  # dloss/da of one output
    words: str
    # of one output of its canonical link, of `Y` and `Z`: what it is before probabilities are
    # clipped; None: they are not
    of_sum: Formula | None = None
    parameters: tuple[Variable, ...] = ()  # whose keys are attributes of the net

    def derivative(self, y: Formula, a: Formula) -> Formula:
        return substitute(self.slope, {Y: y, A: a})

    def of_row(self, index: str, y: Formula, a: Formula) -> Formula:
        """Return the loss in symbols, a sum over the outputs `index`; of one if it is ""."""
        term = self.term.general if isinstance(self.term, Special) else self.term
        body = substitute(term, {Y: y, A: a})
        return self._scaled(SumOver(index, body) if index else body)

    def of_outputs(self, outputs: Sequence[tuple[Formula, Formula, Formula]]) -> Formula:
        """Return the loss as a sum over its outputs (y, a, 1 - a), without zeros."""
        terms: list[Formula] = []
        for y, a, rest in outputs:
            term = substitute(self.term, {1 - A: rest, Y: y, A: a})
            # a minus goes to each part of a sum; another scale stands before it
            split = isinstance(term, Sum) and self.scale.value == -1
            parts = term.terms if split else (term,)
            terms += [self._scaled(part) for part in parts if part != ZERO]
        return total(terms or [ZERO])

    def _scaled(self, f: Formula) -> Formula:
        if self.scale.value == -1:
            return -f
        return f if self.scale == ONE else self.scale * f


_SIZE, _BEND = Apply("abs", A - Y), Variable("huber_delta", Name("δ", "delta", r"\delta"))
_LEVEL = Variable("quantile", Name("q", "q", "q"))

LOSSES = {
    "squared_error": Loss(
        (A - Y) ** 2, HALF, A - Y, words="squared error, half the sum over the outputs"
    ),
    "binary_log_loss": Loss(
        Special(Y, ((0, (1 - Y) * _ln(1 - A)), (1, Y * _ln(A))), Y * _ln(A) + (1 - Y) * _ln(1 - A)),
        Constant(-1),
        Special(Y, ((0, 1 / (1 - A)), (1, -1 / A)), (A - Y) / (A * (1 - A))),
        words="log loss of 0/1 targets",
        of_sum=Case(Z, Z, 0) + _ln(1 + _exp(-Apply("abs", Z))) - Y * Z,
    ),
    "log_loss": Loss(
        Special(Y, ((0, ZERO),), Y * _ln(A)),
        Constant(-1),
        Special(Y, ((0, ZERO),), -Y / A),
        words="log loss",
        of_sum=Y * (_ln(SumOver("k", _exp(_SHIFTED_K))) - _SHIFTED),
    ),
    "poisson": Loss(
        Special(Y, ((0, A),), Sum((Y * _ln(Y / A), -Y, A))),
        ONE,
        Special(Y, ((0, ONE),), (A - Y) / A),
        words="half the Poisson deviance",
    ),
    "huber": Loss(
        Case(_BEND - _SIZE, (A - Y) ** 2 / 2, _BEND * (_SIZE - _BEND / 2)),
        ONE,
        Case(_BEND - _SIZE, A - Y, Case(A - Y, _BEND, -_BEND)),
        words="Huber's loss",
        parameters=(_BEND,),
    ),
    "absolute_error": Loss(
        _SIZE, ONE, Case(A - Y, 1, Case(Y - A, -1, 0)), words="the absolute error"
    ),
    "quantile": Loss(
        Case(Y - A, _LEVEL * (Y - A), (1 - _LEVEL) * (A - Y)),
        ONE,
        Case(Y - A, -_LEVEL, Case(A - Y, 1 - _LEVEL, 0)),
        words="the pinball loss",
        parameters=(_LEVEL,),
    ),
    "log_cosh": Loss(
        _SIZE + _ln(1 + _exp(-2 * _SIZE)) - _ln(Constant(2)),
        ONE,
        Apply("tanh", A - Y),
        words="the logarithm of the hyperbolic cosine",
    ),
    "gamma": Loss(
        Y / A - _ln(Y / A) - 1,
        ONE,
        (1 - Y / A) / A,
        words="half the gamma deviance",
    ),
}


def loss_of(net: Any) -> Loss:
    """Return the loss of a net, with the net's numbers in the place of its parameters."""
    loss = LOSSES[net.loss]
    values = {p: Quantity(p.name, float(getattr(net, p.key))) for p in loss.parameters}
    return Loss(*(substitute(part, values) for part in vars(loss).values())) if values else loss


# --- updates -------------------------------------------------------------------------------------


def old_new(base: Name) -> tuple[Name, Name]:
    """Name a quantity before and after the step."""
    return (
        Name(f"{base.unicode} old", f"{base.ascii} old", rf"{{{base.latex}}}_{{\text{{old}}}}"),
        Name(f"{base.unicode} new", f"{base.ascii} new", rf"{{{base.latex}}}_{{\text{{new}}}}"),
    )


def _before_after(letter: str, key: str) -> tuple[Variable, Variable]:
    old, new = old_new(indexed(letter))
    return Variable(f"{key}old", old), Variable(f"{key}new", new)


# Keys are those of `Update.of`.
ETA, MU = Variable("eta", indexed("η")), Variable("mu", indexed("μ"))
BETA1 = Variable("beta1", Name("β₁", "beta1", r"\beta_1"))
BETA2 = Variable("beta2", Name("β₂", "beta2", r"\beta_2"))
RHO = Variable("rho", Name("ρ", "rho", r"\rho"))
DECAY = Variable("weight_decay", Name("λ", "lambda", r"\lambda"))
EPS = Variable("eps", Name("ε", "eps", r"\varepsilon"))
T, ETA_T = Variable("t", indexed("t")), Variable("eta_t", indexed("η", "t"))
G = Variable("gradient", Name("∂J/∂w", "dJ/dw", r"\partial J/\partial w"))
OLD, NEW = _before_after("w", "")
VELOCITY_OLD, VELOCITY = _before_after("v", "velocity_")
M_OLD, M = _before_after("m", "m_")
V_OLD, V = _before_after("v", "v_")


@dataclass(frozen=True)
class UpdateRule:
    words: str
    lines: tuple[tuple[Variable, Formula], ...]  # assignments in their order, the last to `NEW`
    constants: tuple[Variable, ...]
    memory: tuple[Variable, ...] = ()  # what it remembers of the weight: its slots in their order


Last = Callable[[Formula], Formula]  # what the step makes of the weight


def _update(
    words: str,
    lines: tuple[tuple[Variable, Formula], ...],
    last: Last,
    constants: tuple[Variable, ...],
    memory: tuple[Variable, ...] = (),
) -> tuple[UpdateRule, UpdateRule]:
    """Return a rule, and the same with weights that lose eta times weight_decay of themselves."""
    decayed = last(OLD - ETA * DECAY * OLD)
    return (
        UpdateRule(words, (*lines, (NEW, last(OLD))), constants, memory),
        UpdateRule(
            f"{words}, with weight decay", (*lines, (NEW, decayed)), (*constants, DECAY), memory
        ),
    )


_VELOCITY = ((VELOCITY, MU * VELOCITY_OLD - ETA * G),)
_MOMENTS = (
    (M, BETA1 * M_OLD + (1 - BETA1) * G),
    (V, BETA2 * V_OLD + (1 - BETA2) * G**2),
    (ETA_T, ETA * Apply("sqrt", 1 - BETA2**T) / (1 - BETA1**T)),
)
_ADAM = (
    _MOMENTS,
    lambda w: w - ETA_T * M / (Apply("sqrt", V) + EPS),
    (ETA, BETA1, BETA2, EPS),
    (M_OLD, V_OLD),
)

_RULES: dict[str, tuple[UpdateRule, UpdateRule]] = {
    "sgd": _update("gradient descent", (), lambda w: w - ETA * G, (ETA,)),
    "momentum": _update("momentum", _VELOCITY, lambda w: w + VELOCITY, (ETA, MU), (VELOCITY_OLD,)),
    "nesterov": _update(
        "Nesterov's momentum",
        _VELOCITY,
        lambda w: w + MU * VELOCITY - ETA * G,
        (ETA, MU),
        (VELOCITY_OLD,),
    ),
    "adam": _update("Adam", *_ADAM),
    "adamw": (_update("Adam", *_ADAM)[1],) * 2,
    "rmsprop": _update(
        "RMSProp",
        ((V, RHO * V_OLD + (1 - RHO) * G**2),),
        lambda w: w - ETA * G / (Apply("sqrt", V) + EPS),
        (ETA, RHO, EPS),
        (V_OLD,),
    ),
}

#: Update rules by name, adamw's with the decay that it always has.
UPDATES = {name: plain for name, (plain, _) in _RULES.items()}


def update_of(name: str, decay: float) -> UpdateRule:
    """Return the rule of a step whose weights decay, or not."""
    return _RULES[name][decay != 0]


#: What the constants are called as settings of a net or an estimator, where it is something else.
SETTINGS = {"eta": "learning_rate_init", "mu": "momentum", "eps": "epsilon"}
SETTINGS |= {f"beta{k}": f"beta_{k}" for k in (1, 2)}


def numbers_of_rule(
    rule: str, t: int, setting: Callable[[str], Any], eta: float | None = None
) -> dict[str, Any]:
    """Return the numbers of step t = 1, 2, ... that are the same for every weight, by key.

    `setting` returns a setting by its name; `eta` is the step size if a schedule has changed it.
    """
    update = update_of(rule, setting(DECAY.key))
    found = {v.key: float(setting(SETTINGS.get(v.key, v.key))) for v in update.constants}
    found |= {} if eta is None else {"eta": float(eta)}
    for variable, tree in update.lines:
        needed = variables_of(tree)
        found |= {"t": t} if T in needed else {}
        if all(v.key in found for v in needed):  # as the step size with its corrections
            known = {v: Quantity(v.name, found[v.key]) for v in needed}
            found[variable.key] = float(substitute(tree, known).value)
    return found


def rule_of(numbers: Mapping[str, Any]) -> UpdateRule:
    """Return the rule of an update; `numbers` are those of `Update.of`."""
    return _RULES[numbers["rule"]][DECAY.key in numbers]


class Assignment(NamedTuple):
    """One line of an update: a new quantity, the rule that it comes from, and its number."""

    name: Name
    rule: Formula
    value: float


def update_rule(numbers: Mapping[str, Any], J: Name, weight: Name) -> list[Assignment]:
    """Return the lines of a weight's update; `numbers` are those of `Update.of`."""
    update = rule_of(numbers)
    old, new = old_new(weight)
    variables = (*update.constants, *update.memory, *(v for v, _ in update.lines))
    values: dict[Formula, Any] = {v: Quantity(v.name, numbers[v.key]) for v in variables}
    values[G] = Partial(J, weight, numbers["gradient"])
    values[OLD] = Quantity(old, numbers["old"])
    values[T] = Quantity(T.name, int(numbers.get("t", 0)))
    return [
        Assignment(new if v == NEW else v.name, substitute(rule, values), numbers[v.key])
        for v, rule in update.lines
    ]


def of_update(numbers: Mapping[str, Any] | None, *kinds: str) -> list[Quantity]:
    """Return an update's 'constants', or the 'memory' of the weight before the step; or none."""
    rule = rule_of(numbers) if numbers else None
    variables = [v for kind in kinds for v in getattr(rule, kind, ())]
    return [Quantity(v.name, float((numbers or {})[v.key])) for v in variables]
