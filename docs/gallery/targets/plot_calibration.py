"""
Calibrated probabilities
========================

Of all rows with a predicted probability of 80 %, do 80 % belong to the class? scikit-learn's
:class:`~sklearn.calibration.CalibrationDisplay` shows whether they do, and
:class:`~sklearn.calibration.CalibratedClassifierCV` corrects the probabilities if they don't.
"""

# %%
# A net trained for many epochs on few rows is overconfident. Calibration by cross-validation
# corrects this, and early stopping avoids it.
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
    "many epochs": net,
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
