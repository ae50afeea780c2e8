"""Seconds and memory of the command line on large tables, each command in a process of its own.

`python benchmarks/tables.py [--rows 2000000] [--columns 5000] [--json FILE]`: a long table of eight
columns is predicted, a wide one of 500 rows trained on and predicted. Memory is the process's peak.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from pathlib import Path

import numpy as np


def write_long(path: Path, rows: int) -> None:
    """Write a table of six numbers, a category and an identifier, in parts."""
    draw = np.random.RandomState(0)
    with open(path, "w") as file:
        file.write("a,b,c,d,e,f,colour,id\n")
        for begin in range(0, rows, 100_000):
            values = draw.randn(min(100_000, rows - begin), 6).round(4)
            colours = draw.choice(["red", "green", "blue"], len(values))
            pairs = zip(values.tolist(), colours, strict=True)
            file.writelines(
                f"{','.join(map(str, row))},{colour},{begin + i}\n"
                for i, (row, colour) in enumerate(pairs)
            )


def write_wide(path: Path, columns: int) -> None:
    """Write 500 rows of numbers and a class that depends on the first of them."""
    draw = np.random.RandomState(0)
    values = draw.randn(500, columns).round(4)
    with open(path, "w") as file:
        file.write(",".join(f"x{i}" for i in range(columns)) + ",y\n")
        for row in values.tolist():
            file.write(",".join(map(str, row)) + f",{'yes' if row[0] > 0 else 'no'}\n")


def run(*arguments: object) -> dict[str, float]:
    """Run a command of chainfit; its seconds, CPU seconds and peak of memory in MB."""
    command = [sys.executable, "-m", "chainfit", *map(str, arguments)]
    begin = time.perf_counter()
    child = os.posix_spawn(
        sys.executable,
        command,
        os.environ,
        file_actions=[(os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0)],
    )
    _, status, usage = os.wait4(child, 0)
    if status:
        raise SystemExit(f"{' '.join(command)} failed")
    return {
        "seconds": round(time.perf_counter() - begin, 2),
        "cpu_seconds": round(usage.ru_utime + usage.ru_stime, 2),
        "peak_mb": round(usage.ru_maxrss / (1024 if sys.platform != "darwin" else 1 << 20)),
    }


def main() -> None:
    """Measure, print, and keep the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=2_000_000)
    parser.add_argument("--columns", type=int, default=5_000)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    found: dict[str, dict[str, float]] = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        long, short, wide = (folder / f"{n}.csv" for n in ("long", "short", "wide"))
        write_long(long, options.rows)
        write_long(short, 20_000)
        write_wide(wide, options.columns)
        model, of_wide, out = folder / "model", folder / "of_wide", folder / "out.csv"
        train = ("train", "--max-iter", 1, "--n-nets", 1, "--test-fraction", 0)
        run(*train, short, "--target", "a", "--model", model)
        found["info"] = run("info")
        found[f"predict {options.rows:,} x 8"] = run("predict", model, long, "--out", out)
        found["predict 20,000 x 8"] = run("predict", model, short, "--out", out)
        found[f"train 500 x {options.columns:,}, 1 epoch"] = run(
            *train, wide, "--target", "y", "--model", of_wide
        )
        found[f"predict 500 x {options.columns:,}"] = run("predict", of_wide, wide, "--out", out)
    print(f"{'':28}{'seconds':>9}{'CPU':>8}{'peak MB':>9}")
    for what, figures in found.items():
        print(
            f"{what:28}{figures['seconds']:9.2f}{figures['cpu_seconds']:8.2f}"
            f"{figures['peak_mb']:9.0f}"
        )
    if options.json is not None:
        options.json.write_text(json.dumps(found, indent=2) + "\n")


if __name__ == "__main__":
    main()
