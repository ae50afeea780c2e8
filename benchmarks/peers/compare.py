"""chainfit beside other libraries, each in processes of its own.

One process for each library, number of threads and workload. They start and prepare one after the
other, then take turns, round by round, so that a slow moment of the machine hits all of them; only
one works at a time.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any, TextIO

from chainfit import _core
from chainfit._bench.workloads import WORKLOADS, Workload
from chainfit._estimators.threads import resolve_n_threads

from .cases import CALLS, Call, find_case
from .figures import print_case
from .job import PEERS, Job, NotInstalledError, takes_part
from .machine import describe_machine

PREPARATION_SECONDS = 600.0  # torch.compile may take minutes on a slow machine
ROUND_SECONDS = 120.0
PAUSE_SECONDS = 0.02  # idle threads of the one before stop spinning in this time


def _python_path() -> str:
    """Return the caller's own path with the folder in front in which the worker finds `peers`."""
    folder = str(Path(__file__).resolve().parents[1])
    return os.pathsep.join([folder, *filter(None, [os.environ.get("PYTHONPATH")])])


class _Process:
    """A worker (`worker`) at the other end of two pipes."""

    def __init__(self, job: Job) -> None:
        self.job = job
        # what a library says when it dies; a pipe that nobody reads could fill up
        self.errors = tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace")
        self.process = subprocess.Popen(
            [sys.executable, "-P", "-m", "peers.worker", job.to_json()],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self.errors,
            env={**os.environ, **job.environment(), "PYTHONPATH": _python_path()},
        )

    def answer(self, timeout: float) -> dict[str, Any]:
        """Wait for the next line; a RuntimeError says why there is none."""
        assert self.process.stdout is not None
        ready, _, _ = select.select([self.process.stdout], [], [], timeout)
        if not ready:
            raise RuntimeError(f"no answer within {timeout:.0f} s")
        line = self.process.stdout.readline()
        if not line:
            self.errors.seek(0)
            said = self.errors.read().strip().splitlines()
            raise RuntimeError(f"the process died: {said[-1] if said else 'without a word'}")
        found: dict[str, Any] = json.loads(line)
        return found

    def round(self) -> dict[str, Any]:
        """Have one round run."""
        assert self.process.stdin is not None
        with contextlib.suppress(BrokenPipeError):  # then there is no answer either
            self.process.stdin.write(b"\n")
            self.process.stdin.flush()
        return self.answer(ROUND_SECONDS + 20 * self.job.seconds)

    def close(self) -> None:
        for pipe in (self.process.stdin, self.process.stdout):
            with contextlib.suppress(BrokenPipeError):
                assert pipe is not None
                pipe.close()
        try:
            self.process.wait(1)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.errors.close()


def jobs(
    case: Workload | Call, peers: Sequence[str], threads: Sequence[int], seconds: float
) -> list[Job]:
    """List the contestants of a case: chainfit with its variants first, then the others."""
    found = []
    for peer in (peer for peer in peers if takes_part(peer, case)):
        for n in threads[:1] if PEERS[peer].one_thread else threads:
            found.append(Job(peer, case.name, n, seconds=seconds))
            if peer == "chainfit":
                found.append(Job(peer, case.name, n, "float64", seconds=seconds))
                if _core.isa() != "avx2" and ("avx2", True) in _core.isas():
                    found.append(Job(peer, case.name, n, isa="avx2", seconds=seconds))
    return found


def missing(peer: str) -> str:
    """Say why a library can't be tried; "" if it can."""
    module = PEERS[peer].requires
    if module:
        return "" if find_spec(module) else f"{module} is not installed"
    from .fann import load

    try:
        load()
    except NotInstalledError as error:
        return str(error)
    return ""


