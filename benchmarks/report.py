"""Fills docs/performance.md and draws its pictures from the figures in benchmarks/results.

python benchmarks/report.py            # the page and its pictures
python benchmarks/report.py --floors   # also: exit code 1 where a floor is missed

What stands between `<!-- begin NAME -->` and `<!-- end NAME -->` is written here and nowhere else.
To add a table: a function in TABLES, and its two marks on the page.
"""

from __future__ import annotations

import argparse
import json
import sys
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

import numpy as np
from marks import fill
from peers.figures import (
    base_of,
    fastest,
    is_same_training,
    lines,
    ran,
    ratio,
    share_of_peak,
    thread_speedup,
    variants,
)
from plots import chosen, draw_peers, draw_shapes, ratios, seconds

ROOT = Path(__file__).parents[1]
RESULTS = Path(__file__).parent / "results"
PAGE = ROOT / "docs/performance.md"
IMAGES = ROOT / "docs/img"
Json = dict[str, Any]

COLUMNS = (
    "libfann", "JAX lax.scan", "PyTorch eager", "PyTorch compile", "onnxruntime",
    "scikit-learn", "NumPy reference",
)  # fmt: skip


class Floor(NamedTuple):
    """What a case must reach: times a library's time, or a share of the peak, or microseconds."""

    case: str
    title: str  # a library, or "share of peak", "avx2 share of peak", "threads", "us", "float64"
    bound: float
    at_most: bool = False


FLOORS = (
    Floor("seed", "libfann", 2.5), Floor("seed", "JAX lax.scan", 20),
    Floor("seed", "scikit-learn", 1500), Floor("seed", "us", 0.06, True),
    Floor("tabular", "JAX lax.scan", 4), Floor("tabular", "scikit-learn", 25),
    Floor("tabular", "PyTorch eager", 80),
    Floor("mnist", "JAX lax.scan", 2), Floor("mnist", "PyTorch eager", 2.5),
    Floor("mnist", "scikit-learn", 5),
    Floor("mnist_deep", "JAX lax.scan", 1.6), Floor("mnist_deep", "PyTorch eager", 3.5),
    Floor("mnist_deep", "scikit-learn", 5), Floor("mnist_deep", "threads", 1.6),
    Floor("wide", "PyTorch eager", 1.15), Floor("wide", "share of peak", 0.80),
    Floor("wide", "avx2 share of peak", 0.80), Floor("wide", "threads", 1.9),
    Floor("row64", "us", 0.6, True),
    Floor("simplechains", "share of peak", 0.32),
    Floor("predict_row", "us", 12, True), Floor("predict_row", "onnxruntime", 1),
    Floor("predict_row", "row_predictor us", 1, True),
    Floor("predict_bulk", "JAX lax.scan", 1.5), Floor("predict_bulk", "scikit-learn", 4),
    Floor("proba_bulk", "JAX lax.scan", 1.5), Floor("proba_bulk", "scikit-learn", 4),
    Floor("partial_fit", "us", 60, True),
    *(Floor(name, "float64", 2.3, True) for name in (
        "seed", "tabular", "mnist", "mnist_deep", "wide", "row64", "simplechains")),
)  # fmt: skip


def measured(case: Json, title: str) -> float | None:
    """Return the figure that a floor is about; None if it was not measured."""
    base, groups = base_of(case), dict(variants(case))
    if base is None:
        return None
    if title == "us":
        return median(base["rounds"]) * 1e6
    if title == "threads":
        return max(thread_speedup(case).values(), default=None)
    if title == "share of peak":
        return share_of_peak(base, case["flop"])
    names = {
        "float64": "chainfit float64",
        "avx2 share of peak": "chainfit avx2",
        "row_predictor us": "chainfit row_predictor",
    }
    other = fastest(ran(groups.get(names.get(title, title), [])))
    if other is None:
        return None
    if title == "row_predictor us":
        return median(other["rounds"]) * 1e6
    if title == "avx2 share of peak":
        return share_of_peak(other, case["flop"])
    return ratio(other, base)


def show(value: float | None) -> str:
    """Three digits or so."""
    if value is None:
        return "-"
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def table(head: list[str], rows: list[list[str]]) -> str:
    marked = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(row) + " |" for row in marked)


