"""``chainfit predict`` and ``chainfit info``."""

from __future__ import annotations

import argparse
import os
import sys
from typing import Any

import numpy as np

from .._common.printable import printable
from .say import say

# Longer words for the entries of chainfit.info().
_FACTS = {"isa": "instruction set in use", "isas": "instruction sets built"}


def load_table_model(path: str, table: str) -> Any:
    """Load a model, which must be one of tables, to be used on a table.

    Raises
    ------
    ValueError
        If the file holds no such model; the text says if the two arguments are swapped.
    """
    from .. import ModelFileError, load
    from .._files.model import is_model
    from .._tables.table import TableModel

    try:
        model = load(path)
    except ModelFileError:
        if not is_model(path) and is_model(table):
            raise ValueError(
                f"{printable(path)} holds no model, but {printable(table)} does: the model comes "
                "first, then the table"
            ) from None
        raise
    if not isinstance(model, TableModel):
        raise ValueError(
            f"{printable(path)}: holds an {type(model).__name__} on plain arrays, not a model of "
            "tables; use it in Python: chainfit.load(path).predict(X)"
        )
    return model


def predict(args: argparse.Namespace) -> int:
    """Run ``chainfit predict``."""
    from .tables import read_table, write_table

    model = load_table_model(args.model, args.file)
    if args.proba and model.task_ != "classification":
        raise ValueError(
            f"{printable(args.model)}: a model of regression has no probabilities; leave "
            "--proba out"
        )
    if args.out and args.file != "-" and os.path.exists(args.out):
        if os.path.samefile(args.out, args.file) or os.path.samefile(args.out, args.model):
            raise ValueError(
                f"--out {printable(args.out)} is an input of this command; choose another name"
            )
    table = read_table(args.file, args.sep, args.decimal, keep_text=True)
    out = table.text.copy(deep=False)
    if args.proba:
        probabilities = model.predict_proba(table.frame)
        # The more probable class, ties to the first: what predict gives, without a second pass.
        best = np.asarray(probabilities).argmax(axis=1)
        for i, label in enumerate(model.classes_):
            _append(out, f"proba_{label}", probabilities[:, i])
        _append(out, "prediction", model.classes_[best])
    else:
        _append(out, "prediction", model.predict(table.frame))
    write_table(out, args.out)
    return 0


def _append(frame: Any, name: str, values: np.ndarray) -> None:
    """Append a column, its name made unlike those that are there."""
    taken = set(frame.columns)
    count = 1
    unique = name
    while unique in taken:
        count += 1
        unique = f"{name}_{count}"
    frame[unique] = values


def info(args: argparse.Namespace) -> int:
    """Run ``chainfit info``."""
    import chainfit

    if args.model is not None:
        _print_model(chainfit.load(args.model))
        return 0
    for name, value in chainfit.info().items():
        if isinstance(value, dict):
            value = ", ".join(
                f"{word}{'' if runs else ' (not on this machine)'}" for word, runs in value.items()
            )
        say(f"{_FACTS.get(name, name)}: {value}")
    say(f"python: {sys.version.split()[0]}")
    return 0


def _print_model(model: Any) -> None:
    from .._tables.encoder import describe
    from .._tables.table import TableModel

    net = model
    if isinstance(model, TableModel):
        net = model.net_
        say(f"model of tables: {model.task_} of {model.target_name_ or 'a target without name'}")
        say(f"trained on: {model.n_rows_:,} rows")
        for line in describe(model.columns_):
            say(f"columns: {line}")
        for note in model.notes_:
            say(f"note: {note}")
    say(f"net: {describe_net(net)}")
    if hasattr(net, "classes_"):
        labels = [str(label) for label in net.classes_[:12]]
        more = f" and {len(net.classes_) - 12} more" if len(net.classes_) > 12 else ""
        say(f"classes: {', '.join(labels)}{more}")
    say(f"training: {net.n_iter_} epochs, {net.t_:,} rows seen, loss {net.loss_:.6g}")


def describe_net(net: Any) -> str:
    """Say what a net is like, in a line."""
    units = "-".join(str(n) for n in (net.n_features_in_, *(b.size for b in net.intercepts_)))
    weights = sum(array.size for array in (*net.coefs_, *net.intercepts_))
    dtype = net.coefs_[0].dtype
    names = net.activation if isinstance(net.activation, str) else "-".join(net.activation)
    return f"{type(net).__name__} {units}, {names}, {net.solver}, {weights:,} weights {dtype}"
