"""The tables that the models of 0.1.0 in `files` and `pickles` were trained on, and predict."""

import numpy as np
import pandas as pd


def rows(n, seed):
    """Make a table of mixed columns with gaps; 80 rows of seed 0 are the training rows."""
    draw = np.random.RandomState(seed)
    frame = pd.DataFrame(
        {
            "size": draw.rand(n).round(3),
            "count": draw.randint(0, 9, n),
            "code": np.where(draw.rand(n) < 0.5, "007", "7.5"),
            "colour": draw.choice(["red", "green", "blue", "None"], n, p=[0.4, 0.3, 0.2, 0.1]),
            "garden": draw.rand(n) < 0.5,
            "day": pd.date_range("2024-01-01", periods=n).strftime("%Y-%m-%d"),
            "ship": "Titanic",
            "id": [f"row {i}" for i in range(n)],
        }
    )
    frame.loc[::7, "size"] = np.nan
    frame.loc[::9, "colour"] = None
    frame["garden"] = frame["garden"].astype(object)
    frame.loc[::11, "garden"] = None
    frame["price"] = frame["size"].fillna(0.5) * 100 + frame["count"] + 10
    frame["grade"] = np.where(frame["price"] > 60, 8, 3)
    return frame


#: Cells that training had not.
ODD = pd.DataFrame(
    {
        "size": ["0.25", "?", None, "1e9", "inf"],
        "count": [1, 2, 3, 4, 5],
        "code": ["7", "x", "7.50", "007", "7.5"],
        "colour": ["red", "violet", None, "None", "blue"],
        "garden": ["True", "0", None, "perhaps", "false"],
        "day": ["2024-03-01", "soon", None, "2024-01-05T12:00", "1999-12-31"],
    }
)
