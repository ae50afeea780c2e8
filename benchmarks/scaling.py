"""What a step costs on several ranks, a model of it, and what that says of many nodes.

    mpiexec -n 1 python benchmarks/scaling.py      # then 2 and 4: adds to results/scaling.json

Figures are medians; of those of an earlier run the smaller one stays, for neighbours only add.
docs/guide/many-machines.md.in makes its tables of that file by the functions below: `fitted` has
the model's constants, `step` what it says. Another net or network is a line in NETS or NETWORKS.
"""

from __future__ import annotations

import argparse
import json
import math
import statistics
import time
import warnings
from itertools import pairwise
from pathlib import Path

import numpy as np

RESULTS = Path(__file__).parent / "results" / "scaling.json"

NETS = {
    "8-64-64-1": (8, 64, 64, 1),
    "784-128-10": (784, 128, 10),
    "784-512-256-10": (784, 512, 256, 10),
    "1024-2048-2048-10": (1024, 2048, 2048, 10),
}
# Rows of a step on one rank.
ROWS = (1, 4, 16, 64, 256, 1024)
BATCH = 256  # of all ranks together
# Numbers in a sum, float32.
SIZES = [4**k for k in range(3, 12)]

# name: latency in seconds, bytes a second, and who says so
NETWORKS = {
    "InfiniBand HDR, 200 Gb/s": (
        0.6e-6, 25e9, "NVIDIA, ConnectX-6 user manual: sub-600 ns, 200 Gb/s",
    ),
    "Ethernet past the kernel, 40 Gb/s": (
        1.93e-6, 37.23e9 / 8, "Squyres, MPI over 40 Gb Ethernet, Cisco 2014, measured with MPI",
    ),
    "Ethernet by TCP, 10 Gb/s": (
        20e-6, 4e9 / 8, "Hurwitz and Feng, Hot Interconnects 11, 2003, measured",
    ),
}  # fmt: skip

# The weights phase, in which sums may overlap, is one of the three products of a layer.
OVERLAPS = 1 / 3


def bytes_of(units: tuple[int, ...]) -> list[int]:
    """Bytes of the gradient of each layer, float32."""
    return [4 * (m + 1) * n for m, n in pairwise(units)]


# -- measuring


def problem(units: tuple[int, ...], rows: int):
    from chainfit import MLPClassifier, MLPRegressor

    rng = np.random.RandomState(0)
    X = rng.normal(size=(rows, units[0])).astype(np.float32)
    make = MLPRegressor if units[-1] == 1 else MLPClassifier
    y = X[:, 0].copy() if units[-1] == 1 else np.arange(rows) % units[-1]
    return make, X, y


def seconds_a_step(units: tuple[int, ...], rows: int, steps: int, epochs: int, ranks=None) -> float:
    """The median over epochs, of steps on so many rows of this rank."""
    make, X, y = problem(units, max(rows * steps, 2 * units[-1]))
    batch = rows * (1 if ranks is None else ranks)
    model = make(
        hidden_layer_sizes=units[1:-1], batch_size=batch, max_iter=epochs, tol=0, random_state=0,
        n_iter_no_change=epochs, n_threads=1,
    ).fit(X, y)  # fmt: skip
    return statistics.median(model.history_["seconds"][1:]) / math.ceil(len(X) / rows)


def seconds_of_sums(numbers: int, repeats: int) -> float:
    """The median of a sum of so many numbers, as a step has it."""
    from chainfit._estimators.ranks import current_ranks

    ranks = current_ranks()
    values, seconds = np.ones(numbers, dtype=np.float32), []
    for _ in range(repeats):
        ranks.exchange("begin")
        start = time.perf_counter()
        ranks.begin_sum(values)
        ranks.finish_sums()
        seconds.append(time.perf_counter() - start)
    return statistics.median(seconds)


