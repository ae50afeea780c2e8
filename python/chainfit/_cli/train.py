"""``chainfit train``: read, split, train, test, save, and say so on one screen."""

from __future__ import annotations

import argparse
import os
import sys
import threading
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from .._common.printable import printable
from .._estimators.endings import INTERRUPTED
from .describe import describe_nets, say_columns
from .large import Read, Rest, read
from .names import column_named, model_name
from .net_options import NET_OPTIONS
from .next_commands import say_commands
from .options import MEANING, read_options
from .progress import bar
from .ranks import by_all
from .say import a_few_lines, complain, counted, say, say_listed, say_wrapped
from .scores import report

#: Seconds before the progress bar shows: a short fit needs none.
PATIENCE = 1.0

#: Notes that are written; all of them are in the model's file.
MOST_NOTES = 4


def train(args: argparse.Namespace, parameters: dict[str, Any]) -> int:
    """Run ``chainfit train``."""
    with by_all(args.mpi, args.file) as first:
        return _train(args, parameters, first)


def _train(args: argparse.Namespace, parameters: dict[str, Any], saves: bool) -> int:
    from .._tables.files.table_file import open_table

    out = args.model or model_name(args.file, args.target)
    if saves:
        _check_out(out, args.file)
    with open_table(args.file, read_options(args)) as file:
        found = read(file, args.buffer_rows)
        return _train_on(args, parameters, file, found, out, saves)


def _train_on(
    args: argparse.Namespace,
    parameters: dict[str, Any],
    file: Any,
    found: Read,
    out: str,
    saves: bool,
) -> int:
    """Train on what was read and, if that is a sample, on the rest of the file."""
    table = found.table
    if not table.num_rows:
        raise ValueError(f"{printable(args.file)}: the table has no rows")
    size = f"{counted(found.rows, 'row')}, {counted(table.num_columns, 'column')}"
    say(f"{printable(args.file)}: {size}")
    if not found.whole:
        say_wrapped(
            f"more than memory is to hold (--buffer-rows): looked at {table.num_rows:,} rows, "
            "drawn evenly; the nets are trained on all, by windows"
        )
    _say_notes(file.notes)
    table, target, y, rows = _labelled(table, args, parameters)
    rows = found.numbers[rows]
    model = _model(target.task, args.seed, parameters)
    seen, held_out = split(y, target.task, args.test_fraction, args.seed)
    if target.task == "classification" and len(classes := np.unique(y[seen])) < 2:
        raise ValueError(
            f"of the rows to train on, all are of class {target.classes[classes[0]]!r}: those of "
            "the others were held out to test on (--test-fraction 0 holds out none)"
        )
    unlike = table.drop_columns([target.name])
    labels: Any = target.labels(y[seen]) if target.task == "classification" else y[seen]
    training: Any = None
    if not found.whole:
        tests = np.sort(rows[[] if held_out is None else held_out])
        training, labels = Rest(file, found.starts, target, tests, args.buffer_rows), None
    begin = time.perf_counter()
    with _progress() as bar, _interruptions() as interruptions:
        model._validate_params()
        model._fit(
            unlike.take(seen) if training is None else training,
            labels,
            on_epoch=bar.epoch,
            on_start=lambda model, values: _say_start(model, values, bar),
        )
    seconds = time.perf_counter() - begin
    if interruptions and model.n_iter_ == 0:
        complain("interrupted before the first epoch ended; nothing saved")
        return 130
    model.dialect_, model.target_ = file.dialect, target
    if target.task == "classification":
        model.target_ = replace(target, classes=tuple(model.classes_.tolist()))
    say_wrapped(describe_nets(model.nets_))
    ended = "interrupted after" if interruptions else "trained for"
    say(f"{ended} {model.n_iter_} epochs in {seconds:.1f} s")
    tested = None if held_out is None else unlike.take(held_out)
    for line in report(model, target, y[seen], tested, None if held_out is None else y[held_out]):
        say_wrapped(line)
    if saves:
        model.save(out)
    say(f"saved to {printable(out)}")
    at = int(np.argmax(np.isin(y, y[seen])))
    say_commands(out, args.file, model, unlike.slice(at, 1), int(rows[at]) + 1)
    if interruptions:
        complain(f"interrupted; the model so far was kept and saved{_to_go_on(model)}")
        return 130
    return 0


def _to_go_on(model: Any) -> str:
    """Say how a training that was interrupted goes on, if it does."""
    from .._tables.checkpoints import exists

    if model.checkpoint is None or not exists(model.checkpoint, len(model.nets_)):
        return ""
    return "; the same command goes on with the training"


def _check_out(out: str, table: str) -> None:
    """Refuse, before hours of training, a file that can't or shouldn't be written."""
    from .._files.disk import check_writable
    from .._files.model import is_model

    folder = Path(out).resolve().parent
    if not folder.is_dir():
        raise ValueError(
            f"{printable(out)}: there is no folder {printable(folder)} to save the model in"
        )
    check_writable(out)
    if not os.path.exists(out):
        return
    if os.path.exists(table) and os.path.samefile(out, table):
        raise ValueError(f"--model {printable(out)} is the table itself; choose another name")
    if not is_model(out):
        raise ValueError(
            f"{printable(out)} exists and is no chainfit model; move it or choose --model"
        )


