"""What the tests of the command line share: a folder of their own, tables, trained models."""

import subprocess
import sys

import numpy as np
import pytest
from sklearn.datasets import load_diabetes, load_iris

from chainfit._cli.main import main


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """Run each test in a folder of its own."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture(name="table")
def _table():
    return table


def table(load, name, **settings):
    """Write one of scikit-learn's tables as CSV, classes by name."""
    bunch = load(as_frame=True)
    frame = bunch.frame.copy()
    if "target_names" in bunch:
        frame["target"] = np.asarray(bunch.target_names)[bunch.target]
    frame.to_csv(name, index=False, **settings)
    return frame


@pytest.fixture
def process():
    """Return a function that runs the command in a process of its own."""

    def run(*arguments):
        command = [sys.executable, "-m", "chainfit", *map(str, arguments)]
        return subprocess.run(command, capture_output=True, text=True)

    return run


@pytest.fixture(scope="session")
def trained(tmp_path_factory):
    """Models of iris (classes) and diabetes (numbers), as files."""
    folder = tmp_path_factory.mktemp("trained")
    table(load_iris, folder / "iris.csv")
    table(load_diabetes, folder / "d.csv")
    for name in ("iris", "d"):
        options = "--target target --max-iter 20 --n-nets 2 --hidden 16"
        arguments = ["train", folder / f"{name}.csv", *options.split()]
        assert main([*map(str, arguments), "--model", str(folder / name)]) == 0
    return folder
