"""Dates and times in text: formats by evidence, time zones, one bad cell, typed columns alike."""

from __future__ import annotations

import datetime as dt
import re

import numpy as np
import pyarrow as pa
import pytest
from schemas import learn, learn_and_read, read, same

from chainfit._tables.cells.date_formats import FORMATS
from chainfit._tables.cells.dates import DateFormat
from chainfit._tables.cells.schema import ColumnError, Hints, learn_schema

DAYS = [dt.date(2021, 8, 17), dt.date(1999, 12, 31), dt.date(2020, 2, 29), dt.date(2024, 1, 5)]
TIMES = [dt.time(0, 0), dt.time(17, 30), dt.time(9, 5, 59), dt.time(12, 0, 1, 250_000)]


def days_of(values):
    """Days since 1970 by Python's own calendar."""
    zero = dt.datetime(1970, 1, 1)
    return np.array([(value - zero) / dt.timedelta(days=1) for value in values])


@pytest.mark.parametrize("format", [f for f in FORMATS if not re.search("%[qGZz]", f)])
def test_every_format_is_found_and_read_as_strptime_reads_it(format):
    cells = [day.strftime(format) for day in DAYS]
    column, values = learn_and_read(cells)
    assert column.kind == "date", column
    same(values, days_of([dt.datetime.strptime(cell, format) for cell in cells]))
    same(read(column, pa.array([dt.datetime.strptime(cell, format) for cell in cells])), values)


@pytest.mark.parametrize("format", ["%Y-%m-%d", "%d/%m/%Y", "%m/%d/%Y", "%d.%m.%Y", "%d-%b-%Y"])
@pytest.mark.parametrize("time", ["%H:%M", "%H:%M:%S", "%I:%M %p", "%I:%M:%S%p", "%H:%M:%S.%f"])
def test_a_time_of_day_may_follow(format, time):
    moments = [dt.datetime.combine(*pair) for pair in zip(DAYS, TIMES, strict=True)]
    cells = [moment.strftime(f"{format} {time}") for moment in moments]
    expected = [dt.datetime.strptime(cell, f"{format} {time}") for cell in cells]
    column, values = learn_and_read(cells)
    same(values, days_of(expected))
    same(read(column, pa.array(expected)), values)
    same(read(column, [day.strftime(format) for day in DAYS]), np.floor(values))


@pytest.mark.parametrize(
    ("cell", "hours"),
    [
        ("2021-08-17T10:00:00Z", 10),
        ("2021-08-17 10:00 UTC", 10),
        ("2021-08-17T10:00:00+02:00", 8),
        ("2021-08-17T10:00:00.000-0530", 15.5),
        ("2021-08-17 01:00+02", -1),
        ("2021-08-17 10:00 CET", 9),
        ("2021-08-17 10:00:00 CEST", 8),
        ("2021-08-17 10:00 EST", 15),
        ("2021-08-17 10:00 UTC+5:30", 4.5),
        ("2021-08-17 10:00 GMT-1", 11),
        ("2021-08-17T10:00+02:00[Europe/Berlin]", 8),
        ("2021-08-17T10:00:00,5", 10 + 0.5 / 3600),
    ],
)
def test_a_time_with_a_zone_counts_in_utc(cell, hours):
    column, values = learn_and_read([cell, "2020-01-01"])
    moment = dt.datetime(2021, 8, 17) + dt.timedelta(hours=hours)
    same(values[:1], days_of([moment]))
    zone = pa.array([moment], pa.timestamp("us", "Europe/Zurich"))
    same(read(column, zone), values[:1])


def test_parts_of_a_second_have_the_bits_of_typed_ones():
    cells = [f"2021-08-17 23:59:59.{i * 9_876_541 % 10**9:09d}" for i in range(1, 400)]
    column, values = learn_and_read(cells)
    array = pa.array(np.array([cell.replace(" ", "T") for cell in cells], "datetime64[ns]"))
    same(read(column, array), values)


def test_day_and_month_by_evidence():
    assert learn(["01/02/2020", "17/08/2021"]).format.format == "%d/%m/%Y"
    assert learn(["01/02/2020", "08/17/2021"]).format.format == "%m/%d/%Y"
    # One cell that is wrong does not change it.
    cells = ["08/17/2021", "12/25/2020", "01/31/2020", "31/01/2020"]
    column = learn(cells)
    assert column.format.format == "%m/%d/%Y"
    assert column.notes == ("'c': not a date, taken as missing: '31/01/2020' (1 row)",)


def test_day_and_month_by_the_first_of_each_month():
    assert learn(["01/02/2020", "01/03/2020", "01/11/2020"]).format.format == "%d/%m/%Y"
    assert learn(["02/01/2020", "03/01/2020", "11/01/2020"]).format.format == "%m/%d/%Y"


def test_day_and_month_by_the_other_columns():
    cells = ["01/02/2020", "03/04/2020", "05/07/2021"]
    column = learn(cells, {"other": ["12/25/2020", "01/02/2020", "03/04/2020"]})
    assert column.format.format == "%m/%d/%Y" and not column.notes


