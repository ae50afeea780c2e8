"""Everything that writes a file for the user, and a folder with a model and a table."""

from __future__ import annotations

import os
import shutil
import tempfile
import warnings
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd

import chainfit
from chainfit._cli.main import main

X = np.random.RandomState(0).rand(40, 2)
FRAME = pd.DataFrame(X, columns=["a", "b"]).assign(y=X[:, 0] - X[:, 1])


def with_folder() -> Iterator[Path]:
    """Return a folder that every user can write to, with a model and a table, and go there."""
    before = os.getcwd()
    path = Path(tempfile.mkdtemp())
    path.chmod(0o777)
    os.chdir(path)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        FRAME.to_csv("table.csv", index=False)
        options = "--target y --model model --n-nets 1 --hidden 3 --max-iter 2".split()
        run("train", "table.csv", *options)
    yield path
    os.chdir(before)
    shutil.rmtree(path)


def run(*arguments: str) -> None:
    """Run the command line, with exceptions as they are."""
    os.environ["CHAINFIT_TRACEBACK"] = "1"
    try:
        assert main(list(arguments)) == 0
    finally:
        del os.environ["CHAINFIT_TRACEBACK"]


def explored(path=None):
    return chainfit.explore(chainfit.load("model"), FRAME, None, path)


#: Everything that writes a file for the user, as a function of its path.
WRITERS = {
    "model.save": lambda path: chainfit.load("model").save(path),
    "net.save": lambda path: chainfit.load("model").nets_[0].save(path),
    "explore": explored,
    "page.save": lambda path: explored().save(path),
    "predict --out": lambda path: run("predict", "model", "table.csv", "--out", path),
    "explain --html": lambda path: run(
        "explain", "model", "table.csv", "--weight", "w_11^(1)", "--html", path
    ),
    "explore --html": lambda path: run("explore", "model", "table.csv", "--html", path),
    "train --model": lambda path: run(
        *("train", "table.csv", "--target", "y", "--max-iter", "2", "--model", path)
    ),
}


def with_old(folder: Path) -> Iterator[Path]:
    """Return a file that may be replaced, a whole model."""
    path = folder / "old"
    shutil.copy("model", path)
    yield path
    path.unlink(missing_ok=True)
