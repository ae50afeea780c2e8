"""
Loss curves and early stopping
==============================

A net that is trained for too long overfits: it memorises the training rows, noise included.
:class:`chainfit.LossCurveDisplay` shows where that begins, and ``early_stopping`` stops there.
"""

# %%
# A classification task in which some of the labels are wrong. After each epoch the model is
# evaluated on ``X_val`` and ``y_val``.
import matplotlib.pyplot as plt
from sklearn.datasets import make_classification
from sklearn.metrics import log_loss
from sklearn.model_selection import train_test_split

from chainfit import LossCurveDisplay, MLPClassifier

X, y = make_classification(1500, 20, n_informative=8, flip_y=0.1, random_state=0)
X_train, X_test, y_train, y_test = train_test_split(X, y, train_size=0.5, random_state=0)
X_val, X_test, y_val, y_test = train_test_split(X_test, y_test, train_size=0.5, random_state=0)

settings = {"hidden_layer_sizes": (100,), "random_state": 0, "learning_rate_init": 0.003}
long = MLPClassifier(**settings, max_iter=400).fit(X_train, y_train, X_val=X_val, y_val=y_val)
display = LossCurveDisplay.from_estimator(long)
loss = log_loss(y_test, long.predict_proba(X_test))
display.ax_.set_title(f"test rows: loss {loss:.3f}, accuracy {long.score(X_test, y_test):.3f}")
plt.show()

# %%
# With ``early_stopping`` training ends after ``n_iter_no_change`` epochs without a better score,
# here the loss, and the model keeps the weights of the best epoch.
early = MLPClassifier(**settings, early_stopping=True, scoring="loss")
early.fit(X_train, y_train, X_val=X_val, y_val=y_val)
display = LossCurveDisplay.from_estimator(early)
loss = log_loss(y_test, early.predict_proba(X_test))
display.ax_.set_title(f"test rows: loss {loss:.3f}, accuracy {early.score(X_test, y_test):.3f}")
plt.show()

# %%
# ``verbose="progress"`` shows a live bar while a model is trained, in a terminal or a notebook:
#
# .. code-block:: text
#
#     62%|████████▋     | 124/200 [00:01<00:00, 84.3 epochs/s, loss=0.1723, 63.2k rows/s]
