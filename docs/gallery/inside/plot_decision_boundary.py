"""
What each hidden unit does
==========================

Two moons, and a net of four hidden units that tells them apart: each unit cuts the plane once, and
the output adds up what they say.
"""

# %%
# The net, drawn: blue weights are above 0, red ones below, and wide ones are large.
import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import make_moons
from sklearn.inspection import DecisionBoundaryDisplay

from chainfit import MLPClassifier, NetworkDisplay

X, y = make_moons(400, noise=0.15, random_state=0)
net = MLPClassifier((4,), "tanh", solver="lbfgs", alpha=0.01, max_iter=1000, random_state=1)
model = net.fit(X, y)
print(f"accuracy {model.score(X, y):.3f}")
NetworkDisplay.from_estimator(model)
plt.show()

# %%
# ``activations(X, layer=1)`` is what the hidden units make of each point. Where a unit changes from
# -1 to 1 runs a straight line; the boundary on the right is made of pieces of these four.
x0, x1 = np.meshgrid(np.linspace(-1.7, 2.7, 150), np.linspace(-1.2, 1.7, 120))
hidden = model.activations(np.c_[x0.ravel(), x1.ravel()], layer=1)

_, axes = plt.subplots(1, 5, figsize=(12, 2.7), sharex=True, sharey=True, layout="constrained")
for unit, ax in enumerate(axes[:4]):
    values = hidden[:, unit].reshape(x0.shape)
    ax.contourf(x0, x1, values, levels=np.linspace(-1, 1, 21), cmap="RdBu")
    ax.set_title(f"hidden unit {unit + 1}\nweight {model.coefs_[1][unit, 0]:.1f}")
DecisionBoundaryDisplay.from_estimator(
    model, X, response_method="predict_proba", cmap="RdBu", ax=axes[4], vmin=0, vmax=1
)
axes[4].set_title("probability")
for ax in axes:
    ax.scatter(*X.T, c=y, cmap="RdBu", s=6, edgecolors="k", linewidths=0.2)
    ax.set(xlabel="", ylabel="", xticks=[], yticks=[], xlim=(-1.7, 2.7), ylim=(-1.2, 1.7))
plt.show()
