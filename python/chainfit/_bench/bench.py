"""``chainfit bench``: how fast this machine is, kernels first, then whole training.

Ratios come from one run, in alternating rounds, as medians: machines are shared and noisy.
"""

from __future__ import annotations

import sys
import time
import warnings
from collections.abc import Callable
from statistics import median
from typing import Any, TextIO

from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPClassifier as SklearnMLPClassifier
from sklearn.neural_network import MLPRegressor as SklearnMLPRegressor

from .. import _core
from .._estimators.classifier import MLPClassifier
from .._estimators.regressor import MLPRegressor
from .._estimators.threads import resolve_n_threads
from .workloads import (
    WORKLOADS,
    Workload,
    encode,
    estimator_settings,
    fit_reference,
    make_data,
)

SHORT = WORKLOADS[:4]  # those that make a table in a minute


def contestants(workload: Workload) -> dict[str, Callable[[int], object]]:
    """Name -> train for so many epochs from the start."""
    X, y = make_data(workload)
    Y = encode(workload, y)
    kinds = (
        (MLPRegressor, SklearnMLPRegressor)
        if workload.classes == 1
        else (MLPClassifier, SklearnMLPClassifier)
    )

    def fit(kind: Any) -> Callable[[int], object]:
        return lambda epochs: kind(**estimator_settings(workload, epochs)).fit(X, y)

    return {
        "chainfit": fit(kinds[0]),
        "NumPy reference": lambda epochs: fit_reference(workload, X, Y, epochs),
        "scikit-learn": fit(kinds[1]),
    }


def step_times(workload: Workload, epochs: int, rounds: int) -> dict[str, float]:
    """Median seconds of one step, whole fits of `epochs` counted, in alternating rounds."""
    steps = epochs * -(-workload.rows // workload.batch_size)
    fits = contestants(workload)
    times: dict[str, list[float]] = {name: [] for name in fits}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        for fit in fits.values():
            fit(1)  # caches filled, threads started
        for _ in range(rounds):
            for name, fit in fits.items():
                times[name].append(_seconds(fit, epochs) / steps)
    return {name: median(rounds_of) for name, rounds_of in times.items()}


def _seconds(fit: Callable[[int], object], epochs: int) -> float:
    begin = time.perf_counter()
    fit(epochs)
    return time.perf_counter() - begin


def run(*, quick: bool = False, out: TextIO | None = None) -> int:
    """Print the speed of the kernels and of whole training on this machine.

    Parameters
    ----------
    quick : bool, default=False
        Shorter rounds: a tenth of the time, more noise.
    out : text file, default=sys.stdout
        Where the report goes.

    Returns
    -------
    code : int
        0, the exit code.
    """
    out = sys.stdout if out is None else out
    seconds = 0.02 if quick else 0.3
    threads = resolve_n_threads(None)
    print(f"chainfit {_core.__version__}, {_core.isa()}, up to {threads} threads\n", file=out)

    peak = max(_core.peak_gflops(duration=seconds) for _ in range(3))
    print(f"FMA peak of one core, float32: {peak:.0f} GFLOP/s. Products of a layer:", file=out)
    print(f"{'rows, from, to':22}{'forward':>14}{'backward':>14}{'gradient':>14}", file=out)
    for rows, n_in, n_out in ((32, 64, 64), (128, 784, 128), (128, 512, 512), (512, 2048, 2048)):
        rates = _core.product_gflops(rows, n_in, n_out, duration=seconds)
        cells = "".join(f"{rate:7.0f} ({rate / peak:4.0%})" for rate in rates.values())
        print(f"{f'{rows}, {n_in}, {n_out}':22}{cells}", file=out)

    print("\nWhole training, float32, microseconds a step (times chainfit's):", file=out)
    for workload in SHORT:
        epochs = max(1, workload.epochs // 8) if quick else workload.epochs
        times = step_times(workload, epochs, rounds=1 if quick else 5)
        print(workload.title, file=out)
        for name, time_of_step in times.items():
            ratio = time_of_step / times["chainfit"]
            print(f"  {name:18}{time_of_step * 1e6:12,.2f}{ratio:10.1f}", file=out)
        out.flush()
    return 0
