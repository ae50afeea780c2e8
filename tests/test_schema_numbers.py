"""Numbers in text: decimal and thousands marks, percent and currency signs, by evidence."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from schemas import learn, learn_and_read, read, same

from chainfit._tables.cells.numbers import PLAIN, NumberFormat
from chainfit._tables.cells.schema import Hints, Schema, learn_schema

NUMBERS = [1234.5, -0.25, 12.75, 1234567.125, 0.5, -98765.4]


def written(value, decimal, thousands, before="", after=""):
    """A number with these marks."""
    text = f"{abs(value):,}".replace(",", "\0").replace(".", decimal).replace("\0", thousands)
    return f"{'-' if value < 0 else ''}{before}{text}{after}"


@pytest.mark.parametrize(("before", "after"), [
    ("", ""), ("€", ""), ("€ ", ""), ("", " €"), ("", "%"), ("", "\u00a0%"), ("", " zł"),
    ("US$", ""),
    ("CHF ", ""), ("£", ""), ("", " EUR"), ("", "‰"), ("R$ ", ""), ("", " kr."), ("¥", ""),
])  # fmt: skip
@pytest.mark.parametrize(
    ("decimal", "thousands"),
    [(d, t) for d in ".," for t in ("", ",", ".", " ", "'", "\u202f", "\u00a0", "’") if d != t],
)
def test_marks_are_found_and_numbers_keep_their_bits(decimal, thousands, before, after):
    cells = [written(value, decimal, thousands, before, after) for value in NUMBERS]
    column, values = learn_and_read(cells)
    assert column.kind == "number" and column.format.decimal == decimal
    assert column.notes == ()
    same(values, np.array(NUMBERS))
    for cell, value in zip(cells, NUMBERS, strict=True):
        assert read(column, [f" {cell}\t"]).tolist() == [value]


def test_signs_before_and_after_the_unit_and_bookkeepers_brackets():
    cells = ["-€5", "€-5", "€ -5", "+€5", "(€5)", "€(5)", "(5)", "5 €", "−5", "€ 5"]
    _, values = learn_and_read(cells)
    assert values.tolist() == [-5, -5, -5, 5, -5, -5, -5, 5, -5, 5]


def test_only_the_units_of_training_are_read():
    column = learn(["5%", "7.5%", "8"])
    assert column.format.units == ("%",)
    with pytest.warns(UserWarning, match=r"'\$5'"):
        np.testing.assert_array_equal(read(column, ["1%", "$5", "2"]), [1, np.nan, 2])


def test_what_is_no_number_is_none():
    column = learn(["1", "2.5"])
    bad = ["1,5", "1 2", "0x1F", "1_0", "--1", "1e", "e5", "1.2.3", "٣", "1d5", "+", ".", "1-", "½"]
    with pytest.warns(UserWarning):
        assert np.isnan(read(column, [*bad, "7"])[:-1]).all()


def test_a_thousands_mark_stands_between_groups_of_three():
    column = learn(["1,234.5", "1,000,000", "12"])
    assert (column.format.decimal, column.format.thousands) == (".", ",")
    bad = ["12,34", "1,2345", ",123", "0,123.5", "1,234,5", "1,,234", "1.234,5"]
    with pytest.warns(UserWarning):
        assert np.isnan(read(column, [*bad, "1,234"])[:-1]).all()


def test_a_comma_before_three_digits_is_settled_by_the_cells():
    assert learn_and_read(["8,920", "1351,660"])[1].tolist() == [8.92, 1351.66]
    assert learn_and_read(["8,920", "0,126"])[1].tolist() == [8.92, 0.126]
    assert learn_and_read(["8,920", "1,5"])[1].tolist() == [8.92, 1.5]
    assert learn_and_read(["8,920", "1,920,000"])[1].tolist() == [8920, 1920000]
    assert learn_and_read(["8,920", "7.5"])[1].tolist() == [8920, 7.5]


def test_a_comma_before_three_digits_is_settled_by_the_other_columns():
    cells = ["8,920", "11,750"]
    column, values = learn_and_read(cells, {"x": ["0,126", "-0,132"]})
    assert values.tolist() == [8.92, 11.75] and not column.notes
    # Two columns of three have a decimal comma.
    others = {"x": ["0,126", "5"], "y": ["0,5", "7"], "z": ["1.25", "2.5"]}
    assert learn_and_read(cells, others)[1].tolist() == [8.92, 11.75]
    assert learn_and_read(cells, {"z": ["1.25", "2.5"]})[1].tolist() == [8920, 11750]


def test_a_point_before_three_digits_is_settled_by_the_other_columns():
    cells = ["1.234", "12.500"]
    assert learn_and_read(cells)[1].tolist() == [1.234, 12.5]
    column, values = learn_and_read(cells, {"x": ["0,5", "1,25"]})
    assert values.tolist() == [1234, 12500]
    assert (column.format.decimal, column.format.thousands) == (",", ".")
    assert learn_and_read(["1.234", "1.5"], {"x": ["0,5", "1,25"]})[1].tolist() == [1.234, 1.5]


def test_without_any_evidence_the_reading_is_said():
    column, values = learn_and_read(["8,920", "11,750"])
    assert values.tolist() == [8920, 11750]
    assert column.notes == ("'c': '8,920' is read as 8920 (it may mean 8.92: decimal=',')",)


def test_what_the_user_says_of_marks_holds():
    cells = ["8,920", "11,750"]
    assert learn_and_read(cells, decimal=",")[1].tolist() == [8.92, 11.75]
    assert learn_and_read(cells, decimal=".")[1].tolist() == [8920, 11750]
    assert learn_and_read(cells, thousands=",")[1].tolist() == [8920, 11750]
    assert learn_and_read(["1.234", "2"], thousands=".")[1].tolist() == [1234, 2]
    assert learn_and_read(["1.234", "2"], decimal=",")[1].tolist() == [1234, 2]
    assert learn(["1.234", "1.5"], thousands=".").kind != "number"
    assert learn_and_read(["-999", "1.5"], na=["-999"])[0].missing == ("-999",)


def test_a_typed_column_keeps_what_the_user_says_for_text():
    typed = pa.table({"c": [1.5, -999.0, 2.5]})
    (column,) = learn_schema(typed, Hints(decimal=",", na=["-999"])).columns
    np.testing.assert_array_equal(read(column, typed["c"]), [1.5, np.nan, 2.5])
    np.testing.assert_array_equal(read(column, ["1,5", "-999"]), [1.5, np.nan])


def test_nearly_all_numbers_with_gaps_and_words():
    cells = ["1.5", "", " ", "NA", "n/a", "-", "2.5", "NaN", "#N/A", "None"]
    column, values = learn_and_read(cells)
    np.testing.assert_array_equal(values, [1.5, *[np.nan] * 5, 2.5, *[np.nan] * 3])
    assert column.notes[0].startswith("'c': not a number, taken as missing: ")


@settings(max_examples=100, deadline=None)
@given(
    st.lists(st.text("0123456789.,eE+-−infa x'()%€\u00a0_٣", min_size=1, max_size=7), min_size=1)
)
def test_a_text_reads_alike_whatever_stands_beside_it(texts):
    """A column takes one pass where all cells are plain numbers, and a longer way where not."""
    for format in (PLAIN, NumberFormat(",", "."), NumberFormat(".", ",", ("€", "%"))):
        alone = np.concatenate([format.read(pa.array([text])) for text in texts])
        same(format.read(pa.array([*texts, "no number"]))[:-1], alone)
        same(format.read(pa.array([*texts, ""]))[:-1], alone)
    for text, value in zip(texts, PLAIN.read(pa.array(texts)), strict=True):
        if not set(text) & set("()−_٣"):
            try:
                expected = float(text)
            except ValueError:
                expected = np.nan
            np.testing.assert_equal(value, expected if np.isfinite(expected) else np.nan)


def test_a_minus_behind_the_numbers():
    cells = ["5-", "7.5", "1,000-", "3 -", "8"]
    column, values = learn_and_read(cells)
    assert values.tolist() == [-5, 7.5, -1000, -3, 8] and column.format.minus_after
    again = Schema.from_json(Schema((column,)).to_json()).columns[0]
    assert again == column and read(again, ["9-", "-9", "9"]).tolist() == [-9, -9, 9]
    assert learn_and_read(["5- €", "8 €"])[1].tolist() == [-5, 8]
    with pytest.warns(UserWarning, match="'-5-'"):
        assert np.isnan(read(column, ["-5-", "7"])[0])
    assert "minus_after" not in Schema((learn(["-5", "7"]),)).to_json()["columns"][0]


def test_unreadable_cells_are_no_evidence_of_a_minus_behind():
    column = learn(["1.5", "-2.5", "inf", "3.5"] * 9)
    assert column.kind == "number" and not column.format.minus_after


@pytest.mark.parametrize("word", ["-999", "999", "-9999"])
def test_a_number_far_from_all_others_is_told(word):
    cells = [*map(str, range(40)), word, word]
    (note,) = learn(cells).notes
    assert f"{word} in 2 rows is far from all other numbers (na_values='{word}'" in note
    assert not any("far from" in note for note in learn(cells, na=(word,)).notes)
    assert learn(cells[:-1]).notes == ()
    assert learn([*map(str, range(900, 1100)), "999"]).notes == ()


def test_codes_that_differ_say_why_they_are_left_out():
    column = learn([f"{731 * i % 100_000:05d}" for i in range(60)])
    assert column.reason == "like an identifier: some have leading zeros"


def test_rows_of_a_number_that_repeats_are_counted():
    (note,) = learn([*map(str, range(8)), "-999"] * 20).notes
    assert note.startswith("'c': -999 in 20 rows is far from all other numbers")
