"""
Regularisation on a small, noisy data set
=========================================

Sixty noisy points, and a net large enough to fit all of them. Penalties, dropout and weight decay
keep it from doing so, each in its own way.
"""

# %%
# The true function is a sine. ``max_iter`` is large, to show where training ends up.
import warnings

import matplotlib.pyplot as plt
import numpy as np
from sklearn.exceptions import ConvergenceWarning

from chainfit import MLPRegressor

warnings.filterwarnings("ignore", category=ConvergenceWarning)

rng = np.random.RandomState(0)
x = np.sort(rng.uniform(-3, 3, 60))
y = np.sin(2 * x) + 0.5 * rng.randn(60)
grid = np.linspace(-3, 3, 400)
truth = np.sin(2 * grid)

base = {
    "hidden_layer_sizes": (100, 100), "activation": "tanh", "learning_rate_init": 0.01,
    "batch_size": 20, "alpha": 0.0, "max_iter": 1000, "n_iter_no_change": 1000, "random_state": 0,
}  # fmt: skip
ways = {
    "no regularisation": {},
    "alpha=0.03": {"alpha": 0.03},
    "dropout=0.2": {"dropout": 0.2},
    "solver='adamw', weight_decay=0.3": {"solver": "adamw", "weight_decay": 0.3},
}
figure, axes = plt.subplots(
    2, 2, figsize=(7.5, 5.5), sharex=True, sharey=True, layout="constrained"
)
for ax, (name, parameters) in zip(axes.flat, ways.items(), strict=True):
    model = MLPRegressor(**{**base, **parameters}).fit(x[:, np.newaxis], y)
    curve = model.predict(grid[:, np.newaxis])
    error = np.sqrt(np.mean((curve - truth) ** 2))
    ax.scatter(x, y, s=12, color="0.5")
    ax.plot(grid, truth, "k:", linewidth=1)
    ax.plot(grid, curve)
    ax.set_title(f"{name}\nRMSE to the true function: {error:.2f}", fontsize="medium")
figure.supxlabel("x")
figure.supylabel("y")
plt.show()

# %%
# Gradient clipping is not regularisation, but it stabilises training at a high learning rate:
# ``clip_norm`` bounds the norm of the gradient, and so the length of a step of 'sgd'.
_, ax = plt.subplots(figsize=(6, 3.5), layout="constrained")
for clip_norm in (None, 0.5):
    model = MLPRegressor(
        hidden_layer_sizes=(100,),
        solver="sgd",
        learning_rate_init=0.2,
        max_iter=60,
        batch_size=10,
        n_iter_no_change=60,
        clip_norm=clip_norm,
        random_state=0,
    )
    model.fit(x[:, np.newaxis], y)
    ax.plot(model.history_["loss"], label=f"clip_norm={clip_norm}")
ax.set(xlabel="epoch", ylabel="training loss", yscale="log")
ax.legend()
plt.show()