def test_day_and_month_without_evidence_are_said():
    column = learn(["01/02/2020", "03/04/2020", "05/07/2021"])
    assert column.format.format == "%d/%m/%Y"
    assert column.notes == (
        "'c': no day is above 12, so dates are read as %d/%m/%Y (they may be %m/%d/%Y: "
        "date_format='%m/%d/%Y')",
    )


def test_one_bad_cell_does_not_change_the_kind():
    cells = [f"2021-{m:02d}-{d:02d}" for m in range(1, 13) for d in range(1, 28)]
    for bad in ("0000-00-00", "2021-02-30", "2021-13-01", "soon", "17/08/2021"):
        column = learn([*cells, bad])
        assert column.kind == "date"
        assert column.missing == (bad,)
        assert column.notes == (f"'c': not a date, taken as missing: {bad!r} (1 row)",)


def test_what_is_no_date():
    column = learn(["2020-02-29", "2021-01-01"])
    bad = ["2021-02-29", "2021-00-10", "2021-1-32", "0000-01-01", "2021-01-01 25:00", "20210101"]
    bad += ["2021-01-01 13:00 PM", "2021-01-01 0:30 AM", "2021-01-01x", "2021-01-01 10:00 XYZ"]
    with pytest.warns(UserWarning):
        values = read(column, [*bad, "2021-01-01"])
    assert np.isnan(values[:-1]).all() and values[-1] == 18628
    assert learn(["1-2-3", "4-5-6"] * 20).kind == "category"
    assert learn(["N14228", "N24211"] * 20).kind == "category"
    assert learn(["10.0.0.1", "10.0.0.2"] * 20).kind == "category"


def test_times_of_day_are_seconds():
    cells = ["00:00", "17:30", "5:30 PM", "12:15 am", "09:05:59", "12:00:01.25", "23:59:60"]
    column, values = learn_and_read(cells)
    assert column.kind == "time"
    assert values.tolist() == [0, 63000, 63000, 900, 32759, 43201.25, 86400]
    times = [dt.time(17, 30), dt.time(9, 5, 59, 123_457), None]
    texts = ["17:30", "09:05:59.123457", ""]
    for kind in (pa.time64("us"), pa.time64("ns")):
        same(read(column, pa.array(times, kind)), read(column, texts))
    (typed,) = learn_schema(pa.table({"c": pa.array(times)})).columns
    assert typed.kind == "time"
    same(read(typed, texts), read(column, texts))


@pytest.mark.parametrize(
    "kind",
    [pa.date32(), pa.date64(), *(pa.timestamp(unit) for unit in ("s", "ms", "us", "ns"))],
    ids=str,
)
def test_typed_dates_read_alike(kind):
    array = pa.array([18_856, None, -1], pa.date32()).cast(kind)
    (column,) = learn_schema(pa.table({"c": array})).columns
    assert column.kind == "date"
    expected = np.array([18_856, np.nan, -1])
    same(read(column, array), expected)
    same(read(column, array.dictionary_encode()), expected)
    same(read(column, ["2021-08-17", "", "1969-12-31"]), expected)
    same(read(learn(["17/08/2021", "01/01/2020"]), array), expected)


def test_the_format_that_the_user_gives_holds():
    cells = ["01/02/2020", "03/04/2020", "05/07/2021"]
    assert learn(cells, date_format="%m/%d/%Y").format.format == "%m/%d/%Y"
    compact = ["20210817", "20200102"]
    assert learn(compact).kind == "number"
    column, values = learn_and_read(compact, date_format="%Y%m%d")
    assert values.tolist() == [18_856, 18_263]
    typed = pa.table({"c": pa.array([20210817, 20200102])})
    (from_typed,) = learn_schema(typed, Hints(date_format="%Y%m%d")).columns
    assert from_typed == column
    same(read(column, typed["c"]), values)
    column = learn(["17.08.2021 10h30", "18.08.2021 11h00"], date_format="%d.%m.%Y %Hh%M")
    assert read(column, ["17.08.2021 12h00"]).tolist() == [18_856.5]
    # A column that it does not read is what it is without it.
    beside = {"day": compact * 3}
    assert learn(["a", "b"] * 3, beside, date_format="%Y%m%d").kind == "category"
    beside = {"day": ["17/08/2021", "01/01/2020"]}
    iso = learn(["2021-08-17", "2020-01-01"], beside, date_format="%d/%m/%Y")
    assert iso.format.format == "%Y-%m-%d"


@pytest.mark.parametrize(
    ("format", "message"),
    [
        ("%d.%m.", "no year"),
        ("%Y %Y", "stands twice"),
        ("%Y %j", "%j is not supported"),
        ("%Y%", "%  ?is not supported"),
    ],
)
def test_formats_that_make_no_sense_are_refused(format, message):
    with pytest.raises(ValueError, match=message):
        DateFormat(format)