def measure(quick: bool) -> dict:
    from mpi4py import MPI

    from chainfit import distributed

    size, epochs = MPI.COMM_WORLD.size, 3 if quick else 12
    found: dict = {"steps": {}, "sums": {}}

    def steps_for(units, rows):  # about 0.05 s an epoch
        flop = 6 * rows * sum(m * n for m, n in pairwise(units))
        return int(min(200, max(3, 2e9 / max(flop, 1e6))))

    for name, units in NETS.items():
        if size == 1:
            found["steps"][name] = {
                str(rows): seconds_a_step(units, rows, steps_for(units, rows), epochs)
                for rows in ROWS
            }
        else:
            rows = BATCH // size
            with distributed.communicator():
                found["steps"][name] = seconds_a_step(
                    units, rows, steps_for(units, rows), epochs, size
                )
    with distributed.communicator():  # of one rank: what the calls alone take
        found["sums"] = {str(n): seconds_of_sums(n, 5 if quick else 41) for n in SIZES}
    return found


def least(found: dict, before: dict) -> dict:
    """The smaller of two figures, for each."""
    kept = {}
    for key, value in found.items():
        if isinstance(value, dict):
            kept[key] = least(value, before.get(key, {}))
        else:
            kept[key] = min(value, before.get(key, value))
    return kept


# -- the model


def fitted(results: dict) -> dict:
    """The constants of the model, from what was measured.

    A step on r rows takes a + b r on its rank, for each net. A sum of n bytes over N ranks takes,
    with the algorithm of Rabenseifner (Thakur, Rabenseifner and Gropp 2005), o for the call,
    2 log2(N) latencies and 2 (N - 1) / N n bytes through the network.
    """
    nets = {}
    for name, steps in results["1"]["steps"].items():
        rows = np.array([int(r) for r in steps], dtype=float)
        seconds = np.array([*steps.values()])
        # relative errors count: a step on one row as much as one on a thousand
        A = np.stack([1 / seconds, rows / seconds], axis=1)
        nets[name] = positive(A, np.ones(len(rows))).tolist()
    A, y = [], []
    for size in results:
        for n, seconds in results[size]["sums"].items():
            N, count = int(size), 4 * int(n)
            A.append([1 / seconds, 2 * math.log2(N) / seconds, 2 * (N - 1) / N * count / seconds])
            y.append(1.0)
    call, latency, a_byte = positive(np.array(A), np.array(y))
    return {"nets": nets, "call": call, "latency": latency, "bandwidth": 1 / a_byte}


def positive(A, y):
    """Least squares with no negative numbers."""
    from scipy.optimize import nnls

    return nnls(A, y)[0]


def sum_seconds(size: int, count: float, call: float, latency: float, bandwidth: float) -> float:
    """Seconds of a sum of so many bytes over the ranks."""
    if size == 1:
        return 0.0
    return call + 2 * math.log2(size) * latency + 2 * (size - 1) / size * count / bandwidth


def step(
    model: dict, name: str, size: int, rows: float, network, every: int = 0, overlap=True
) -> float:
    """Seconds of a step with so many rows a rank; with `every`, sums come after so many steps."""
    a, b = model["nets"][name]
    compute, (latency, bandwidth) = a + b * rows, network[:2]
    parts = bytes_of(NETS[name])
    sums = [sum_seconds(size, n, model["call"], latency, bandwidth) for n in parts]
    if every:
        return compute + sum_seconds(size, sum(parts), model["call"], latency, bandwidth) / every
    hidden = min(sum(sums[:-1]), OVERLAPS * b * rows) if overlap else 0.0
    return compute + sum(sums) - hidden


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", type=Path, default=RESULTS)
    parser.add_argument("--quick", action="store_true", help="fewer repeats: only to see it run")
    args = parser.parse_args()
    warnings.simplefilter("ignore")
    from mpi4py import MPI

    found = measure(args.quick)
    if MPI.COMM_WORLD.rank == 0:
        results = json.loads(args.json.read_text()) if args.json.exists() else {}
        size = str(MPI.COMM_WORLD.size)
        results[size] = found = least(found, results.get(size, {}))
        args.json.write_text(json.dumps(results, indent=1) + "\n")
        print(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
