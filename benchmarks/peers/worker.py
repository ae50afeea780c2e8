"""One contestant in its process: prepares, then measures a round whenever it is told to.

``python -m peers.worker JOB``. It speaks in lines of JSON: after its preparation one that
says what it will run, or why it won't; then one for each line that comes in, a round's figures.
"""

from __future__ import annotations

import importlib
import itertools
import json
import os
import sys
import time
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from chainfit import _core, reference
from chainfit._bench.workloads import encode, fit_reference, initial_parameters, make_data

from .job import PEERS, Job, NotApplicableError, NotInstalledError, Training
from .machine import peak_gflops
from .plain import trained_net

Array = npt.NDArray[Any]
Work = Callable[[int], object]  # does so many units: epochs or calls

# A fit sets up for all of its epochs, 200 by default; a round has fewer, but not so few that the
# set-up of a wide net (6 million weights drawn, packed and checked) would pass for training.
FEWEST_EPOCHS = 10

TRY_SECONDS = 0.15  # for each way to do the work, before the choice


class _Round:
    """Seconds of wall clock and of processors for some units of work."""

    def __init__(self, work: Work, units: int) -> None:
        cpu, begin = time.process_time(), time.perf_counter()
        work(units)
        self.seconds = time.perf_counter() - begin
        self.cpu_seconds = time.process_time() - cpu


def units_for(work: Work, seconds: float) -> int:
    """Find the units, a whole number, that take about so many seconds."""
    units = 1
    while True:
        passed = _Round(work, units).seconds
        if passed > seconds / 4:
            return max(1, round(units * seconds / passed))
        units *= 2 if passed > seconds / 40 else 10


def choose(ways: dict[str, Work]) -> tuple[str, dict[str, float | str]]:
    """Try every way; returns the fastest one's name, and the seconds of a unit, or why not."""
    tried: dict[str, float | str] = {}
    for name, work in ways.items():
        try:
            work(1)  # compiles, starts threads, fills caches
            work(1)
            units = units_for(work, TRY_SECONDS) if len(ways) > 1 else 1
            tried[name] = min(_Round(work, units).seconds for _ in range(2)) / units
        except Exception as error:  # a library may fail in its own ways, and another way may work
            tried[name] = f"{type(error).__name__}: {error}"[:300]
    times = {name: t for name, t in tried.items() if isinstance(t, float)}
    if not times:
        raise RuntimeError(next(iter(tried.values())))
    return min(times, key=times.__getitem__), tried


def check_training(job: Job, trained: Training) -> dict[str, float]:
    """Hold a contestant's weights after an unshuffled epoch against the reference's.

    Returns the losses over all rows before and after, and how far the weights lie from the
    reference's, as a share of the way that these have gone.
    """
    workload = job.workload
    X, y = make_data(workload, job.numpy_dtype)
    Y = encode(workload, y, job.numpy_dtype)
    W0, b0 = initial_parameters(workload, job.numpy_dtype)
    W1, b1 = fit_reference(workload, X, Y, 1, shuffle=False)
    trained.train(1, shuffle=False)
    parameters = trained.parameters()
    if parameters is None:  # another net, more or less: its own error at the start and later
        trained.train(5, shuffle=True)
        errors = trained.errors  # type: ignore[attr-defined]
        return {"own_error_first": errors[0], "own_error_last": errors[-1]}

    def loss(W: list[Array], b: list[Array]) -> float:
        link = reference.LOSSES[workload.loss].link
        output = reference.forward(X, W, b, workload.activation, link)[-1]
        return reference.objective(Y, output, W, loss=workload.loss)

    found = {"loss_before": loss(W0, b0), "loss_of_reference": loss(W1, b1)}
    if parameters is not None:
        W, b = parameters
        flat = [np.concatenate([p.ravel() for p in ps]) for ps in (W0 + b0, W1 + b1, [*W, *b])]
        start, expected, got = (p.astype(float) for p in flat)
        found["loss"] = loss(W, b)
        found["off"] = float(np.linalg.norm(got - expected) / np.linalg.norm(expected - start))
    return found


def check_call(job: Job, result: Array) -> dict[str, float]:
    """Hold a contestant's output against the reference's, relative to the largest."""
    call = job.call
    assert call is not None
    if result.size == 0:
        return {}
    X, W, b = trained_net(job)
    expected = reference.forward(X, W, b, "relu", call.link)[-1]
    distance = np.abs(np.asarray(result, dtype=float).reshape(expected.shape) - expected).max()
    return {"off": float(distance / np.abs(expected).max())}


def prepare(job: Job) -> tuple[Work, dict[str, Any]]:
    """Return the work of a round and what is to be known of it."""
    library = importlib.import_module(f".{PEERS[job.peer].module}", __package__)
    known: dict[str, Any] = {}
    if job.call is None:
        trainings: dict[str, Training] = library.training(job)
        ways: dict[str, Work] = {
            name: lambda epochs, way=way: way.train(epochs, shuffle=True)  # type: ignore[misc]
            for name, way in trainings.items()
        }
        choice, known["tried"] = choose(ways)
        known["check"] = check_training(job, trainings[choice])
        known["steps"] = job.workload.steps
    else:
        functions = library.calls(job)
        ways = {name: _repeated(function) for name, function in functions.items()}
        choice, known["tried"] = choose(ways)
        known["check"] = check_call(job, functions[choice]())
        known["steps"] = 1
    work = ways[choice]
    fewest = FEWEST_EPOCHS if job.call is None else 1
    known.update(
        choice=choice, units=max(units_for(work, job.seconds), fewest), version=version(job)
    )
    return work, known


def _repeated(function: Callable[[], Array]) -> Work:
    def work(times: int) -> None:
        for _ in itertools.repeat(None, times):
            function()

    return work


def version(job: Job) -> str:
    """Version of the job's library, "" if it tells none."""
    module = PEERS[job.peer].requires
    return str(getattr(importlib.import_module(module), "__version__", "")) if module else ""


def main(text: str) -> None:
    """Serve until the standard input ends."""
    job = Job.from_json(text)
    # what libraries print must not fall between the answers
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)

    def answer(**values: Any) -> None:
        print(json.dumps(values), file=answers, flush=True)

    warnings.simplefilter("ignore")
    try:
        work, known = prepare(job)
    except NotInstalledError as error:
        return answer(status="not installed", why=str(error))
    except NotApplicableError as error:
        return answer(status="not applicable", why=str(error))
    except Exception as error:
        return answer(status="failed", why=f"{type(error).__name__}: {error}"[:500])
    is_ours = job.peer == "chainfit"
    answer(status="ok", isa=_core.isa() if is_ours else None, **known)
    for _ in sys.stdin:
        peak = peak_gflops(job.threads, job.dtype == "float64") if is_ours else None
        measured = _Round(work, known["units"])
        answer(seconds=measured.seconds, cpu_seconds=measured.cpu_seconds, peak_gflops=peak)


if __name__ == "__main__":
    main(sys.argv[1])
