"""Tables: both tasks, targets, missing and new values, the same bits when loaded."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_breast_cancer, load_diabetes, load_wine
from sklearn.exceptions import NotFittedError
from sklearn.metrics import r2_score

import chainfit
from chainfit._tables.encoder import describe
from chainfit._tables.frame_target import decide_task
from chainfit._tables.table import TableModel

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


def passengers(rows=400, seed=0):
    """Make a table of mixed columns with gaps, whose target depends on several of them."""
    draw = np.random.RandomState(seed)
    age = draw.gamma(6, 5, rows).round(1)
    sex = draw.choice(["female", "male"], rows)
    port = draw.choice(["C", "Q", "S"], rows, p=[0.2, 0.1, 0.7])
    alone = draw.rand(rows) < 0.6
    fare = np.exp(draw.normal(3, 1, rows)).round(2)
    born = pd.Timestamp("1912-04-15") - pd.to_timedelta((age * 365).round(), unit="D")
    chance = 1 / (1 + np.exp(-(2.5 * (sex == "female") - 0.04 * age + 0.5 * (port == "C"))))
    frame = pd.DataFrame(
        {
            "name": [f"passenger {i}" for i in range(rows)],
            "age": age,
            "sex": sex,
            "port": port,
            "alone": alone,
            "fare": fare,
            "born": born,
            "ship": "Titanic",
            "survived": np.where(draw.rand(rows) < chance, "yes", "no"),
        }
    )
    frame.loc[draw.rand(rows) < 0.2, "age"] = np.nan
    frame.loc[draw.rand(rows) < 0.1, "port"] = None
    return frame


# -- targets


@pytest.mark.parametrize(
    ("values", "task", "why"),
    [
        (["a", "b"] * 5, "classification", "text or categories"),
        (pd.Categorical([1, 2] * 5), "classification", "text or categories"),
        ([True, False] * 5, "classification", "booleans"),
        ([0, 1] * 5, "classification", "only 2 distinct whole numbers"),
        ([3.0, 4.0, 5.0] * 5, "classification", "only 3 distinct whole numbers"),
        (list(range(10)) * 2, "regression", "10 distinct numbers"),
        (list(range(21)) * 50, "regression", "21 distinct numbers"),
        ([0.5, 1.0] * 50, "regression", "2 distinct numbers"),
        (["1.5", "2.5", "3.5"], "regression", "3 distinct numbers"),
    ],
)
def test_task_is_inferred_and_said(values, task, why):
    notes = []
    assert decide_task(pd.Series(values, name="y"), notes) == task
    assert len(notes) == 1 and notes[0].startswith(task) and why in notes[0]


@pytest.mark.parametrize(
    "labels",
    [
        np.array(["no", "yes"], dtype=object),
        np.array([False, True]),
        np.array([3, 8]),
        pd.Categorical(["lo", "hi"], ["lo", "hi"], ordered=True),
    ],
    ids=["text", "boolean", "integer", "categorical"],
)
def test_classes_keep_their_type(labels, tmp_path):
    frame = pd.DataFrame({"x": np.arange(40.0), "y": labels[np.arange(40) // 20]})
    model = TableModel(max_iter=30, random_state=0).fit(frame, "y")
    assert model.classes_.tolist() == sorted(np.asarray(labels).tolist())
    assert model.score(frame) >= 0.9
    model.save(tmp_path / "m")
    loaded = chainfit.load(tmp_path / "m")
    assert loaded.predict(frame).tolist() == model.predict(frame).tolist()


def test_rows_without_a_target_are_dropped_and_integers_stay_integers():
    frame = passengers().assign(survived=lambda f: (f["survived"] == "yes").astype(float))
    frame.loc[:9, "survived"] = np.nan
    model = TableModel(max_iter=2, random_state=0).fit(frame, "survived")
    assert model.notes_[0] == "10 rows without a target were dropped"
    assert model.n_rows_ == 390 and model.classes_.dtype == np.int64


def test_real_target_comes_back_in_its_own_scale():
    frame = load_diabetes(as_frame=True).frame
    big = frame.assign(target=frame["target"] * 1e6 + 1e9)
    model = TableModel(random_state=0).fit(frame, "target")
    same = TableModel(random_state=0).fit(big, "target")
    assert model.task_ == "regression"
    np.testing.assert_allclose(same.predict(big), model.predict(frame) * 1e6 + 1e9, rtol=1e-3)
    assert model.score(frame) == r2_score(frame["target"], model.predict(frame)) > 0.5


def test_poisson_target_stays_positive():
    frame = pd.DataFrame({"x": np.linspace(0, 3, 200)})
    counts = np.round(np.exp(frame["x"]) * 50).rename("count")
    model = TableModel("regression", loss="poisson", random_state=0).fit(frame, counts)
    assert model.target_name_ == "count" and model.target_mean_ == 0
    assert (model.predict(frame) > 0).all() and model.score(frame, counts) > 0.9


@pytest.mark.parametrize(
    ("target", "task", "text"),
    [
        (["a"] * 40, "auto", "the target has one class only, 'a'"),
        ([f"id {i}" for i in range(40)], "auto", "40 different texts in 40 rows"),
        ([None] * 40, "auto", "no row has a target"),
        ([np.inf, *range(39)], "regression", "1 values are no finite numbers"),
        ([1e308, -1e308] * 20, "regression", "too large for float64 sums"),
        (["a", "b"] * 20, "regression", "40 values are no finite numbers .'a', for example."),
        (pd.date_range("2020-01-01", periods=40), "auto", "holds dates"),
        (np.arange(7), "auto", "the target has 7 values, the frame 40 rows"),
        ("price", "auto", "there is no column 'price'; the table has 'x'"),
    ],
)
def test_targets_that_cannot_be_learned_are_refused(target, task, text):
    with pytest.raises(ValueError, match=text):
        TableModel(task).fit(pd.DataFrame({"x": np.arange(40.0)}), target)


# -- whole models


@pytest.fixture(scope="module")
def titanic():
    frame = passengers()
    return frame, TableModel(max_iter=60, random_state=0).fit(frame, "survived")


def test_mixed_columns(titanic):
    _, model = titanic
    assert model.feature_names_ == [
        *("age", "age is missing", "sex=female", "sex=male"),
        *("port=C", "port=Q", "port=S", "port is missing", "alone", "fare", "born"),
    ]
    assert describe(model.columns_) == [
        "2 numbers: age (with gaps), fare",
        "1 date: born",
        "1 boolean: alone",
        "2 categories: sex (2 levels), port (4 levels)",
        "left out: name (like an identifier: 400 different values in 400 rows)",
        "left out: ship (the same value in every row)",
    ]
    test = passengers(seed=1)
    share = (test["survived"] == "no").mean()
    assert model.score(test) > max(share, 1 - share) + 0.05
    probabilities = model.predict_proba(test)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, rtol=1e-6)
    assert (model.classes_[probabilities.argmax(axis=1)] == model.predict(test)).all()


def test_order_and_extra_columns_do_not_matter_but_missing_ones_do(titanic):
    frame, model = titanic
    expected = model.predict_proba(frame)
    shuffled = frame[frame.columns[::-1]].assign(extra=1).drop(columns=["name", "survived"])
    np.testing.assert_array_equal(model.predict_proba(shuffled), expected)
    with pytest.raises(ValueError, match=r"the table lacks columns .* needs: 'sex', 'fare'"):
        model.predict(frame.drop(columns=["sex", "fare"]))
    double = pd.concat([frame, frame[["age"]]], axis=1)
    with pytest.raises(ValueError, match="several columns named 'age'"):
        model.predict(double)
    with pytest.raises(ValueError, match="several columns named 'age'"):
        TableModel().fit(double, "survived")


def test_rows_do_not_depend_on_their_neighbours(titanic):
    frame, model = titanic
    whole = model.predict_proba(frame)
    np.testing.assert_array_equal(model.predict_proba(frame[7:8]), whole[7:8])
    assert model.predict_proba(frame[:0]).shape == (0, 2)
    assert model.predict(frame[:0]).shape == (0,)


def test_loaded_model_gives_the_same_bits_in_a_new_process(titanic, tmp_path):
    frame, model = titanic
    model.save(tmp_path / "m")
    frame.to_parquet(tmp_path / "frame")
    code = (
        "import sys, pandas, chainfit\n"
        "model = chainfit.load(sys.argv[1])\n"
        "out = model.predict_proba(pandas.read_parquet(sys.argv[2]))\n"
        "sys.stdout.write(out.tobytes().hex())"
    )
    command = [sys.executable, "-c", code, str(tmp_path / "m"), str(tmp_path / "frame")]
    run = subprocess.run(command, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    assert run.stdout == model.predict_proba(frame).tobytes().hex()


def test_loaded_model_is_whole(titanic, tmp_path):
    frame, model = titanic
    model.save(tmp_path / "m")
    loaded = chainfit.load(tmp_path / "m")
    for name in ("columns_", "task_", "target_name_", "n_rows_", "notes_", "feature_names_"):
        assert getattr(loaded, name) == getattr(model, name)
    assert repr(loaded) == repr(model)
    loaded.save(tmp_path / "again")
    assert (tmp_path / "m").read_bytes() == (tmp_path / "again").read_bytes()
    refitted = loaded.fit(frame, "survived")
    np.testing.assert_array_equal(refitted.predict_proba(frame), model.predict_proba(frame))


def test_own_random_state_is_saved(tmp_path):
    frame = load_wine(as_frame=True).frame
    model = TableModel(max_iter=2, random_state=np.random.RandomState(5)).fit(frame, "target")
    model.save(tmp_path / "m")
    loaded = chainfit.load(tmp_path / "m")
    a, b = model.fit(frame, "target"), loaded.fit(frame, "target")
    np.testing.assert_array_equal(a.predict_proba(frame), b.predict_proba(frame))


def test_pandas_is_needed_only_for_tables(titanic, tmp_path):
    _, model = titanic
    model.save(tmp_path / "m")
    code = (
        "import sys\n"
        "sys.modules['pandas'] = None\n"
        "import chainfit\n"
        "model = chainfit.load(sys.argv[1])\n"
        "try: model.predict(None)\n"
        "except ImportError as error: sys.stdout.write(str(error))"
    )
    run = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "m")], capture_output=True, text=True
    )
    assert run.returncode == 0, run.stderr
    assert run.stdout == (
        "tables need pandas, which is not installed: pip install 'chainfit[table]'"
    )


def test_arguments_are_checked():
    frame = passengers(60)
    with pytest.raises(ValueError, match="task must be one of"):
        TableModel("guess")
    with pytest.raises(ValueError, match="max_levels must be an integer"):
        TableModel(max_levels=0)
    with pytest.raises(NotFittedError, match="call fit first"):
        TableModel().predict(frame)
    with pytest.raises(NotFittedError):
        TableModel().save("nowhere")
    with pytest.raises(TypeError, match="takes a pandas DataFrame, got ndarray"):
        TableModel().fit(np.ones((3, 2)), [1, 2, 3])
    with pytest.raises(ValueError, match="column names must be strings, got 0"):
        TableModel().fit(pd.DataFrame(np.ones((3, 2))), [1, 2, 3])
    with pytest.raises(ValueError, match="'loss' parameter of MLPClassifier"):
        TableModel(loss="poisson").fit(frame, "survived")
    with pytest.raises(ValueError, match="'alpha' parameter"):
        TableModel(alpha=-1).fit(frame, "survived")
    with pytest.raises(ValueError, match=r"no column is left to learn from .*'ship'"):
        TableModel().fit(frame[["ship", "survived"]], "survived")
    fitted = TableModel(max_iter=1).fit(frame[["age", "fare"]], "fare")
    with pytest.raises(AttributeError, match="only a model of classification has it"):
        fitted.predict_proba(frame)
    unnamed = TableModel(max_iter=1).fit(frame[["age"]], frame["fare"].to_numpy())
    with pytest.raises(ValueError, match="give the target"):
        unnamed.score(frame)


def test_frame_is_not_changed_and_its_index_does_not_matter():
    frame = passengers(80)
    before = frame.copy()
    a = TableModel(max_iter=2, random_state=0).fit(frame, "survived")
    pd.testing.assert_frame_equal(frame, before)
    other = frame.set_axis(np.repeat([3, 1], 40), axis=0)
    b = TableModel(max_iter=2, random_state=0).fit(other, other["survived"])
    np.testing.assert_array_equal(a.predict_proba(frame), b.predict_proba(other))


def test_precision_and_parameters_reach_the_net():
    frame = load_breast_cancer(as_frame=True).frame
    model = TableModel(
        precision="float64", hidden_layer_sizes=(7,), activation="tanh", max_iter=3
    ).fit(frame, "target")
    assert model.net_.coefs_[0].shape == (30, 7) and model.net_.coefs_[0].dtype == np.float64
    assert model.transform(frame).dtype == np.float64


def test_callbacks_see_the_columns_and_every_epoch():
    frame = load_wine(as_frame=True).frame
    starts, epochs = [], []
    model = TableModel(max_iter=3, random_state=0).fit(
        frame,
        "target",
        on_start=lambda columns, notes: starts.append((tuple(columns), list(notes))),
        on_epoch=lambda n_iter, loss: epochs.append((n_iter, loss)),
    )
    assert starts == [(model.columns_, model.notes_)]
    assert epochs == list(enumerate(model.net_.loss_curve_, start=1))


def test_small_tables_are_learned_well():
    """Held-out scores of the defaults on scikit-learn's small tables."""
    for load, least in ((load_wine, 0.94), (load_breast_cancer, 0.95), (load_diabetes, 0.3)):
        frame = load(as_frame=True).frame.sample(frac=1, random_state=0)
        cut = len(frame) * 4 // 5
        model = TableModel(random_state=0).fit(frame[:cut], "target")
        assert model.score(frame[cut:]) > least


