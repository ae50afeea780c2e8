"""What may be typed once a model is trained: commands that work as they are written."""

from __future__ import annotations

from typing import Any

import numpy as np

from .._explain.notation import get_notation
from .names import as_typed
from .say import say


def say_commands(out: str, file: str, model: Any, row: Any, number: int) -> None:
    """Write a line for each command.

    Parameters
    ----------
    out, file : str
        The model's file and the table's.
    model : TabularClassifier or TabularRegressor
    row : pyarrow.Table
        One row, which has a target that the model knows.
    number : int
        Which one of the file it is, from 1 on.
    """
    again = "FILE" if file == "-" or file.startswith("/dev/") else as_typed(file)
    files = f"{as_typed(out)} {again}"
    weight = get_notation("tutorial").weight(0, _input_of(model, row), 0).ascii
    which = f" --row {number}" if number > 1 else ""
    say(f"explore with: chainfit explore {files}")
    say(f"explain with: chainfit explain {files}{which} --weight {as_typed(weight)}")
    say(f"predict with: chainfit predict {files}")


def _input_of(model: Any, row: Any) -> int:
    """Return an input that is not 0 in this row, as every chain from another one would be."""
    columns = model.encoding_.columns
    number = next((column for column in columns if column.kind != "category"), None)
    if number is not None and number.kind != "boolean":  # 0 is the very mean
        return int(model.encoding_.features.index(number.features[0]))
    (inputs,) = model.encode(row)
    return int(np.argmax(inputs != 0))
