"""
Vanishing gradients, and dead units
===================================

By the chain rule, each layer multiplies the gradient by the slope of its activation. The logistic
function's slope is at most 1/4, so with eight such layers hardly any gradient reaches the first
ones. The slope of relu is 0 or 1.
"""

# %%
# Nets with eight hidden layers, before the first training step.
# :class:`chainfit.GradientFlowDisplay` shows how large activations and gradients are, layer by
# layer, on a logarithmic scale.
import matplotlib.pyplot as plt
from sklearn.datasets import load_digits

from chainfit import GradientFlowDisplay, LossCurveDisplay, MLPClassifier

X, y = load_digits(return_X_y=True)
X = X / 16


def deep(activation, **parameters):
    return MLPClassifier((32,) * 8, activation=activation, random_state=0, **parameters)


nets = {
    "logistic": deep("logistic"),
    "relu": deep("relu"),
    "relu, init='he_normal'": deep("relu", init="he_normal"),
}
_, axes = plt.subplots(3, 1, figsize=(8, 11), layout="constrained")
for ax, (name, net) in zip(axes, nets.items(), strict=True):
    net.initialize(64, 10)
    GradientFlowDisplay.from_estimator(net, X[:300], y[:300], ax=ax)
    ax.set_title(name, loc="right")
plt.show()

# %%
# Training shows the effect: with the logistic function the loss hardly moves, and chainfit warns
# that nothing was learned.
import warnings

_, ax = plt.subplots(layout="constrained")
for name, net in nets.items():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        net.set_params(max_iter=30).fit(X, y)
    LossCurveDisplay.from_estimator(net, ax=ax, name=name)
plt.show()
