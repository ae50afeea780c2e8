"""Models of tables as ONNX: every kind of column with gaps, on onnxruntime, beside `predict`."""

import datetime
import json
from pathlib import Path

import numpy as np
import old_tables
import pandas as pd
import pyarrow as pa
import pytest
from onnx_run import agree, far, run
from sklearn.exceptions import NotFittedError

from chainfit import (
    MLPRegressor,
    TabularClassifier,
    TabularRegressor,
    load,
    onnx_inputs,
    to_onnx,
)

pytestmark = pytest.mark.filterwarnings(
    "ignore::sklearn.exceptions.ConvergenceWarning",
    "ignore:.*(not seen in training|taken as missing)",
)
FILES = Path(__file__).parent / "files"
QUICK = {"n_nets": 2, "max_iter": 8, "hidden_layer_sizes": (12,), "random_state": 0, "tol": 0}


def table(count=240, seed=0):
    """Return a typed table with every kind of column, and gaps in all of them."""
    generator = np.random.RandomState(seed)
    gap = lambda share=0.1: generator.rand(count) < share  # noqa: E731
    frame = pd.DataFrame(
        {
            "label": generator.normal(1e5, 1.0, count),  # as an output is called
            "rooms": generator.randint(1, 6, count),
            "code": generator.choice([3, 7, 20, -999], count),
            "town": generator.choice(["Bonn", "Köln", "a,b'\"", "", "NA"], count),
            "day": pd.Timestamp("2021-03-01")
            + pd.to_timedelta(generator.randint(0, 10**8, count), unit="s"),
            "at": [datetime.time(*divmod(m, 60)) for m in generator.randint(1440, size=count)],
            "flag": pd.array(generator.choice([True, False], count), dtype="boolean"),
            "level": [f"l{n:.0f}" for n in generator.exponential(6, count)],
            "one": 5.0,
        }
    )
    for name in ("label", "day", "at", "flag", "level"):
        frame.loc[gap(), name] = None
    return frame


def strange(count=60):
    """Return rows that training had nothing like."""
    frame = table(count, 1)
    frame.loc[0, "town"], frame.loc[1, "level"] = "Paris", "l1000"
    frame.loc[2:5, "label"] = [np.inf, -np.inf, 1e300, -1e300]
    frame.loc[6, "day"], frame.loc[7, "one"] = pd.Timestamp("1700-01-01"), 6.0
    return frame


def as_text(frame):
    """Return the table as a CSV file would hold it."""
    return pa.table({name: pa.array(frame[name].astype("string")) for name in frame})


FRAME = table()
AMOUNT = FRAME["rooms"] * 1e3 + FRAME["label"].fillna(1e5) / 10
CLASSES = np.where(FRAME["rooms"] + (FRAME["town"] == "Bonn") > 3, "much", "little")


@pytest.fixture(scope="module")
def classifier():
    return TabularClassifier(**QUICK, max_levels=8, na_values=["-999"]).fit(FRAME, CLASSES)


def features_of(model, rows):
    from chainfit._onnx.columns import features_of
    from chainfit._onnx.graph import Graph

    graph = Graph()
    found = features_of(graph, model.schema_, model.encoding_)
    graph.output("features", found, (model.encoding_.width,))
    exported = graph.model("features", "", {})
    return run(exported, onnx_inputs(model, rows))["features"]


def bound(model, rows):
    X = model.encode(rows)
    return 2 * max(far(net, X).max() for net in model.nets_) + 1e-14


@pytest.mark.parametrize(
    "parameters", [{}, {"n_bins": 0}, {"max_levels": 3, "na_values": ["-999"]}]
)
@pytest.mark.parametrize("text", [False, True])
def test_features_have_equal_bits(parameters, text):
    make = as_text if text else pd.DataFrame
    given = {"precision": "float64", **QUICK, **parameters}
    model = TabularRegressor(**given).fit(make(FRAME), AMOUNT)
    kinds = [column.kind for column in model.schema_.used]
    assert {"number", "category", "boolean", "date", "time"} == set(kinds)
    for rows in (make(FRAME), make(strange())):
        assert (features_of(model, rows) == model.encode(rows)).all()


def test_classifier(classifier):
    rows = strange()
    model = to_onnx(classifier)
    found = run(model, onnx_inputs(classifier, rows))
    assert list(found) == ["label_1", "probabilities"]  # a column is called label
    p = classifier.predict_proba(rows)
    agree(found["probabilities"], p, bound(classifier, rows))
    clear = abs(p[:, 0] - 0.5) > bound(classifier, rows)
    assert clear.mean() > 0.9
    assert (found["label_1"][clear] == classifier.predict(rows)[clear]).all()
    inputs = {value.name: value for value in model.graph.input}
    assert [*inputs] == [column.name for column in classifier.schema_.used]
    assert inputs["day"].doc_string == "date, in days since 1970-01-01 UTC, NaN where missing"
    facts = {item.key: item.value for item in model.metadata_props}
    assert json.loads(facts["columns"])["at"] == "time"
    assert json.loads(facts["classes"]) == ["little", "much"]
    assert json.loads(facts["feature_names"]) == [*FRAME]
    sets = {item.domain: item.version for item in model.opset_import}
    assert sets == {"": 13, "ai.onnx.ml": 2}


