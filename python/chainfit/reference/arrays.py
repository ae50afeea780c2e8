"""The types of the reference: arrays of one dtype, float32 or float64, and names."""

from collections.abc import Sequence
from typing import Any

from numpy.typing import NDArray

Array = NDArray[Any]
Arrays = Sequence[Array]
ActivationNames = str | Sequence[str]  # of all hidden layers, or of each
Weights = Array | None
Masks = Sequence[Array | None] | None  # of layers 0..L-1
