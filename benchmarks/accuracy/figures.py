"""What the results say: mean ranks, ratios to the plain net, seconds; as Markdown.

A table counts for a method that has all seeds on it. Ranks are among the methods that have all
tables; the ratios of a method that has not are over its own tables, whose number stands there.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.stats import gmean, rankdata

from .methods import BASE, METHODS
from .study import Result, Trial
from .tables import Role, find_table
from .trial import TEST_SHARE

Array = npt.NDArray[np.float64]
HEADINGS: dict[Role, str] = {
    "tuned": "Tuned on",
    "kept": "Never tuned on",
    "small": "Small tables, tuned on",
}
#: Figures of `overall` and their titles.
COLUMNS = {
    "score rank": "error or RMSE: rank",
    "score ratio": "relative to plain",
    "log loss rank": "log loss: rank",
    "log loss ratio": "relative to plain",
    "cpu": "CPU s",
    "wall": "wall s",
    "tables": "tables",
}


class Results(NamedTuple):
    """Results of some methods on some tables with some seeds; what is missing is NaN."""

    found: Mapping[Trial, Result]
    methods: Sequence[str]
    tables: Sequence[str]
    seeds: Sequence[int]

    def mean(self, name: str, method: str, table: str) -> float:
        """Return the mean over the seeds of one figure."""
        each = [self.found.get(Trial(method, table, seed), {}) for seed in self.seeds]
        return float(np.mean([_figure(name, result) for result in each]))

    def matrix(self, name: str) -> Array:
        """Return such means, (tables, methods)."""
        rows = [[self.mean(name, m, table) for m in self.methods] for table in self.tables]
        return np.array(rows).reshape(len(self.tables), len(self.methods))


def _figure(name: str, result: Result) -> float:
    if result.get("status") != "ok":
        return np.nan
    if name == "score":
        if "rmse" in result:
            return float(result["rmse"])
        # no error at all has no ratio: as if half a row were wrong
        return float(max(result["error"], 0.5 / (TEST_SHARE * result["rows"])))
    return float(result.get(name, np.nan))


def mean_ranks(values: Array) -> Array:
    """Return the mean rank of each method with a value on all tables, NaN for others."""
    whole = ~np.isnan(values).any(axis=0)
    ranks = np.full(values.shape[1], np.nan)
    if len(values) and whole.any():
        ranks[whole] = rankdata(values[:, whole], axis=1).mean(axis=0)
    return ranks


def mean_ratios(values: Array, base: Array) -> Array:
    """Return the geometric mean over a method's tables of its value relative to the base's."""
    ratios = [own[~np.isnan(own)] for own in (values / base[:, None]).T]
    return np.array([gmean(own) if len(own) else np.nan for own in ratios])


def overall(results: Results) -> dict[str, dict[str, float]]:
    """Return the figures of COLUMNS by method."""
    tables = [table for table in results.tables if find_table(table).task == "classification"]
    of_classes = results._replace(tables=tables)
    whole = ~np.isnan(results.matrix("score")).any(axis=0)
    columns: list[Array] = []
    for part, name in ((results, "score"), (of_classes, "log_loss")):
        values = part.matrix(name)
        base = part._replace(methods=[BASE]).matrix(name)[:, 0]
        columns += [mean_ranks(np.where(whole, values, np.nan)), mean_ratios(values, base)]
    columns += [np.nansum(results.matrix(name), axis=0) for name in ("cpu", "wall")]
    columns.append((~np.isnan(results.matrix("score"))).sum(axis=0))
    return {
        method: dict(zip(COLUMNS, map(float, line), strict=True))
        for method, line in zip(results.methods, np.transpose(columns), strict=True)
    }


def overall_table(results: Results) -> str:
    """Return `overall` as Markdown, the best rank first, then those without one."""
    lines = [(name, line) for name, line in overall(results).items() if line["tables"]]
    lines.sort(key=lambda each: np.nan_to_num(each[1]["score rank"], nan=np.inf))
    rows = [[METHODS[name].title, *_cells(line)] for name, line in lines]
    return markdown(["", *COLUMNS.values()], rows)


def _cells(line: Mapping[str, float]) -> list[str]:
    digits = dict.fromkeys(COLUMNS, 0) | {
        "score rank": 2, "score ratio": 3, "log loss rank": 2, "log loss ratio": 3,
    }  # fmt: skip
    return [_show(value, digits[name]) for name, value in line.items()]


def _shown(results: Results) -> list[str]:
    """Return the methods with a figure."""
    values = results.matrix("score")
    return [m for m, own in zip(results.methods, values.T, strict=True) if not np.isnan(own).all()]


def each_table(results: Results) -> str:
    """Return a line for each table: error in % and log loss, or RMSE."""
    rows = []
    shown = _shown(results)
    for name in results.tables:
        task = find_table(name).task
        cells = [_cell(results, method, name) for method in shown]
        about = next((r for t, r in results.found.items() if t.table == name and "rows" in r), {})
        size = f"{about['rows']:,} x {about['features']}" if about else ""
        rows.append([f"{name} ({size})", "%, log loss" if task == "classification" else "RMSE",
                     *cells])  # fmt: skip
    return markdown(["", "", *(METHODS[method].title for method in shown)], rows)


def _cell(results: Results, method: str, table: str) -> str:
    if find_table(table).task == "regression":
        return _show(results.mean("score", method, table), 4, significant=True)
    error, loss = (results.mean(name, method, table) for name in ("error", "log_loss"))
    return "-" if np.isnan(error) else f"{100 * error:.2f}, {loss:.3f}"


def _show(value: float, digits: int, significant: bool = False) -> str:
    if np.isnan(value):
        return "-"
    if significant and value < 10**digits:
        return f"{value:.{digits}g}"
    return f"{value:,.0f}" if significant else f"{value:.{digits}f}"


def markdown(head: Iterable[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table; the numbers to the right."""
    head = list(head)
    marks = ["---", *["---:"] * (len(head) - 1)]
    return "\n".join("| " + " | ".join(row) + " |" for row in (head, marks, *rows))


def about(results: Results) -> str:
    """Return when, on what and with which versions the results that are shown were measured."""
    trials = [
        Trial(m, t, s) for m in _shown(results) for t in results.tables for s in results.seeds
    ]
    ok = [(t, r) for t in trials if (r := results.found.get(t, {})).get("status") == "ok"]
    if not ok:
        return "No results."
    dates = sorted(result["date"][:10] for _, result in ok)
    days = " to ".join(dict.fromkeys((dates[0], dates[-1])))
    threads = " or ".join(map(str, sorted({result["threads"] for _, result in ok})))
    machines = ", ".join(sorted({result["machine"] for _, result in ok}))
    versions = sorted({f"{METHODS[t.method].module} {r['version']}" for t, r in ok})
    seeds = ", ".join(map(str, results.seeds))
    text = (
        f"Measured {days} on {threads} threads of {machines}; {', '.join(versions)}. Seeds "
        f"{seeds}, each with a different fifth of the rows held out."
    )
    load = float(np.median([result["load"][0] for _, result in ok]))
    if load > 1 + max(result["threads"] for _, result in ok):
        text += (
            f" Other programs were running (median load {load:.0f}), so wall-clock times say "
            "little."
        )
    return text


def by_role(results: Results) -> dict[str, Results]:
    """Return the parts of the results by their headings: each role, where it has tables."""
    chosen = {
        heading: [name for name in results.tables if find_table(name).role == role]
        for role, heading in HEADINGS.items()
    }
    return {heading: results._replace(tables=names) for heading, names in chosen.items() if names}
