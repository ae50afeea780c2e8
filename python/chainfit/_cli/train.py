"""``chainfit train``: read, split, train, test, save, and say so."""

from __future__ import annotations

import argparse
import os
import shlex
import sys
import time
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from .._common.printable import printable
from .._estimators.callbacks import Listener, Progress
from .._estimators.endings import INTERRUPTED
from .say import complain, say

#: Seconds before the progress bar shows: a short fit needs none.
PATIENCE = 1.0


def train(args: argparse.Namespace, parameters: dict[str, Any]) -> int:
    """Run ``chainfit train``."""
    from .._tables.encoder import describe
    from .._tables.frame_target import (
        check_classes,
        class_labels,
        column_of,
        decide_task,
        target_series,
    )
    from .._tables.table import TableModel
    from .predict import describe_net
    from .tables import read_table

    out = args.model or f"{_stem(args.file)}.safetensors"
    _check_out(out, args.file)
    frame = read_table(args.file, args.sep, args.decimal).frame
    if not len(frame):
        raise ValueError(f"{printable(args.file)}: the table has no rows")
    say(f"{printable(args.file)}: {len(frame):,} rows, {len(frame.columns)} columns")
    target_series(frame, args.target)
    labelled = column_of(frame, args.target).notna().to_numpy()
    if not labelled.all():
        say(f"rows without a target, left out: {np.count_nonzero(~labelled):,}")
        frame = frame[labelled]
        if not len(frame):
            raise ValueError(f"{printable(args.file)}: no row has a value in {args.target!r}")
    reasons = [f"{args.task}, as asked for"]
    task = args.task
    if task == "auto":
        reasons = []
        task = decide_task(frame[args.target], reasons)
        if task == "classification":
            check_classes(class_labels(frame[args.target]), inferred=True)
    say(f"target {args.target}: {reasons[0]}")
    seen, held_out = split(frame, args.target, task, args.test_fraction, args.seed)
    model = TableModel(task, max_levels=args.max_levels, random_state=args.seed, **parameters)

    def on_start(columns: Sequence[Any], notes: Sequence[str]) -> None:
        for line in describe(columns):
            say(f"columns: {line}")
        for note in notes:
            say(f"note: {note}")
        say(f"training on {len(seen):,} rows ...")

    begin = time.perf_counter()
    interruption = Interruption()
    with _quiet_about_interrupts(), _progress(parameters) as progress:
        model._fit_followed_by([interruption, *progress], seen, args.target, on_start)
    seconds = time.perf_counter() - begin
    net = model.net_
    if interruption.seen and net.n_iter_ == 0:
        complain("interrupted before the first epoch ended; nothing saved")
        return 130
    say(f"net: {describe_net(net)}")
    ended = "interrupted after" if interruption.seen else "trained for"
    say(f"{ended} {net.n_iter_} epochs in {seconds:.1f} s, loss {net.loss_:.4g}")
    for line in report(model, seen, held_out):
        say(line)
    model.save(out)
    say(f"saved to {printable(out)}")
    say(f"predict with: chainfit predict {shlex.quote(out)} FILE")
    if interruption.seen:
        complain("interrupted; the model so far was kept and saved")
        return 130
    return 0


def _stem(path: str) -> str:
    """Name of a table's file without its suffixes."""
    name = Path(path).name
    while Path(name).suffix.lower() in (".gz", ".bz2", ".xz", ".csv", ".tsv", ".txt", ".parquet"):
        name = Path(name).stem
    return name


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


