"""Guards the speed of a step without a clock: instructions of a step, counted by valgrind at AVX2.

python benchmarks/instructions/check.py             compare with counts.json
python benchmarks/instructions/check.py --record    write counts.json anew for this compiler

A step that executes over 5 % more instructions than recorded fails the check. One that executes
over 5 % fewer passes, with the request to record: an old figure would hide the next regression.
Compilers generate different code, so figures are recorded per compiler and major version; with one
that has none the counts are printed and nothing is compared. The choice of AVX2 is valgrind's,
which doesn't know AVX-512.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
COUNTS = HERE / "counts.json"
TOLERANCE = 0.05
# What CMake gives the engine in a release build.
FLAGS = "-O3 -DNDEBUG -std=c++20 -fPIC -fvisibility=hidden -ffp-contract=off -w -Wno-psabi".split()
# Epochs of the two runs: their difference has no start-up in it, and no first epoch's set-up.
SHORT, LONG = 3, 11
# Waits for other threads' answers or for the clock would count what no step needs: one thread, and
# no address randomisation, for alignment decides here and there which loop handles a remainder.
VALGRIND = ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null"]


def compiler() -> tuple[str, str]:
    """Return the C++ compiler's command, and its name with the major version: "g++ 12"."""
    command = os.environ.get("CXX", "g++")
    text = subprocess.run([command, "--version"], capture_output=True, text=True, check=True).stdout
    name = "clang++" if "clang" in text else "g++"
    full = re.search(r"(?:version |\) )(\d+)\.\d+", text)
    if full is None:
        raise SystemExit(f"can't find a version in: {text.splitlines()[0]}")
    return command, f"{name} {full[1]}"


def build(command: str, folder: Path) -> Path:
    """Compile the engine and the driver; returns the program."""
    sources = [*sorted((ROOT / "cpp").rglob("*.cpp")), HERE / "main.cpp"]
    objects = [folder / f"{i}.o" for i in range(len(sources))]

    def compile_one(pair: tuple[Path, Path]) -> None:
        source, made = pair
        arguments = [command, *FLAGS, "-I", str(ROOT / "cpp"), "-c", str(source), "-o", str(made)]
        subprocess.run(arguments, check=True)

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        list(pool.map(compile_one, zip(sources, objects, strict=True)))
    program = folder / "step"
    subprocess.run([command, "-pthread", *map(str, objects), "-o", str(program)], check=True)
    return program


def instructions(program: Path, workload: str, epochs: int) -> int:
    """Count the instructions of one whole run."""
    command = [*VALGRIND, str(program), workload, str(epochs)]
    if shutil.which("setarch"):
        command = ["setarch", platform.machine(), "-R", *command]
    env = {**os.environ, "CHAINFIT_ISA": "avx2"}
    run = subprocess.run(command, capture_output=True, text=True, env=env, check=False)
    found = re.search(r"Collected : (\d+)", run.stderr)
    if run.returncode != 0 or found is None:
        raise SystemExit(f"{' '.join(command)} failed:\n{run.stdout}{run.stderr}")
    return int(found[1])


def count(program: Path) -> dict[str, int]:
    """Count the instructions of one step of each workload of main.cpp."""
    listed = subprocess.run([str(program)], capture_output=True, text=True, check=True).stdout
    workloads = [line.split() for line in listed.splitlines()]

    def one(workload: list[str]) -> int:
        name, steps = workload
        short, long = (instructions(program, name, epochs) for epochs in (SHORT, LONG))
        return round((long - short) / ((LONG - SHORT) * int(steps)))

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        names = [name for name, _ in workloads]
        return dict(zip(names, pool.map(one, workloads), strict=True))


def compare(counts: dict[str, int], recorded: dict[str, int]) -> tuple[list[str], bool]:
    """Return lines that tell how counts lie to the recorded ones, and whether any is too high."""
    lines, failed = [], False
    for name, now in counts.items():
        then = recorded.get(name)
        if then is None:
            lines.append(f"{name:10}{now:12,} instructions a step, none recorded: record it")
            failed = True
            continue
        change = now / then - 1
        word = "ok"
        if change > TOLERANCE:
            word, failed = f"FAILED: more than {TOLERANCE:.0%} above", True
        elif change < -TOLERANCE:
            word = "ok, and so much better that it should be recorded: check.py --record"
        lines.append(
            f"{name:10}{now:12,} instructions a step, recorded {then:,}: {change:+.1%} {word}"
        )
    return lines, failed


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--record", action="store_true", help="write counts.json")
    record = parser.parse_args(arguments).record
    if platform.machine() != "x86_64" or shutil.which("valgrind") is None:
        print("instruction counts: need valgrind on x86-64; nothing was checked")
        return 2
    command, name = compiler()
    with tempfile.TemporaryDirectory() as folder:
        counts = count(build(command, Path(folder)))
    recorded = json.loads(COUNTS.read_text(encoding="utf-8")) if COUNTS.exists() else {}
    if record:
        recorded[name] = counts
        COUNTS.write_text(json.dumps(recorded, indent=1) + "\n", encoding="utf-8")
    if name not in recorded:
        others = ", ".join(recorded) or "none"
        print(f"{name} has no recorded counts (recorded: {others}); nothing was compared")
        for workload, now in counts.items():
            print(f"{workload:10}{now:12,} instructions a step")
        return 0
    lines, failed = compare(counts, recorded[name])
    print(f"{name}, AVX2, one thread:", *lines, sep="\n")
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
