"""
A custom loss
=============

A loss may be a Python function that returns the loss of each row and its derivative with respect to
the raw outputs. chainfit checks the derivative against finite differences before it trains.
"""

# %%
# The Cauchy loss, ln(1 + r²) / 2, is robust to outliers: its derivative goes back to 0 for large
# residuals r.
import textwrap

import matplotlib.pyplot as plt
import numpy as np

from chainfit import MLPRegressor


def cauchy(y_true, raw):
    residual = raw - y_true
    return np.log1p(residual**2).sum(axis=1) / 2, residual / (1 + residual**2)


rng = np.random.RandomState(0)
x = np.sort(rng.uniform(-2, 2, 300))
y = np.tanh(2 * x) + 0.1 * rng.randn(300)
y[rng.permutation(300)[:45]] += 4  # 15 % outliers, all on the same side

# %%
# The squared error is pulled towards the outliers, the Huber loss less so, and the Cauchy loss
# hardly at all.
grid = np.linspace(-2, 2, 200)
_, ax = plt.subplots(figsize=(7, 4), layout="constrained")
ax.scatter(x, y, s=8, color="0.6")
ax.plot(grid, np.tanh(2 * grid), "k:", label="without noise")
for name, loss in {"squared_error": "squared_error", "huber": "huber", "cauchy": cauchy}.items():
    model = MLPRegressor(loss, (30,), "tanh", learning_rate_init=0.02, max_iter=400, random_state=0)
    model.fit(x[:, np.newaxis], y)
    ax.plot(grid, model.predict(grid[:, np.newaxis]), label=name)
ax.set(xlabel="x", ylabel="y")
ax.legend()
plt.show()


# %%
# A wrong derivative raises an error before the first step, which says where it is off.
def wrong(y_true, raw):
    loss, slope = cauchy(y_true, raw)
    return loss, 2 * slope


try:
    MLPRegressor(wrong).fit(x[:, np.newaxis], y)
except ValueError as error:
    print(*textwrap.wrap(str(error), 90), sep="\n")
