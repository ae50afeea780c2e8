"""
The same model as scikit-learn's, in less time
==============================================

:class:`chainfit.MLPClassifier` has the parameters of scikit-learn's
:class:`~sklearn.neural_network.MLPClassifier`. With the same ``random_state`` it draws the same
weights and shuffles the rows in the same order, so both take the same steps and differ only by
rounding.
"""

# %%
# Both learn the handwritten digits with the same hidden layers, for 30 epochs on one thread. They
# have not converged by then, hence the ignored warning.
import time
import warnings

import matplotlib.pyplot as plt
import numpy as np
from sklearn import neural_network
from sklearn.datasets import load_digits
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import train_test_split
from threadpoolctl import threadpool_limits

import chainfit

warnings.filterwarnings("ignore", category=ConvergenceWarning)

X, y = load_digits(return_X_y=True)
X_train, X_test, y_train, y_test = train_test_split(X / 16, y, random_state=0)

models, seconds = {}, {}
for package in (neural_network, chainfit):
    model = package.MLPClassifier((100, 50), max_iter=30, random_state=0)
    start = time.perf_counter()
    with threadpool_limits(1):
        model.fit(X_train, y_train)
    name = package.__name__.partition(".")[0]
    models[name], seconds[name] = model, time.perf_counter() - start
    print(f"{name:9} accuracy {model.score(X_test, y_test):.4f}")

# %%
# The losses are indistinguishable, and the weights differ only in the last digits.
theirs, ours = models["sklearn"], models["chainfit"]
apart = max(np.abs(a - b).max() for a, b in zip(theirs.coefs_, ours.coefs_, strict=True))
print(f"largest difference of a weight: {apart:.1e}")

_, (left, right) = plt.subplots(1, 2, figsize=(8, 3.2), layout="constrained")
left.plot(theirs.loss_curve_, color="0.7", linewidth=6, label="scikit-learn")
left.plot(ours.loss_curve_, color="C0", label="chainfit")
left.set(xlabel="epoch", ylabel="training loss")
left.legend()
bars = right.barh(["scikit-learn", "chainfit"], [*seconds.values()], color=["0.7", "C0"])
right.bar_label(bars, fmt="{:.2f} s", padding=3)
right.set(xlabel="seconds for 30 epochs", xlim=(0, 1.25 * max(seconds.values())))
plt.show()
