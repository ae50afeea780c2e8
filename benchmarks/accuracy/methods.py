"""The methods of the study: each with what its users would do to a table before it.

To add one: a function from Rows to predictions, and its line in METHODS.
"""

from __future__ import annotations

import importlib
import importlib.metadata
import importlib.util
import warnings
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.compose import (
    TransformedTargetRegressor,
    make_column_selector,
    make_column_transformer,
)
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.exceptions import ConvergenceWarning
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

import chainfit

from .sources import NotInstalledError
from .tables import Task

Array = npt.NDArray[Any]


class Rows(NamedTuple):
    """What a method is given."""

    X: pd.DataFrame
    y: Array
    X_test: pd.DataFrame
    task: Task
    seed: int
    threads: int

    @property
    def classifies(self) -> bool:
        """Whether probabilities are asked for, and not values."""
        return self.task == "classification"


class Method(NamedTuple):
    """A method as the study knows it."""

    title: str
    module: str  # what must be installed for it
    predict: Callable[[Rows], Array]  # fits; probabilities (rows, classes), or values (rows,)

    def version(self) -> str:
        """Version of the library; an error where it is not there."""
        if importlib.util.find_spec(self.module) is None:
            raise NotInstalledError(f"{self.module} is not installed")
        importlib.import_module(self.module)
        return importlib.metadata.version({"sklearn": "scikit-learn"}.get(self.module, self.module))


def with_days(X: pd.DataFrame) -> pd.DataFrame:
    """Return the table with numbers in the place of dates, for methods that know none."""
    dates = X.select_dtypes("datetime").columns
    day = np.timedelta64(1, "D")
    return X.assign(**{name: (X[name] - pd.Timestamp("2000-01-01")) / day for name in dates})


def fitted(rows: Rows, model: Any, X: Any, X_test: Any) -> Array:
    """Fit the model and return what it predicts."""
    model.fit(X, rows.y)
    return np.asarray(model.predict_proba(X_test) if rows.classifies else model.predict(X_test))


def standardised(max_categories: int | None = None) -> Any:
    """Return numbers standardised, missing ones at their mean and marked; categories one-hot."""
    numbers = make_pipeline(
        SimpleImputer(keep_empty_features=True, add_indicator=True), StandardScaler()
    )
    levels = OneHotEncoder(
        handle_unknown="infrequent_if_exist" if max_categories else "ignore",
        max_categories=max_categories, sparse_output=False,
    )  # fmt: skip
    return make_column_transformer(
        (numbers, make_column_selector(dtype_include="number")),
        (levels, make_column_selector(dtype_include="category")),
    )


def tabular(preset: str) -> Callable[[Rows], Array]:
    """Return chainfit's estimator of tables with this preset."""

    def predict(rows: Rows) -> Array:
        name = "TabularClassifier" if rows.classifies else "TabularRegressor"
        if not hasattr(chainfit, name):
            raise NotInstalledError(f"this chainfit has no {name}")
        model = getattr(chainfit, name)(preset=preset, random_state=rows.seed)
        return fitted(rows, model, rows.X, rows.X_test)

    return predict


def plain(rows: Rows) -> Array:
    """One net with the defaults of scikit-learn's, behind the usual preparation."""
    if rows.classifies:
        net: Any = chainfit.MLPClassifier(random_state=rows.seed)
    else:
        net = TransformedTargetRegressor(
            chainfit.MLPRegressor(random_state=rows.seed), transformer=StandardScaler()
        )
    model = make_pipeline(standardised(), net)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # its 200 epochs are its default
        return fitted(rows, model, with_days(rows.X), with_days(rows.X_test))


def hist_gradient_boosting(rows: Rows) -> Array:
    """scikit-learn's boosting; columns of more levels than it takes are numbered."""
    X, X_test = with_days(rows.X), with_days(rows.X_test)
    many = [name for name in X if X[name].dtype == "category" and X[name].cat.categories.size > 254]
    X, X_test = (each.assign(**{n: each[n].cat.codes for n in many}) for each in (X, X_test))
    kind = HistGradientBoostingClassifier if rows.classifies else HistGradientBoostingRegressor
    model = kind(categorical_features="from_dtype", random_state=rows.seed)
    return fitted(rows, model, X, X_test)


def lightgbm(rows: Rows) -> Array:
    """LightGBM, which knows missing values and categories."""
    library = importlib.import_module("lightgbm")
    kind = library.LGBMClassifier if rows.classifies else library.LGBMRegressor
    model = kind(n_jobs=rows.threads, random_state=rows.seed, verbose=-1)
    return fitted(rows, model, with_days(rows.X), with_days(rows.X_test))


def realmlp(rows: Rows) -> Array:
    """pytabkit's RealMLP with its tuned defaults; missing numbers are filled and marked before."""
    library = importlib.import_module("pytabkit")
    kind = library.RealMLP_TD_Classifier if rows.classifies else library.RealMLP_TD_Regressor
    model = kind(
        device="cpu", random_state=rows.seed, n_threads=rows.threads, verbosity=0
    )  # fmt: skip
    X, X_test = with_days(rows.X), with_days(rows.X_test)
    return fitted(rows, model, *_without_missing(X, X_test))


def _without_missing(X: pd.DataFrame, X_test: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    X, X_test = X.copy(), X_test.copy()
    for name in list(X):
        for each in (X, X_test):
            if X[name].dtype == "category":
                levels = each[name].cat.add_categories("(missing)")
                each[name] = levels.fillna("(missing)")
            elif X[name].isna().any() or X_test[name].isna().any():
                each[f"{name} is missing"] = each[name].isna().astype(float)
        if X[name].dtype != "category":
            middle = np.nan_to_num(X[name].median())
            X[name], X_test[name] = X[name].fillna(middle), X_test[name].fillna(middle)
    return X, X_test


METHODS: dict[str, Method] = {
    "fast": Method("chainfit fast", "chainfit", tabular("fast")),
    "good": Method("chainfit good", "chainfit", tabular("good")),
    "best": Method("chainfit best", "chainfit", tabular("best")),
    "plain": Method("plain net", "chainfit", plain),
    "hgb": Method("HistGradientBoosting", "sklearn", hist_gradient_boosting),
    "lightgbm": Method("LightGBM", "lightgbm", lightgbm),
    "realmlp": Method("RealMLP-TD", "pytabkit", realmlp),
}

#: What the ratios are relative to.
BASE = "plain"


def find_method(name: str) -> Method:
    """Return the method of this name."""
    if name not in METHODS:
        raise ValueError(f"there is no method {name!r}; there are {', '.join(METHODS)}")
    return METHODS[name]
