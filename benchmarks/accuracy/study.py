"""Runs methods x tables x seeds, each method in a process of its own, and keeps every result.

A result is a line of JSON in a file that only grows: what stands there is not measured again, and
a run that was cut short goes on where it was.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple, TextIO

from peers.machine import describe_machine

Result = dict[str, Any]
BENCHMARKS = Path(__file__).parents[1]
RESULTS = BENCHMARKS / "results/accuracy.jsonl"


class Trial(NamedTuple):
    """What a result is about."""

    method: str
    table: str
    seed: int


def read_results(path: Path) -> dict[Trial, Result]:
    """Return the last result of each trial."""
    if not path.exists():
        return {}
    lines = path.read_text(encoding="utf-8").splitlines()
    results = (json.loads(line) for line in lines if line.endswith("}"))  # not one cut short
    return {Trial(each["method"], each["table"], each["seed"]): each for each in results}


def run(
    methods: Sequence[str],
    tables: Sequence[str],
    seeds: Sequence[int],
    *,
    path: Path = RESULTS,
    threads: int = 2,
    again: bool = False,
    out: TextIO | None = None,
) -> int:
    """Measure what is not yet measured.

    Parameters
    ----------
    methods, tables : sequence of str
        Names in METHODS and TABLES.
    seeds : sequence of int
        Each is a split and the method's `random_state`. All tables of a seed come before the next.
    path : Path, default=benchmarks/results/accuracy.jsonl
        Where each result is appended.
    threads : int, default=2
        Of each method.
    again : bool, default=False
        Measure too what the file has.
    out : text file, default=sys.stdout
        Where a line for each result goes.

    Returns
    -------
    failed : int
        How many trials gave no result.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    known = {} if again else read_results(path)
    failed = 0
    for seed in seeds:
        for method in methods:
            trials = [Trial(method, table, seed) for table in tables]
            left = [t for t in trials if known.get(t, {}).get("status") != "ok"]
            for trial, found in measured(method, left, threads):
                result = {**trial._asdict(), **found, **_circumstances(threads)}
                print(line_of(result), file=out or sys.stdout, flush=True)
                failed += found["status"] != "ok"
                if found["status"] == "not installed":
                    failed += len(left) - 1
                    break
                _append(path, json.dumps(result))
    return failed


def measured(
    method: str, trials: Iterable[Trial], threads: int
) -> Iterator[tuple[Trial, dict[str, Any]]]:
    """Yield each trial with what came of it; a process that dies costs one trial."""
    left = list(trials)
    while left:
        with _worker(method, threads) as ask:
            hello = ask(None)
            while left:
                found = ask(left[0]) if hello["status"] == "ok" else hello
                if found["status"] == "ok":
                    found["version"] = hello["version"]
                yield left.pop(0), found
                if found["status"] == "died":
                    break


@contextmanager
def _worker(method: str, threads: int) -> Iterator[Any]:
    """Start a method's process; what is yielded asks it and returns the answer."""
    path = os.pathsep.join(filter(None, [str(BENCHMARKS), os.environ.get("PYTHONPATH", "")]))
    names = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
    # PASSIVE: threads that wait in a loop would be charged for it
    env = {**os.environ, **dict.fromkeys(names, str(threads)), "OMP_WAIT_POLICY": "PASSIVE"}
    process = subprocess.Popen(
        [sys.executable, "-m", "accuracy.worker", method, str(threads)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, encoding="utf-8",
        env={**env, "PYTHONPATH": path},
    )  # fmt: skip
    assert process.stdin is not None and process.stdout is not None

    def ask(trial: Trial | None) -> dict[str, Any]:
        assert process.stdin is not None and process.stdout is not None
        try:
            if trial is not None:
                print(json.dumps(trial._asdict()), file=process.stdin, flush=True)
            answer = process.stdout.readline()
        except BrokenPipeError:
            answer = ""
        if answer:
            found: dict[str, Any] = json.loads(answer)
            return found
        return {"status": "died", "why": f"its process ended with {process.wait()}"}

    try:
        yield ask
    finally:
        process.kill()
        process.communicate()


def _circumstances(threads: int) -> dict[str, Any]:
    about = describe_machine()
    kept = {"date": about["date"], "machine": about["cpu"], "load": about["load"]}
    return {**kept, "threads": threads, "python": about["versions"]["python"]}


def _append(path: Path, line: str) -> None:
    """Add a line; one that was cut short before it stays a line of its own."""
    with path.open("a+b") as file:
        end = file.seek(0, os.SEEK_END)
        if end:
            file.seek(end - 1)
            if file.read(1) != b"\n":
                file.write(b"\n")
        file.write(line.encode() + b"\n")


def line_of(result: Result) -> str:
    """Return a result as a line to read."""
    who = f"{result['method']:10} {result['table']:16} {result['seed']}"
    if result["status"] != "ok":
        return f"{who}  {result['status']}: {result['why']}"
    scores = [f"{name} {result[name]:.5g}" for name in ("error", "log_loss", "rmse")
              if name in result]  # fmt: skip
    return f"{who}  {', '.join(scores)}; {result['cpu']:.2f} s CPU, {result['wall']:.2f} s"
