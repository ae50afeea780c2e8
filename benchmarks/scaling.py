"""What a step costs on several ranks, a model of it, and what that says of many nodes.

    mpiexec -n 1 python benchmarks/scaling.py      # then 2 and 4: adds to results/scaling.json
    python benchmarks/scaling.py --overlap         # writes results/overlap.json

Figures are medians; of those of an earlier run the smaller one stays, for neighbours only add.
docs/guide/many-machines.md.in makes its tables of these files by the functions below: `fitted` has
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
OVERLAP = RESULTS.with_name("overlap.json")

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

# Nodes and network of the delays that `--overlap` puts into sums, and its nets.
DELAYED = (64, "Ethernet past the kernel, 40 Gb/s", ("784-512-256-10", "1024-2048-2048-10"))


def bytes_of(units: tuple[int, ...]) -> list[float]:
    """Bytes of each sum of a step, float32: of a layer's gradient, or of its parts."""
    layers = [4 * (m + 1) * n for m, n in pairwise(units)]
    parts = [max(1, size // 2**20) for size in layers]
    return [size / n for size, n in zip(layers, parts, strict=True) for _ in range(n)]


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


def delayed(seconds, overlap: bool):
    """A rank that is alone, and whose sums take these seconds of their bytes, but no CPU.

    Its clock is its own CPU time and what it would have waited, so neighbours don't count.
    """
    from chainfit._estimators.ranks import Plan, Ranks

    class Delayed(Ranks):
        def __init__(self) -> None:
            super().__init__(0, 1, Plan())
            self._waited = self._due = 0.0

        def now(self) -> float:
            return time.thread_time() + self._waited

        def gather(self, content):
            return [content]

        def sum(self, values):
            pass

        def begin_sum(self, values):
            # a network that sends one after another
            self._due = max(self._due, self.now()) + seconds(values.nbytes)
            if not overlap:
                self.finish_sums()

        def poke(self):
            pass

        def finish_sums(self):
            self._waited += max(0.0, self._due - self.now())

        def fail(self, error):
            pass

    return Delayed()


def delay(count: float) -> float:
    """Seconds of a delay in the place of a sum of so many bytes."""
    size, network, _ = DELAYED
    return sum_seconds(size, count, 0.0, *NETWORKS[network][:2])


def delays(name: str) -> list[float]:
    """Those of a net's sums."""
    return [delay(count) for count in bytes_of(NETS[name])]


def measure_overlap(quick: bool) -> dict:
    """Steps without delays, with delays beside the gradients, and with the same after them."""
    from chainfit._estimators.ranks import made_by

    def none(count):
        return 0.0

    def seconds_a_step(units, ranks):
        make, X, y = problem(units, 20 * BATCH)
        ends: list = []
        with made_by(ranks):
            make(
                hidden_layer_sizes=units[1:-1], batch_size=BATCH, max_iter=2 if quick else 4,
                tol=0, random_state=0, n_threads=1, callbacks=[lambda _: ends.append(ranks.now())],
            ).fit(X, y)  # fmt: skip
        return statistics.median(b - a for a, b in pairwise(ends)) / 20

    kinds = {"none": (none, True), "beside": (delay, True), "after": (delay, False)}
    found: dict = {}
    for name in DELAYED[2]:
        times: dict = {kind: [] for kind in kinds}
        for _ in range(1 if quick else 7):  # in turn
            for kind, given in kinds.items():
                times[kind].append(seconds_a_step(NETS[name], delayed(*given)))
        found[name] = {kind: statistics.median(each) for kind, each in times.items()}
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


def hidden_seconds(units: tuple[int, ...], sums: list[float], compute: float) -> float:
    """Seconds of the sums that pass while further gradients are made.

    A layer has three products, the first layer two, for nobody asks for its inputs' deltas. All
    gradients come at the end of a step, in the layers' order, and each sum begins with its own.
    """
    sizes = bytes_of(units)
    products = 3 * sum(sizes) - 4 * units[0] * units[1]
    made = done = 0.0
    for seconds, size in zip(sums, sizes, strict=True):
        made += compute * size / products
        done = max(made, done) + seconds
    return sum(sums) - (done - made)


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
    hidden = hidden_seconds(NETS[name], sums, b * rows) if overlap else 0.0
    return compute + sum(sums) - hidden


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", type=Path, help="another file for the results")
    parser.add_argument("--overlap", action="store_true", help="delays in place of sums, alone")
    parser.add_argument("--quick", action="store_true", help="fewer repeats: only to see it run")
    args = parser.parse_args()
    warnings.simplefilter("ignore")
    path = args.json or (OVERLAP if args.overlap else RESULTS)
    if args.overlap:
        results = found = measure_overlap(args.quick)
    else:
        from mpi4py import MPI

        found = measure(args.quick)
        if MPI.COMM_WORLD.rank != 0:
            return
        results = json.loads(path.read_text()) if path.exists() else {}
        size = str(MPI.COMM_WORLD.size)
        results[size] = found = least(found, results.get(size, {}))
    path.write_text(json.dumps(results, indent=1) + "\n")
    print(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
