"""
A mean and a standard deviation for each row
============================================

With ``loss="gaussian_nll"`` a net predicts a normal distribution: it has two outputs for each
target, the mean and the variance.
"""

# %%
# A curve with noise that grows from left to right.
import matplotlib.pyplot as plt
import numpy as np

from chainfit import MLPRegressor

rng = np.random.RandomState(0)


def mean(x):
    return np.sin(3 * x)


def spread(x):
    return 0.05 + 0.2 * (x + 1.5) ** 2 / 9


x = rng.uniform(-1.5, 1.5, 1000)
y = mean(x) + spread(x) * rng.randn(1000)
model = MLPRegressor(
    "gaussian_nll",
    (50, 50),
    "tanh",
    learning_rate_init=0.005,
    max_iter=300,
    early_stopping=True,
    n_iter_no_change=30,
    random_state=0,
)
model = model.fit(x[:, np.newaxis], y)

# %%
# ``predict(X, return_std=True)`` also returns the standard deviation. The dotted lines are the true
# mean and standard deviation.
grid = np.linspace(-1.5, 1.5, 200)
predicted, std = model.predict(grid[:, np.newaxis], return_std=True)

_, (left, right) = plt.subplots(1, 2, figsize=(8, 3.6), layout="constrained")
left.scatter(x, y, s=4, color="0.5")
left.fill_between(
    grid, predicted - 2 * std, predicted + 2 * std, alpha=0.25, label="± 2 standard deviations"
)
left.plot(grid, predicted, label="mean")
left.plot(grid, mean(grid), "k:", label="true mean")
right.plot(grid, std, label="predicted")
right.plot(grid, spread(grid), "k:", label="true")
left.set(xlabel="x", ylabel="y")
right.set(xlabel="x", ylabel="standard deviation", ylim=(0, None))
left.legend()
right.legend()
plt.show()
