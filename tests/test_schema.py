"""Schemas: what the cells of a table mean is decided once, saved, and then only applied."""

from __future__ import annotations

import json
import warnings

import numpy as np
import pyarrow as pa
import pytest
from schemas import learn, read, text_table

from chainfit._files.fields import ModelFileError
from chainfit._tables.cells.schema import (
    MOST_TEXTS,
    OTHERS,
    BooleanColumn,
    CategoryColumn,
    ColumnError,
    DroppedColumn,
    Hints,
    Schema,
    Tally,
    learn_schema,
)


def test_booleans_are_words_and_0_and_1_are_numbers():
    for words in ("TRUE FALSE", "true false", "yes no", "t f", "Yes NO", "True FALSE"):
        column = learn(words.split() * 3)
        assert isinstance(column, BooleanColumn), words
        assert read(column, [*words.split(), ""]).tolist()[:2] == [1, 0]
    assert learn(["0", "1"] * 3).kind == "number"
    assert learn(["yes", "no", "perhaps"] * 3).kind == "category"


def test_typed_booleans_and_numbers_are_read_by_a_column_of_words():
    column = learn(["TRUE", "FALSE", "", "TRUE"])
    assert column.kind == "boolean"
    for cells in (pa.array([True, False, None]), pa.array([1, 0, None]), ["yes", "F", " "]):
        np.testing.assert_array_equal(read(column, cells), [1, 0, np.nan])


def test_categories_are_as_they_are_written():
    cells = ["1.10", "1.1", "TRUE", "true", "007", " a", "a", "a "] * 3
    column = learn(cells)
    assert column.levels == (" a", "007", "1.1", "1.10", "TRUE", "a", "a ", "true")
    with pytest.warns(UserWarning, match="not seen in training: 'True'"):
        assert read(column, ["1.10", "true", "", "True"]).tolist() == [3, 7, -1, -2]


def test_leading_zeros_make_codes_not_numbers():
    column = learn(["007", "042", "123"] * 4)
    assert column.levels == ("007", "042", "123")
    assert column.notes == ("'c': categories, because some have leading zeros",)
    assert learn(["007", "042", "B12"] * 4).levels == ("007", "042", "B12")
    # One such cell in many is a number that somebody wrote with a zero.
    assert learn([str(i % 150) for i in range(300)] + ["07"]).kind == "number"
    assert learn(["0.5", "00.7", "1.5"]).kind == "number"


def test_decimals_written_in_two_ways_are_versions_not_numbers():
    column = learn(["1.10", "1.1", "2.0"] * 40)
    assert column.levels == ("1.1", "1.10", "2.0")
    assert column.notes == ("'c': categories, because '1.1' and '1.10' would be one number",)
    assert learn(["1.0", "1", "2.0"] * 40).kind == "number"  # a number, with or without a point
    assert learn(["1.10", "1.20"] * 40).kind == "number"
    many = [f"{i / 10}" for i in range(100)] + ["1.10"]
    assert learn(many).kind == "number"


def test_a_level_named_none_stays_unless_a_column_of_numbers_holds_the_word():
    levels = ["None", "NA", "null", "a", "None"] * 2
    assert learn(levels).levels == ("NA", "None", "a", "null")
    numbers = {"x": ["1", "2", "3", "NA", "5", "6", "7", "None", "9", "10"]}
    column = learn(levels, numbers)
    assert column.levels == ("a", "null")
    assert read(column, ["NA", "null", "None"]).tolist() == [-1, 1, -1]
    assert column.notes == ("'c': taken as missing: 'None' (4 rows), 'NA' (2 rows)",)
    dates = {"d": ["2020-01-01", "null"] + ["2020-01-02"] * 8}
    assert learn(levels, dates).levels == ("NA", "None", "a")


def test_a_level_is_missing_where_the_user_says_so():
    column = learn(["None", "a", "b"] * 4, na=["None", "b"])
    assert column.levels == ("a",) and column.missing == ("None", "b")
    assert read(column, ["None", "b", "a"]).tolist() == [-1, -1, 0]


def test_a_word_for_missing_among_booleans_is_a_level_unless_the_table_says_more():
    cells = ["TRUE", "FALSE", "NA", "TRUE"] * 3
    assert learn(cells).levels == ("FALSE", "NA", "TRUE")
    column = learn(cells, {"x": ["1", "2", "NA", "4"] * 3})
    assert column.kind == "boolean"
    np.testing.assert_array_equal(read(column, ["NA", "TRUE"]), [np.nan, 1])