def measure_case(
    case: Workload | Call, contestants: Sequence[Job], rounds: int, progress: TextIO | None = None
) -> dict[str, Any]:
    """Let the contestants take turns; returns what ``peers.py --json`` writes of it."""
    results = []
    with contextlib.ExitStack() as stack:
        running: list[tuple[dict[str, Any], _Process]] = []
        for job in contestants:
            result = {"title": PEERS[job.peer].title, **job._asdict()}
            results.append(result)
            why = missing(job.peer)
            if why:
                result.update(status="not installed", why=why)
                continue
            if progress:
                print(f"\r{case.name}: {job.peer:<24}", end="", file=progress, flush=True)
            process = _Process(job)
            stack.callback(process.close)
            try:
                result.update(process.answer(PREPARATION_SECONDS))
            except RuntimeError as error:
                result.update(status="failed", why=str(error))
            if result["status"] == "ok":
                result.update(rounds=[], cpu_seconds=[], peak_gflops=[])
                running.append((result, process))
            else:
                process.close()
        for number in range(rounds):
            if progress:
                print(f"\r{case.name}: round {number + 1:<20}", end="", file=progress, flush=True)
            for result, process in running[:: -1 if number % 2 else 1]:
                time.sleep(PAUSE_SECONDS)
                with _failure_in(result):
                    _record(result, process.round())
    if progress:
        print("\r" + " " * 40 + "\r", end="", file=progress, flush=True)
    kind = "step" if isinstance(case, Workload) else "call"
    return {"title": case.title, "unit": kind, "flop": case.flop, "contestants": results}


@contextlib.contextmanager
def _failure_in(result: dict[str, Any]) -> Iterator[None]:
    """Note that a contestant gave up in the middle, and go on without its round."""
    try:
        yield
    except RuntimeError as error:
        result.update(status="failed", why=str(error))


def _record(result: dict[str, Any], measured: dict[str, Any]) -> None:
    work = result["units"] * result["steps"]
    result["rounds"].append(measured["seconds"] / work)
    result["cpu_seconds"].append(measured["cpu_seconds"] / work)
    if measured["peak_gflops"] is not None:
        result["peak_gflops"].append(measured["peak_gflops"])


def _cases_of(json_file: str | None) -> dict[str, Any]:
    """Return what an earlier run has written, in the order of the lists."""
    if json_file is None or not Path(json_file).exists():
        return {}
    found = json.loads(Path(json_file).read_text(encoding="utf-8"))["cases"]
    names = [case.name for case in (*WORKLOADS, *CALLS)]
    return {name: found[name] for name in names if name in found}


def _write(path: Path, text: str) -> None:
    """Replace the file as a whole: what hours have measured survives a crash."""
    beside = path.with_name(path.name + ".part")
    beside.write_text(text, encoding="utf-8")
    beside.replace(path)


def run(
    *,
    quick: bool = False,
    cases: Sequence[str] | None = None,
    peers: Sequence[str] | None = None,
    threads: Sequence[int] | None = None,
    rounds: int | None = None,
    json_file: str | None = None,
    out: TextIO | None = None,
) -> int:
    """Measure chainfit beside other libraries and print a table for each workload.

    Parameters
    ----------
    quick : bool, default=False
        Short rounds, and few: a look, not a measurement.
    cases : sequence of str, default=None
        Names of workloads and calls; None: all.
    peers : sequence of str, default=None
        Keys of PEERS; None: all. chainfit takes part in any case.
    threads : sequence of int, default=None
        Numbers of threads that every library is tried with; None: one, and all of the process's.
    rounds : int, default=None
        How often each contestant has its turn; None: 7.
    json_file : str, default=None
        Where every figure of every round goes, after each workload. Workloads that such a file
        has already, and that are not measured now, stay in it.
    out : text file, default=sys.stdout
        Where the tables go.

    Returns
    -------
    code : int
        0, the exit code.
    """
    out = sys.stdout if out is None else out
    chosen_cases: list[Workload | Call] = [*WORKLOADS, *CALLS]
    if cases:
        chosen_cases = [find_case(name) for name in cases]
    unknown = set(peers or ()) - set(PEERS)
    if unknown:
        raise ValueError(f"there is no library {min(unknown)!r}; there are {', '.join(PEERS)}")
    if json_file is not None:
        Path(json_file).parent.mkdir(parents=True, exist_ok=True)
    chosen = [peer for peer in PEERS if peers is None or peer in peers or peer == "chainfit"]
    counts = sorted(set(threads or (1, resolve_n_threads(None))))
    rounds = rounds or (3 if quick else 7)
    seconds = 0.1 if quick else 0.5
    report: dict[str, Any] = {
        "machine": describe_machine(),
        "settings": {"rounds": rounds, "seconds": seconds, "threads": counts},
        "cases": _cases_of(json_file),
    }
    progress = sys.stderr if sys.stderr.isatty() else None
    for case in chosen_cases:
        date = describe_machine()["date"]
        measured = measure_case(case, jobs(case, chosen, counts, seconds), rounds, progress)
        measured["date"] = date
        report["cases"][case.name] = measured
        print_case(measured, out)
        if json_file is not None:
            _write(Path(json_file), json.dumps(report, indent=1) + "\n")
    return 0
