"""A method in its process: `python -m accuracy.worker METHOD THREADS`.

It speaks in lines of JSON: one that says whether it is there; then for each line that comes in,
{"table": ..., "seed": ...}, one with what was measured.
"""

from __future__ import annotations

import functools
import json
import os
import sys
import warnings
from typing import Any

import numpy as np
import pandas as pd

from .methods import Method, find_method
from .sources import NotInstalledError
from .tables import Data, Task, find_table, read_table
from .trial import measure, split

_WARM_UP: tuple[Task, ...] = ("classification", "regression")


def warm_up(method: Method, threads: int) -> None:
    """Fit a few rows of each kind: the imports and thread pools of a library are not timed."""
    rng = np.random.RandomState(0)
    letters = pd.Series(list("ab" * 50)).astype("category")
    X = pd.DataFrame({"x": rng.rand(100), "z": rng.rand(100), "c": letters})
    for task in _WARM_UP:
        y = (X["x"] > 0.5).astype(int) if task == "classification" else X["x"]
        measure(method, split(Data(X, y.to_numpy()), task, 0, threads))


@functools.lru_cache(maxsize=1)
def data_of(table: str) -> Data:
    """Read a table once for all its seeds."""
    return read_table(find_table(table))


def trial(method: Method, table: str, seed: int, threads: int) -> dict[str, Any]:
    """Return what was measured, with what is to be known of the table."""
    task, data = find_table(table).task, data_of(table)
    found = measure(method, split(data, task, seed, threads))
    about: dict[str, Any] = {"task": task, "rows": len(data.X), "features": data.X.shape[1]}
    if task == "classification":
        about["classes"] = int(data.y.max()) + 1
    return {"status": "ok", **about, **found}


def failure(error: Exception) -> dict[str, Any]:
    """Return why there is no figure."""
    if isinstance(error, NotInstalledError):
        return {"status": "not installed", "why": str(error)}
    return {"status": "failed", "why": f"{type(error).__name__}: {error}"[:500]}


def main(name: str, threads: int) -> None:
    """Serve until the standard input ends."""
    # what libraries print must not fall between the answers
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)

    def answer(values: dict[str, Any]) -> None:
        print(json.dumps(values), file=answers, flush=True)

    warnings.simplefilter("ignore")
    method = find_method(name)
    try:
        version = method.version()
        warm_up(method, threads)
    except Exception as error:  # a library may fail in its own ways
        return answer(failure(error))
    answer({"status": "ok", "version": version})
    for line in sys.stdin:
        job = json.loads(line)
        try:
            answer(trial(method, job["table"], job["seed"], threads))
        except Exception as error:
            answer(failure(error))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
