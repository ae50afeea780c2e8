"""Targets of tables: classes as they are written, numbers by their marks, missing ones told."""

from __future__ import annotations

import datetime as dt
import json
import warnings
from decimal import Decimal

import numpy as np
import pyarrow as pa
import pytest
from schemas import text_table

from chainfit._files.fields import ModelFileError
from chainfit._tables.cells.schema import ColumnError, Hints
from chainfit._tables.cells.target import Target, learn_target


def column_of(cells):
    text = not isinstance(cells, pa.Array)
    return pa.chunked_array([pa.array(list(cells), pa.string()) if text else cells])


def learn(cells, task="auto", others=None, **hints):
    table = None if others is None else text_table(**others)
    return learn_target(column_of(cells), "y", task, Hints(**hints), table)


def parse(target, cells):
    return target.parse(column_of(cells))


@pytest.mark.parametrize(
    ("cells", "classes"),
    [
        (["007", "042"], ("007", "042")),
        (["TRUE", "FALSE"], ("FALSE", "TRUE")),
        (["2.0", "1.0"], ("1.0", "2.0")),
        (["10", "9"], ("10", "9")),
        (["None", "Insomnia"], ("Insomnia", "None")),
        (["yes", "no", "NA", "null"], ("NA", "no", "null", "yes")),
        ([" a", "a"], (" a", "a")),
        (["€5", "€6"], ("€5", "€6")),
        (pa.array([3, 1]), (1, 3)),
        (pa.array([2**62 + 1, 2**62]), (2**62, 2**62 + 1)),
        (pa.array([True, False]), (False, True)),
        (pa.array([2.0, 1.0]), (1.0, 2.0)),
        (pa.array(["b", "a"]).dictionary_encode(), ("a", "b")),
        (pa.array([Decimal("1.50"), Decimal("2.00")]), (1.5, 2.0)),
    ],
    ids=str,
)
def test_labels_come_back_as_they_are_written(cells, classes):
    values = cells.to_pylist() if isinstance(cells, pa.Array) else cells
    cells = cells.take(pa.array([*range(len(cells))] * 6)) if values is not cells else cells * 6
    target = learn(cells, "classification")
    assert target.classes == classes and target.task == "classification"
    assert [type(label) for label in target.classes] == [type(label) for label in classes]
    codes = parse(target, cells)
    assert codes.dtype == np.int32
    as_classes = [float(v) if isinstance(v, Decimal) else v for v in values]
    assert target.labels(codes).tolist() == as_classes * 6
    assert Target.from_json(json.loads(json.dumps(target.to_json()))) == target


def test_classes_are_told_with_their_rows():
    target = learn(["None"] * 3 + ["b"] * 2)
    assert target.notes == (
        "classification, because the target holds text or categories",
        "classes: None (3 rows), b (2 rows)",
    )


@pytest.mark.parametrize(
    ("cells", "task", "why"),
    [
        (["a", "b"] * 5, "classification", "holds text or categories"),
        (["yes", "no"] * 5, "classification", "holds booleans"),
        (["007", "042"] * 5, "classification", "holds text or categories"),
        (["0", "1"] * 5, "classification", "only 2 distinct whole numbers"),
        (["1.0", "2.0", "3.0"] * 5, "classification", "only 3 distinct whole numbers"),
        (["1", "2", "NA"] * 5, "classification", "only 2 distinct whole numbers"),
        (["0.5", "1"] * 5, "regression", "2 distinct numbers"),
        ([str(i) for i in range(30)], "regression", "30 distinct numbers"),
        (["1.234,5", "7,0"] * 5, "regression", "2 distinct numbers"),
        ([f"€{i}.5" for i in range(9)], "regression", "9 distinct numbers"),
        (pa.array([0, 1] * 5), "classification", "only 2 distinct whole numbers"),
        (pa.array([0.5, 1.0] * 5), "regression", "2 distinct numbers"),
        (pa.array([True, False] * 5), "classification", "holds booleans"),
        (pa.array(["1", "2"] * 5).dictionary_encode(), "classification", "text or categories"),
    ],
)
def test_the_task_is_decided_and_it_is_said_why(cells, task, why):
    target = learn(cells)
    assert target.task == task
    assert any(note.startswith(task) and why in note for note in target.notes)


def test_a_target_of_numbers_has_its_own_marks():
    cells = ["1.234,50 €", "0,25 €", "7 €"]
    target = learn(cells)
    assert parse(target, cells).tolist() == [1234.5, 0.25, 7]
    assert parse(target, pa.array([1.5, 2.5])).tolist() == [1.5, 2.5]
    assert Target.from_json(target.to_json()) == target
    assert parse(learn(["8,920", "11,750"], others={"x": ["0,5", "1,7"]}), ["8,920"]) == [8.92]
    assert parse(learn(["8,920", "11,750"], decimal=","), ["8,920"]) == [8.92]
    target = learn(["8,920", "11,750"], "regression")
    assert parse(target, ["8,920"]) == [8920]
    assert any("is read as 8920" in note for note in target.notes)


