"""
Several outputs at once
=======================

A net may have any number of targets. Here it sees the upper half of a digit and draws the
lower half: 32 outputs of one net, with hidden layers that all of them share.
"""

# %%
# The digits are 8 by 8 pixels.
import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

from chainfit import MLPClassifier, MLPRegressor

images, digit = load_digits(return_X_y=True)
images = images / 16
seen, hidden = images[:, :32], images[:, 32:]
parts = train_test_split(seen, hidden, digit, test_size=200, random_state=0)
X_train, X_test, y_train, y_test, digit_train, digit_test = parts

net = MLPRegressor(hidden_layer_sizes=(100, 100), early_stopping=True, max_iter=500, random_state=0)
net.fit(X_train, y_train)
drawn = net.predict(X_test).clip(0, 1)

figure, axes = plt.subplots(2, 10, figsize=(8, 2.2), layout="constrained")
for column, (upper, lower, guess) in enumerate(zip(X_test, y_test, drawn, strict=True)):
    if column == 10:
        break
    for ax, half in zip(axes[:, column], (lower, guess), strict=True):
        ax.imshow(np.append(upper, half).reshape(8, 8), cmap="gray_r", vmin=0, vmax=1)
        ax.axhline(3.5, color="C1")
        ax.set(xticks=[], yticks=[])
axes[0, 0].set_ylabel("true")
axes[1, 0].set_ylabel("predicted")
plt.show()

# %%
# Classification with several target columns works in the same way. One net predicts which digit it
# is and whether it is odd, each with a softmax of its own.
labels = np.c_[digit, digit % 2]
X_train, X_test, y_train, y_test = train_test_split(images, labels, random_state=0)
both = MLPClassifier((64,), max_iter=500, random_state=0).fit(X_train, y_train)
right = (both.predict(X_test) == y_test).mean(axis=0)
print(f"accuracy: digit {right[0]:.3f}, even or odd {right[1]:.3f}")
