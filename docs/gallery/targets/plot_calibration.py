"""
Calibrated probabilities
========================

Of all rows that are given a probability of 80 %, is the class right in 80 %? scikit-learn's
:class:`~sklearn.calibration.CalibrationDisplay` shows it, and
:class:`~sklearn.calibration.CalibratedClassifierCV` mends what it shows.
"""

# %%
# A net that was trained for long on few rows is much too sure of itself. Calibration on other folds
# makes up for that, and so does early stopping.
import matplotlib.pyplot as plt
from sklearn.calibration import CalibratedClassifierCV, CalibrationDisplay
from sklearn.datasets import make_classification
from sklearn.metrics import log_loss
from sklearn.model_selection import train_test_split

from chainfit import MLPClassifier

X, y = make_classification(6000, 20, n_informative=6, flip_y=0.1, class_sep=0.7, random_state=0)
X_train, X_test, y_train, y_test = train_test_split(X, y, train_size=1000, random_state=0)

net = MLPClassifier((100,), learning_rate_init=0.005, max_iter=500, random_state=0)
models = {
    "trained for long": net,
    "the same, calibrated": CalibratedClassifierCV(net, cv=3),
    "stopped early": MLPClassifier(
        (100,), early_stopping=True, scoring="loss", random_state=0, max_iter=500
    ),
}
_, ax = plt.subplots(figsize=(6, 5), layout="constrained")
for name, model in models.items():
    model.fit(X_train, y_train)
    loss = log_loss(y_test, model.predict_proba(X_test))
    CalibrationDisplay.from_estimator(
        model, X_test, y_test, n_bins=12, name=f"{name}, log loss {loss:.2f}", ax=ax
    )
plt.show()
