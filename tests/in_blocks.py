"""Rows, and the sources that give them in blocks."""

import numpy as np

from chainfit import data

rng = np.random.default_rng(0)
X = rng.standard_normal((500, 4))
y = X @ [1.0, -2.0, 0.5, 0.0]
weight = rng.uniform(0.5, 2, 500)
labels = np.array(["low", "middle", "high"])[np.digitize(y, [-1, 1])]
TARGETS = {
    "two": y > 0,
    "three": labels,
    "numbers": np.digitize(y, [-1, 1]) * 10,
    "multilabel": np.stack([y > 0, y > 1, X[:, 0] > 0], axis=1).astype(int),
    "several": np.stack([np.digitize(y, [-1, 1]), 3 + (X[:, 0] > 0)], axis=1),
    "objects": labels.astype(object),
}
SETTINGS = {"hidden_layer_sizes": (6,), "max_iter": 6, "random_state": 1, "batch_size": 32}


def bits(model):
    arrays = [*model.coefs_, *model.intercepts_, np.array(model.loss_curve_)]
    return [a.tobytes() for a in arrays]


def chunks(X, y, weight=None, sizes=(60, 1, 0, 130, 9)):
    """Cut rows into chunks of several sizes."""
    found, start, number = [], 0, 0
    while start < X.shape[0]:
        stop = start + sizes[number % len(sizes)]
        w = () if weight is None else (weight[start:stop],)
        found.append((X[start:stop], y[start:stop], *w))
        start, number = stop, number + 1
    return found


def kinds(X, y, weight=None, **settings):
    """The same rows as every kind of source."""
    listed = chunks(X, y, weight)
    return {
        "arrays": data.Arrays(X, y, weight, block_rows=70, **settings),
        "list": data.Chunks(listed, **settings),
        "function": data.Chunks(lambda: iter(listed), **settings),
    }
