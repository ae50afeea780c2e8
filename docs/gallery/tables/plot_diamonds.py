"""
A table, and what the predictions depend on
===========================================

:class:`chainfit.TabularRegressor` takes a data frame as it is, with numbers, categories and missing
values. scikit-learn's inspection tools show what it has learned.
"""

# %%
# The prices of 4,000 diamonds, with six numeric and three categorical columns.
import matplotlib.pyplot as plt
import numpy as np
from plotnine.data import diamonds
from sklearn.inspection import PartialDependenceDisplay, permutation_importance
from sklearn.model_selection import train_test_split

from chainfit import LossCurveDisplay, TabularRegressor

rows = diamonds.sample(4000, random_state=0)
X, y = rows.drop(columns="price"), np.log10(rows["price"])
X_train, X_test, y_train, y_test = train_test_split(X, y, test_size=1000, random_state=0)
X_train.head()

# %%
# Three nets are trained, each validated on its own held-out rows. The display draws the mean over
# the nets, and a band from the smallest to the largest value.
model = TabularRegressor("fast", n_nets=3, max_iter=12, random_state=0).fit(X_train, y_train)
print(f"R² of the test rows: {model.score(X_test, y_test):.4f}")
LossCurveDisplay.from_estimator(model)
plt.show()

# %%
# Permutation importance: how much worse are the predictions if a column is shuffled?
found = permutation_importance(model, X_test, y_test, n_repeats=5, random_state=0)
order = found.importances_mean.argsort()
_, ax = plt.subplots(figsize=(6, 3.5), layout="constrained")
ax.boxplot(found.importances[order].T, orientation="horizontal", tick_labels=X.columns[order])
ax.set_xlabel("decrease in R² when the column is shuffled")
plt.show()

# %%
# Partial dependence: how does the predicted price change, on average, with one column?
_, axes = plt.subplots(1, 3, figsize=(8.5, 3.2), layout="constrained")
PartialDependenceDisplay.from_estimator(
    model,
    X_test[:300],
    ["carat", "color", "clarity"],
    categorical_features=["cut", "color", "clarity"],
    grid_resolution=20,
    ax=axes,
)
axes[0].set_ylabel("log10 of the price")
plt.show()