def test_what_inputs_hold_can_be_made_by_hand(classifier):
    """As the docstring has it: numbers, days and seconds, 0 and 1, text."""
    rows = strange()
    at = [np.nan if t is None or t != t else t.hour * 3600.0 + t.minute * 60 for t in rows["at"]]
    days = (rows["day"] - pd.Timestamp("1970-01-01")) / pd.Timedelta(days=1)
    by_hand = {
        **{name: rows[name].to_numpy(float) for name in ("label", "rooms", "code")},
        **{name: rows[name].fillna("").to_numpy(object) for name in ("town", "level")},
        "day": days.to_numpy(float),
        "at": np.array(at),
        "flag": rows["flag"].astype(float).to_numpy(float, na_value=np.nan),
    }
    used = [column.name for column in classifier.schema_.used]
    by_hand = {name: values[:, None] for name, values in by_hand.items() if name in used}
    model = to_onnx(classifier)
    found, wanted = (run(model, x) for x in (by_hand, onnx_inputs(classifier, rows)))
    assert abs(found["probabilities"] - wanted["probabilities"]).max() < 1e-6


@pytest.mark.parametrize(
    "parameters",
    [
        {},
        {"loss": "absolute_error", "precision": "float64"},
        {"loss": "gamma"},
        {"out_activation": "softplus"},
        {"loss": "quantile", "quantile": (0.1, 0.5, 0.9)},
        {"n_nets": 1, "activation": "gelu"},
    ],
)
def test_regressor(parameters):
    model = TabularRegressor(**{**QUICK, **parameters}).fit(FRAME, AMOUNT)
    rows = strange()
    found = run(to_onnx(model), onnx_inputs(model, rows))["variable"]
    wanted = model.predict(rows)
    assert found.shape == (len(rows), 3 if "quantile" in parameters else 1)
    assert len(np.unique(wanted)) > 10  # and not the ends of the range alone
    agree(found, wanted, bound(model, rows) * model.target_scale_ + 1e-12 * abs(AMOUNT).max())


def test_standard_deviations():
    model = TabularRegressor(**QUICK, loss="gaussian_nll").fit(FRAME, AMOUNT)
    rows = strange()
    found = run(to_onnx(model), onnx_inputs(model, rows))
    mean, std = model.predict(rows, return_std=True)
    scale = bound(model, rows) * model.target_scale_ + 1e-12 * abs(AMOUNT).max()
    agree(found["variable"], mean, scale)
    agree(found["std"], std, 4 * scale * max(1, model.target_scale_ / std.min()))


@pytest.mark.parametrize("classes", [[False, True], [1, 2], ["a", "b"]])
def test_labels_are_as_they_were_given(classes):
    y = np.array(classes)[(FRAME["rooms"] > 2).astype(int)]
    model = TabularClassifier(**QUICK).fit(FRAME[["rooms", "town"]], y)
    found = run(to_onnx(model, dtype="float64"), onnx_inputs(model, FRAME))
    assert found["label"].dtype.kind == {"b": "b", "i": "i", "U": "O"}[y.dtype.kind]
    assert (found["label"] == model.predict(FRAME)).mean() > 0.99


def test_a_model_that_was_read_from_a_file(classifier, tmp_path):
    classifier.save(tmp_path / "model")
    again = load(tmp_path / "model")
    assert to_onnx(again).SerializeToString() == to_onnx(classifier).SerializeToString()


def test_arrays_of_numbers_have_inputs_too():
    X = np.random.RandomState(0).normal(size=(100, 3))
    model = TabularRegressor(**QUICK).fit(X, X[:, 0])
    found = run(to_onnx(model), onnx_inputs(model, X))["variable"]
    agree(found, model.predict(X), bound(model, X))
    assert [value.name for value in to_onnx(model).graph.input] == ["x0", "x1", "x2"]


def test_inputs_say_what_could_not_be_read(classifier):
    rows = pd.DataFrame({**FRAME[:3], "day": ["2021-02-01", "soon", None]})
    with pytest.warns(UserWarning, match="column 'day': not a date, taken as missing: 'soon'"):
        onnx_inputs(classifier, rows)
    with pytest.raises(ValueError, match="lacks columns that the model needs: 'town'"):
        onnx_inputs(classifier, FRAME.drop(columns="town"))


def test_inputs_keep_the_text_of_unseen_levels(classifier):
    inputs = onnx_inputs(classifier, strange())
    assert inputs["town"][0, 0] == "Paris" and inputs["level"][1, 0] == "l1000"
    assert {values.shape for values in inputs.values()} == {(60, 1)}
    assert {values.dtype.kind for values in inputs.values()} == {"f", "O"}


def test_refused(tmp_path):
    with pytest.raises(NotFittedError):
        to_onnx(TabularClassifier(), tmp_path / "model.onnx")
    with pytest.raises(NotFittedError):
        onnx_inputs(TabularClassifier(), FRAME)
    with pytest.raises(TypeError, match="onnx_inputs needs a model of tables, got MLPRegressor"):
        onnx_inputs(MLPRegressor(), FRAME)
    model = TabularRegressor(**QUICK).fit(FRAME[["rooms"]].rename(columns={"rooms": ""}), AMOUNT)
    with pytest.raises(ValueError, match="a column whose name is '' can't be exported"):
        to_onnx(model, tmp_path / "model.onnx")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", ["table_classes", "table_numbers"])
def test_a_model_of_0_1_0(name):
    model = load(FILES / f"{name}.safetensors")
    for rows in (old_tables.rows(30, 1), old_tables.ODD):
        found = run(to_onnx(model), onnx_inputs(model, rows))
        if name == "table_classes":
            agree(found["probabilities"], model.predict_proba(rows), bound(model, rows))
        else:
            scale = bound(model, rows) * model.target_scale_
            agree(found["variable"], model.predict(rows), scale)
