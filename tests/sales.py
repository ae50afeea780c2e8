"""A table of mixed columns: sales, their prices and three kinds of them."""

import numpy as np
import pandas as pd


def table(rows=300, seed=0):
    draw = np.random.RandomState(seed)
    frame = pd.DataFrame(
        {
            "size": draw.lognormal(1, 0.5, rows),
            "age": draw.randint(0, 80, rows),
            "sold": pd.Timestamp("2020-01-01") + pd.to_timedelta(draw.randint(0, 900, rows), "D"),
            "kind": draw.choice(["house", "flat", "007"], rows),
            "new": draw.rand(rows) < 0.3,
        }
    )
    frame.loc[draw.rand(rows) < 0.1, "size"] = np.nan
    frame.loc[draw.rand(rows) < 0.1, "kind"] = None
    price = 50 * frame["size"].fillna(2) + 30 * (frame["kind"] == "house") + 20 * frame["new"]
    return frame, (price + draw.normal(0, 5, rows)).to_numpy()


def labels(y):
    return np.array(["low", "middle", "high"], dtype=object)[np.digitize(y, [130, 200])]


X, price = table()
kinds = labels(price)
X_new, price_new = table(150, seed=1)
small = {"max_iter": 6, "n_nets": 2, "hidden_layer_sizes": (16,), "random_state": 0}
