"""
Prediction intervals from quantiles
===================================

A single prediction doesn't tell how uncertain it is. With ``loss="quantile"`` a net predicts
several quantiles at once, which never cross.
"""

# %%
# The prices of diamonds by their weight, on logarithmic scales. 90 % of the prices should lie
# between the outer two of the five quantiles, and half of them between the inner two.
import matplotlib.pyplot as plt
import numpy as np
from plotnine.data import diamonds
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from chainfit import MLPRegressor

rows = diamonds.sample(4000, random_state=0)
X = np.log10(rows[["carat"]].to_numpy())
y = np.log10(rows["price"].to_numpy())
X_train, X_test, y_train, y_test = train_test_split(X, y, random_state=0)

levels = (0.05, 0.25, 0.5, 0.75, 0.95)
net = MLPRegressor("quantile", (32, 32), "tanh", quantile=levels, max_iter=500, random_state=0)
model = make_pipeline(StandardScaler(), net).fit(X_train, y_train)

# %%
# ``predict`` returns a column for each level. On test rows, about the requested fraction lies below
# each quantile.
for level, quantile in zip(levels, model.predict(X_test).T, strict=True):
    print(f"below the {level:.2f} quantile: {np.mean(y_test < quantile):.3f} of the test rows")

carat = np.linspace(X.min(), X.max(), 200)[:, np.newaxis]
low, lower, middle, upper, high = 10 ** model.predict(carat).T
at = 10 ** carat[:, 0]
_, ax = plt.subplots(figsize=(7, 4.5), layout="constrained")
ax.scatter(10**X_test, 10**y_test, s=4, color="0.4", alpha=0.5, label="test rows")
ax.fill_between(at, low, high, alpha=0.2, color="C0", label="90 %")
ax.fill_between(at, lower, upper, alpha=0.4, color="C0", label="50 %")
ax.plot(at, middle, color="C1", label="median")
ax.set(xlabel="carat", ylabel="price in dollars", xscale="log", yscale="log")
ax.set_xticks([0.2, 0.5, 1, 2, 5], ["0.2", "0.5", "1", "2", "5"])
ax.set_xticks([], minor=True)
ax.legend()
plt.show()