def test_unreadable_marks_below_a_half_are_missing_named_and_counted_in_rows():
    cells = ["1.5", "2.5"] * 30 + ["-"] * 30 + ["n/k"] * 19
    column = learn(cells)
    assert column.kind == "number"
    assert column.notes == ("'c': not a number, taken as missing: '-' (30 rows), 'n/k' (19 rows)",)
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # training had them
        np.testing.assert_array_equal(read(column, ["n/k", "-", "2.5"]), [np.nan, np.nan, 2.5])
    assert learn(["1.5", "2.5", "x", "y"] * 5).kind == "category"
    notes = [f"see remark {chr(97 + i % 26)}{i}" for i in range(900)]
    assert learn([*notes[:400], *["€7"] * 1000, *notes[400:], "€8"]).kind == "number"
    assert learn([*notes[:400], *["17/08/2021"] * 1000, *notes[400:], "1/1/2021"]).kind == "date"


def test_words_that_all_files_write_for_missing_may_be_more_than_half():
    column = learn(["NA"] * 90 + ["1", "2"] * 5)
    assert column.kind == "number"
    assert column.notes == ("'c': not a number, taken as missing: 'NA' (90 rows)",)


def test_what_predict_cannot_read_is_a_warning_that_names_and_counts():
    column = learn(["1", "2", "3"])
    with pytest.warns(UserWarning) as caught:
        values = read(column, ["1", "oops", "2", "oops", "?", "", "-"])
    np.testing.assert_array_equal(values, [1, np.nan, 2, *[np.nan] * 4])
    assert [str(w.message) for w in caught] == [
        "column 'c': not a number, taken as missing: 'oops' (2 rows), '?' (1 row), '-' (1 row)"
    ]
    with pytest.warns(UserWarning, match=r"not seen in training: 'z' \(2 rows\)"):
        assert read(learn(["a", "b"] * 2), ["z", "z", "a"]).tolist() == [-2, -2, 0]


@pytest.mark.parametrize(
    ("cells", "bad", "message"),
    [
        (
            ["1.5", "2.5"],
            ["1,5", "2,5"],
            "read as a number.*'1,5' .*training had numbers with decimal '.'",
        ),
        (
            ["€5", "€6"],
            ["$5", ""],
            r"read as a number: '\$5' \(1 row\); training had numbers with decimal '.', unit '€'",
        ),
        (
            ["17/08/2021", "03/01/2020"],
            ["2021-08-17"],
            "read as a date: '2021-08-17' .*written as %d/%m/%Y",
        ),
        (["10:30", "11:00"], ["noon"], "read as a time"),
        (["yes", "no"], ["maybe", "perhaps"], "read as true or false"),
    ],
)
def test_a_column_of_which_nothing_can_be_read_stops_with_a_reason(cells, bad, message):
    column = learn(cells * 2)
    with pytest.raises(ColumnError, match=rf"column 'c': nothing can be {message}"):
        read(column, bad)
    # Nothing there at all is another matter, and so are words that files write for missing.
    assert np.isnan(read(column, ["", " "])).all()
    with pytest.warns(UserWarning, match="'NA'"):
        assert np.isnan(read(column, ["NA", ""])).all()


def test_a_later_block_of_a_file_may_be_unreadable():
    schema = learn_schema(text_table(c=["1", "2"]))
    bad, tally = text_table(c=["?!"]), Tally()
    with pytest.raises(ColumnError):
        schema.parse(bad, tally)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        tally = Tally()
        schema.parse(text_table(c=["5", "?!"]), tally)
        assert np.isnan(schema.parse(bad, tally)["c"]).all()
    assert tally.seen == {"c"}
    # what could not be read is told once, of all blocks
    with pytest.warns(UserWarning, match=r"not a number, taken as missing: '\?!' \(2 rows\)"):
        schema.warn(tally)


def test_the_texts_that_are_counted_are_bounded():
    tally = Tally()
    for begin in (0, 800):
        tally.add("c", {f"t{i}": 2 for i in range(begin, begin + 800)})
    assert len(tally.unread["c"]) == MOST_TEXTS + 1
    assert tally.unread["c"][OTHERS] == 2 * 600 and tally.unread["c"]["t0"] == 2
    schema = learn_schema(text_table(c=["1", "2"] * 9))
    with pytest.warns(UserWarning, match=r"missing: 't0' \(2 rows\), .* and over 995 more$"):
        schema.warn(tally)


