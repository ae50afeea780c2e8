"""Models of tables explained: which net it is, and how a cell became its input."""

import copy
import json
import re
import warnings

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose
from old_tables import rows

import chainfit
from chainfit import TabularClassifier, TabularRegressor, explain
from chainfit._explain.tables import member_of

SMALL = {"n_nets": 3, "n_bins": 4, "hidden_layer_sizes": (4,), "max_iter": 5, "random_state": 0}
ALL = rows(120, 3)
FRAME = ALL.drop(columns=["price", "grade", "ship", "id"])


@pytest.fixture(scope="module")
def classifier():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return TabularClassifier(**SMALL).fit(FRAME, ALL["grade"])


@pytest.fixture(scope="module")
def regressor():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return TabularRegressor(**SMALL).fit(FRAME, ALL["price"])


def of_feature(model, name, cells, **settings):
    """Return the chain of a weight that leads from a feature, on the first row with other cells."""
    at = model.encoding_.features.index(name)
    row = FRAME.iloc[[1]].assign(**cells)
    y = ALL["grade" if hasattr(model, "classes_") else "price"].iloc[[1]]
    return explain(model, row, y, (0, at, 0), **settings)


def section(chain):
    return " ".join(str(chain).partition("The input")[2].partition("The chain")[0].split())


def test_the_net_is_chosen_and_named(classifier, regressor):
    for place in range(3):
        chain = of_feature(classifier, "size", {}, net=place)
        assert chain.trace.net.model is classifier.nets_[place]
        text = " ".join(str(chain).split())
        assert f"Net {place + 1} of 3 of a TabularClassifier, nets_[{place}]: its prob" in text
        assert f"divided by the temperature, {classifier.temperature_:.6g}." in text
    text = " ".join(str(of_feature(regressor, "size", {})).split())
    assert re.search(r"Its target is \(y - [\d.]+\) / [\d.]+\.", text)
    below_0 = copy.copy(regressor)
    below_0.target_mean_ = -2.5
    assert "Its target is (y + 2.5) / " in " ".join(member_of(below_0, 0).words())
    for net in (3, -1, True, "0"):
        with pytest.raises(ValueError, match="net must be an integer from 0 to 2, got"):
            of_feature(classifier, "size", {}, net=net)
    with pytest.raises(ValueError, match="net=1 chooses a net of a model of tables"):
        explain(chainfit.Net([[[1.0]]]), [1.0], 1.0, (0, 0), net=1)
    one = TabularRegressor(**{**SMALL, "n_nets": 1}).fit(FRAME[["count"]], ALL["price"])
    assert "The net of a TabularRegressor." in str(explain(one, FRAME, ALL["price"], (0, 0)))


def test_numbers(classifier):
    column = classifier.encoding_.columns[0]
    low, high = column.edges[1:3]
    name = classifier.encoding_.features[2]
    assert name == f"size in {low:g} to {high:g}"
    inside = low + 0.25 * (high - low)
    chain = of_feature(classifier, name, {"size": inside})
    assert_allclose(chain.trace.X[0, 2], 0.25, rtol=1e-6)
    text = section(chain)
    assert f"Feature '{name}' of column size, read as a number: the share of the bin from" in text
    assert f"= (c − {low:g}) / ({high:g} − {low:g}) = ({inside:.6g} − {low:g})" in text
    for value, where in ((low - 0.01, "below"), (high + 0.01, "above")):
        text = section(of_feature(classifier, name, {"size": value}))
        assert f"c is {where} the bin. " in text
        assert text.endswith("0" if where == "below" else "1")
    text = section(of_feature(classifier, "size", {"size": 0.5}))
    assert "the value, standardised by the mean and standard deviation" in text
    assert f"= (c − {column.mean:.6g}) / {column.scale:.6g} = (0.5 − " in text
    text = section(of_feature(classifier, "size", {"size": 99.0}))
    assert "The value, 99, is outside the range of the training rows" in text
    text = section(of_feature(classifier, "size", {"size": np.nan}))
    assert f"replaced by {column.fill:.6g}, the median of the training rows." in text
    for value, words in ((np.nan, "The cell is missing."), (0.5, "The cell is 0.5.")):
        text = section(of_feature(classifier, "size is missing", {"size": value}))
        assert words in text and text.endswith("1" if np.isnan(value) else "0")


def test_the_net_and_the_cell_as_plain_numbers(classifier, regressor):
    column = classifier.encoding_.columns[0]
    name = classifier.encoding_.features[2]
    facts = of_feature(classifier, name, {"size": 1.5}).to_dict()["table"]
    assert facts == {
        "model": "TabularClassifier",
        "net_index": 0,
        "n_nets": len(classifier.nets_),
        "temperature": classifier.temperature_,
        "cell": {
            "feature": name,
            "column": "size",
            "kind": "number",
            "read_as": "a number",
            "role": "bin",
            "low": column.edges[1],
            "high": column.edges[2],
            "values": [1.5],
        },
    }
    cell = of_feature(classifier, "size", {"size": np.nan}).to_dict()["table"]["cell"]
    assert cell["values"] == [None] and cell["mean"] == column.mean
    cell = of_feature(classifier, "colour=red", {"colour": "blue"}).to_dict()["table"]["cell"]
    assert (cell["level"], cell["levels"], cell["missing"]) == ("red", ["blue"], [False])
    chain = explain(regressor, FRAME[:3], ALL["price"][:3], "b_1^(1)", net=1)
    facts = json.loads(chain.to_json())["table"]
    assert facts["net_index"] == 1 and "cell" not in facts
    assert facts["target_mean"] == regressor.target_mean_
    plain = explain(chainfit.Net([[[1.0]]]), [1.0], 1.0, (0, 0))
    assert "table" not in plain.to_dict()


