"""Models of tables as explanations see them: one of their nets, and how a cell becomes an input.

A further kind of column's features is one more case of `feature_of` and, in `story_table`, of
`rule_of`.
"""

from __future__ import annotations

from collections.abc import Mapping
from numbers import Integral
from typing import Any, NamedTuple

import numpy as np
from sklearn.base import is_classifier
from sklearn.utils.validation import check_is_fitted

from .._common.printable import printable
from .formula import Array


class Member(NamedTuple):
    """Which net of a model of tables a Net is."""

    model: Any  # a fitted TabularClassifier or TabularRegressor
    place: int  # among `nets_`

    @property
    def net(self) -> Any:
        return self.model.nets_[self.place]

    def words(self) -> list[str]:
        """Say in sentences which net it is, and what its outputs and targets are."""
        model, count = self.model, len(self.model.nets_)
        name = type(model).__name__
        which = f"The net of a {name}."
        if count > 1:
            averaged = "probabilities" if is_classifier(model) else "outputs"
            which = (
                f"Net {self.place + 1} of {count} of a {name}, nets_[{self.place}]: its {averaged} "
                "are averaged with the others'."
            )
        if is_classifier(model):
            if model.temperature_ == 1:
                return [which]
            return [
                f"{which} Its last weights and biases are those of training divided by the "
                f"temperature, {model.temperature_:.6g}."
            ]
        target = "y" if model.target_ is None else printable(model.target_.name)
        mean, scale = model.target_mean_, model.target_scale_
        shift = f"{'+' if mean < 0 else '-'} {abs(mean):.6g}"
        return [f"{which} Its target is ({target} {shift}) / {scale:.6g}."]


def is_table_model(model: Any) -> bool:
    """Whether it is a TabularClassifier or TabularRegressor, which few programs import."""
    return hasattr(type(model), "_net_class")


def member_of(model: Any, place: int) -> Member:
    """Return one of the nets of a fitted model."""
    check_is_fitted(model)
    count = len(model.nets_)
    if isinstance(place, bool) or not isinstance(place, Integral) or not 0 <= place < count:
        raise ValueError(f"net must be an integer from 0 to {count - 1}, got {place!r}.")
    return Member(model._as_published(), int(place))


def names_of_member(member: Member) -> tuple[list[str], list[str] | None]:
    """Return the names of a net's inputs, and of its output if it is a number."""
    model = member.model
    named = model.target_ is not None and not is_classifier(model)
    return model.encoding_.features, [model.target_.name] if named else None


def encoded(member: Member, X: Any, y: Any) -> tuple[Array, Any]:
    """Return the rows of a table as the net takes them, with their targets.

    y None is the target's column of the table. An array that has a column for each of the net's
    inputs, and is not what the model was fitted to, is encoded already, and y is what nets learn.
    """
    model = member.model
    if _is_encoded(model, X):
        return X, y
    features = model.encode(X)
    if y is None:
        y = _target_column(model, X)
    if y is not None:
        y = model._as_learned(model._checked_target(np.atleast_1d(y)))
    return features, y


def _is_encoded(model: Any, X: Any) -> bool:
    width = X.shape[1] if isinstance(X, np.ndarray) else None
    return width == model.encoding_.width != model.n_features_in_


def _target_column(model: Any, X: Any) -> Any:
    """Return the targets in a table's own column; None if it has none."""
    from .._tables.cells.frames import as_table

    target = model.target_
    if target is None or isinstance(X, np.ndarray):
        return None
    table = as_table(X)
    if target.name not in table.column_names:
        return None
    values = target.parse(table.column(target.name))
    lacking = np.flatnonzero(~target.known(values))
    if len(lacking):
        raise ValueError(
            f"row {lacking[0]} has no target that the model knows in column {target.name!r}."
        )
    return target.labels(values) if target.task == "classification" else values


def cells_of(member: Member, X: Any) -> Mapping[str, Array] | None:
    """Return what the cells of a table are read as; None of rows that are encoded already."""
    import warnings

    model = member.model
    if not hasattr(X, "ndim") and not isinstance(X, list | tuple):
        pass
    elif np.ndim(X) == 1:
        X = np.asarray(X)[np.newaxis]
    if _is_encoded(model, X):
        return None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # `encoded` has said it
        cells: Mapping[str, Array] = model.schema_.parse(model._table(X))
    return cells


class Feature(NamedTuple):
    """An input of the net: which of the features of a column it is."""

    name: str
    column: Any  # of the encoding
    kind: str  # of the schema's column: 'number', 'date', ...
    role: str  # 'value', 'bin', 'missing', 'level', 'other'
    place: int  # of the bin or the level


def feature_of(member: Member, index: int) -> Feature:
    """Return what an input of the net is made from."""
    encoding, schema = member.model.encoding_, member.model.schema_
    name, column = encoding.features[index], encoding.column_of(index)
    at = index - encoding.features.index(column.features[0])
    kind = next(c.kind for c in schema.used if c.name == column.name)
    if column.kind == "category":
        levels = len(column.levels)
        role = "level" if at < levels else "missing" if column.missing and at == levels else "other"
        return Feature(name, column, kind, role, at)
    if at == column.width - 1 and column.missing:
        return Feature(name, column, kind, "missing", 0)
    return Feature(name, column, kind, "bin" if at else "value", at - 1)