def test_identifiers_are_left_out_and_it_is_said_why():
    column = learn([f"A{i}" for i in range(30)])
    assert column == DroppedColumn("c", "like an identifier: 30 different values in 30 rows")
    assert learn([f"A{i % 9}" for i in range(12)]).kind == "category"
    ids = pa.table({"customer": pa.array([2**62 + 1 + 2 * i for i in range(50)])})
    (column,) = learn_schema(ids).columns
    assert column.reason == "like an identifier: 50 different whole numbers"
    (column,) = learn_schema(pa.table({"c": [str(2**62 + i) for i in range(50)]})).columns
    assert column.reason == "like an identifier: 50 different whole numbers"
    for masses in ([1.5e30 * i for i in range(50)], [f"{i}.5e30" for i in range(50)]):
        assert learn_schema(pa.table({"mass": masses})).columns[0].kind == "number"
    names = (
        "id",
        "ID",
        "customer_id",
        "PassengerId",
        "PID",
        "Unnamed: 0",
        "",
        "row.names",
        "index",
    )
    for name in names:
        table = text_table(**{name: map(str, range(1, 41))})
        assert learn_schema(table).columns[0].kind == "dropped", name
    for name in ("x", "paid", "PAID", "width", "population"):
        table = text_table(**{name: map(str, range(1, 41))})
        assert learn_schema(table).columns[0].kind == "number", name


def test_what_looks_like_numbers_is_not_called_an_identifier():
    column = learn([f"{i} - {i + 3}" for i in range(40)])
    assert column.reason == (
        "neither numbers nor dates that could be read: '0 - 3', '1 - 4', '2 - 5' and 37 more "
        "(see decimal, thousands and date_format)"
    )


@pytest.mark.parametrize(
    ("array", "reason"),
    [
        (pa.array([[1], [2, 3], None]), "it holds lists"),
        (pa.array([b"a", b"b", None]), "it holds bytes"),
        (pa.array([{"a": 1}, {"a": 2}, None]), "it holds structs"),
        (pa.array([[("k", 1)], [], None], pa.map_(pa.string(), pa.int64())), "it holds maps"),
        (pa.array([None, None, None]), "no value in any row"),
        (pa.array([None, None, None], pa.float64()), "no value in any row"),
        (pa.array([np.nan, np.nan, np.nan]), "no value in any row"),
        (pa.array(["", " ", ""]), "no value in any row"),
        (pa.array([7, 7, 7]), "the same value in every row"),
        (pa.array(["7", "7.0", "7"]), "the same value in every row"),
        (pa.array(["a", "a", "a"]), "the same value in every row"),
    ],
)
def test_what_says_nothing_is_left_out_and_it_is_said_why(array, reason):
    schema = learn_schema(pa.table({"c": array, "x": [1, 2, 3]}))
    assert schema.columns[0] == DroppedColumn("c", reason)
    assert [*schema.parse(pa.table({"x": [1]}))] == ["x"]  # not needed any more


def test_columns_that_the_user_leaves_out():
    table = text_table(a=["1", "2"], b=["3", "4"])
    schema = learn_schema(table, Hints(drop=["a"]))
    assert schema.columns[0] == DroppedColumn("a", "on request")
    with pytest.raises(ColumnError, match="there is no column 'z' to leave out"):
        learn_schema(table, Hints(drop=["z"]))


def test_columns_are_found_by_name_and_more_are_ignored():
    schema = learn_schema(text_table(a=["1", "2"], b=["x", "y"]))
    parsed = schema.parse(text_table(z=["?"], b=["y"], a=["5"]))
    assert parsed["a"].tolist() == [5] and parsed["b"].tolist() == [1]
    with pytest.raises(ColumnError, match="lacks columns that the model needs: 'b'"):
        schema.parse(text_table(a=["5"]))
    twice = pa.table([pa.array(["1"]), pa.array(["2"])], names=["a", "a"])
    for use in (schema.parse, learn_schema):
        with pytest.raises(ColumnError, match="several columns named 'a'"):
            use(twice)


def test_a_type_without_a_meaning_is_refused_by_name():
    schema = learn_schema(text_table(n=["1", "2"], c=["x", "y"]))
    for name in "nc":
        cells = {"n": pa.array(["1"]), "c": pa.array(["x"]), name: pa.array([[1]])}
        with pytest.raises(ColumnError, match=rf"column '{name}' holds values of type list"):
            schema.parse(pa.table(cells))
    with pytest.raises(ColumnError, match="'n': nothing can be read as a number: '2020-01-01'"):
        schema.parse(pa.table({"n": pa.array([18_262], pa.date32()), "c": ["x"]}))


def test_no_rows():
    schema = learn_schema(
        text_table(n=["1", "2"], d=["2020-01-01", "2021-01-01"], c=["a", "b"], b=["t", "f"])
    )
    empty = text_table(n=[], d=[], c=[], b=[])
    assert {name: len(values) for name, values in schema.parse(empty).items()} == dict.fromkeys(
        "ndcb", 0
    )
    assert {column.kind for column in learn_schema(empty).columns} == {"dropped"}


