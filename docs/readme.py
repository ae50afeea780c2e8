"""Runs the blocks of pages with commands, README.md first, and compares or writes what they show.

    python docs/readme.py            runs the blocks and writes what they print
    python docs/readme.py --check    writes nothing, fails if a block does or what it shows is old

All blocks of a page run in their order in one new folder: those that open with ```python share a
namespace, and a warning is an error; of those with ```sh each line is a command of its own, errors
and warnings on stderr being part of what it prints. A block of ```text after one of these is what
that one prints; there is no other block of text, and no block that prints without one.
"""

from __future__ import annotations

import argparse
import contextlib
import difflib
import io
import os
import re
import shlex
import subprocess
import sys
import tempfile
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
PAGES = (ROOT / "README.md", ROOT / "docs/guide/command-line.md")

#: Commands that are not run here -> why.
NOT_RUN = {
    "pip install chainfit": "changes the environment; `nox -s wheel` installs a wheel",
    "pip install . && chainfit demo": "changes the environment; `nox -s wheel` runs the demo",
    "pip install '.[test]' && pytest": "would run itself; `nox -s tests` runs it to the letter",
    "chainfit bench": "takes a minute; tests/test_bench.py runs its parts",
}
#: Commands whose output is not shown -> why.
NOT_SHOWN = {"chainfit info": "is about the machine"}

# What may differ from run to run: times and sizes, and the last of many digits.
_MEASURED = re.compile(r"\b\d+\.\d+(?= (?:s|MB)\b)")
_LONG = re.compile(r"\d+\.\d{9,}")


@dataclass
class Block:
    """A fenced block: its language, text and lines (from 0: the fences), and what it shows."""

    language: str
    text: str
    first: int
    last: int
    shown: Block | None = None

    @property
    def place(self) -> str:
        """Where it is, for messages."""
        return f"block at line {self.first + 1}"


@dataclass
class Outcome:
    """What a block printed, and why it failed, if it did."""

    printed: str = ""
    error: str | None = None


def read_blocks(page: str) -> list[Block]:
    """Return the fenced blocks of a page, what a block shows within that block.

    Raises
    ------
    ValueError
        If a fence is not closed.
    """
    lines = page.splitlines()
    blocks: list[Block] = []
    first = None
    for i, line in enumerate(lines):
        if not line.lstrip().startswith(("```", "~~~")):
            continue
        if first is None:
            first = i
        elif line.strip() in ("```", "~~~"):
            inside = "".join(f"{text}\n" for text in lines[first + 1 : i])
            block = Block(lines[first].lstrip(" `~"), inside, first, i)
            before = blocks[-1] if blocks else None
            adjacent = before and not "".join(lines[before.last + 1 : first]).strip()
            if block.language == "text" and before and adjacent and before.shown is None:
                before.shown = block
            else:
                blocks.append(block)
            first = None
    if first is not None:
        raise ValueError(f"the fence at line {first + 1} is not closed")
    return blocks


def run(blocks: list[Block]) -> list[Outcome]:
    """Run the blocks in a new folder."""
    namespace: dict[str, Any] = {"__name__": "__main__"}
    outcomes = []
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
        for block in blocks:
            if block.language == "python":
                outcomes.append(_run_python(block, namespace))
            elif block.language == "sh":
                outcomes.append(_run_shell(block))
            else:
                why = f"don't know how to run a block of {block.language!r}"
                outcomes.append(Outcome(error=why))
    return outcomes


def _run_python(block: Block, namespace: dict[str, Any]) -> Outcome:
    outcome, printed = Outcome(), io.StringIO()
    with (
        contextlib.redirect_stdout(printed),
        contextlib.redirect_stderr(printed),
        warnings.catch_warnings(),
    ):
        warnings.simplefilter("error")
        try:
            code = "\n" * (block.first + 1) + block.text
            exec(compile(code, "page", "exec"), namespace)
        except Exception as error:
            outcome.error = f"{type(error).__name__}: {error}"
    outcome.printed = printed.getvalue()
    return outcome


