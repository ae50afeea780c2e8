"""The local rules: what each single step from a weight to the loss has as its derivative.

Each is a formula in the symbols of a notation. To add an activation or a loss: its line here,
beside the one in `reference`.
"""

from __future__ import annotations

from collections.abc import Callable

from .. import reference
from .._formulas.formula import Apply, Case, Constant, Formula, Name, Quantity, SumOver

HALF = Quantity(Name("½", "1/2", r"\tfrac{1}{2}"), 0.5)

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

    def ln(f: Formula) -> Formula:
        return Apply("ln", f, 0.0)

    body = {
        "squared_error": (a - y) ** 2,
        "binary_log_loss": y * ln(a) + (1 - y) * ln(1 - a),
        "log_loss": y * ln(a),
        "poisson": y * ln(y / a) - y + a,
    }[loss]
    if index:
        body = SumOver(index, body, 0.0)
    if loss == "squared_error":
        return HALF * body
    return body if loss == "poisson" else -body
