"""What a model of tables is, in lines: what its columns mean, what its nets are like."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from .say import say_listed

_KINDS = {
    "number": "numbers",
    "date": "dates",
    "time": "times of day",
    "boolean": "booleans",
    "category": "categories",
}
_ONE = {"time": "time of day", "category": "category"}


def say_columns(model: Any) -> None:
    """Write a line for each kind of column, and one for those that are left out."""
    gaps = {column.name: column.missing for column in model.encoding_.columns}
    for kind, many in _KINDS.items():
        found = [column for column in model.schema_.used if column.kind == kind]
        if found:
            what = many if len(found) > 1 else _ONE.get(kind, kind)
            words = (_described(column, gaps[column.name]) for column in found)
            say_listed(f"columns: {len(found):,} {what}: ", words)
    dropped = [column for column in model.schema_.columns if column.kind == "dropped"]
    if dropped:
        words = (f"{column.name} ({column.reason})" for column in dropped)
        say_listed("columns: left out: ", words)


def _described(column: Any, gaps: bool) -> str:
    return f"{column.name}{''.join(f' ({word})' for word in _remarks(column, gaps))}"


def _remarks(column: Any, gaps: bool) -> Iterator[str]:
    if column.kind == "category":
        yield f"{len(column.levels):,} levels"
    elif column.kind == "date":
        yield column.format.format
    elif column.kind == "number":
        marks = [f"decimal {column.format.decimal}"] if column.format.decimal != "." else []
        marks += [f"thousands {column.format.thousands}"] if column.format.thousands.strip() else []
        if marks or column.format.units:
            yield " ".join([*marks, *column.format.units])
    if gaps:
        yield "with gaps"


def describe_net(net: Any) -> str:
    """Say what a net is like, in a line."""
    units = "-".join(str(n) for n in (net.n_features_in_, *(b.size for b in net.intercepts_)))
    weights = sum(array.size for array in (*net.coefs_, *net.intercepts_))
    dtype = net.coefs_[0].dtype
    names = net.activation if isinstance(net.activation, str) else "-".join(net.activation)
    return f"{type(net).__name__} {units}, {names}, {net.solver}, {weights:,} weights {dtype}"


def describe_nets(nets: tuple[Any, ...]) -> str:
    """Say what the nets of a model are like, in a line."""
    if len(nets) == 1:
        return f"net: {describe_net(nets[0])}"
    return f"nets: {len(nets)} of {describe_net(nets[0])} each"
