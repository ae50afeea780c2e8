from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

class RowPredictor:
    input: npt.NDArray[Any]
    output: npt.NDArray[Any]
    n_in: int
    n_out: int
    is_f64: bool
    def __init__(
        self,
        coefs: list[npt.NDArray[np.float32]] | list[npt.NDArray[np.float64]],
        intercepts: list[npt.NDArray[np.float32]] | list[npt.NDArray[np.float64]],
        activation: str | Sequence[str],
        out_activation: str,
    ) -> None: ...
    def __call__(self, x: npt.ArrayLike | None = None) -> npt.NDArray[Any]: ...
