"""Units beside numbers: one unit is left out, several make categories, and codes stay codes."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from schemas import learn, learn_and_read, read, text_table

from chainfit._tables.cells.schema import Schema, learn_schema

NUMBERS = [1234.5, 12.75, -7.5, 300.25, 0.5]


@pytest.mark.parametrize("unit", [
    " kg", "kg", " km", " \u00b0C", "\u00b0C", " sq ft", "h", " months", " \u20ac/kg", "K",
    " kg/m\u00b2", " m2", "m\u00b2", " km/h", "\u00a0kg", " %/yr", " fl oz", "\u00b5g", "x",
])  # fmt: skip
@pytest.mark.parametrize(("decimal", "thousands"), [(".", ","), (",", "."), (".", "")])
def test_one_unit_after_the_numbers(unit, decimal, thousands):
    marks = str.maketrans({",": thousands, ".": decimal})
    cells = [f"{value:,}{unit}".translate(marks) for value in NUMBERS * 3]
    column, values = learn_and_read(cells)
    assert column.kind == "number" and column.format.units == (unit.strip(),)
    assert column.notes == () and values.tolist() == NUMBERS * 3
    again = Schema.from_json(Schema((column,)).to_json()).columns[0]
    assert again == column
    assert read(again, [f"7{unit}", "7", " 7 "]).tolist() == [7, 7, 7]


def test_units_before_the_numbers_and_signs_of_approximation():
    assert learn_and_read(["kg 5", "kg 7.5"])[1].tolist() == [5, 7.5]
    assert learn_and_read(["~5", "~ 7.5", "8"])[1].tolist() == [5, 7.5, 8]
    assert learn_and_read(["\u22485", "7.5", "~8"])[1].tolist() == [5, 7.5, 8]


def test_plural_and_capitals_are_one_unit():
    column, values = learn_and_read(["1 day", "2 days", "3 Days", "4"])
    assert values.tolist() == [1, 2, 3, 4] and column.format.units == ("Days", "day", "days")


def test_a_stray_unit_is_missing_and_named():
    column = learn([f"{i} kg" for i in range(40)] + ["9 lb"])
    assert column.notes == ("'c': not a number, taken as missing: '9 lb' (1 row)",)
    with pytest.warns(UserWarning, match="'5 g'"):
        np.testing.assert_array_equal(read(column, ["5 g", "5 kg"]), [np.nan, 5])


def test_several_units_are_no_numbers_and_said():
    several = "its numbers have several units: kg, g"
    column = learn([f"{i % 5} {'g' if i % 3 else 'kg'}" for i in range(40)] + ["7 kg"] * 20)
    assert column.kind == "category"
    assert column.notes == (f"'c': categories, because {several}",)
    column = learn([f"{i} {'kg' if i % 3 else 'g'}" for i in range(40)])
    assert (column.kind, column.reason) == ("dropped", several)


@pytest.mark.parametrize(
    "cells",
    [
        ["4WD", "2WD"],
        ["Q1", "Q2", "Q3"],
        [f"A{i}" for i in range(9)],
        [f"A {i}" for i in range(9)],
        [f"{i}a" for i in range(9)],
        [f"{i} rooms" for i in range(9)],
        ["1st", "2nd", "3rd"],
        [f"{i} AM" for i in range(1, 10)],
        ["5e", "6e", "7e"],
    ],
)
def test_codes_and_a_few_levels_are_no_numbers(cells):
    column = learn(cells * 5)
    assert column.kind == "category" and column.notes == ()


def test_an_unknown_word_beside_many_numbers_is_a_unit():
    column, values = learn_and_read([f"{i} widgets" for i in range(30)])
    assert column.format.units == ("widgets",) and values.tolist() == [*range(30)]


def test_a_letter_beside_one_of_many_numbers_is_no_unit():
    column = learn([*map(str, range(30)), "5a"])
    assert column.kind == "number" and column.format.units == ()


def test_typed_numbers_are_read_by_a_column_with_a_unit():
    schema = learn_schema(text_table(c=["5 kg", "7.5 kg"]))
    assert read(schema.columns[0], pa.array([5, 7.5])).tolist() == [5, 7.5]