@pytest.mark.parametrize(
    "parameters",
    [
        {"loss": "gaussian_nll"},
        {"loss": "gamma"},
        {"loss": "quantile", "quantile": 0.9},
        {"out_activation": "exp"},
        {"out_activation": "softplus", "loss": "huber"},
    ],
    ids=str,
)
def test_losses_and_outputs_of_a_target(parameters, tmp_path):
    x = np.linspace(0, 1, 200)
    frame = pd.DataFrame({"x": x, "y": np.exp(3 * x)})
    model = TableModel(max_iter=100, random_state=0, **parameters).fit(frame, "y")
    predicted = model.predict(frame)
    assert predicted.shape == (200,) and np.corrcoef(predicted, frame["y"])[0, 1] > 0.9
    model.save(tmp_path / "model")
    assert (chainfit.load(tmp_path / "model").predict(frame) == predicted).all()


def test_outputs_between_bounds_are_the_target_itself():
    x = np.linspace(-3, 3, 300)
    frame = pd.DataFrame({"x": x, "y": 1 / (1 + np.exp(-2 * x))})
    parameters = {"alpha": 1e-4, "max_iter": 200, "random_state": 0}
    model = TableModel(out_activation="logistic", **parameters).fit(frame, "y")
    predicted = model.predict(frame)
    assert ((predicted >= 0) & (predicted <= 1)).all()
    assert np.abs(predicted - frame["y"]).mean() < 0.05


def test_a_table_has_one_prediction_a_row():
    frame = pd.DataFrame({"x": np.arange(30.0), "y": np.arange(30.0)})
    with pytest.raises(ValueError, match="quantile must be a number for a table, got"):
        TableModel(loss="quantile", quantile=(0.1, 0.9)).fit(frame, "y")
