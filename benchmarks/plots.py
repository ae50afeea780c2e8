"""The pictures of docs/performance.md, drawn from the JSON of peers.py and shapes.py."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
from matplotlib import pyplot as plt
from peers.figures import base_of, lines

Points = list[dict[str, Any]]
Figures = dict[str, Any]  # the JSON of shapes.py

# Okabe and Ito's colours, told apart by most readers who see colours differently
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")

matplotlib.use("svg")
plt.rcParams.update({
    "svg.hashsalt": "chainfit",  # equal figures give equal files
    "svg.fonttype": "path",
    "font.size": 9,
    "axes.grid": True,
    "grid.alpha": 0.3,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "legend.frameon": False,
})  # fmt: skip


def chosen(points: Points, **what: Any) -> Points:
    return [p for p in points if all(p[key] == value for key, value in what.items())]


def seconds(point: dict[str, Any]) -> float:
    return float(np.median(point["seconds"]))


def share(point: dict[str, Any]) -> float:
    return float(point["flop"] / seconds(point) / (point["peak_gflops"] * 1e9))


def ratios(numerator: Points, denominator: Points) -> list[float]:
    """Medians over the rounds of two lists of points that belong together."""
    return [
        float(np.median(np.divide(a["seconds"], b["seconds"])))
        for a, b in zip(numerator, denominator, strict=True)
    ]


def widths(points: Points) -> list[int]:
    return [p["units"][1] for p in points]


def _style(threads: int, most: int) -> dict[str, Any]:
    return {"linestyle": "-" if threads == 1 else "--" if threads == most else ":"}


def _words(threads: int) -> str:
    return "1 thread" if threads == 1 else f"{threads} threads"


def share_by_width(figures: Figures, ax: Any) -> None:
    points = figures["groups"]["width"]
    for colour, batch in zip(COLOURS, (512, 128, 32), strict=False):
        for t in figures["threads"]:
            line = chosen(points, dtype="float32", batch=batch, threads=t)
            style = _style(t, max(figures["threads"]))
            label = f"batch {batch}, {_words(t)}"
            ax.plot(
                widths(line), [100 * share(p) for p in line], color=colour, label=label, **style
            )
    ax.set(xscale="log", ylim=(0, 100), xlabel="width n of the net n-n-n")
    ax.set_ylabel("% of the FMA peak of its threads")
    ax.legend(ncols=3, loc="lower center", bbox_to_anchor=(0.5, 1))
    _plain_ticks(ax, (8, 16, 32, 64, 128, 256, 512, 1024, 2048))


def every_width(figures: Figures, ax: Any) -> None:
    for colour, t in zip(COLOURS, figures["threads"], strict=False):
        line = [
            p for p in chosen(figures["groups"]["every width"], threads=t) if p["units"][0] < 81
        ]
        ax.plot(widths(line), [1e6 * seconds(p) for p in line], ".-", color=colour, label=_words(t))
    ax.set(xlabel="width n of the net n-n-n, batch 32", ylabel="us a step", ylim=(0, None))
    ax.set_xticks(range(0, 81, 16))
    ax.legend()


def every_batch(figures: Figures, ax: Any) -> None:
    for colour, t in zip(COLOURS, figures["threads"], strict=False):
        line = [p for p in chosen(figures["groups"]["every batch"], threads=t) if p["batch"] < 81]
        batches = [p["batch"] for p in line]
        ax.plot(batches, [1e6 * seconds(p) for p in line], ".-", color=colour, label=_words(t))
    ax.set(xlabel="rows of a batch, net 8-64-64-1", ylabel="us a step", ylim=(0, None))
    ax.set_xticks(range(0, 81, 16))
    ax.legend()


def _by_rows(figures: Figures, ax: Any, group: str, xlabel: str) -> None:
    points = figures["groups"][group]
    nets = sorted({tuple(p["units"]) for p in points}, key=len, reverse=True)
    for colour, units in zip(COLOURS, sorted(nets), strict=False):
        for t in figures["threads"]:
            line = chosen(points, units=list(units), threads=t)
            label = f"{'-'.join(map(str, units))}, {_words(t)}"
            cost = [1e6 * seconds(p) / p["batch"] for p in line]
            style = _style(t, max(figures["threads"]))
            ax.plot([p["batch"] for p in line], cost, ".", color=colour, label=label, **style)
    ax.set(xscale="log", yscale="log", xlabel=xlabel, ylabel="us a row")
    ax.legend()


def cost_by_batch(figures: Figures, ax: Any) -> None:
    _by_rows(figures, ax, "batch", "rows of a batch (training)")


def cost_of_prediction(figures: Figures, ax: Any) -> None:
    _by_rows(figures, ax, "predict", "rows of X (prediction)")


def threads_by_width(figures: Figures, ax: Any) -> None:
    points = chosen(figures["groups"]["width"], dtype="float32")
    for colour, batch in zip(COLOURS, (512, 128, 32), strict=False):
        one = chosen(points, batch=batch, threads=1)
        for t in figures["threads"][1:]:
            line = ratios(one, chosen(points, batch=batch, threads=t))
            style = _style(t, max(figures["threads"]))
            ax.plot(
                widths(one), line, ".", color=colour, label=f"batch {batch}, {t} threads", **style
            )
    ax.axhline(1, color="black", linewidth=0.8)
    ax.set(xscale="log", xlabel="width n of the net n-n-n", ylabel="times faster than one thread")
    ax.set_ylim(0, None)
    ax.legend()
    _plain_ticks(ax, (8, 32, 128, 512, 2048))


def dtypes_by_width(figures: Figures, ax: Any) -> None:
    points = chosen(figures["groups"]["width"], batch=128)
    for colour, t in zip(COLOURS, figures["threads"], strict=False):
        single, double = (
            chosen(points, dtype=dtype, threads=t) for dtype in ("float32", "float64")
        )
        ax.plot(widths(single), ratios(double, single), ".-", color=colour, label=_words(t))
    ax.axhline(2, color="black", linewidth=0.8)
    ax.set(xscale="log", xlabel="width n of the net n-n-n, batch 128", ylim=(0, None))
    ax.set_ylabel("float64's time over float32's")
    ax.legend()
    _plain_ticks(ax, (8, 32, 128, 512, 2048))


def _plain_ticks(ax: Any, values: tuple[int, ...]) -> None:
    ax.set_xticks(values, [str(v) for v in values])
    ax.minorticks_off()


def peers(report: dict[str, Any], ax: Any) -> None:
    """One line of marks for each case: how many times chainfit's time each library takes."""
    cases = [case for case in report["cases"].values() if base_of(case) is not None]
    titles: list[str] = []
    for case in cases:
        titles += [line.title for line in lines(case) if line.threads and line.title not in titles]
    titles = [title for title in titles if not title.startswith("chainfit ")]
    marks = dict(zip(titles, "osD^vP*Xh", strict=False))
    for colour, (title, mark) in zip(COLOURS * 2, sorted(marks.items()), strict=False):
        found = [
            (line.ratio, row)
            for row, case in enumerate(cases)
            for line in lines(case)
            if line.title == title and line.threads
        ]
        ax.plot(*zip(*found, strict=True), mark, color=colour, label=title, clip_on=False)
    ax.set_yticks(range(len(cases)), [case["title"] for case in cases])
    ax.invert_yaxis()
    ax.set(xscale="log", xlabel="times chainfit's time, each at its best number of threads")
    ax.legend(loc="upper center", bbox_to_anchor=(0.3, -0.14), ncols=4)


PICTURES = {
    "share_by_width": (share_by_width,),
    "cost_by_shape": (every_width, every_batch),
    "cost_by_rows": (cost_by_batch, cost_of_prediction),
    "threads_and_dtypes": (threads_by_width, dtypes_by_width),
}


def save(figure: Any, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, bbox_inches="tight", facecolor="white", metadata={"Date": None})
    plt.close(figure)


def draw_shapes(figures: Figures, folder: Path) -> None:
    for name, panels in PICTURES.items():
        figure, axes = plt.subplots(1, len(panels), figsize=(8, 3.4), squeeze=False)
        for panel, ax in zip(panels, axes[0], strict=True):
            panel(figures, ax)
        figure.tight_layout()
        save(figure, folder / f"{name}.svg")


def draw_peers(report: dict[str, Any], folder: Path) -> None:
    figure, ax = plt.subplots(figsize=(8, 0.4 * len(report["cases"]) + 1))
    peers(report, ax)
    save(figure, folder / "peers.svg")
