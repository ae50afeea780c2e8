"""Parameters of the tabular estimators, and what the presets decide."""

import math

import pytest
from sales import X, X_new, kinds, price, price_new, small

from chainfit import TabularClassifier, TabularRegressor
from chainfit._tables.parameters import LEFT_OUT, TABLE
from chainfit._tables.presets import DECIDED, PRESETS, decided


def test_every_parameter_of_a_net_is_one_here():
    for model in (TabularClassifier(), TabularRegressor()):
        own = {keyword.name for keyword in TABLE}
        left_out = {*LEFT_OUT, *(["loss"] if "loss" not in model.get_params() else [])}
        of_net = set(model._net_class().get_params())
        assert set(model.get_params()) | left_out == of_net | own
        assert DECIDED - set(model.get_params()) <= {"label_smoothing"}
        for name in model.get_params():
            assert f"\n{name} : " in type(model).__doc__


@pytest.mark.parametrize("preset", PRESETS)
@pytest.mark.parametrize("rows", [100, 100_000])
def test_presets(preset, rows):
    values = decided(preset, rows, 5, classes=True)
    assert (values["n_nets"] == 1) == (preset == "fast")
    assert values["hidden_layer_sizes"] == ((256 if preset == "best" else 128),) * 3
    assert values["batch_size"] == (16 if rows == 100 else 256)
    assert values["scoring"] == "loss"
    assert decided(preset, 10_000, 5, classes=False)["batch_size"] == 64


@pytest.mark.parametrize("rows", [1, 40, 400, 100_000])
def test_averages_are_of_the_last_tenth_of_the_steps(rows):
    values = decided("fast", rows, 5, classes=True)
    steps = values["max_iter"] * math.ceil(rows / values["batch_size"])
    assert values["average_decay"] <= 0.99
    assert values["average_decay"] ** steps < math.exp(-10)


def test_wide_tables_have_fewer_bins():
    assert decided("good", 10_000, 5000, classes=True)["n_bins"] == 0
    assert decided("good", 10_000, 1000, classes=False)["n_bins"] == 4


def test_what_a_preset_decides_can_be_said():
    model = TabularClassifier(
        n_nets=3,
        n_bins=2,
        hidden_layer_sizes=(9, 5),
        batch_size=50,
        max_iter=3,
        learning_rate="cosine",
        alpha=0.5,
        dropout=0.1,
        label_smoothing=0.2,
        random_state=0,
    ).fit(X, kinds)
    net = model.nets_[0]
    assert len(model.nets_) == 3 and net.n_iter_ == 3
    assert [len(b) for b in net.intercepts_] == [9, 5, 3]
    assert (net.batch_size, net.learning_rate, net.alpha) == (50, "cosine", 0.5)
    assert (net.dropout, net.label_smoothing, net.beta_2) == (0.1, 0.2, 0.95)
    assert sum("size in" in name for name in model.get_feature_names_out()) == 2


@pytest.mark.parametrize(
    ("parameters", "says"),
    [
        ({"preset": "better"}, "The 'preset' parameter"),
        ({"n_nets": 0}, "The 'n_nets' parameter"),
        ({"hidden_layer_sizes": "many"}, "The 'hidden_layer_sizes' parameter"),
        ({"n_bins": -1}, "The 'n_bins' parameter"),
        ({"drop": "age"}, "The 'drop' parameter"),
        ({"activation": "sinus"}, "The 'activation' parameter"),
        ({"decimal": ";"}, "The 'decimal' parameter"),
        ({"decimal": ",", "thousands": ","}, "must differ"),
        ({"drop": ["age", "height"]}, "height"),
        ({"activation": ("relu", "tanh"), "hidden_layer_sizes": (3,)}, "activation must be"),
    ],
)
def test_parameters_that_are_refused(parameters, says):
    with pytest.raises(ValueError, match=says):
        TabularClassifier(**{**small, **parameters}).fit(X, kinds)
    with pytest.raises(TypeError, match=r"unexpected keyword argument .unknown."):
        TabularClassifier(unknown=3)


def test_columns_to_leave_out():
    model = TabularRegressor(drop=("age", "sold"), **small).fit(X, price)
    assert {column.name for column in model.encoding_.columns} == {"size", "kind", "new"}
    model.predict(X_new.drop(columns=["age", "sold"]))


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_solvers():
    for solver in ("lbfgs", "sgd", "adamw"):
        parameters = {"solver": solver, "hidden_layer_sizes": (16,), "max_iter": 50}
        model = TabularRegressor(**parameters, n_nets=1, random_state=0)
        assert model.fit(X, price).score(X_new, price_new) > 0.5
    model = TabularClassifier(**{**small, "solver": "lbfgs", "max_iter": 20}).fit(X, kinds)
    assert model.temperature_ == 1 and model.score(X, kinds) > 0.9
