"""Presets: what a tabular estimator's parameters are where they are 'auto', by size and wish.

All figures come from benchmarks/accuracy. A further preset is one more entry of PRESETS.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

#: What every preset begins with. The learning rate goes up and down once over all epochs, so
#: training ends with the last of them, and the best epoch is kept.
COMMON: Mapping[str, Any] = {
    "n_nets": 4,
    "n_bins": 16,
    "hidden_layer_sizes": (128, 128, 128),
    "batch_size": 256,
    "learning_rate": "one_cycle",
    "learning_rate_init": 0.004,
    "max_iter": 32,
    "average": None,
    "average_decay": 0.99,
    "beta_2": 0.95,
    "label_smoothing": 0.1,
    "alpha": 0.0001,
    "n_iter_no_change": math.inf,
    "scoring": None,
}

PRESETS: Mapping[str, Mapping[str, Any]] = {
    # An average of the weights does for one net some of what other nets would do, at twice the rate
    # of learning. Where nets are averaged it gains nothing.
    "fast": {"n_nets": 1, "learning_rate_init": 0.008, "average": "ema"},
    "good": {},
    "best": {"n_nets": 8, "hidden_layer_sizes": (256, 256, 256)},
}

#: The parameters that are 'auto' by default.
DECIDED = frozenset(COMMON)

#: What is different for classifiers. The loss of the rows held out tells more epochs apart than how
#: many of them are right.
CLASSES: Mapping[str, Any] = {"scoring": "loss"}

#: What is different for regressors of fewer rows than this, which learn more from more steps.
MANY_ROWS = 20_000
NUMBERS: Mapping[str, Any] = {"batch_size": 64}

#: Tables of fewer rows are small: batches of 16 give them enough steps, and nets cost little.
SMALL_ROWS = 2000
SMALL: Mapping[str, Any] = {"batch_size": 16, "n_bins": 8}
SMALL_PRESETS: Mapping[str, Mapping[str, Any]] = {
    "fast": {},
    "good": {"n_nets": 8},
    "best": {"n_nets": 16},
}

#: What is different for the solver 'lbfgs', which makes no steps.
WITHOUT_STEPS: Mapping[str, Any] = {
    "learning_rate": "constant", "max_iter": 200, "average": None,
}  # fmt: skip

#: An average of the weights reaches back over 1 / (1 - average_decay) steps: over this share of a
#: fit's steps at most, or it would still be of weights with which training began.
REACH = 0.1

#: The most bins of all columns of numbers together: wider tables have fewer in each.
MOST_BINS = 4096


def decided(
    preset: str, rows: int, numbers: int, *, classes: bool, solver: str = "adam"
) -> dict[str, Any]:
    """Return the values of the parameters that are 'auto'.

    Parameters
    ----------
    preset : {'fast', 'good', 'best'}
    rows : int
        Training rows.
    numbers : int
        Columns of numbers.
    classes : bool
        Whether the target is classes.
    solver : str, default='adam'
    """
    values = {**COMMON, **PRESETS[preset]}
    if classes:
        values |= CLASSES
    elif rows < MANY_ROWS:
        values |= NUMBERS
    if rows < SMALL_ROWS:
        values |= {**SMALL, **SMALL_PRESETS[preset]}
    if solver == "lbfgs":
        values |= WITHOUT_STEPS
    values["n_bins"] = min(values["n_bins"], MOST_BINS // max(1, numbers))
    values["batch_size"] = max(1, min(values["batch_size"], rows))
    if values["average"] is not None:
        steps = values["max_iter"] * math.ceil(rows / values["batch_size"])
        values["average_decay"] = min(values["average_decay"], max(0.0, 1 - 1 / (REACH * steps)))
    return values