# --- tables of peers.json ------------------------------------------------------------------------


def machine(report: Json) -> str:
    about, settings = report["machine"], report["settings"]
    caches = ", ".join(f"{name} {size}" for name, size in about["caches"].items())
    found = {}
    for case in report["cases"].values():
        found.update({c["title"]: c["version"] for c in ran(case["contestants"]) if c["version"]})
    versions = ", ".join(f"{title} {found[title]}" for title in COLUMNS if title in found)
    dates = sorted({case["date"] for case in report["cases"].values()})
    date = " to ".join(dict.fromkeys((dates[0], dates[-1])))
    return (
        f"Measured {date} on {about['threads']} cores of {about['cpu']} ({caches}; "
        f"{about['isa']}), Python {about['versions']['python']}; {versions}. Medians of "
        f"{settings['rounds']} alternating rounds of about {settings['seconds']} s."
    )


def against(report: Json, unit: str) -> str:
    cases = [case for case in report["cases"].values() if case["unit"] == unit]
    there = {line.title for case in cases for line in lines(case) if line.threads}
    titles = [title for title in COLUMNS if title in there]
    rows = []
    for case in cases:
        base, by_title = base_of(case), {line.title: line for line in lines(case)}
        if base is None:
            continue
        own = by_title["chainfit"]
        peak = "-" if own.share is None else f"{own.share:.0%}"
        cells = [case["title"], f"**{show(own.seconds * 1e6)}**", peak]
        for title in titles:
            line = by_title.get(title)
            if line is None or not line.threads:
                cells.append("-")
            else:
                cells.append(f"{show(line.seconds * 1e6)} ({show(line.ratio)}x)")
        rows.append(cells)
    return table([f"us a {unit}", "chainfit", "of peak", *titles], rows)


def training(report: Json) -> str:
    return against(report, "step")


def prediction(report: Json) -> str:
    extra = next(
        (line for case in report["cases"].values() for line in lines(case)
         if line.title == "chainfit row_predictor" and line.threads), None,
    )  # fmt: skip
    text = against(report, "call")
    if extra is not None:
        text += f"\n\nOne row through `model.row_predictor()`: {show(extra.seconds * 1e6)} us."
    return text


def own_variants(report: Json) -> str:
    rows = []
    for case in report["cases"].values():
        speedup = thread_speedup(case)
        rows.append([
            case["title"],
            ", ".join(f"{n}: {show(times)}x" for n, times in speedup.items()) or "-",
            show(measured(case, "float64")),
            *(f"{value:.0%}" if (value := measured(case, title)) is not None else "-"
              for title in ("share of peak", "avx2 share of peak")),
        ])  # fmt: skip
    head = ["", "threads: times faster than one", "float64 / float32", "of peak", "of AVX2's peak"]
    return table(head, rows)


def floors(report: Json) -> tuple[str, int]:
    """Return the table of FLOORS and how many are missed."""
    rows, missed = [], 0
    for floor in FLOORS:
        case = report["cases"].get(floor.case)
        value = None if case is None else measured(case, floor.title)
        if value is None:
            continue
        good = value <= floor.bound if floor.at_most else value >= floor.bound
        missed += not good
        bound = f"{'at most' if floor.at_most else 'at least'} {floor.bound:g}"
        rows.append([floor.case, floor.title, bound, show(value), "" if good else "missed"])
    return table(["workload", "against", "floor", "measured", ""], rows), missed


def honesty(report: Json) -> str:
    """Say how far the libraries' weights lay from the reference's."""
    checked = [
        (one["check"]["off"], one, case)
        for case in report["cases"].values()
        for one in ran(case["contestants"])
        if "off" in one.get("check", {}) and case["unit"] == "step"
    ]
    if not checked:
        return ""
    bad = [one for _, one, _ in checked if not is_same_training(one)]
    off, worst, case = max(checked, key=lambda each: each[0])
    return (
        f"After one unshuffled epoch the weights of all {len(checked)} contestants were held "
        f"against the NumPy reference's: {len(bad)} disagreed; the farthest, {worst['title']} on "
        f"{case['title'].partition(':')[0]}, was off by {off:.1g} of the way that they had gone."
    )


