"""Show that tests catch faults: put each of mutants.toml into a copy of the tree, run its tests.

python tests/mutate.py            # all, each with the test that should notice first
python tests/mutate.py paths cpp  # only those in whose entry one of these words stands

The core is built once, and again for each fault in C++: a minute, then some seconds each. Exits
with 1 if a fault passes, or if tests fail without one.
"""

import shlex
import sys
import tempfile
import time
import tomllib
from pathlib import Path

from tree import Tree

LIST = Path(__file__).with_name("mutants.toml")
COMPILED = {".cpp", ".hpp", ".inl", ".pyx", ".pxd"}


def mutants(words=()):
    found = tomllib.loads(LIST.read_text(encoding="utf-8"))["mutant"]
    return [m for m in found if not words or any(w in text for w in words for text in m.values())]


def misfits(root, found):
    """Return what is wrong with the entries: each must name one place in one line."""
    wrong = []
    for mutant in found:
        path = root / mutant["file"]
        times = path.read_text(encoding="utf-8").count(mutant["old"]) if path.is_file() else 0
        if times != 1 or "\n" in mutant["old"] or mutant["old"] == mutant["new"]:
            wrong.append(f"{mutant['file']}: {times} times: {mutant['old']}")
        for word in shlex.split(mutant["tests"]):
            if word.startswith("tests/") and not (root / word.partition("::")[0]).is_file():
                wrong.append(f"{mutant['file']}: no {word}")
    return wrong


def verdict(tree, mutant):
    """Return "caught", or what happened instead."""
    path = tree / mutant["file"]
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace(mutant["old"], mutant["new"]), encoding="utf-8")
    try:
        if path.suffix in COMPILED:
            tree.build()
        done = tree.pytest(*shlex.split(mutant["tests"]))
    finally:
        path.write_text(text, encoding="utf-8")  # newer than what was built of it: built again
    # 1: tests failed; a signal: the core broke down, which is noticed too
    return (
        "caught" if done.returncode == 1 or done.returncode < 0 else f"PASSED {done.stdout[-300:]}"
    )


def main(words):
    chosen = mutants(words)
    wrong = misfits(LIST.parents[1], chosen)
    if wrong or not chosen:
        sys.exit("\n".join(["mutants.toml doesn't fit the tree:", *wrong]))
    missed = 0
    with tempfile.TemporaryDirectory() as folder:
        tree = Tree(folder)
        tree.build()
        tests = dict.fromkeys(mutant["tests"] for mutant in chosen)
        for arguments in tests:  # that they pass as things are
            done = tree.pytest(*shlex.split(arguments))
            if done.returncode:
                print(f"without a fault, {arguments}:\n{done.stdout[-2000:]}{done.stderr[-500:]}")
                return 1
        compiled = False
        for mutant in sorted(chosen, key=lambda m: Path(m["file"]).suffix not in COMPILED):
            start = time.monotonic()
            if compiled and Path(mutant["file"]).suffix not in COMPILED:
                tree.build()  # without the last fault in C++
            compiled = Path(mutant["file"]).suffix in COMPILED
            found = verdict(tree, mutant)
            missed += found != "caught"
            seconds = time.monotonic() - start
            print(f"{found:8}{seconds:5.0f} s  {mutant['file']}: {mutant['fault']}", flush=True)
    print(f"{len(chosen) - missed} of {len(chosen)} caught")
    return int(missed > 0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
