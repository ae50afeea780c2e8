"""Inputs of tabular estimators that are encoded in their turn: the same bits, less memory."""

import tracemalloc

import numpy as np
import pytest

from chainfit import TabularClassifier, TabularRegressor
from chainfit._estimators import windows
from chainfit._tables import encoded_rows


@pytest.fixture
def table():
    rng = np.random.default_rng(4)
    rows = 900
    number = np.where(rng.random(rows) < 0.1, np.nan, rng.standard_normal(rows))
    return {
        "number": number,
        "other": rng.integers(0, 50, rows),
        "town": rng.choice(["Bonn", "Köln", "Trier"], rows),
        "yes": rng.random(rows) < 0.5,
    }


def bits(model):
    arrays = [a for net in model.nets_ for a in (*net.coefs_, *net.intercepts_)]
    curves = [np.array(net.history_["loss"]) for net in model.nets_]
    return [a.tobytes() for a in (*arrays, *curves)]


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"batch_size": 1, "max_iter": 2},
        {"preset": "fast", "batch_size": 64, "scoring": "loss"},
        {"validation_fraction": 0, "precision": "float64"},
        {"solver": "lbfgs", "max_iter": 3},
    ],
)
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("weighted", [False, True])
def test_inputs_made_in_turn_give_the_same_bits(table, monkeypatch, settings, weighted):
    settings = {"n_nets": 2, "max_iter": 4, "random_state": 1, **settings}
    y = np.nan_to_num(table["number"]) + (table["town"] == "Bonn")
    weight = np.random.default_rng(1).uniform(0, 2, len(y)) if weighted else None
    for cls, target in ((TabularRegressor, y), (TabularClassifier, y > 0.5)):
        monkeypatch.setattr(encoded_rows, "AT_ONCE", 1 << 40)
        whole = cls(**settings).fit(table, target, weight)
        monkeypatch.setattr(encoded_rows, "AT_ONCE", 0)
        monkeypatch.setattr(windows, "_WINDOW", 1 << 14)
        made = cls(**settings).fit(table, target, weight)
        assert bits(made) == bits(whole)
        assert made.temperature_ == whole.temperature_


def test_a_checkpoint_goes_on_whichever_way_the_inputs_are_made(table, monkeypatch, tmp_path):
    settings = {"preset": "fast", "random_state": 1, "learning_rate": "constant"}
    whole = TabularClassifier(**settings, max_iter=6).fit(table, table["yes"])
    settings["checkpoint"] = tmp_path / "state"
    TabularClassifier(**settings, max_iter=3).fit(table, table["yes"])
    monkeypatch.setattr(encoded_rows, "AT_ONCE", 0)
    made = TabularClassifier(**settings, max_iter=6).fit(table, table["yes"])
    assert bits(made) == bits(whole)


def test_large_inputs_are_never_there_as_a_whole(monkeypatch):
    """Half a million numbers by 17 inputs of 4 bytes are 34 MB."""
    monkeypatch.setattr(encoded_rows, "AT_ONCE", 1 << 20)
    monkeypatch.setattr(windows, "_WINDOW", 1 << 20)
    X = np.random.default_rng(0).standard_normal((100_000, 5))
    model = TabularRegressor(preset="fast", max_iter=1, random_state=0, hidden_layer_sizes=(4,))
    tracemalloc.start()
    model.fit(X, X[:, 0])
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    inputs = 100_000 * model.encoding_.width * 4
    assert inputs > 30e6
    assert peak < inputs  # with the table, its columns and the tenth that is held out