def split(frame: Any, target: str, task: str, fraction: float, seed: int) -> tuple[Any, Any]:
    """Split the rows into those to learn from and those to test on (None for fraction 0).

    Classes are kept in proportion where each has rows enough for both parts.
    """
    from sklearn.model_selection import train_test_split

    if fraction == 0:
        return frame, None
    test_rows = int(np.ceil(fraction * len(frame)))
    if test_rows < 1 or len(frame) - test_rows < 2:
        raise ValueError(f"{len(frame)} rows are too few to hold out {fraction:g} of them")
    classes = None
    if task == "classification":
        counts = frame[target].value_counts()
        counts = counts[counts > 0]
        if counts.min() >= 2 and len(counts) <= min(test_rows, len(frame) - test_rows):
            classes = frame[target].astype(str)
    seen, held_out = train_test_split(
        frame, test_size=test_rows, random_state=seed, stratify=classes
    )
    return seen, held_out


class Interruption(Listener):
    """Whether a fit was cut short by Ctrl-C."""

    seen = False

    def finish(self, why: str) -> None:
        """Remember whether it was Ctrl-C that ended training."""
        self.seen = why == "interrupted"


@contextmanager
def _quiet_about_interrupts() -> Iterator[None]:
    """Let each warning be shown, but the one that says what `Interruption` knows."""
    with warnings.catch_warnings():
        warnings.simplefilter("always", UserWarning)
        warnings.filterwarnings("ignore", INTERRUPTED, UserWarning)
        yield


@contextmanager
def _progress(parameters: dict[str, Any]) -> Iterator[list[Progress]]:
    """Give what moves a bar on stderr, or nothing where stderr is no terminal."""
    if not sys.stderr.isatty():
        yield []
        return
    from tqdm import tqdm

    most = parameters.get("max_iter", 200)
    bar = tqdm(total=most, unit=" epochs", delay=PATIENCE, leave=False, file=sys.stderr)

    def on_epoch(n_iter: int, loss: float) -> None:
        bar.set_postfix_str(f"loss {loss:.4g}", refresh=False)
        bar.update(n_iter - bar.n)

    with bar:
        yield [Progress(on_epoch)]


def report(model: Any, seen: Any, held_out: Any) -> list[str]:
    """Lines with the scores on the rows held out, each beside the trivial prediction's."""
    if held_out is None:
        return ["no rows held out, so no score"]
    y, trivial = model.target_of(held_out), model.target_of(seen)
    head = f"on {len(y):,} rows held out:"
    if model.task_ == "regression":
        predicted = model.predict(held_out)
        mae = np.abs(y - predicted).mean()
        base_mae = np.abs(y - np.median(trivial)).mean()
        return [
            f"{head} R2 {_r2(y, predicted):.4f} (the mean for every row: "
            f"{_r2(y, np.full(len(y), trivial.mean())):.4f})",
            f"{head} MAE {mae:.6g} (the median for every row: {base_mae:.6g})",
        ]
    probabilities = np.asarray(model.predict_proba(held_out), dtype=np.float64)
    accuracy = np.mean(model.predict(held_out) == y)
    classes = model.classes_
    shares = np.array([np.mean(trivial == label) for label in classes])
    base = np.mean(y == classes[shares.argmax()])
    lines = [f"{head} accuracy {accuracy:.4f} (the most frequent class for every row: {base:.4f})"]
    known = np.isin(y, classes)
    if not known.all():
        return [*lines, f"log loss: not defined, {np.count_nonzero(~known)} rows have new classes"]
    loss = _log_loss(probabilities, y, classes)
    base_loss = _log_loss(np.tile(shares, (len(y), 1)), y, classes)
    lines.append(f"{head} log loss {loss:.4f} (the classes' shares for every row: {base_loss:.4f})")
    return lines


def _r2(y: np.ndarray, predicted: np.ndarray) -> float:
    spread = float(((y - y.mean()) ** 2).sum())
    return 1.0 - float(((y - predicted) ** 2).sum()) / spread if spread else float("nan")


def _log_loss(probabilities: np.ndarray, y: np.ndarray, classes: np.ndarray) -> float:
    place = np.searchsorted(classes, y)
    of_truth = probabilities[np.arange(len(y)), place]
    return float(-np.log(np.maximum(of_truth, np.finfo(np.float64).eps)).mean())
