"""
Hidden layers as features
=========================

What a net has learned is in the outputs of its hidden layers. ``activations`` returns them, to plot
or to use as features for another model.
"""

# %%
# The middle layer of this net has two units, so everything it learns about a digit has to pass
# through two numbers.
import warnings

import matplotlib.pyplot as plt
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import train_test_split
from sklearn.neighbors import KNeighborsClassifier

from chainfit import MLPClassifier

warnings.filterwarnings("ignore", category=ConvergenceWarning)  # 200 epochs are enough here

X, y = load_digits(return_X_y=True)
X_train, X_test, y_train, y_test = train_test_split(X / 16, y, random_state=0)
net = MLPClassifier(
    (100, 2, 50),
    ("relu", "tanh", "relu"),
    learning_rate="cosine",
    learning_rate_init=0.003,
    max_iter=200,
    n_iter_no_change=200,
    tol=0.0,
    random_state=0,
)
net.fit(X_train, y_train)
print(f"accuracy of the net: {net.score(X_test, y_test):.3f}")

# %%
# Test images, plotted by the outputs of these two units and by the first two principal components.
# A nearest-neighbours classifier does far better on the hidden units.
components = PCA(2).fit(X_train)
maps = {
    "two principal components": components.transform,
    "two hidden units": lambda rows: net.activations(rows, layer=2),
}
_, axes = plt.subplots(1, 2, figsize=(8, 3.8), layout="constrained")
for ax, (name, features) in zip(axes, maps.items(), strict=True):
    neighbours = KNeighborsClassifier(5).fit(features(X_train), y_train)
    score = neighbours.score(features(X_test), y_test)
    points = ax.scatter(*features(X_test).T, c=y_test, cmap="tab10", s=10)
    ax.set(title=f"{name}:\nnearest neighbours {score:.3f}", xticks=[], yticks=[])
figure = axes[0].figure
figure.legend(*points.legend_elements(), title="digit", loc="outside right center")
plt.show()