# --- tables of shapes.json -----------------------------------------------------------------------


def jumps(figures: Json) -> str:
    """The largest steps in cost from a width or a batch to the next, beyond their share."""
    rows = []
    for group, key in (("every width", "units"), ("every batch", "batch")):
        for t in figures["threads"]:
            points = chosen(figures["groups"][group], threads=t)
            found = []
            for a, b in pairwise(points):
                here, there = (p[key][0] if key == "units" else p[key] for p in (a, b))
                if there == here + 1:
                    # the least of the rounds: a slow moment would look like a cliff
                    least = [min(p["seconds"]) for p in (a, b)]
                    grew = least[1] / least[0]
                    beyond = least[1] - least[0] * b["flop"] / a["flop"]
                    found.append((grew / (b["flop"] / a["flop"]), here, there, grew, beyond))
            found.sort(reverse=True)
            for excess, here, there, grew, beyond in found[:3]:
                rows.append([
                    group.removeprefix("every "), str(t), f"{here} to {there}", f"{grew:.2f}x",
                    f"{excess:.2f}x", f"{beyond * 1e6:.2f} us",
                ])  # fmt: skip
    head = ["", "threads", "step", "cost grew", "beyond its share of FLOP", "that is"]
    return table(head, rows)


def depths(figures: Json) -> str:
    points, rows = figures["groups"]["depth"], []
    for n in sorted({p["units"][0] for p in points}):
        for t in figures["threads"]:
            line = [p for p in points if p["units"][0] == n and p["threads"] == t]
            cells = [f"{show(seconds(p) * 1e6)}" for p in line]
            rows.append([f"{n} wide, {t} thread{'s'[: t > 1]}", *cells])
    most = max(len(p["units"]) for p in points) - 2
    return table(["us a step, batch 32, Adam", *(f"{n} hidden" for n in range(1, most + 1))], rows)


def choices(figures: Json) -> str:
    """The cost of activations and optimizers, relative to relu and plain SGD."""
    rows = []
    for group, key, base in (
        ("activation", "activation", "relu"),
        ("optimizer", "optimizer", "sgd"),
    ):
        points = figures["groups"][group]
        for name in dict.fromkeys(p[key] for p in points):
            cells = []
            for units in sorted({tuple(p["units"]) for p in points}):
                for dtype in ("float32", "float64"):
                    what = {"units": list(units), "dtype": dtype}
                    one = chosen(points, **what, **{key: name})
                    cells += [f"{ratios(one, chosen(points, **what, **{key: base}))[0]:.2f}x"
                              if one else "-"]  # fmt: skip
            rows.append([name, *cells])
    nets = ["8-64-64-1", "8-64-64-1 float64", "256-256-256-10", "256-256-256-10 float64"]
    return table(["relative to relu, SGD; batch 32", *nets], rows)


TABLES = {
    "peers": {"machine": machine, "honesty": honesty, "training": training,
              "prediction": prediction, "variants": own_variants,
              "floors": lambda report: floors(report)[0]},
    "shapes": {"jumps": jumps, "depths": depths, "choices": choices},
}  # fmt: skip


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--results", type=Path, default=RESULTS, help="folder of the figures")
    parser.add_argument("--page", type=Path, default=PAGE)
    parser.add_argument("--images", type=Path, default=IMAGES)
    parser.add_argument("--floors", action="store_true", help="fail where a floor is missed")
    options = parser.parse_args(arguments)
    page, missed = options.page.read_text(encoding="utf-8"), 0
    for source, tables in TABLES.items():
        path = options.results / f"{source}.json"
        if not path.exists():
            print(f"{path} is not there: its tables and pictures stay as they are")
            continue
        figures = json.loads(path.read_text(encoding="utf-8"))
        for name, make in tables.items():
            page = fill(page, name, make(figures))
        if source == "peers":
            draw_peers(figures, options.images)
            text, missed = floors(figures)
            print(text, f"{missed} floors missed", sep="\n")
        else:
            draw_shapes(figures, options.images)
    options.page.write_text(page, encoding="utf-8")
    return int(options.floors and missed > 0)


if __name__ == "__main__":
    np.seterr(all="raise")
    sys.exit(main())
