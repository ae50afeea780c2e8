"""What a model of tables is, in lines: what its columns mean, what its nets are like."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from .say import a_few_lines, say_listed, say_wrapped

_KINDS = {
    "number": "numbers",
    "date": "dates",
    "time": "times",
    "boolean": "booleans",
    "category": "categories",
}
_ONE = {"category": "category"}

#: Kinds of columns that have two lines each on a screen of 24.
FEW_KINDS = 2


def say_columns(model: Any) -> None:
    """Write a line for each kind of column, or two, and the same for those left out."""
    gaps = {column.name: column.missing for column in model.encoding_.columns}
    kinds = {column.kind for column in model.schema_.used}
    lines = a_few_lines() if len(kinds) <= FEW_KINDS else 1
    for kind, many in _KINDS.items():
        found = [column for column in model.schema_.used if column.kind == kind]
        if found:
            what = many if len(found) > 1 else _ONE.get(kind, kind)
            words = (_described(column, gaps[column.name]) for column in found)
            say_listed(f"columns: {len(found):,} {what}: ", words, lines=lines)
    _say_left_out(model.schema_)


def _say_left_out(schema: Any) -> None:
    """Write a line for each kind of reason to leave columns out."""
    reasons: dict[str, dict[str, str]] = {}
    for column in schema.columns:
        if column.kind == "dropped":
            why, _, details = column.reason.partition(": ")
            reasons.setdefault(why, {})[column.name] = details
    for why, names in reasons.items():
        name, details = next(iter(names.items()))
        if len(names) == 1 and details:
            say_wrapped(f"columns: left out: {name} ({why}: {details})", a_few_lines())
        else:
            say_listed("columns: left out: ", names, f" ({why})", a_few_lines())


def _described(column: Any, gaps: bool) -> str:
    return f"{column.name or repr('')}{''.join(f' ({word})' for word in _remarks(column, gaps))}"


def _remarks(column: Any, gaps: bool) -> Iterator[str]:
    if column.kind == "category":
        yield f"{len(column.levels):,} levels"
    elif column.kind == "date":
        yield column.format.format
    elif column.kind == "number":
        marks = [f"decimal {column.format.decimal}"] if column.format.decimal != "." else []
        marks += [f"thousands {column.format.thousands}"] if column.format.thousands.strip() else []
        marks += ["minus after"] if column.format.minus_after else []
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
    return f"{len(nets)} nets: {describe_net(nets[0])}"
