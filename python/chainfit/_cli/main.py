"""The command ``chainfit``: its words, its exit codes, and errors in one line.

What a command does lies in ``train``, ``predict``, ``explain``, ``explore``, ``export``, ``demo``
and ``_bench``, imported when it runs. Exit codes: 0 done, 1 the job
failed, 2 wrong usage, 130 interrupted.
"""

from __future__ import annotations

import argparse
import os
import sys
import warnings
from collections.abc import Callable, Sequence
from typing import Any, NoReturn

from .. import _core
from .._common.printable import printable
from .explain import add_explain
from .explore import add_explore
from .export import add_export
from .options import add_mark_options, add_meaning_options, add_table_options, number
from .say import complain, one_line, warn

DONE, FAILED, USAGE, INTERRUPTED = 0, 1, 2, 130

_DESCRIPTION = """\
Train multilayer perceptrons on tables, predict with them, and look inside.

  chainfit demo                               a tour on handwritten digits, in seconds
  chainfit train houses.csv --target price    a model from a table with mixed columns
  chainfit predict houses.safetensors new.csv > out.csv
  chainfit explain houses.safetensors houses.csv --weight 'w_12^(2)'
  chainfit explore houses.safetensors houses.csv   a page: net, gradients, chains of derivatives
"""

_TRAIN = """\
Train nets on a table, test them on held-out rows, and save them as one model.

Columns may hold numbers, booleans, text and dates, and have missing values. What the cells mean is
inferred once, printed, and saved with the model, which reads later files in the same way. A target
of text, booleans or few whole numbers means classification, any other regression; --task overrides
this.
"""

_TRAIN_EXAMPLES = """\
examples:
  chainfit train diamonds.csv --target price
  chainfit train titanic.csv --target survived --model titanic.safetensors --seed 3
  chainfit train wine.csv --target quality --task regression --hidden 128,64 --alpha 0.01
  chainfit train big.parquet --target y --preset fast --test-fraction 0
  chainfit train sales.txt --target sold --na unknown --date-format %d.%m.%Y --drop comment
  mpiexec -n 4 chainfit train big.parquet --target y --mpi

Ctrl-C ends training early: the model so far is tested and saved. With --checkpoint NAME the same
command continues the training.
"""

_PREDICT = """\
Predict with a model that `chainfit train` saved.

The rows of FILE are written unchanged, with `prediction` as an additional last column. Cells are
read as those of the training file were. Columns that the model needs must be present; others are
kept and ignored.
"""

_PREDICT_EXAMPLES = """\
examples:
  chainfit predict diamonds.safetensors new.csv > predicted.csv
  chainfit predict titanic.safetensors new.csv --proba --out predicted.csv
  cat new.csv | chainfit predict titanic.safetensors -
"""


class _Parser(argparse.ArgumentParser):
    """Reports wrong usage in one line, and adds costly options when they are first needed."""

    #: Adds options whose names only the estimators know.
    add_later: Callable[[_Parser], None] | None = None

    def parse_known_args(self, *args: Any, **more: Any) -> Any:
        add, self.add_later = self.add_later, None
        if add is not None:
            add(self)
        return super().parse_known_args(*args, **more)

    def error(self, message: str) -> NoReturn:
        complain(f"error: {message} (see: {self.prog} --help)")
        self.exit(USAGE)


