"""``chainfit info``: about the installation, or what a model file holds."""

from __future__ import annotations

import argparse
import sys
from typing import Any

from sklearn.base import is_classifier

from .describe import describe_net, describe_nets, say_columns
from .say import say, say_listed, say_wrapped

# Longer words for the entries of chainfit.info().
_FACTS = {"isa": "instruction set in use", "isas": "instruction sets built"}


def info(args: argparse.Namespace) -> int:
    """Run ``chainfit info``."""
    import chainfit

    if args.model is not None:
        model = chainfit.load(args.model)
        (_say_table_model if hasattr(model, "nets_") else _say_net)(model)
        return 0
    for name, value in chainfit.info().items():
        if isinstance(value, dict):
            value = ", ".join(
                f"{word}{'' if runs else ' (not on this machine)'}" for word, runs in value.items()
            )
        say(f"{_FACTS.get(name, name)}: {value}")
    say(f"python: {sys.version.split()[0]}")
    return 0


def _say_net(net: Any) -> None:
    say(f"net: {describe_net(net)}")
    _say_classes(net)
    say(f"training: {net.n_iter_} epochs, {net.t_:,} rows seen, loss {net.loss_:.6g}")


def _say_table_model(model: Any) -> None:
    task = "classification" if is_classifier(model) else "regression"
    target = model.target_
    named = "a target without name" if target is None else target.name
    say(f"model of tables: {task} of {named}")
    say(f"trained on: {model.n_rows_:,} rows{_of_file(model.dialect_)}")
    say_columns(model)
    for note in (*(() if target is None else target.notes), *model.schema_.notes):
        say_wrapped(f"note: {note}")
    say(describe_nets(model.nets_))
    _say_classes(model)
    if is_classifier(model):
        say(f"temperature: {model.temperature_:.4g}, in the last weights of each net")
    epochs = sorted({net.n_iter_ for net in model.nets_})
    losses = ", ".join(f"{net.loss_:.4g}" for net in model.nets_)
    say_wrapped(f"training: {epochs[-1]} epochs, last loss {losses}")


def _of_file(dialect: Any) -> str:
    if dialect is None:
        return ""
    if dialect.kind == "parquet":
        return " of a Parquet file"
    return f" of a text file, separator {dialect.delimiter!r}, {dialect.encoding}"


def _say_classes(model: Any) -> None:
    if hasattr(model, "classes_"):
        say_listed("classes: ", model.classes_)
