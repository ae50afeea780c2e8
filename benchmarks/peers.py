"""chainfit beside PyTorch, JAX, scikit-learn, libfann, onnxruntime and NumPy; some 40 minutes.

python benchmarks/peers.py --json benchmarks/results/peers.json    # --quick: a look

Those libraries that are installed take part, in alternating rounds; benchmarks/README.md tells how.
"""

from __future__ import annotations

import argparse
import sys

from peers import compare


def names(text: str) -> list[str]:
    return text.split(",")


def counts(text: str) -> tuple[int, ...]:
    return tuple(count(word) for word in text.split(","))


def count(text: str) -> int:
    number = int(text)
    if number < 1:
        raise ValueError
    return number


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="fewer and shorter rounds")
    parser.add_argument(
        "--cases", type=names, metavar="NAME,NAME", help="only these workloads (default: all)"
    )
    parser.add_argument(
        "--against", type=names, metavar="NAME,NAME", help="only these libraries (default: all)"
    )
    parser.add_argument(
        "--threads",
        type=counts,
        metavar="N,N",
        help="numbers of threads to try every library with (default: 1 and all)",
    )
    parser.add_argument("--rounds", type=count, metavar="N", help="turns of each (default: 7)")
    parser.add_argument("--json", metavar="FILE", help="file for all figures")
    options = parser.parse_args(arguments)
    try:
        return compare.run(
            quick=options.quick,
            cases=options.cases,
            peers=options.against,
            threads=options.threads,
            rounds=options.rounds,
            json_file=options.json,
        )
    except ValueError as error:
        parser.error(str(error))


if __name__ == "__main__":
    sys.exit(main())