def everything():
    return learn_schema(
        text_table(
            n=["€1.234,5", "€0,7", "?", "€2"] * 2,
            d=["17/08/2021", "03/04/2022", "x", "01/01/2020"] * 2,
            t=["10:30", "5:30 PM", "11:15", ""] * 2,
            b=["yes", "no", "", "no"] * 2,
            c=["a", "b", "NA", "NA"] * 2,
            z=["k"] * 8,
        ),
        Hints(na=["x"]),
    )


def test_a_schema_goes_through_json():
    schema = everything()
    kinds = [column.kind for column in schema.columns]
    assert kinds == ["number", "date", "time", "boolean", "category", "dropped"]
    text = json.dumps(schema.to_json(), ensure_ascii=False)
    assert Schema.from_json(json.loads(text)) == schema
    assert schema.notes == [note for column in schema.columns for note in column.notes]


@pytest.mark.parametrize(
    ("at", "value", "message"),
    [
        ((0, "kind"), "list", "'kind' must be one of"),
        ((0, "name"), 3, "'name' must be a string"),
        ((0, "decimal"), ";", "no marks of numbers"),
        ((0, "thousands"), ",", "are both ','"),
        ((0, "units"), ["€", "€"], "'units' must differ"),
        ((0, "units"), [""], "no signs of units"),
        ((0, "units"), ["€" * 31], "no signs of units"),
        ((0, "missing"), ["\ud800"], "surrogates not allowed"),
        ((0, "more"), 1, "unknown entries 'more'"),
        ((1, "format"), "%Q", "%Q is not supported"),
        ((1, "format"), "%d/%m", "no year"),
        ((1, "format"), "%Y" + " " * 60, "no date format"),
        ((1, "format"), "%Y\0", "no date format"),
        ((4, "levels"), ["a", "a"], "'levels' must differ"),
        ((4, "levels"), "ab", "'levels' must be a list"),
        ((4, "levels"), ["\udfff"], "surrogates not allowed"),
        ((5, "reason"), None, "'reason' must be a string"),
        ((5, "name"), "n", "their names must differ"),
    ],
)
def test_a_damaged_schema_is_refused(at, value, message):
    values = everything().to_json()
    values["columns"][at[0]][at[1]] = value
    with pytest.raises(ModelFileError, match=message):
        Schema.from_json(values)


@pytest.mark.parametrize("values", [None, [], {}, {"columns": [1]}, {"columns": [], "x": 1}])
def test_what_is_no_schema_is_refused(values):
    with pytest.raises(ModelFileError):
        Schema.from_json(values)


@pytest.mark.parametrize(
    ("hints", "error", "message"),
    [
        ({"decimal": ";"}, ValueError, "decimal must be '.' or ',', got ';'"),
        ({"thousands": "x"}, ValueError, "thousands must be one of"),
        ({"thousands": ",", "decimal": ","}, ValueError, "must differ"),
        ({"na": "NA"}, TypeError, "na must be a sequence of strings"),
        ({"drop": [1]}, TypeError, "drop must be a sequence of strings"),
        ({"date_format": "%d.%m"}, ValueError, "no year"),
        ({"date_format": "%Y %Q"}, ValueError, "%Q is not supported"),
    ],
)
def test_hints_that_make_no_sense_are_refused(hints, error, message):
    with pytest.raises(error, match=message):
        learn_schema(text_table(c=["1", "2"]), Hints(**hints))


def test_category_column_without_levels_is_none():
    assert CategoryColumn("c").levels == ()


def test_a_column_that_has_read_is_pickled_as_one_that_has_not():
    import copy
    import pickle

    schema = everything()
    before = pickle.dumps(schema)
    schema.parse(text_table(n=["€1"], d=["01/02/2020"], t=["1:00"], b=["yes"], c=["a"]))
    assert pickle.dumps(schema) == before
    assert pickle.loads(before) == copy.deepcopy(schema) == schema


def test_columns_that_could_not_be_read_share_a_warning():
    names = [f"c{i}" for i in range(6)]
    schema = learn_schema(text_table(**{name: ["a", "b"] * 5 for name in names}, x=["1", "2"] * 5))
    new = text_table(**{name: ["a", "z"] for name in names}, x=["1", "?"])
    with pytest.warns(UserWarning) as found:
        schema.parse(new)
    shown = "; ".join(f"'c{i}': 'z' (1 row)" for i in range(4))
    assert [str(warning.message) for warning in found] == [
        f"6 columns: not seen in training: {shown}; and 2 more columns",
        "column 'x': not a number, taken as missing: '?' (1 row)",
    ]