def test_durations_are_a_target_in_days():
    cells = pa.array([43_200 * i for i in range(1, 40)], pa.duration("s"))
    target = learn(cells)
    assert target.task == "regression" and "target 'y': durations, in days" in target.notes
    np.testing.assert_array_equal(parse(target, cells), np.arange(1, 40) / 2)


def test_missing_targets_are_told_row_by_row():
    target = learn(["a", "b", "", " ", "a"])
    assert target.classes == ("a", "b")
    assert parse(target, ["b", "", " ", "a", "z"]).tolist() == [1, -1, -1, 0, -2]
    target = learn(["0.5", "", "NA", "1.5", "x", "2.5", "3.5"])
    assert "target 'y': not a number, taken as missing: 'NA' (1 row), 'x' (1 row)" in (target.notes)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        np.testing.assert_array_equal(
            parse(target, ["0.5", "", "NA", "x"]), [0.5, np.nan, np.nan, np.nan]
        )
    with pytest.warns(UserWarning, match="target 'y': not a number.*: 'oops' .1 row."):
        parse(target, ["oops", "1"])
    typed = learn(pa.array([1, None, 2, 1]))
    assert parse(typed, pa.array([2, None, 7])).tolist() == [1, -1, -2]


def test_a_class_named_none_stays_unless_the_table_says_otherwise():
    cells = ["None", "a", "b"] * 3
    assert learn(cells, others={"x": ["1", "2", "3"] * 3}).classes == ("None", "a", "b")
    others = {"x": ["1", "None", "3"] * 3}
    target = learn(cells, others=others)
    assert target.classes == ("a", "b")
    assert "target 'y': taken as missing: 'None' (3 rows)" in target.notes
    assert parse(target, cells[:3]).tolist() == [-1, 0, 1]
    assert learn(cells, na=["None"]).classes == ("a", "b")


def test_text_and_typed_rows_of_a_target_read_alike():
    text = learn(["1", "2", "3"] * 5)
    assert text.classes == ("1", "2", "3")
    for cells in (pa.array([3, 1]), pa.array([3.0, 1.0]), pa.array(["3", "1"])):
        assert parse(text, cells).tolist() == [2, 0]
    typed = learn(pa.array([1, 2, 3] * 5))
    for cells in (["3", "1"], ["3.0", "1"], pa.array([3.0, 1.0])):
        assert parse(typed, cells).tolist() == [2, 0]
    booleans = learn(pa.array([True, False] * 5))
    assert parse(booleans, ["TRUE", "false", "True"]).tolist() == [1, 0, 1]
    floats = learn(pa.array([1.0, 2.0] * 5))
    assert parse(floats, ["2", "1.0"]).tolist() == [1, 0]


def test_dates_are_classes_only_if_the_user_says_so():
    for cells in (["2020-01-01", "2021-01-01"] * 5, pa.array([dt.date(2020, 1, 1)] * 5)):
        with pytest.raises(ColumnError, match="'y' holds dates, which are neither"):
            learn(cells)
    dates = pa.array([dt.date(2020, 1, 1), dt.date(2021, 1, 1)] * 5)
    target = learn(dates, "classification")
    assert target.classes == ("2020-01-01", "2021-01-01")
    assert parse(target, dates)[:2].tolist() == [0, 1]


@pytest.mark.parametrize(
    ("cells", "task", "message"),
    [
        (["", " "], "auto", "no row has a target"),
        (pa.array([None, None]), "auto", "no row has a target"),
        (pa.array([np.nan, np.nan]), "auto", "no row has a target"),
        (["a", "a", ""], "auto", "one class only, 'a'"),
        (["5", "5"], "auto", "one class only, '5'"),
        ([f"name {i}" for i in range(9)], "auto", "9 different texts in 9 rows"),
        (["a", "b", "1"], "regression", "2 values are no numbers, as regression needs: 'a'"),
        (pa.array([[1], [2]]), "auto", "'y' cannot be predicted: it holds lists"),
        (["10:30", "11:00"], "auto", "'y' holds times"),
    ],
)
def test_what_is_no_target_is_refused(cells, task, message):
    with pytest.raises(ColumnError, match=message):
        learn(cells, task)


def test_an_unknown_task_is_refused():
    with pytest.raises(ValueError, match="task must be one of 'auto'"):
        learn(["a", "b"], "ranking")


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("task", "auto", "'task' must be one of"),
        ("classes", ["a"], "1 classes do not suit classification"),
        ("classes", ["b", "a"], "sorted and differ"),
        ("classes", ["a", "a"], "sorted and differ"),
        ("classes", ["a", 1], "must be texts, integers"),
        ("classes", [None, None], "must be texts, integers"),
        ("classes", [1, 2**64], "fit 64 bits"),
        ("classes", [1.0, float("inf")], "finite"),
        ("classes", [1.0, float("nan")], "finite"),
        ("classes", ["a", "\ud800"], "must be text"),
        ("task", "regression", "2 classes do not suit regression"),
        ("decimal", "", "no marks of numbers"),
        ("missing", [1], "list of strings"),
        ("extra", 1, "unknown entries"),
    ],
)
def test_a_damaged_target_is_refused(key, value, message):
    values = {**learn(["a", "b"] * 3).to_json(), key: value}
    with pytest.raises(ModelFileError, match=message):
        Target.from_json(values)
