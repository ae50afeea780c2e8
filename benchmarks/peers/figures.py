"""From the rounds of the comparison to its figures: medians, ratios within rounds, tables."""

from __future__ import annotations

from statistics import median
from typing import Any, NamedTuple, TextIO

Contestant = dict[str, Any]  # one of "contestants" in the JSON
OFF = 0.02  # of the way that the reference's weights went: beyond, it is not the same training


class Line(NamedTuple):
    """A library at its best number of threads, or why it is not there."""

    title: str
    seconds: float = 0.0
    ratio: float = 0.0  # to chainfit
    threads: int = 0
    cores: float = 0.0  # processors in use, on average
    share: float | None = None  # of the FMA peak of its threads
    choice: str = ""
    note: str = ""


def ran(contestants: list[Contestant], **what: Any) -> list[Contestant]:
    """Those that were measured and have these values."""
    return [
        one
        for one in contestants
        if one["status"] == "ok" and all(one[key] == value for key, value in what.items())
    ]


def fastest(contestants: list[Contestant]) -> Contestant | None:
    """Return the one with the least median, None of none."""
    return min(contestants, key=lambda one: median(one["rounds"]), default=None)


def ratio(one: Contestant, base: Contestant) -> float:
    """Median over the rounds of one's time to the base's in the same round."""
    return median(a / b for a, b in zip(one["rounds"], base["rounds"], strict=True))


def share_of_peak(one: Contestant, flop: float) -> float | None:
    """FLOP of the products over time, as a share of the peak measured before each round."""
    if not one.get("peak_gflops"):
        return None
    pairs = zip(one["rounds"], one["peak_gflops"], strict=True)
    return median(flop / seconds / (peak * 1e9) for seconds, peak in pairs)


def is_same_training(one: Contestant) -> bool:
    """Whether the weights (the outputs) agreed with the reference's; True where incomparable."""
    return float(one.get("check", {}).get("off", 0.0)) <= OFF


def variants(case: dict[str, Any]) -> list[tuple[str, list[Contestant]]]:
    """Group the contestants into the lines of a table: those that differ in threads only."""
    groups: dict[str, list[Contestant]] = {}
    for one in case["contestants"]:
        name = one["title"]
        if one["dtype"] != "float32":
            name += f" {one['dtype']}"
        if one.get("isa") and one["peer"] == "chainfit" and _is_other_isa(one, case):
            name += f" {one['isa']}"
        groups.setdefault(name, []).append(one)
    return list(groups.items())


def _is_other_isa(one: Contestant, case: dict[str, Any]) -> bool:
    first = case["contestants"][0]
    return one["peer"] == first["peer"] and one["isa"] != first.get("isa")


def base_of(case: dict[str, Any]) -> Contestant | None:
    """Return chainfit in float32 with its best instruction set, at its best number of threads."""
    groups = dict(variants(case))
    return fastest(ran(groups.get("chainfit", [])))


def lines(case: dict[str, Any]) -> list[Line]:
    """Return the table of a case, fastest first; those that did not run come last."""
    base = base_of(case)
    found, absent = [], []
    for title, group in variants(case):
        best = fastest(ran(group))
        if best is None:
            absent.append(Line(title, note=f"{group[0]['status']}: {group[0].get('why', '')}"))
            continue
        seconds = median(best["rounds"])
        found.append(
            Line(
                title,
                seconds,
                ratio(best, base) if base else 0.0,
                best["threads"],
                median(best["cpu_seconds"]) / seconds,
                share_of_peak(best, case["flop"]),
                best["choice"],
                ""
                if is_same_training(best)
                else f"NOT THE SAME: off by {best['check']['off']:.2g}",
            )
        )
    return sorted(found, key=lambda line: line.seconds) + absent


def thread_speedup(case: dict[str, Any], title: str = "chainfit") -> dict[int, float]:
    """How many times faster than one thread each number of threads is."""
    group = ran(dict(variants(case)).get(title, []))
    one = next((each for each in group if each["threads"] == 1), None)
    if one is None:
        return {}
    return {each["threads"]: ratio(one, each) for each in group if each["threads"] > 1}


def print_case(case: dict[str, Any], out: TextIO) -> None:
    """Print the table of one workload or call."""
    unit = case["unit"]
    print(f"\n{case['title']}  (us a {unit}, times chainfit's, threads, processors)", file=out)
    for line in lines(case):
        if not line.threads:
            print(f"  {line.title:24} {line.note}", file=out)
            continue
        share = "" if line.share is None else f" {line.share:4.0%} of peak"
        print(
            f"  {line.title:24}{line.seconds * 1e6:13,.3f}{line.ratio:10,.2f}x"
            f"{line.threads:3}{line.cores:6.2f} {share:13} {line.choice} {line.note}".rstrip(),
            file=out,
        )
    speedups = thread_speedup(case)
    if speedups:
        words = ", ".join(f"{n} threads {times:.2f}x" for n, times in speedups.items())
        print(f"  chainfit beside one thread: {words}", file=out)
    out.flush()
