"""Columns of a table and their features: numbers, booleans, levels, dates, gaps, refusals."""

from __future__ import annotations

import datetime
import warnings

import numpy as np
import pandas as pd
import pytest

from chainfit._tables.encoder import (
    BooleanColumn,
    CategoryColumn,
    DroppedColumn,
    NumberColumn,
    encode,
    learn,
)


def column_of(values, max_levels=100, **kind):
    return learn(pd.Series(values, name="c", **kind), max_levels)[0]


def features(column, values):
    return encode([column], pd.DataFrame({"c": values}), "float64")


def test_numbers_are_centred_scaled_and_filled_with_the_median():
    column = column_of([1.0, 2.0, np.nan, 9.0])
    assert isinstance(column, NumberColumn)
    assert (column.kind, column.fill, column.indicator) == ("number", 2.0, True)
    out = features(column, [1.0, None, 9.0])
    np.testing.assert_allclose(out[:, 0], (np.array([1, 2, 9]) - 3.5) / np.std([1, 2, 2, 9]))
    assert out[:, 1].tolist() == [0, 1, 0]


def test_numbers_without_gaps_have_one_feature_and_fill_later_gaps_in_silence():
    column = column_of([1, 2, 3])
    assert column.features == ["c"]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert features(column, [None, 2.0]).tolist() == [[0.0], [0.0]]


@pytest.mark.parametrize(
    "values",
    [
        pd.array([1, None, 5], dtype="Int64"),
        pd.array([1, None, 5], dtype="Float32"),
        np.array([1, np.inf, 5]),
        pd.Series(["1", None, " 5 "]),
        pd.Series([1, None, 5.0], dtype=object),
        pd.to_timedelta([1, None, 5], unit="D"),
        pd.Series(["1", None, "5"], dtype="string"),
        pd.Series([1.0, None, 5.0], dtype="float32"),
    ],
    ids=lambda values: str(values.dtype),
)
def test_every_type_of_numbers_reads_alike(values):
    assert column_of(values) == column_of([1.0, np.nan, 5.0])


def test_huge_and_tiny_numbers_stay_finite():
    for size in (1e-300, 1e300):
        column = column_of(np.array([1.0, 2.0, 3.0]) * size)
        out = features(column, np.array([1.0, 2.0, 3.0]) * size)
        np.testing.assert_allclose(out[:, 0], [-1.2247449, 0, 1.2247449])
    # An absurd value counts as one that is merely far away.
    assert features(column_of([1.0, 2.0]), [1e308, -1e308]).tolist() == [[100.0], [-100.0]]


def test_text_of_numbers_with_a_little_junk_is_a_column_of_numbers():
    values = [str(i) for i in range(19)] + ["?"]
    column, note = learn(pd.Series(values, name="c"), 100)
    assert column.kind == "number" and column.indicator
    assert note == "'c': no numbers, taken as missing: '?'"
    with pytest.warns(UserWarning, match="column 'c': taken as missing: 'n/k'"):
        assert features(column, ["n/k"])[0, 1] == 1


def test_booleans_are_0_and_1():
    assert column_of([True, False, True]) == BooleanColumn("c", True, False)
    column = column_of(pd.Series([True, None, False, False], dtype=object))
    assert column == BooleanColumn("c", False, True)
    assert column == column_of(pd.array([True, None, False, False], dtype="boolean"))
    out = features(column, pd.Series(["True", "false", None, 1], dtype=object))
    assert out.tolist() == [[1, 0], [0, 0], [0, 1], [1, 0]]
    with pytest.warns(UserWarning, match="column 'c': taken as missing: 'perhaps'"):
        assert features(column, ["perhaps"]).tolist() == [[0, 1]]


def test_categories_are_one_feature_per_level_sorted():
    column = column_of(["b", "a", "b", "c"])
    assert column == CategoryColumn("c", ("a", "b", "c"), False, False)
    assert column.features == ["c=a", "c=b", "c=c"]
    assert features(column, ["c", "a"]).tolist() == [[0, 0, 1], [1, 0, 0]]


