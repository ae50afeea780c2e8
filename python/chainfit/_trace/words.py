"""What a story says of activations, losses and updates, and how it names its numbers.

The notation is the one of the tutorials: layer 1 is the input, w_ij^(l) leads from node j of layer
l to node i of layer l+1, z^(l) are the sums that enter layer l+1, h^(l+1) = f(z^(l)). In a Trace,
which counts from 0, these are z[l] and a[l].
"""

# ruff: noqa: E741 - l is the layer, here as in the formulas

from __future__ import annotations

# What is said of f and f', h being f(z), and of the losses.
RULES = {
    "identity": ("f(z) = z", "f'(z) = 1"),
    "logistic": ("f(z) = 1 / (1 + e^-z)", "f'(z) = h (1 - h)"),
    "tanh": ("f(z) = tanh z", "f'(z) = 1 - h^2"),
    "relu": ("f(z) = max(z, 0)", "f'(z) = 1 where z > 0, otherwise 0"),
    "leaky_relu": ("f(z) = max(z, 0.01 z)", "f'(z) = 1 where z > 0, otherwise 0.01"),
    "softmax": ("h_i = e^z_i / sum_k e^z_k", "dh_k/dz_i = h_k (1{i=k} - h_i)"),
    "exp": ("f(z) = e^z", "f'(z) = h"),
}
LOSS_RULES = {
    "squared_error": ("1/2 sum_k (h_k - y_k)^2", "h_k - y_k"),
    "binary_log_loss": (
        "-sum_k (y_k ln h_k + (1 - y_k) ln(1 - h_k))",
        "(h_k - y_k) / (h_k (1 - h_k))",
    ),
    "log_loss": ("-sum_k y_k ln h_k", "-y_k / h_k"),
    "poisson": ("sum_k (y_k ln(y_k / h_k) - y_k + h_k)", "1 - y_k / h_k"),
}
UPDATE_RULES = {
    "sgd": "w_new = w_old - eta dJ/dw",
    "momentum": "v_new = mu v_old - eta dJ/dw   (the velocity)\nw_new = w_old + v_new",
    "nesterov": (
        "v_new = mu v_old - eta dJ/dw   (the velocity)\nw_new = w_old + mu v_new - eta dJ/dw"
    ),
    "adam": (
        "m_new = beta1 m_old + (1 - beta1) dJ/dw\n"
        "v_new = beta2 v_old + (1 - beta2) (dJ/dw)^2\n"
        "w_new = w_old - eta_t m_new / (sqrt(v_new) + eps)\n"
        "eta_t = eta sqrt(1 - beta2^t) / (1 - beta1^t)"
    ),
}


def symbol(letter: str, *indices: int, layer: int) -> str:
    """Return ``w_12^(2)`` and the like; indices of two digits are set off by commas."""
    words = [str(index) for index in indices]
    return f"{letter}_{(',' if max(map(len, words)) > 1 else '').join(words)}^({layer})"


def z_(i: int, l: int) -> str:
    """Name z[l][i]."""
    return symbol("z", i + 1, layer=l)


def h_(i: int, l: int) -> str:
    """Name a[l][i]."""
    return symbol("h", i + 1, layer=l + 1)


def w_(j: int, i: int, l: int) -> str:
    """Name coefs[l][j, i]."""
    return symbol("w", i + 1, j + 1, layer=l + 1)


def b_(i: int, l: int) -> str:
    """Name intercepts[l][i]."""
    return symbol("b", i + 1, layer=l + 1)
