"""
Learning rates and schedules
============================

If the learning rate is too small, training is slow; if it is too large, it fails. A range test
finds the right order of magnitude, and a schedule lowers the rate as training goes on.
"""

# %%
# :func:`chainfit.find_learning_rate` trains a copy of the model while the learning rate grows,
# until the loss does too.
import warnings

import matplotlib.pyplot as plt
from sklearn.datasets import load_digits
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import train_test_split

from chainfit import MLPClassifier, find_learning_rate

X, y = load_digits(return_X_y=True)
X_train, X_test, y_train, y_test = train_test_split(X / 16, y, random_state=0)
epochs = 20
model = MLPClassifier(
    (64,), batch_size=16, max_iter=epochs, n_iter_no_change=epochs, tol=0.0, random_state=0
)
found = find_learning_rate(model, X_train, y_train)
found.plot()
plt.show()

# %%
# A learning rate of 0.03 is high for this net. Training is fast at first, but if the rate stays
# high the loss keeps jumping; schedules that lower it end at a far smaller loss. The legend shows
# the test error.
warnings.filterwarnings("ignore", category=ConvergenceWarning)  # 20 epochs are enough here

_, (left, right) = plt.subplots(1, 2, figsize=(8, 3.6), layout="constrained")
for schedule in ("constant", "step", "linear", "cosine", "one_cycle"):
    model.set_params(learning_rate=schedule, learning_rate_init=0.03)
    model.fit(X_train, y_train)
    history = model.history_
    count = range(1, epochs + 1)
    errors = 1 - model.score(X_test, y_test)
    left.plot(count, history["learning_rate"], label=schedule)
    right.plot(count, history["loss"], label=f"{schedule}, {100 * errors:.1f} %")
left.set(xlabel="epoch", ylabel="learning rate")
right.set(xlabel="epoch", ylabel="training loss", yscale="log")
left.legend()
right.legend()
plt.show()