def test_ordered_categories_keep_their_order_and_unused_ones_get_no_feature():
    values = pd.Categorical(["high", "low", "high"], ["low", "mid", "high"], ordered=True)
    assert column_of(values).levels == ("low", "high")
    assert column_of(pd.Categorical(["x", "a"], ["x", "b", "a"])).levels == ("a", "x")


def test_missing_is_a_level_where_training_had_it():
    column = column_of(["a", None, "b"])
    assert column.features == ["c=a", "c=b", "c is missing"]
    assert features(column, [None, "b"]).tolist() == [[0, 0, 1], [0, 1, 0]]


def test_unknown_levels_are_all_zeros_and_are_named():
    column = column_of(["a", "b", "a"])
    with pytest.warns(UserWarning) as caught:
        out = features(column, ["a", "z", None, "y", "z"])
    assert out.tolist() == [[1, 0], [0, 0], [0, 0], [0, 0], [0, 0]]
    assert [str(w.message) for w in caught] == [
        "column 'c': not seen in training, taken as no level: 'z', 'y', 'a missing value'"
    ]


def test_rare_levels_share_a_feature_and_unknown_ones_join_it():
    values = ["a"] * 9 + ["b"] * 8 + ["x", "y"] * 2
    column, note = learn(pd.Series(values, name="c"), max_levels=2)
    assert column == CategoryColumn("c", ("a", "b"), False, True)
    assert note == "'c': 4 levels; the 2 most frequent are kept, the other 2 share one feature"
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert features(column, ["x", "b", "new"]).tolist() == [[0, 0, 1], [0, 1, 0], [0, 0, 1]]


def test_levels_are_the_same_whatever_type_the_reader_chose():
    column = column_of(pd.Categorical([1, 2, 1]))
    assert column.levels == ("1", "2")
    assert features(column, [1.0, 2.0]).tolist() == features(column, ["1", "2"]).tolist()


@pytest.mark.parametrize(
    "values",
    [
        pd.Series(["2020-01-01", None, "2020-01-03"]),
        pd.Series([datetime.date(2020, 1, 1), None, datetime.date(2020, 1, 3)]),
        pd.to_datetime(pd.Series(["2020-01-01", None, "2020-01-03"])),
        pd.to_datetime(pd.Series(["2020-01-01 02:00+02:00", None, "2020-01-03 02:00+02:00"])),
        pd.Series(pd.PeriodIndex(["2020-01-01", None, "2020-01-03"], freq="D")),
    ],
    ids=["text", "date", "datetime", "zone", "period"],
)
def test_dates_are_days(values):
    column = column_of(values)
    assert column.kind == "date" and column.indicator
    assert column.fill == 18263.0
    assert features(column, pd.Series(["2020-01-02T12:00"])).shape == (1, 2)


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ([3.0, 3.0, 3.0], "the same value in every row"),
        ([True, True, True], "the same value in every row"),
        (["a", "a", "a"], "the same value in every row"),
        ([None, None, None], "no value in any row"),
        ([np.nan, np.inf, -np.inf], "no value in any row"),
        (pd.Categorical([None, None], ["a"]), "no value in any row"),
        ([f"id {i}" for i in range(30)], "like an identifier: 30 different values in 30 rows"),
    ],
)
def test_columns_that_tell_nothing_are_dropped(values, reason):
    column = column_of(values)
    assert column == DroppedColumn("c", reason)
    assert features(column, values).shape == (len(values), 0)


def test_a_constant_with_gaps_keeps_its_indicator():
    column = column_of([5.0, None, 5.0])
    assert features(column, [5.0, None]).tolist() == [[0, 0], [0, 1]]


@pytest.mark.parametrize(
    ("values", "text"),
    [
        ([[1], [2]], "column 'c' holds values that are neither numbers, text, booleans nor dates"),
        ([b"a", b"b"], "column 'c' holds bytes"),
        ([1j, 2j], "column 'c' holds complex numbers"),
    ],
)
def test_columns_that_cannot_be_used_are_refused(values, text):
    with pytest.raises(ValueError, match=text):
        column_of(values)
