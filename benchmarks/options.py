"""What a step's options cost: the step with each of them over the plain one.

Both take turns on one thread, and the median of the ratios counts:
`python benchmarks/options.py [--rounds 15] [--threads 1]`.
"""

from __future__ import annotations

import argparse
import itertools
import statistics
import time
from typing import Any

import numpy as np

from chainfit import _core

SHAPES = {
    "8-64-64-1": ([8, 64, 64, 1], "squared_error"),
    "784-128-10": ([784, 128, 10], "log_loss"),
}
OPTIONS: dict[str, dict[str, Any]] = {
    "cosine": {"schedule": "cosine", "total_steps": 10**9, "warmup": 10},
    "dropout": {"dropout": True},
    "l1": {"l1": 1e-4},
    "weight_decay": {"weight_decay": 0.01},
    "clip_norm": {"clip_norm": 1e-3},
    "average": {"average_decay": 0.999},
}
SECONDS = 0.2  # of a turn


def runner(units: list[int], loss: str, rows: int, threads: int, **options: Any) -> Any:
    """Return a function that makes so many steps of adam in float32 on `rows` rows each."""
    rng = np.random.RandomState(0)
    X = rng.randn(10 * rows, units[0]).astype(np.float32)
    Y = rng.randn(10 * rows, units[-1]).astype(np.float32)
    if loss == "log_loss":
        Y = np.eye(units[-1], dtype=np.float32)[Y.argmax(axis=1)]
    trainer = _core.TrainerF32(units, "relu", loss, "adam")
    draws = [rng.randn(n, m).astype(np.float32) / n for n, m in itertools.pairwise(units)]
    trainer.set_parameters(draws, [np.zeros(n, np.float32) for n in units[1:]])
    trainer.eta = 1e-5
    if options.pop("dropout", False):
        trainer.set_dropout([0.0, *[0.5] * (len(units) - 2)], 1)

    def run(epochs: int) -> float:
        settings = _core.Run()
        for name, value in {"batch_size": rows, "shuffle": False, **options}.items():
            setattr(settings, name, value)
        settings.max_iter = epochs
        start = time.perf_counter()
        trainer.run(X, Y, None, None, None, settings, None, threads)
        return (time.perf_counter() - start) / epochs

    return run


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--threads", type=int, default=1)
    args = parser.parse_args()
    for name, (units, loss) in SHAPES.items():
        for rows in (32, 200):
            plain = runner(units, loss, rows, args.threads)
            epochs = max(1, int(SECONDS / min(plain(3) for _ in range(3))))
            for option, settings in OPTIONS.items():
                other = runner(units, loss, rows, args.threads, **settings)
                ratios = []
                for turn in range(args.rounds):
                    pair = (plain, other) if turn % 2 else (other, plain)
                    times = {run: run(epochs) for run in pair}
                    ratios.append(times[other] / times[plain])
                ratio = statistics.median(ratios)
                print(f"{name:12} {rows:4} rows  {option:13} {ratio:5.2f}", flush=True)


if __name__ == "__main__":
    main()
