"""How long training waited for the rows of a source, told where that bounds it."""

import time
import warnings

import numpy as np
import pytest
from in_blocks import SETTINGS, X, kinds, y
from sklearn.exceptions import EfficiencyWarning

from chainfit import MLPRegressor, TabularRegressor, data
from chainfit._estimators import reading, windows

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


class Waiting(data.Source):
    """Blocks that take their time once training has begun."""

    n_blocks = 10
    buffer_rows = 100

    def __init__(self, seconds):
        self.seconds = seconds

    def blocks(self, numbers=None):
        for number in range(10) if numbers is None else numbers:
            if numbers is not None:
                time.sleep(self.seconds)
            yield X[number * 50 : number * 50 + 50], y[number * 50 : number * 50 + 50], None


def test_reading_that_bounds_is_told(monkeypatch):
    monkeypatch.setattr(reading, "LEAST_SECONDS", 0.1)
    settings = {**SETTINGS, "max_iter": 2}
    with pytest.warns(EfficiencyWarning, match=r"Reading took \d+% of the time.*Parquet"):
        MLPRegressor(**settings).fit(Waiting(0.05))


def test_reading_of_a_table_that_bounds_is_told(monkeypatch):
    pytest.importorskip("pyarrow")
    monkeypatch.setattr(reading, "LEAST_SECONDS", 0.1)
    table = Waiting(0.05)
    settings = {**SETTINGS, "max_iter": 2, "n_nets": 2, "preset": "fast"}
    with pytest.warns(EfficiencyWarning, match=r"Reading took \d+% of the time") as caught:
        TabularRegressor(**settings).fit(table)
    assert len([one for one in caught if one.category is EfficiencyWarning]) == 1


@pytest.mark.parametrize("kind", ["arrays", "list", "function"])
def test_reading_that_does_not_bound_is_not(kind, monkeypatch):
    monkeypatch.setattr(reading, "LEAST_SECONDS", 0.0)
    monkeypatch.setattr(windows, "perf_counter", lambda: 0.0)  # each window is ready
    with warnings.catch_warnings():
        warnings.simplefilter("error", EfficiencyWarning)
        MLPRegressor(**SETTINGS).fit(kinds(X, y, buffer_rows=100)[kind])


def test_the_command_line_tells_it(tmp_path, monkeypatch, capsys):
    pyarrow, parquet = map(pytest.importorskip, ("pyarrow", "pyarrow.parquet"))
    from chainfit._cli.main import main

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(reading, "LEAST_SECONDS", 0.0)
    monkeypatch.setattr(reading, "LEAST_SHARE", 0.0)
    table = pyarrow.table({"a": np.tile(X[:, 0], 4), "y": np.tile(y, 4)})
    parquet.write_table(table, "t.parquet", row_group_size=250)
    options = ["--target", "y", "--buffer-rows", "1000", "--max-iter", "2", "--preset", "fast"]
    assert main(["train", "t.parquet", *options]) == 0
    assert "warning: Reading took" in capsys.readouterr().err
