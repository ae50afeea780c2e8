"""
Imbalanced classes
==================

If one row in twenty belongs to the class of interest, a net that always predicts the other class is
right 95 % of the time. ``class_weight`` changes how much each class counts.
"""

# %%
# Two overlapping classes, one of them rare.
import matplotlib.pyplot as plt
import numpy as np
from sklearn.inspection import DecisionBoundaryDisplay
from sklearn.metrics import PrecisionRecallDisplay, balanced_accuracy_score, recall_score
from sklearn.model_selection import train_test_split

from chainfit import MLPClassifier

rng = np.random.RandomState(0)
X = np.concatenate([rng.randn(3800, 2), [1.5, 1.0] + 0.6 * rng.randn(200, 2)])
y = np.repeat([0, 1], [3800, 200])
X_train, X_test, y_train, y_test = train_test_split(X, y, stratify=y, random_state=0)

models = {}
for weight in (None, "balanced"):
    model = MLPClassifier((32,), class_weight=weight, max_iter=500, random_state=0)
    models[f"class_weight={weight!r}"] = model.fit(X_train, y_train)

# %%
# With 'balanced' both classes have the same total weight, and the boundary moves into the frequent
# one. The titles show the recall of the rare class.
figure, axes = plt.subplots(1, 2, figsize=(8, 3.8), layout="constrained")
for ax, (name, model) in zip(axes, models.items(), strict=True):
    DecisionBoundaryDisplay.from_estimator(
        model, X, response_method="predict_proba", cmap="RdBu_r", vmin=0, vmax=1, alpha=0.5, ax=ax
    )
    ax.scatter(*X_test.T, c=y_test, cmap="RdBu_r", s=8, edgecolors="k", linewidths=0.2)
    predicted = model.predict(X_test)
    found, both = recall_score(y_test, predicted), balanced_accuracy_score(y_test, predicted)
    title = f"{name}\nrecall {found:.0%}, balanced accuracy {both:.2f}"
    ax.set_title(title, fontsize="medium")
    ax.set(xlabel="$x_1$", ylabel="$x_2$")
plt.show()

# %%
# Both models rank the rows in much the same way, as their precision-recall curves show: the weights
# move the point on the curve at which ``predict`` operates, rather than the curve.
_, ax = plt.subplots(figsize=(5, 4), layout="constrained")
for name, model in models.items():
    PrecisionRecallDisplay.from_estimator(model, X_test, y_test, name=name, ax=ax)
plt.show()