def _labelled(
    table: Any, args: argparse.Namespace, parameters: dict[str, Any]
) -> tuple[Any, Any, np.ndarray, np.ndarray]:
    """Return what has a target: the rows, what it is, classes' places or numbers, rows' places."""
    from .._tables.cells.hints import Hints
    from .._tables.cells.target import learn_target
    from .._tables.cells.totals import total_row
    from .._tables.cells.unused import unused_hints

    name = column_named(args.target, table.column_names)
    if table.num_columns == 1:
        raise ValueError(
            f"{printable(args.file)}: has no column but {name!r}, the target: there is nothing to "
            "learn from"
        )
    if "drop" in parameters:
        drop = [column_named(given, table.column_names) for given in parameters["drop"]]
        parameters["drop"] = drop
    if name in parameters.get("drop", ()):
        raise ValueError(f"--drop {name}: that is the target")
    said = {key: parameters[key] for key in MEANING if key in parameters}
    hints = Hints(**{"na" if key == "na_values" else key: said[key] for key in said})
    _say_notes([*unused_hints(table, hints), *filter(None, [total_row(table)])])
    column = table.column(name)
    target = learn_target(column, name, args.task, hints, table.drop_columns([name]))
    y = target.parse(column)
    found = target.known(y)
    why = next((note for note in target.notes if note.startswith(f"{target.task},")), None)
    say_wrapped(f"target {name}: {why or f'{target.task}, as asked for'}")
    _say_notes([n for n in target.notes if n != why and not n.startswith("classes: ")])
    if not found.all():
        say(f"rows without a target, left out: {np.count_nonzero(~found):,}")
        table, y = table.filter(found), y[found]
    if target.task == "classification":
        counts = np.bincount(y, minlength=len(target.classes))
        pairs = zip(target.classes, counts, strict=True)
        rows = (f"{label} ({count:,})" for label, count in pairs)
        head = f"{len(target.classes):,} classes and their rows: "
        say_listed(head, rows, lines=a_few_lines())
    return table, target, y, np.flatnonzero(found)


def _model(task: str, seed: int, parameters: dict[str, Any]) -> Any:
    """Return the estimator of a task, or refuse a parameter that it has not."""
    from .._tables.classifier import TabularClassifier
    from .._tables.regressor import TabularRegressor

    cls: Any = TabularClassifier if task == "classification" else TabularRegressor
    for name in parameters:
        if name not in cls().get_params(deep=False):
            raise ValueError(f"{NET_OPTIONS[name][0]} is not for {task}")
    return cls(random_state=seed, **parameters)


def _say_start(model: Any, values: dict[str, Any], bar: _Bar) -> None:
    say_columns(model)
    _say_notes(model.schema_.notes)
    nets = "a net" if values["n_nets"] == 1 else f"{values['n_nets']} nets"
    say(f"training {nets} on {counted(values['n_rows'], 'row')} ...")
    bar.total, bar.done = values["n_nets"] * values["max_iter"], values["epochs"]
    if bar.done:
        say(f"going on from the checkpoint, after {bar.done:,} of {bar.total:,} epochs of all nets")


def _say_notes(notes: list[str]) -> None:
    """Write a line for each of the first notes."""
    shown = notes if len(notes) <= MOST_NOTES else notes[: MOST_NOTES - 1]
    for note in shown:
        say_wrapped(f"note: {note}", a_few_lines())
    if len(notes) > len(shown):
        say_wrapped(f"note: and {len(notes) - len(shown):,} more, which `chainfit info` shows")


def split(
    y: np.ndarray, task: str, fraction: float, seed: int
) -> tuple[np.ndarray, np.ndarray | None]:
    """Split the rows into those to learn from and those to test on (None for fraction 0).

    Classes are kept in proportion where each has rows enough for both parts.
    """
    from sklearn.model_selection import train_test_split

    rows = np.arange(len(y))
    if fraction == 0:
        return rows, None
    test_rows = int(np.ceil(fraction * len(y)))
    if test_rows < 1 or len(y) - test_rows < 2:
        raise ValueError(f"{len(y)} rows are too few to hold out {fraction:g} of them")
    classes = None
    if task == "classification":
        counts = np.bincount(y)
        counts = counts[counts > 0]
        if counts.min() >= 2 and len(counts) <= min(test_rows, len(y) - test_rows):
            classes = y
    seen, held_out = train_test_split(
        rows, test_size=test_rows, random_state=seed, stratify=classes
    )
    return seen, held_out


@contextmanager
def _interruptions() -> Iterator[list[str]]:
    """Give a list to which a Ctrl-C that ended training is added; other warnings are shown."""
    found: list[str] = []
    with warnings.catch_warnings():
        warnings.simplefilter("always", UserWarning)
        show = warnings.showwarning

        def hear(message: Warning | str, *rest: Any, **more: Any) -> None:
            if str(message) == INTERRUPTED:
                found.append(INTERRUPTED)
            else:
                show(message, *rest, **more)

        warnings.showwarning = hear
        yield found


class _Bar:
    """Epochs of all nets, counted; on a terminal they move a bar, which shows after a while."""

    def __init__(self, shown: bool) -> None:
        self._shown, self._lock = shown, threading.Lock()
        self._bar: Any = None
        self.total = self.done = 0

    def epoch(self, net: int, epoch: int, loss: float, score: float) -> None:
        """Take an epoch of one of the nets, which is trained in a thread of its own."""
        if not self._shown:
            return
        with self._lock:
            if self._bar is None:
                self._bar = bar(self.total, PATIENCE, self.done)
            self._bar.set_postfix_str(f"loss {loss:.4g}", refresh=False)
            self._bar.update(1)

    def close(self) -> None:
        if self._bar is not None:
            self._bar.close()


@contextmanager
def _progress() -> Iterator[_Bar]:
    """Give what moves a bar on stderr, or nothing where stderr is no terminal."""
    shown = _Bar(sys.stderr.isatty())
    try:
        yield shown
    finally:
        shown.close()
