"""
What each hidden unit does
==========================

A net with four hidden units separates two moons: each unit divides the plane along a line, and the
output combines the four.
"""

# %%
# A diagram of the net: positive weights are blue, negative ones red, and larger ones are wider.
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
# ``activations(X, layer=1)`` returns the output of each hidden unit. Each one changes from -1 to 1
# across a straight line, and the decision boundary is composed of pieces of these four lines.
x0, x1 = np.meshgrid(np.linspace(-1.7, 2.7, 150), np.linspace(-1.2, 1.7, 120))
hidden = model.activations(np.c_[x0.ravel(), x1.ravel()], layer=1)

_, axes = plt.subplots(2, 3, figsize=(7.5, 5), sharex=True, sharey=True, layout="constrained")
axes = axes.ravel()
for unit, ax in enumerate(axes[:4]):
    values = hidden[:, unit].reshape(x0.shape)
    ax.contourf(x0, x1, values, levels=np.linspace(-1, 1, 21), cmap="RdBu", alpha=0.6)
    ax.set_title(f"hidden unit {unit + 1}\noutput weight {model.coefs_[1][unit, 0]:.1f}")
DecisionBoundaryDisplay.from_estimator(
    model, X, response_method="predict_proba", cmap="RdBu", alpha=0.6, ax=axes[4], vmin=0, vmax=1
)
axes[4].set_title("predicted probability")
axes[5].axis("off")
for ax in axes[:5]:
    ax.scatter(*X.T, c=y, cmap="RdBu", s=6, edgecolors="k", linewidths=0.2)
    ax.set(xlabel="$x_1$", ylabel="$x_2$", xlim=(-1.7, 2.7), ylim=(-1.2, 1.7))
    ax.label_outer()
plt.show()