def commands(block: Block) -> list[str]:
    """Return the commands of a block of shell, without comments; a backslash continues a line."""
    lines = block.text.replace("\\\n", " ").splitlines()
    bare = (re.sub(r"(^|\s)#.*", "", line).strip() for line in lines)
    return [line for line in bare if line]


def _run_shell(block: Block) -> Outcome:
    outcome = Outcome()
    with tempfile.TemporaryDirectory() as path:
        # The command of this installation, whatever else is on the PATH.
        program = Path(path) / "chainfit"
        program.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -m chainfit "$@"\n')
        program.chmod(0o755)
        environment = {
            **os.environ,
            "PATH": f"{path}{os.pathsep}{os.environ.get('PATH', '')}",
            "PYTHONIOENCODING": "utf-8",
        }
        for command in commands(block):
            if command in NOT_RUN:
                continue
            process = subprocess.run(
                ["sh", "-c", command],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                encoding="utf-8",
                timeout=300,
                env=environment,
            )
            if process.returncode:
                outcome.error = f"{command}: exit code {process.returncode}: {process.stdout}"
                break
            if command not in NOT_SHOWN:
                outcome.printed += process.stdout
    return outcome


def alike(shown: str, printed: str) -> bool:
    """Say whether two outputs are the same but for times, sizes, and digits after the tenth."""
    return _comparable(shown) == _comparable(printed)


def _comparable(text: str) -> str:
    text = "\n".join(line.rstrip() for line in text.rstrip().splitlines())
    text = _MEASURED.sub("...", text)
    return _LONG.sub(lambda match: f"{float(match[0]):.10g}", text)


def findings(blocks: list[Block], outcomes: list[Outcome]) -> list[str]:
    """Return what is wrong with the blocks: failures, and output that is not what is shown."""
    found = []
    for block, outcome in zip(blocks, outcomes, strict=True):
        shown = block.shown.text if block.shown else ""
        if outcome.error is not None:
            found.append(f"{block.place}: {outcome.error}")
        elif not alike(shown, outcome.printed):
            lines = difflib.unified_diff(
                shown.splitlines(), outcome.printed.splitlines(), "shown", "printed", lineterm=""
            )
            found.append("\n".join([f"{block.place} prints something else:", *lines]))
    return found


def fill(page: str, blocks: list[Block], outcomes: list[Outcome]) -> str:
    """Return the page with what the blocks printed; what is alike stays as it is."""
    lines = page.splitlines()
    for block, outcome in reversed(list(zip(blocks, outcomes, strict=True))):
        shown = block.shown.text if block.shown else ""
        if alike(shown, outcome.printed):
            continue
        end = block.shown.last if block.shown else block.last
        printed = [line.rstrip() for line in outcome.printed.rstrip().splitlines()]
        output = ["", "```text", *printed, "```"] if printed else []
        lines[block.last + 1 : end + 1] = output
    return "".join(f"{line}\n" for line in lines)


def main(argv: list[str] | None = None) -> int:
    """Check the pages, or write their output anew; return the exit code."""
    parser = argparse.ArgumentParser(description="Run the blocks of README.md and other pages.")
    parser.add_argument("--check", action="store_true", help="write nothing, tell what is wrong")
    check = parser.parse_args(argv).check
    bad = False
    for path in PAGES:
        page = path.read_text(encoding="utf-8")
        blocks = read_blocks(page)
        outcomes = run(blocks)
        if not check:
            filled = fill(page, blocks, outcomes)
            if filled != page and not any(outcome.error for outcome in outcomes):
                path.write_text(filled, encoding="utf-8")
                print(f"wrote {path.name}")
            blocks = read_blocks(filled)
        for text in findings(blocks, outcomes):
            print(f"{path.name}, {text}", file=sys.stderr)
            bad = True
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
