"""The rules of J, one tree each: activations, losses and penalties.

The chain, the trace and the page write and compute with these, as with those of a step
(`step_rules`). To add a rule: an entry here, beside its line in `reference`; `formula.FUNCTIONS`
has the functions that it may be made of.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .. import reference
from .formula import (
    Apply,
    Case,
    Constant,
    Formula,
    Largest,
    Name,
    Quantity,
    Special,
    Sum,
    SumOver,
    Variable,
    code,
    indexed,
    substitute,
    total,
)

ONE, ZERO = Constant(1), Constant(0)
PI = Quantity(Name("π", "pi", r"\pi"), math.pi)
HALF = Quantity(Name("½", "1/2", r"\tfrac{1}{2}"), 0.5)

# What rules are functions of: the sum z of a unit and what it gives, a; z_k runs over all units of
# the layer; the target y.
Z, Z_K, A, Y = (Variable(key, indexed(key[0], key[2:])) for key in ("z", "z_k", "a", "y"))

# Of outputs that belong together (`outputs` has their numbers): whether one is a variance, and what
# the other output of its target gives; what the user's own loss returned.
IS_VARIANCE, PARTNER = (Variable(key, code(key)) for key in ("is_variance", "partner"))
GIVEN, GIVEN_SLOPE = Variable("given", code("loss(y, h)")), Variable("slope", code("slope(y, h)"))


def _of_kind(mean: Formula, variance: Formula) -> Formula:
    general = Case(IS_VARIANCE, variance, mean)
    return Special(IS_VARIANCE, ((0, mean), (1, variance)), general)


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
    "mean_variance": Activation(_of_kind(Z, _exp(Z)), _of_kind(ONE, A)),
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


Values = Mapping[Variable, Formula]


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
    jumps: bool = False  # whether the slope does, where a case of it changes

    def derivative(self, y: Formula, a: Formula) -> Formula:
        return substitute(self.slope, {Y: y, A: a})

    def of_row(self, index: str, y: Formula, a: Formula) -> Formula:
        """Return the loss in symbols, a sum over the outputs `index`; of one if it is ""."""
        term = self.term.general if isinstance(self.term, Special) else self.term
        body = substitute(term, {Y: y, A: a})
        return self._scaled(SumOver(index, body) if index and self.term != GIVEN else body)

    def of_outputs(self, outputs: Sequence[tuple[Formula, Formula, Formula, Values]]) -> Formula:
        """Return the loss as a sum over its outputs (y, a, 1 - a, others), without zeros."""
        terms: list[Formula] = []
        for y, a, rest, others in outputs[:1] if self.term == GIVEN else outputs:
            term = substitute(self.term, {1 - A: rest, Y: y, A: a, **others})
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
LEVEL = Variable("quantile", Name("q", "q", "q"))

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
        _SIZE,
        ONE,
        Case(A - Y, 1, Case(Y - A, -1, 0)),
        words="the absolute error",
        jumps=True,
    ),
    "quantile": Loss(
        Case(Y - A, LEVEL * (Y - A), (1 - LEVEL) * (A - Y)),
        ONE,
        Case(Y - A, -LEVEL, Case(A - Y, 1 - LEVEL, 0)),
        words="the pinball loss",
        parameters=(LEVEL,),
        jumps=True,
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
    "gaussian_nll": Loss(
        _of_kind((A - Y) ** 2 / PARTNER, _ln(A)),
        HALF,
        _of_kind((A - Y) / PARTNER, (1 / A - ((PARTNER - Y) / A) ** 2) / 2),
        words="minus the logarithm of a normal density, but for a constant",
    ),
    "given": Loss(GIVEN, ONE, GIVEN_SLOPE, words="your own function"),
}


def loss_of(net: Any) -> Loss:
    """Return the loss of a net, with the net's numbers in the place of its parameters.

    Those that each output has for itself stay.
    """
    loss = LOSSES[net.loss]
    numbers = {p: getattr(net, p.key) for p in loss.parameters}
    one = {p: x for p, x in numbers.items() if not isinstance(x, tuple)}
    values = {p: Quantity(p.name, float(x)) for p, x in one.items()}
    return Loss(*(substitute(part, values) for part in vars(loss).values())) if values else loss


# --- penalties -----------------------------------------------------------------------------------

W = Variable("w", indexed("w"))


@dataclass(frozen=True)
class Penalty:
    """A term of J: its strength over `divisor` and the rows' weight, times the sum of `term`.

    The sum is over all weights, biases excepted. Its key is the name of its strength.
    """

    words: str
    term: Formula  # of `W`
    slope: Formula  # of `W`, by which the strength over the rows' weight is multiplied
    divisor: int = 1

    def of_weight(self, w: Formula) -> Formula:
        return substitute(self.slope, {W: w})


PENALTIES = {
    "alpha": Penalty("L2 term", W**2, W, divisor=2),
    "l1": Penalty("L1 term", Apply("abs", W), Apply("sign", W)),
}


def penalties_of(net: Any) -> dict[str, Penalty]:
    """Return the penalties that a net's J has."""
    return {key: penalty for key, penalty in PENALTIES.items() if getattr(net, key)}
