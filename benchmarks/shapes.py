"""The cost of a step and of a prediction over width, batch, depth, threads, dtype and activation.

python benchmarks/shapes.py --json benchmarks/results/shapes.json    # --quick: a look
python benchmarks/report.py                                          # its pictures and tables

All points of a group take turns, round by round, in one process; the FMA peak is measured before
each group's round. A step here is the trainer's own, with gathered rows and without a shuffle.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
import time
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from peers.machine import describe_machine, peak_gflops

from chainfit import _core, reference
from chainfit._estimators.threads import resolve_n_threads

WIDTHS = (8, 16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512, 768, 1024, 1536, 2048)
# one by one, and then around what blocks, tiles and caches like to be multiples of
EVERY = (*range(1, 81), *(e + d for e in (96, 112, 128, 192, 256, 384, 512) for d in range(-1, 3)))
BATCHES = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048)
PREDICTED = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 4096, 20_000)
# Steps of one epoch: enough to lose its set-up among them, but no longer than about a round.
MOST_STEPS, EPOCH_FLOP = 1000, 2.5e8


class Point(NamedTuple):
    """One shape to be timed; `batch` is the rows of X in a prediction."""

    units: tuple[int, ...]
    batch: int
    threads: int = 1
    dtype: str = "float32"
    activation: str = "relu"
    optimizer: str = "sgd"
    predict: bool = False

    @property
    def flop(self) -> float:
        """FLOP of the products."""
        forward = sum(n * m for n, m in pairwise(self.units))
        backward = 0 if self.predict else 2 * forward - self.units[0] * self.units[1]
        return 2.0 * self.batch * (forward + backward)


def groups(threads: list[int]) -> dict[str, list[Point]]:
    """All points by the question that they answer."""
    square = [(n, n, n) for n in WIDTHS]
    small, large = (8, 64, 64, 1), (256, 256, 256, 10)
    return {
        "width": [
            Point(units, batch, t, dtype)
            for dtype, batch in (
                ("float32", 32),
                ("float32", 128),
                ("float32", 512),
                ("float64", 128),
            )
            for units in square
            for t in threads
        ],
        "every width": [Point((n, n, n), 32, t) for t in threads for n in EVERY],
        "every batch": [Point(small, n, t) for t in threads for n in EVERY],
        "batch": [
            Point(units, batch, t) for units in (small, large) for batch in BATCHES for t in threads
        ],
        "depth": [
            Point((n, *[n] * layers, 1), 32, t, optimizer="adam")
            for n in (64, 256)
            for layers in range(1, 7)
            for t in threads
        ],
        "activation": [
            Point(units, 32, 1, dtype, activation)
            for units in (small, large)
            for dtype in ("float32", "float64")
            for activation in _core.activations()
        ],
        "optimizer": [
            Point(units, 32, 1, "float32", "relu", name)
            for units in (small, large)
            for name in _core.optimizers()
        ],
        "predict": [
            Point(units, rows, t, predict=True)
            for units in (small, large)
            for rows in PREDICTED
            for t in threads
        ],
    }


def parameters(point: Point) -> tuple[list[Any], list[Any]]:
    random_state = np.random.RandomState(0)
    return reference.init_parameters(point.units, point.activation, random_state, point.dtype)


def training(point: Point) -> Callable[[int], float]:
    """Return a function that makes at least so many steps and returns the seconds of one."""
    steps = max(1, min(MOST_STEPS, int(EPOCH_FLOP / point.flop), 20_000 // point.batch))
    rows = steps * point.batch
    random_state = np.random.RandomState(1)
    X = random_state.standard_normal((rows, point.units[0])).astype(point.dtype)
    Y = random_state.standard_normal((rows, point.units[-1])).astype(point.dtype)
    order = random_state.permutation(rows).astype(np.int64)
    kind = _core.TrainerF32 if point.dtype == "float32" else _core.TrainerF64
    trainer = kind(list(point.units), point.activation, "squared_error", point.optimizer)
    W, b = parameters(point)
    trainer.set_parameters(W, b)
    trainer.eta = 1e-6  # so small that nothing diverges, however often it is run
    run = _core.Run()
    run.batch_size, run.shuffle = point.batch, False

    def seconds_of_step(at_least: int) -> float:
        run.max_iter = -(-at_least // steps)
        begin = time.perf_counter()
        trainer.run(X, Y, None, order, None, run, None, point.threads)
        return (time.perf_counter() - begin) / (run.max_iter * steps)

    return seconds_of_step


def prediction(point: Point) -> Callable[[int], float]:
    """Return a function that makes so many calls and returns the seconds of one."""
    W, b = parameters(point)
    shape = (point.batch, point.units[0])
    X = np.random.RandomState(1).standard_normal(shape).astype(point.dtype)

    def seconds_of_call(times: int) -> float:
        begin = time.perf_counter()
        for _ in range(times):
            _core.predict(X, W, b, point.activation, "identity", point.threads)
        return (time.perf_counter() - begin) / times

    return seconds_of_call


def measure(points: list[Point], rounds: int, seconds: float) -> Iterator[dict[str, Any]]:
    """Time all points in turns; yields each with its seconds and the peaks beside them."""
    timed = [(prediction if point.predict else training)(point) for point in points]
    times: list[list[float]] = [[] for _ in points]
    peaks: dict[tuple[int, str], list[float]] = {(p.threads, p.dtype): [] for p in points}
    counts = []
    for function in timed:
        function(1)  # plan, memory, threads
        counts.append(max(1, math.ceil(seconds / function(1))))
    for _ in range(rounds):
        for (threads, dtype), found in peaks.items():
            found.append(peak_gflops(threads, dtype == "float64"))
        for i in range(len(points)):
            times[i].append(timed[i](counts[i]))
    for point, found in zip(points, times, strict=True):
        peak = max(peaks[point.threads, point.dtype])  # a slow moment would flatter the shares
        yield {**point._asdict(), "flop": point.flop, "seconds": found, "peak_gflops": peak}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="few and short rounds")
    parser.add_argument("--groups", help="only these, as in 'width,every width'")
    parser.add_argument("--threads", help="numbers of threads, as in 1,2 (default: 1 and all)")
    parser.add_argument("--json", type=Path, help="file to write")
    arguments = parser.parse_args()
    wanted = arguments.threads or f"1,{resolve_n_threads(None)}"
    threads = sorted({int(word) for word in wanted.split(",")})
    rounds, seconds = (2, 0.002) if arguments.quick else (7, 0.02)
    chosen = groups(threads)
    if arguments.groups:
        chosen = {name: chosen[name] for name in arguments.groups.split(",")}
    report: dict[str, Any] = {"machine": describe_machine(), "threads": threads, "groups": {}}
    for name, points in chosen.items():
        begin = time.perf_counter()
        report["groups"][name] = list(measure(points, rounds, seconds))
        print(f"{name}: {len(points)} points, {time.perf_counter() - begin:.0f} s", flush=True)
        if arguments.json:
            arguments.json.parent.mkdir(parents=True, exist_ok=True)
            arguments.json.write_text(json.dumps(report) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
