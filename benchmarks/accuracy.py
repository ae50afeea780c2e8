"""chainfit's estimators of tables beside boosting and other nets, on real tables held out.

python benchmarks/accuracy.py             # measures what is missing, then prints the report
python benchmarks/accuracy.py --report    # only prints it; --pages: writes it into docs, README

Results are kept in benchmarks/results/accuracy.jsonl; benchmarks/README.md tells the rest.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from accuracy import study
from accuracy.figures import Results
from accuracy.methods import METHODS, find_method
from accuracy.pages import fill_pages, summary
from accuracy.tables import find_table, names_of


def names(text: str) -> list[str]:
    return text.split(",")


def numbers(text: str) -> list[int]:
    return [int(word) for word in text.split(",")]


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument(
        "--methods", type=names, default=list(METHODS), metavar="NAME,NAME",
        help=f"of {', '.join(METHODS)} (default: all)",
    )  # fmt: skip
    parser.add_argument(
        "--tables", type=names, default=["tuned", "kept"], metavar="NAME,NAME",
        help="names of tables, or tuned, kept, small for all of a kind (default: tuned,kept)",
    )  # fmt: skip
    parser.add_argument("--seeds", type=numbers, default=[0, 1, 2], metavar="N,N")
    parser.add_argument("--threads", type=int, default=2, metavar="N", help="of each method")
    parser.add_argument("--again", action="store_true", help="measure too what the file has")
    parser.add_argument("--report", action="store_true", help="measure nothing")
    parser.add_argument(
        "--pages", action="store_true", help="write the report into docs and README"
    )
    parser.add_argument("--results", type=Path, default=study.RESULTS, metavar="FILE")
    options = parser.parse_args(arguments)
    tables = [
        name
        for word in options.tables
        for name in (names_of(word) if word in {"tuned", "kept", "small"} else [word])
    ]
    try:
        for check, given in ((find_method, options.methods), (find_table, tables)):
            for name in given:
                check(name)
    except ValueError as error:
        parser.error(str(error))
    failed = 0
    if not options.report:
        failed = study.run(
            options.methods, tables, options.seeds, path=options.results,
            threads=options.threads, again=options.again,
        )  # fmt: skip
    found = study.read_results(options.results)
    results = Results(found, options.methods, tables, options.seeds)
    if options.pages:
        fill_pages(results)
    else:
        print(summary(results))
    return int(failed > 0)


if __name__ == "__main__":
    sys.exit(main())
