"""The local rules: activations, losses, and what each single step has as its derivative.

Each is a formula in the symbols of a notation. To add an activation or a loss: its lines here,
beside the one in `reference`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from .. import reference
from .formula import Apply, Case, Constant, Formula, Name, Quantity, Sum, SumOver, total

HALF = Quantity(Name("½", "1/2", r"\tfrac{1}{2}"), 0.5)


def _exp(f: Formula) -> Formula:
    return Apply("exp", f, 0.0)


def _ln(f: Formula) -> Formula:
    return Apply("ln", f, 0.0)


# f(z); softmax looks at all sums of the layer
ACTIVATIONS: dict[str, Callable[[Formula], Formula]] = {
    "identity": lambda z: z,
    "logistic": lambda z: Constant(1) / (Constant(1) + _exp(-z)),
    "tanh": lambda z: Apply("tanh", z, 0.0),
    "relu": lambda z: Case(z, z, 0),
    "leaky_relu": lambda z: Case(z, z, reference.LEAK * z),
    "exp": _exp,
}


def softmax(z_i: Formula, index: str, z_k: Formula) -> Formula:
    """Return exp(z_i) over the sum of all exp(z_k)."""
    return _exp(z_i) / SumOver(index, _exp(z_k), 0.0)


# f'(z) of z and a = f(z)
SLOPES: dict[str, Callable[[Formula, Formula], Formula]] = {
    "identity": lambda z, a: Constant(1),
    "logistic": lambda z, a: a * (1 - a),
    "tanh": lambda z, a: 1 - a**2,
    "relu": lambda z, a: Case(z, 1, 0),
    "leaky_relu": lambda z, a: Case(z, 1, reference.LEAK),
    "exp": lambda z, a: a,
}

# A unit lets less than this part of the steepest slope through: it is saturated.
SATURATED = 0.01
STEEPEST = {"logistic": 0.25, "tanh": 1.0}


def _log_loss(y: Formula, a: Formula) -> Formula:
    return -y / a if a.value else Constant(0)  # y is 0 there: the derivative is finite


def _binary_log_loss(y: Formula, a: Formula) -> Formula:
    if y.value == 0:
        return Constant(1) / (1 - a)
    return Constant(-1) / a if y.value == 1 else (a - y) / (a * (1 - a))


def _poisson(y: Formula, a: Formula) -> Formula:
    return (a - y) / a if y.value else Constant(1)


# dloss/da of the target y and the output a, which has a finite one
LOSS_DERIVATIVES: dict[str, Callable[[Formula, Formula], Formula]] = {
    "squared_error": lambda y, a: a - y,
    "log_loss": _log_loss,
    "binary_log_loss": _binary_log_loss,
    "poisson": _poisson,
}

LOSS_WORDS = {
    "squared_error": "squared error, half the sum over the outputs",
    "log_loss": "log loss",
    "binary_log_loss": "log loss of 0/1 targets",
    "poisson": "half the Poisson deviance",
}


def canonical_derivative(y: Formula, a: Formula) -> Formula:
    """Return dloss/dz where loss and output activation are made for each other."""
    return a - y


def softmax_derivative(a_m: Formula, a_k: Formula, same: bool) -> Formula:
    """Return da_m/dz_k."""
    return a_m * (1 - a_m) if same else -(a_m * a_k)


def loss_formula(loss: str, index: str, y: Formula, a: Formula) -> Formula:
    """Return the loss of a row in symbols, a sum over the outputs `index`; of one if it is ""."""
    body = {
        "squared_error": (a - y) ** 2,
        "binary_log_loss": y * _ln(a) + (1 - y) * _ln(1 - a),
        "log_loss": y * _ln(a),
        "poisson": y * _ln(y / a) - y + a,
    }[loss]
    if index:
        body = SumOver(index, body, 0.0)
    if loss == "squared_error":
        return HALF * body
    return body if loss == "poisson" else -body


def loss_of_outputs(loss: str, outputs: Sequence[tuple[Formula, Formula, Formula]]) -> Formula:
    """Return the loss of a row as a sum over its outputs (y, a, 1 - a), without zeros."""
    terms: list[Formula] = []
    for y, a, rest in outputs:
        if loss == "squared_error":
            terms.append(HALF * (a - y) ** 2)
        elif loss == "poisson" and y.value == 0:
            terms.append(a)
        elif loss == "poisson":
            terms.append(Sum((y * _ln(y / a), -y, a)))
        else:
            if y.value != 0:
                terms.append(-(y * _ln(a)))
            if loss == "binary_log_loss" and y.value != 1:
                terms.append(-((1 - y) * _ln(rest)))
    return total(terms or [Constant(0)])
