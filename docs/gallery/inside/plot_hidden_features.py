"""
Hidden layers as features
=========================

What a net has learned is in its hidden layers. ``activations`` returns them: as a map to look at,
or as features for another model.
"""

# %%
# The layer in the middle of this net has two units, so everything that it knows of a digit passes
# through two numbers.
import warnings

import matplotlib.pyplot as plt
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import train_test_split
from sklearn.neighbors import KNeighborsClassifier

from chainfit import MLPClassifier

warnings.filterwarnings("ignore", category=ConvergenceWarning)  # 200 epochs are what it gets

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
# Images that it has not seen, on the map of these two units and on that of the first two principal
# components. A nearest neighbour finds its way on the one much better than on the other.
components = PCA(2).fit(X_train)
maps = {
    "two principal components": components.transform,
    "two hidden units": lambda rows: net.activations(rows, layer=2),
}
_, axes = plt.subplots(1, 2, figsize=(10, 4.2), layout="constrained")
for ax, (name, features) in zip(axes, maps.items(), strict=True):
    neighbours = KNeighborsClassifier(5).fit(features(X_train), y_train)
    score = neighbours.score(features(X_test), y_test)
    points = ax.scatter(*features(X_test).T, c=y_test, cmap="tab10", s=10)
    ax.set(title=f"{name}: nearest neighbours {score:.3f}", xticks=[], yticks=[])
figure = axes[0].figure
figure.legend(*points.legend_elements(), title="digit", loc="outside right center")
plt.show()