def test_what_is_shown_is_what_the_net_is_given(classifier, regressor):
    """The rule of each feature of numbers, calculated in float64, is the input in float32."""
    from chainfit._explain.formula import plain
    from chainfit._explain.story_table import _rule
    from chainfit._explain.tables import cells_of, feature_of, member_of

    for model in (classifier, regressor):
        member, X = member_of(model, 0), model.encode(FRAME)
        cells = cells_of(member, FRAME)
        for i in range(X.shape[1]):
            feature = feature_of(member, i)
            assert feature.name == model.encoding_.features[i]
            if feature.kind in ("number", "date") and feature.role in ("value", "bin"):
                values = np.nan_to_num(cells[feature.column.name], nan=feature.column.fill)
                rule, ends = _rule(feature, plain(values))
                assert_allclose(X[:, i], np.clip(rule.value, *ends), rtol=1e-6, atol=1e-6)


def test_other_columns(classifier):
    text = section(of_feature(classifier, "colour=red", {"colour": "red"}))
    assert "Feature 'colour=red' of column colour, read as a level: 1 where the cell is" in text
    assert "The cell is 'red'." in text and text.endswith("1")
    text = section(of_feature(classifier, "colour=red", {"colour": None}))
    assert "The cell is missing." in text and text.endswith("0")
    with pytest.warns(UserWarning, match="not seen in training"):
        text = section(of_feature(classifier, "colour=red", {"colour": "pink"}))
    assert "The cell is a level that training had not." in text
    text = section(of_feature(classifier, "day", {}))
    assert "read as days since 1970" in text
    text = section(of_feature(classifier, "garden", {"garden": None}))
    assert "the most frequent value." in text and "read as 1 for true, 0 for false" in text


def test_only_weights_of_the_inputs_have_a_cell(classifier):
    for address in ((1, 0, 0), (0, 0), (1, 0)):
        chain = explain(classifier, FRAME[:1], ALL["grade"][:1], address)
        assert "The input" not in str(chain)
    encoded = classifier.encode(FRAME[:1])
    chain = explain(classifier, encoded, ALL["grade"][:1], (0, 0, 0))
    assert "The input" not in str(chain) and chain.trace.cells is None


def test_every_form_has_it(classifier):
    chain = of_feature(classifier, "size", {"size": 0.5})
    assert "standardised by the mean" in chain.to_html() and r"\frac{c - " in chain.to_latex()
    assert "standardised by the mean" in chain.text(ascii=True)
    assert json.loads(chain.to_json())["net"]["feature_names"] == classifier.encoding_.features
    story = " ".join(str(chainfit.trace(classifier, FRAME[:1], ALL["grade"][:1], net=2)).split())
    assert "Net 3 of 3 of a TabularClassifier" in story


def test_a_batch_shows_the_row_of_the_largest_term(regressor):
    chain = explain(regressor, FRAME[:9], ALL["price"][:9], (0, 0, 1))
    assert f"The input, row {chain.shown_row}" in str(chain)
    value = FRAME["size"][chain.shown_row]
    shown = regressor.encoding_.columns[0].fill if np.isnan(value) else value
    assert f"{shown:.6g}" in section(chain)


def test_kinds_of_tables(classifier):
    pa = pytest.importorskip("pyarrow")
    y = ALL["grade"][:4]
    expected = explain(classifier, FRAME[:4], y, (0, 1, 2)).value
    for X in (pa.Table.from_pandas(FRAME[:4]), FRAME[:4].to_dict("list"), FRAME[:4].astype(object)):
        assert explain(classifier, X, y, (0, 1, 2)).value == expected
    one = explain(classifier, FRAME.iloc[1], 8, (0, 1, 2))
    assert one.value == explain(classifier, FRAME[1:2], [8], (0, 1, 2)).value


def test_names_of_columns_do_not_reach_a_terminal():
    name = "a\x1b]0;b"
    frame = pd.DataFrame({name: np.arange(40.0), "k": ["u", name] * 20})
    model = TabularRegressor(**SMALL).fit(frame, np.arange(40.0))
    for i in range(len(model.encoding_.features)):
        assert "\x1b" not in str(explain(model, frame[:2], [1.0, 2.0], (0, i, 0)))


def test_smoothed_labels_of_several_classes():
    y = ALL["grade"] + (ALL["price"] > 90)
    model = TabularClassifier(**SMALL, label_smoothing=0.1).fit(FRAME, y)
    for rows_of_batch in (slice(0, 1), slice(0, 9)):
        chain = explain(model, FRAME[rows_of_batch], y[rows_of_batch], (0, 0, 0))
        assert chain.trace.net.dtype == np.float32
        assert_allclose(chain.trace.Y.sum(axis=1), 1, rtol=1e-15)
        assert_allclose(chain.trace.Y.max(axis=1), 0.9 + 0.1 / 3, rtol=1e-15)
