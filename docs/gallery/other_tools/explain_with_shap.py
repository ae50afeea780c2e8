"""
shap: Shapley values and gradients
==================================

shap's explainers only need a model's predictions, so they work with chainfit's models.
``integrated_gradients`` computes similar attributions from the gradients, in a fraction of the
time.
"""

# %%
# The progression of diabetes, predicted from ten measurements.
import matplotlib.pyplot as plt
import numpy as np
import shap
from sklearn.datasets import load_diabetes
from sklearn.preprocessing import StandardScaler

from chainfit import MLPRegressor

frame = load_diabetes(as_frame=True)
X = StandardScaler().fit_transform(frame.data)
y = (frame.target - frame.target.mean()) / frame.target.std()
model = MLPRegressor(
    hidden_layer_sizes=(32,), activation="tanh", early_stopping=True, max_iter=500, random_state=0
)
model.fit(X, y)

# %%
# Shapley values of 50 rows, with 50 rows as the background.
explainer = shap.Explainer(model.predict, shap.maskers.Independent(X, max_samples=50), seed=0)
values = explainer(X[:50], silent=True)
print(
    f"they add up: {np.allclose(values.base_values + values.values.sum(1), model.predict(X[:50]))}"
)

# %%
# Integrated gradients of the same rows, from a baseline of 0, which is the mean of each feature.
gradients = model.integrated_gradients(X[:50])
print(f"correlation of both: {np.corrcoef(values.values.ravel(), gradients.ravel())[0, 1]:.3f}")

_, ax = plt.subplots(figsize=(5, 4), layout="constrained")
for column, name in enumerate(frame.data):
    ax.scatter(values.values[:, column], gradients[:, column], s=8, label=name)
ax.axline((0, 0), slope=1, color="0.7", linewidth=1)
ax.set(xlabel="Shapley value", ylabel="integrated gradient")
ax.legend(fontsize="small", ncols=2)
plt.show()

# %%
# .. code-block:: text
#
#     they add up: True
#     correlation of both: 0.989
