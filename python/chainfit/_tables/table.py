"""TableModel: a net together with what turns a data frame's mixed columns into its inputs.

``fit`` learns an encoding of every column, decides between classification and regression, scales
a real target, and trains an MLPClassifier or MLPRegressor; ``predict`` applies all of it again.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Sequence
from typing import Any, Self

import numpy as np

from .._common.public import public, public_class
from .._common.published import Published
from .._estimators.callbacks import Listener, Progress
from .._estimators.classifier import MLPClassifier
from .._estimators.regressor import MLPRegressor
from .._estimators.rules import LOSSES, OUTPUTS
from .encoder import Column, encode, learn
from .frame_target import (
    TASKS,
    as_frame,
    check_classes,
    class_labels,
    column_of,
    decide_task,
    target_series,
)
from .readers import read_numbers

#: Early stopping gives up a tenth of the rows, which a smaller table cannot spare. It gets a
#: stronger L2 penalty instead: 0.3 was best or near it on scikit-learn's iris, wine, breast_cancer
#: and diabetes and on plotnine's mpg and midwest (R2 of diabetes 0.42, with 0.0001 about 0).
SMALL_ROWS = 2000
SMALL_ALPHA = 0.3

#: Batches are a hundredth of the rows within these: enough updates an epoch for small tables.
BATCH_SIZES = (32, 200)


@public
class TableModel(Published):
    """A multilayer perceptron on the mixed columns of a table.

    Columns of numbers are filled with the median and standardised (with a second feature where
    training had missing values); booleans become 0 and 1; text and categoricals one feature per
    level, with a level for missing values; dates become days. Columns with one value only, and
    those like identifiers, are left out. A level that training had not is all zeros, or, where
    rare levels were put together, one of these; a warning names it.

    Parameters
    ----------
    task : {'auto', 'classification', 'regression'}, default='auto'
        What the target is. 'auto': text, booleans, categoricals and whole numbers with few
        distinct values are classes, anything else is regression.
    max_levels : int, default=100
        Levels of a category that get a feature of their own: the most frequent ones.
    **parameters
        Parameters of MLPClassifier or MLPRegressor. Different from theirs are these defaults:
        ``hidden_layer_sizes=(64, 64)``, ``precision='float32'``, ``batch_size`` a hundredth of
        the rows between 32 and 200; from 2,000 rows on ``early_stopping=True``, below
        ``alpha=0.3``.

    Attributes
    ----------
    net_ : MLPClassifier or MLPRegressor
        The fitted net.
    task_ : {'classification', 'regression'}
    columns_ : tuple
        What was learned of each column, in the frame's order.
    target_name_ : str or None
    target_mean_, target_scale_ : float
        The net learns (target - target_mean_) / target_scale_ in regression.
    classes_ : ndarray of shape (n_classes,)
        Class labels; classification only.
    feature_names_ : list of str
        Names of the net's inputs.
    n_rows_ : int
        Rows trained on.
    notes_ : list of str
        What was decided on the way.

    Notes
    -----
    Multilayer perceptrons are sensitive to the scale of features and targets, so this one scales
    both itself, by what the training rows give: a pipeline with a scaler before it is not needed.

    Examples
    --------
    >>> import pandas as pd
    >>> from chainfit import TableModel
    >>> from sklearn.datasets import load_wine
    >>> frame = load_wine(as_frame=True).frame.rename(columns={"target": "cultivar"})
    >>> model = TableModel(random_state=0, max_iter=500).fit(frame, "cultivar")
    >>> model.predict(frame.head(3))
    array([0, 0, 0])
    """

    net_: Any
    task_: str
    columns_: tuple[Column, ...]
    target_name_: Any
    target_mean_: float
    target_scale_: float
    n_rows_: int
    notes_: list[str]

    def __init__(self, task: str = "auto", *, max_levels: int = 100, **parameters: Any) -> None:
        if task not in TASKS:
            raise ValueError(f"task must be one of {', '.join(map(repr, TASKS))}, got {task!r}")
        if isinstance(max_levels, bool) or not isinstance(max_levels, int) or max_levels < 1:
            raise ValueError(f"max_levels must be an integer of at least 1, got {max_levels!r}")
        self.task = task
        self.max_levels = max_levels
        self.parameters = parameters

    def __repr__(self) -> str:
        arguments = {"max_levels": self.max_levels, **self.parameters}
        words = [repr(self.task), *(f"{name}={value!r}" for name, value in arguments.items())]
        return f"TableModel({', '.join(words)})"

    def fit(
        self,
        frame: Any,
        target: Any,
        *,
        on_start: Callable[[Sequence[Column], Sequence[str]], None] | None = None,
        on_epoch: Callable[[int, float], None] | None = None,
    ) -> Self:
        """Learn the columns' encodings and train the net.

        Rows whose target is missing are dropped.

        Parameters
        ----------
        frame : pandas.DataFrame of shape (rows, columns)
            Or anything with ``to_pandas()``.
        target : str, or array-like of shape (rows,)
            Name of the target's column in ``frame``, or the target itself, row by row. A
            Series with the name of a column stands for that column.
        on_start : callable, default=None
            Called with (columns, notes), the later ``columns_`` and ``notes_``, when training
            begins.
        on_epoch : callable, default=None
            Called with (epoch, loss) after each epoch.

        Returns
        -------
        TableModel
            Itself.

        Raises
        ------
        ValueError
            If a column, the target or a parameter cannot be used; the text names it.
        ImportError
            If pandas is not installed.
        """
        listeners = [] if on_epoch is None else [Progress(on_epoch)]
        return self._fit_followed_by(listeners, frame, target, on_start)

    def _fit_followed_by(
        self,
        listeners: Sequence[Listener],
        frame: Any,
        target: Any,
        on_start: Callable[[Sequence[Column], Sequence[str]], None] | None,
    ) -> Self:
        """Fit as `fit` does; the listeners follow the training."""
        frame = as_frame(frame)
        labels, name = target_series(frame, target)
        notes: list[str] = []
        present = labels.notna().to_numpy()
        labels = labels[present]
        inputs = frame.drop(columns=[name]) if name in frame.columns else frame
        inputs = inputs[present]
        if not present.all():
            notes.append(f"{np.count_nonzero(~present)} rows without a target were dropped")
        if not len(labels):
            raise ValueError("no row has a target")
        task = self.task if self.task != "auto" else decide_task(labels, notes)
        if task == "regression":
            y, mean, scale = self._real_target(labels)
        else:
            y, mean, scale = class_labels(labels), 0.0, 1.0
            check_classes(y, inferred=self.task == "auto")
        columns: list[Column] = []
        for column_name in inputs.columns:
            column, note = learn(column_of(inputs, column_name), self.max_levels)
            columns.append(column)
            if note:
                notes.append(note)
        if not any(column.width for column in columns):
            reasons = "; ".join(f"{c.name!r}: {getattr(c, 'reason', '')}" for c in columns)
            raise ValueError(f"no column is left to learn from ({reasons})")
        net = self._make_net(task, y)
        levels = getattr(net, "quantile", None)
        if getattr(net, "loss", None) == "quantile" and isinstance(levels, tuple | list):
            raise ValueError(f"quantile must be a number for a table, got {levels!r}.")
        dtype = "float64" if net.precision == "float64" else "float32"
        with warnings.catch_warnings():
            # The notes tell what was found already.
            warnings.simplefilter("ignore", UserWarning)
            X = encode(columns, inputs, dtype)
        if on_start is not None:
            on_start(columns, notes)
        net._fit_followed_by(listeners, X, (y - mean) / scale if task == "regression" else y)
        fitted = {
            "net_": net,
            "task_": task,
            "columns_": tuple(columns),
            "target_name_": name,
            "target_mean_": mean,
            "target_scale_": scale,
            "n_rows_": len(y),
            "notes_": notes,
        }
        self._publish(fitted)
        return self

    def _real_target(self, labels: Any) -> tuple[np.ndarray, float, float]:
        values, junk = read_numbers(labels)
        bad = np.count_nonzero(np.isnan(values))
        if bad:
            shown = f" ({junk[0]!r}, for example)" if junk else ""
            raise ValueError(
                f"target {labels.name!r}: {bad} values are no finite numbers{shown}, as regression "
                "needs"
            )
        with np.errstate(over="ignore", invalid="ignore"):
            mean, spread = float(values.mean()), float(values.std())
        if not np.isfinite(spread):
            raise ValueError(f"target {labels.name!r}: its values are too large for float64 sums")
        loss = LOSSES.get(str(self.parameters.get("loss")))
        output = OUTPUTS.get(str(self.parameters.get("out_activation")))
        if output and np.isfinite(output.highest):
            return values, 0.0, 1.0  # the outputs' range is the target's
        if (loss and loss.lowest_target == 0) or (output and output.lowest == 0):
            # A deviance wants y >= 0, as these outputs are, and only its scale is free.
            return values, 0.0, abs(mean) or 1.0
        return values, mean, spread or 1.0

    def _make_net(self, task: str, y: np.ndarray) -> Any:
        rows = len(y)
        batch_size = min(int(np.clip(rows // 100, *BATCH_SIZES)), rows)
        defaults: dict[str, Any] = {
            "hidden_layer_sizes": (64, 64),
            "batch_size": batch_size,
            "precision": "float32",
        }
        if rows < SMALL_ROWS:
            defaults["alpha"] = SMALL_ALPHA
        elif self.parameters.get("solver") != "lbfgs":
            defaults["early_stopping"] = task == "regression" or _can_split(y)
        cls = MLPClassifier if task == "classification" else MLPRegressor
        try:
            return cls(**{**defaults, **self.parameters})
        except TypeError as error:
            raise ValueError(f"{task}: {error}") from None

    @property
    def classes_(self) -> np.ndarray:
        """Class labels, sorted; classification only."""
        classes: np.ndarray = self.fitted_net("classification").classes_
        return classes

    @property
    def feature_names_(self) -> list[str]:
        """Names of the net's inputs."""
        return [name for column in self.columns_ for name in column.features]

    def fitted_net(self, task: str | None = None) -> Any:
        """Return the fitted net, or say why there is none (for this task)."""
        from sklearn.exceptions import NotFittedError

        if not hasattr(self, "net_"):
            raise NotFittedError("this TableModel is not fitted yet: call fit first")
        if task not in (None, self.task_):
            raise AttributeError(f"only a model of {task} has it; this is one of {self.task_}")
        return self.net_

    def transform(self, frame: Any) -> np.ndarray:
        """Encode the rows of a frame as the net's inputs.

        Parameters
        ----------
        frame : pandas.DataFrame of shape (rows, columns)
            Columns that the model does not know are ignored.

        Returns
        -------
        ndarray of shape (rows, n_features), float32 or float64

        Raises
        ------
        ValueError
            If the frame lacks columns; the text names them.
        """
        net = self.fitted_net()
        return encode(self.columns_, as_frame(frame), str(net.coefs_[0].dtype))

    def predict(self, frame: Any) -> np.ndarray:
        """Predict the target of each row.

        Parameters
        ----------
        frame : pandas.DataFrame of shape (rows, columns)

        Returns
        -------
        ndarray of shape (rows,)
            Class labels, or float64 values in the target's own scale.
        """
        model = self._as_published()
        net, X = model.fitted_net(), model.transform(frame)
        if model.task_ == "classification":
            labels: np.ndarray = net.predict(X) if len(X) else net.classes_[:0]
            return labels
        values = net.predict(X) if len(X) else np.empty(0)
        return values.astype(np.float64) * model.target_scale_ + model.target_mean_

    def predict_proba(self, frame: Any) -> np.ndarray:
        """Probability of each class for each row; classification only.

        Parameters
        ----------
        frame : pandas.DataFrame of shape (rows, columns)

        Returns
        -------
        ndarray of shape (rows, n_classes)
            Columns in the order of ``classes_``.
        """
        model = self._as_published()
        net, X = model.fitted_net("classification"), model.transform(frame)
        probabilities: np.ndarray = (
            net.predict_proba(X) if len(X) else np.empty((0, len(net.classes_)), X.dtype)
        )
        return probabilities

    def target_of(self, frame: Any, target: Any = None) -> np.ndarray:
        """Read the target as the model understands it: class labels or float64 values.

        Parameters
        ----------
        frame : pandas.DataFrame
        target : str or array-like, default=None
            As in ``fit``; None: the column that the model was trained on.

        Returns
        -------
        ndarray of shape (rows,)
        """
        self.fitted_net()
        if target is None and self.target_name_ is None:
            raise ValueError("the model was trained on a target without a name: give the target")
        labels, _ = target_series(as_frame(frame), self.target_name_ if target is None else target)
        if self.task_ == "classification":
            return class_labels(labels, like=self.classes_)
        return self._real_target(labels)[0]

    def score(self, frame: Any, target: Any = None) -> float:
        """Accuracy (classification) or R2 (regression).

        Parameters
        ----------
        frame : pandas.DataFrame of shape (rows, columns)
        target : str or array-like of shape (rows,), default=None
            As in ``fit``; None: the column that the model was trained on.

        Returns
        -------
        float
        """
        from sklearn.metrics import accuracy_score, r2_score

        y = self.target_of(frame, target)
        metric = accuracy_score if self.task_ == "classification" else r2_score
        return float(metric(y, self.predict(frame)))

    def save(self, path: str | bytes | os.PathLike) -> None:
        """Write the model to a file that ``chainfit.load`` reads; see ``MLPClassifier.save``.

        Parameters
        ----------
        path : str, bytes or path-like
        """
        from .._files.model import save
        from .file import kind_of

        save(kind_of(public_class(self)), self, path)


def _can_split(y: np.ndarray) -> bool:
    """Whether a tenth of the rows can be drawn with every class in both parts."""
    counts = np.unique(y, return_counts=True)[1]
    return bool(counts.min() >= 2) and len(counts) <= len(y) // 10
