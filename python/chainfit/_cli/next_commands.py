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
    (inputs,) = model.encode(row)
    # of an input that is 0 in this row, every chain would be 0
    weight = get_notation("tutorial").weight(0, int(np.argmax(inputs != 0)), 0).ascii
    which = f" --row {number}" if number > 1 else ""
    say(f"explore with: chainfit explore {files}")
    say(f"explain with: chainfit explain {files}{which} --weight {as_typed(weight)}")
    say(f"predict with: chainfit predict {files}")