def test_a_percent_sign_and_shorthands_in_a_format():
    assert DateFormat("%F%%").read(pa.array(["2021-08-17%"])).tolist() == [18_856]
    assert DateFormat("%D %T").read(pa.array(["08/17/21 12:00:00"])).tolist() == [18_856.5]


@pytest.mark.parametrize(
    ("format", "cells", "days"),
    [
        ("%Y-Q%q", ["2020-Q1", "2020-Q3", "2021-q4"], ["2020-01-01", "2020-07-01", "2021-10-01"]),
        ("Q%q %Y", ["Q2 2020", "Q1 2020"], ["2020-04-01", "2020-01-01"]),
        ("%YQ%q", ["2020Q1", "2019Q4"], ["2020-01-01", "2019-10-01"]),
        ("%b %Y", ["Jan 2020", "May 2020"], ["2020-01-01", "2020-05-01"]),
        ("%b-%y", ["Jan-20", "Dec-99"], ["2020-01-01", "1999-12-01"]),
        ("%m-%Y", ["01-2020", "12-2020"], ["2020-01-01", "2020-12-01"]),
        (
            "%G-W%V",
            ["2020-W01", "2020-W53", "2026-W53"],
            ["2019-12-30", "2020-12-28", "2026-12-28"],
        ),
        ("%GW%V", ["2021W01", "2021W52"], ["2021-01-04", "2021-12-27"]),
        ("%G-W%V-%u", ["2020-W05-3", "2020-W05-7"], ["2020-01-29", "2020-02-02"]),
    ],
)
def test_quarters_months_and_weeks_count_as_their_first_day(format, cells, days):
    column, values = learn_and_read(cells)
    assert column.format.format == format
    same(values, np.array(days, dtype="datetime64[D]").astype(np.float64))
    same(read(column, pa.array(np.array(days, dtype="datetime64[D]"))), values)
    assert DateFormat(format).read(pa.array(["2020-Q5", "2021-W53", "2020-W05-8"])).tolist() == (
        [pytest.approx(np.nan, nan_ok=True)] * 3
    )


@pytest.mark.parametrize(
    "cell",
    [
        "Thu Jan  2 03:04:05 2020",
        "Thu Jan  2 04:04:05 CET 2020",
        "Thu Jan 02 2020 04:04:05 GMT+0100 (CET)",
        "02/Jan/2020:05:04:05 +0200",
        "Thu, 02 Jan 2020 03:04:05 GMT",
    ],
)
def test_times_as_programs_write_them(cell):
    column, values = learn_and_read([cell, cell.replace(":05", ":06", 1)])
    assert column.kind == "date"
    assert round(values[0] * 86400) == 1577934245, column.format


def test_whole_numbers_that_are_dates():
    cells = [day.strftime("%Y%m%d") for day in [dt.date(2020, 1, 31 - i) for i in range(12)]]
    expected = np.arange(18292, 18280, -1.0)
    for bad in ([], ["0"], ["NA"], ["20209999"]):
        column = learn([*cells, *bad])
        assert (column.kind, column.format.format) == ("date", "%Y%m%d")
        same(read(column, cells), expected)
    numbers = pa.table({"c": pa.array(map(int, cells)), "f": pa.array(map(float, cells))})
    for column in learn_schema(numbers).columns:
        assert (column.kind, column.format.format) == ("date", "%Y%m%d")
        same(read(column, cells), expected)
        same(read(column, numbers.column(column.name)), expected)
    assert learn(cells[:3]).kind == "number"  # it may be, but nothing says so
    named = learn_schema(pa.table({"order_date": pa.array(cells[:3])})).columns[0]
    assert named.kind == "date"
    assert learn([str(10_000_000 + 97 * i) for i in range(40)]).kind == "number"


@pytest.mark.parametrize("format", ["%Y-%V", "%G-%m", "%q"])
def test_formats_that_say_no_day(format):
    with pytest.raises(ValueError, match="date format"):
        DateFormat(format)


def test_a_date_format_that_fits_no_column_is_refused():
    days = pa.array(["2020-01-15", "2020-02-16"])
    table = pa.table({"x": pa.array(["1", "2"]), "day": days})
    with pytest.raises(ColumnError, match=r"'%d/%m/%Y' fits no column; 'day' holds '2020-01-15'"):
        learn_schema(table, Hints(date_format="%d/%m/%Y"))
    with pytest.raises(ColumnError, match=r"the date format '%Y%m%d' fits no column$"):
        learn_schema(table.select(["x"]), Hints(date_format="%Y%m%d"))
    assert learn_schema(table, Hints(date_format="%Y-%m-%d")).columns[1].kind == "date"
    typed = pa.table({"day": days.cast(pa.date32())})  # which need no format
    assert learn_schema(typed, Hints(date_format="%d/%m/%Y")).columns[0].kind == "date"


def test_spans_of_more_than_a_day_beside_times():
    column, values = learn_and_read(["20:00:00", "25:30:00", "100:00"])
    assert column.kind == "time" and values.tolist() == [72_000, 91_800, 360_000]
