"""
The chain of one weight
=======================

Where does the derivative of the loss with respect to one particular weight come from?
:func:`chainfit.explain` writes it out, with the numbers of one row.
"""

# %%
# A net with two hidden layers predicts the progression of diabetes from three measurements.
import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_diabetes
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from chainfit import MLPRegressor, NetworkDisplay, explain

frame = load_diabetes(as_frame=True)
X, y = frame.data[["bmi", "bp", "s5"]], (frame.target - 150) / 77
net = MLPRegressor(
    hidden_layer_sizes=(3, 2),
    activation="tanh",
    solver="lbfgs",
    alpha=0.1,
    random_state=0,
    max_iter=2000,
)
model = make_pipeline(StandardScaler(), net).fit(X, y)
NetworkDisplay.from_estimator(model)
plt.show()

# %%
# The first row, and the weight from ``bmi`` to the first hidden unit. Two paths lead from there to
# the loss, one through each unit of the second hidden layer.
chain = explain(model, X[:1], y[:1], "w_11^(1)")
chain

# %%
# The numbers are checked before they are shown: the product of the chain, the gradient that
# training applies and a central difference must agree. The plot shows the same: the loss as a
# function of this weight, and the tangent whose slope is the value of the chain.
W, b = net.coefs_, net.intercepts_
row = StandardScaler().fit(X).transform(X)[:1]


def loss(weight):
    moved = [W[0].copy(), *W[1:]]
    moved[0][0, 0] = weight
    a = row
    for layer, (w, bias) in enumerate(zip(moved, b, strict=True)):
        z = a @ w + bias
        a = np.tanh(z) if layer < 2 else z
    penalty = net.alpha / 2 * sum((w**2).sum() for w in moved)
    return 0.5 * (a[0, 0] - y[0]) ** 2 + penalty


here = W[0][0, 0]
slope = chain.value
weights = np.linspace(here - 1, here + 1, 200)
_, ax = plt.subplots(figsize=(6, 4), layout="constrained")
ax.plot(weights, [*map(loss, weights)], label="J, the loss of this row")
ax.plot(weights, loss(here) + slope * (weights - here), "--", label=f"slope {slope:.4g}")
ax.plot(here, loss(here), "ko")
ax.set(xlabel="weight from bmi to the first hidden unit", ylabel="J", ylim=(0, None))
ax.legend()
plt.show()