def _add_train(commands: Any) -> None:
    parser = commands.add_parser(
        "train",
        help="train nets on a table and save them",
        description=_TRAIN,
        epilog=_TRAIN_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("file", metavar="FILE", help="the table: CSV or Parquet")
    parser.add_argument("--target", required=True, metavar="COLUMN", help="column to predict")
    parser.add_argument(
        "--model",
        metavar="OUT",
        help="file to save to (default: FILE's name with .safetensors, in this folder)",
    )
    parser.add_argument(
        "--task",
        choices=("auto", "classification", "regression"),
        default="auto",
        help="kind of the target (default: %(default)s, from its values)",
    )
    parser.add_argument(
        "--test-fraction",
        type=number(float, 0, 0.9),
        default=0.2,
        metavar="PART",
        help="fraction of the rows held out for testing, 0 for none (default: %(default)s)",
    )
    parser.add_argument(
        "--seed",
        type=number(int, 0, 2**32 - 1),
        default=0,
        metavar="N",
        help="seed of the split, the initial weights and the shuffling (default: %(default)s)",
    )
    parser.add_argument(
        "--buffer-rows",
        type=number(int, 1000),
        metavar="N",
        help="maximum number of rows in memory: the columns of a larger table are learned from a "
        "sample of this size, and the nets are trained in windows (default: 100 million cells)",
    )
    parser.add_argument(
        "--mpi",
        action="store_true",
        help="train with all processes started by mpiexec: each trains some of the nets or, if "
        "there are more processes than nets, all share the rows (needs chainfit[mpi])",
    )
    add_table_options(parser)
    add_meaning_options(parser)
    parser.add_later = _add_net_options
    parser.set_defaults(run=_run_train)


def _add_net_options(parser: _Parser) -> None:
    from .net_options import NET_OPTIONS

    group = parser.add_argument_group("the nets and their training")
    for name, (option, settings) in NET_OPTIONS.items():
        group.add_argument(option, dest=name, **settings)


def _run_train(args: argparse.Namespace) -> int:
    from .net_options import parameters_given
    from .train import train

    return train(args, parameters_given(args))


def _add_predict(commands: Any) -> None:
    parser = commands.add_parser(
        "predict",
        help="predict the rows of a table",
        description=_PREDICT,
        epilog=_PREDICT_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("model", metavar="MODEL", help="file that `chainfit train` saved")
    parser.add_argument("file", metavar="FILE", help="the table: CSV or Parquet; - is stdin (CSV)")
    parser.add_argument("--out", metavar="FILE", help="file to write (default: stdout)")
    parser.add_argument(
        "--proba",
        action="store_true",
        help="also write each class's probability, as columns proba_CLASS before the prediction",
    )
    add_table_options(parser)
    add_mark_options(parser, "the training file's")
    parser.set_defaults(run=_run_predict)


def _run_predict(args: argparse.Namespace) -> int:
    from .predict import predict

    return predict(args)


def _run_demo(args: argparse.Namespace) -> int:
    from . import demo

    return int(demo.run(seed=args.seed))


def _run_bench(args: argparse.Namespace) -> int:
    from .._bench import bench

    return int(bench.run(quick=args.quick))


def _run_info(args: argparse.Namespace) -> int:
    from .info import info

    return info(args)


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="chainfit",
        description=_DESCRIPTION,
        epilog="`chainfit COMMAND --help` describes a command.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"chainfit {_core.__version__}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    demo = commands.add_parser(
        "demo",
        help="train on handwritten digits, and show the chain of one weight",
        description="Train on scikit-learn's digits, and show the accuracy, the time compared with "
        "the NumPy reference and scikit-learn, and the chain of derivatives of one weight.",
    )
    demo.add_argument("--seed", type=number(int, 0, 2**32 - 1), default=0, metavar="N")
    demo.set_defaults(run=_run_demo)
    _add_train(commands)
    _add_predict(commands)
    add_explain(commands)
    add_explore(commands)
    add_export(commands)
    info = commands.add_parser(
        "info",
        help="describe this installation or a model file",
        description="Print the version, instruction sets and threads, or what a model file holds.",
    )
    info.add_argument("model", nargs="?", metavar="MODEL", help="a model file")
    info.set_defaults(run=_run_info)
    bench = commands.add_parser(
        "bench",
        help="measure speed on this machine",
        description="Measure kernels and whole fits on this machine, compared with the NumPy "
        "reference and scikit-learn, and as a share of the machine's measured peak.",
    )
    bench.add_argument("--quick", action="store_true", help="fewer and shorter runs")
    bench.set_defaults(run=_run_bench)
    return parser


class _Warnings:
    """Shows warnings in one line on stderr, each text once."""

    def __init__(self) -> None:
        self._shown: set[str] = set()

    def __call__(self, message: Warning | str, *rest: Any, **more: Any) -> None:
        text = one_line(message)
        if text not in self._shown:
            self._shown.add(text)
            warn(f"warning: {text}")


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line.

    Parameters
    ----------
    argv : sequence of str, default=None
        Arguments without the program's name; None: those of the process.

    Returns
    -------
    int
        The exit code: 0 done, 1 the job failed, 2 wrong usage, 130 interrupted. With the
        environment variable CHAINFIT_TRACEBACK set, a failure raises its exception instead.
    """
    try:
        args = _parser().parse_args(argv)
    except SystemExit as stop:
        return int(stop.code or 0)
    try:
        with warnings.catch_warnings():
            # Of the libraries' own warnings none is for somebody at a prompt.
            for category in (DeprecationWarning, FutureWarning, RuntimeWarning):
                warnings.simplefilter("ignore", category)
            warnings.showwarning = _Warnings()
            code = int(args.run(args))
        sys.stdout.flush()
        return code
    except KeyboardInterrupt:
        complain("interrupted")
        return INTERRUPTED
    except BrokenPipeError:
        # The reader went away, as `head` does. What is left in the buffer must go nowhere.
        sys.stdout = open(os.devnull, "w")
        return FAILED
    except Exception as error:
        if os.environ.get("CHAINFIT_TRACEBACK"):
            raise
        text = one_line(error)
        if isinstance(error, OSError) and error.filename and error.strerror:
            text = f"{printable(error.filename)}: {error.strerror}"
        elif isinstance(error, MemoryError):
            text = f"not enough memory{': ' if text else ''}{text}"
        elif not isinstance(error, (ValueError, OSError, ImportError)):
            text = f"{type(error).__name__}: {text} (CHAINFIT_TRACEBACK=1 shows where)"
        complain(f"error: {text}")
        return FAILED
