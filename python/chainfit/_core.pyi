"""Types of the compiled core; what each call means is in its own docstring."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

_Array = npt.NDArray[Any]
_Activation = str | Sequence[str]  # one for all hidden layers, or one for each
# neighbouring outputs, and parameters of the loss that are theirs
# of row numbers and raw outputs: the mean loss, and its derivatives
_LossHook = Callable[[npt.NDArray[np.int64], _Array], tuple[float, _Array]]
_Blocks = Sequence[tuple[int, Mapping[str, float]]]
_Slot = tuple[list[_Array], list[_Array]]

__version__: str

def isa() -> str: ...
def isas() -> list[tuple[str, bool]]: ...

# The rules of the kernels' table. Where a bound is "open" it is out of range itself.
class Parameter(NamedTuple):
    name: str
    default: float
    low: float
    high: float
    low_open: bool
    high_open: bool
    doc: str

class Activation(NamedTuple):
    name: str
    parameters: tuple[Parameter, ...]

class Loss(NamedTuple):
    name: str
    link: str
    lowest_target: float
    highest_target: float
    lowest_target_open: bool
    lowest_output: float
    highest_output: float
    takes_links: bool  # beside its own
    parameters: tuple[Parameter, ...]

class Link(NamedTuple):
    name: str
    lowest: float
    highest: float
    unit_by_unit: bool

class Optimizer(NamedTuple):
    name: str
    slots: int
    parameters: tuple[Parameter, ...]

def activations() -> dict[str, Activation]: ...
def losses() -> dict[str, Loss]: ...
def links() -> dict[str, Link]: ...
def optimizers() -> dict[str, Optimizer]: ...
def set_num_threads(n: int) -> None: ...
def get_num_threads() -> int: ...

# for tests and benchmarks
def set_isa(name: str) -> None: ...
def activate(name: str, z: _Array, derivative: bool = False) -> _Array: ...
def peak_gflops(double_precision: bool = False, duration: float = 0.1) -> float: ...
def product_gflops(
    rows: int, n_in: int, n_out: int, double_precision: bool = False, duration: float = 0.1
) -> dict[str, float]: ...

EPOCH_FIELDS: tuple[str, ...]  # of an EpochRecord, float64 each

class Run:
    batch_size: int
    max_iter: int
    l2: float
    tol: float
    n_iter_no_change: float
    validate: bool
    early_stopping: bool
    shuffle: bool
    time_limit: float
    schedule: str
    eta_init: float
    power_t: float
    loss_scale: float
    t: int
    n_iter: int
    so_far: tuple[int, float, float, float]  # rows, their losses, norms, seconds
    loss_curve: list[float]
    best_loss: float
    best_validation_score: float
    no_improvement_count: int
    def __init__(self) -> None: ...
    @property
    def stopped(self) -> str: ...
    warmup: int
    total_steps: int
    decay_steps: int
    decay_rate: float
    l1: float
    weight_decay: float
    clip_norm: float
    average_decay: float
    records_norm: bool
    @property
    def last_eta(self) -> float: ...
    def epochs(self, first: int = 0) -> bytes: ...  # an EpochRecord each

class _Trainer:
    eta: float
    steps: int
    def __init__(
        self,
        units: list[int],
        activation: _Activation,
        loss: str,
        optimizer: str,
        *,
        out_activation: str = "",  # the loss's own
        blocks: _Blocks | None = None,
        **parameters: float,  # of the optimizer and of the loss; the defaults are the table's
    ) -> None: ...
    def set_parameters(self, coefs: list[_Array], intercepts: list[_Array]) -> None: ...
    def average(self) -> tuple[list[_Array], list[_Array]] | None: ...
    def set_average(self, coefs: list[_Array], intercepts: list[_Array]) -> None: ...
    def outer(self) -> tuple[list[_Array], list[_Array]] | None: ...
    def set_outer(self, coefs: list[_Array], intercepts: list[_Array]) -> None: ...
    def dropout(self) -> tuple[list[float], int]: ...
    def set_dropout(self, rates: list[float], seed: int) -> None: ...
    def is_finite(self) -> bool: ...
    def parameters(self) -> tuple[list[_Array], list[_Array]]: ...
    def set_slots(self, slots: list[_Slot]) -> None: ...
    def slots(self) -> list[_Slot]: ...
    def run(
        self,
        X: Any,  # ndarray or CSR
        Y: _Array,
        sample_weight: _Array | None,
        order: npt.NDArray[np.int64] | None,
        bit_generator: object | None,
        run: Run,
        listener: Callable[..., object] | None,
        n_threads: int | Callable[[], int],
        gradient_hook: Callable[[list[_Array], list[_Array]], object] | None = None,
        loss_hook: _LossHook | None = None,
        ranks: object | None = None,
    ) -> None: ...
    def window_rows(self, rows: int, batch_size: int) -> int: ...
    def run_windows(
        self,
        windows: Callable[[int], tuple[Any, _Array, _Array | None]],  # of the rows done
        rows: int,
        sparse: bool,
        run: Run,
        listener: Callable[..., object] | None,
        n_threads: int | Callable[[], int],
        gradient_hook: Callable[[list[_Array], list[_Array]], object] | None = None,
        loss_hook: _LossHook | None = None,
        ranks: object | None = None,
    ) -> None: ...
    def loss_and_gradient(
        self,
        X: Any,  # ndarray or CSR
        Y: _Array,
        sample_weight: _Array | None,
        l2: float,
        n_threads: int | Callable[[], int],
        l1: float = 0.0,
        dropout: bool = False,
        loss_hook: _LossHook | None = None,
    ) -> tuple[float, float, list[_Array], list[_Array]]: ...

class TrainerF32(_Trainer): ...
class TrainerF64(_Trainer): ...

def predict(
    X: Any,  # ndarray or CSR
    coefs: list[_Array],
    intercepts: list[_Array],
    activation: _Activation,
    out_activation: str,
    n_threads: int | Callable[[], int],
    blocks: Sequence[int] | None = None,
) -> _Array: ...
def loss(
    output: _Array,
    Y: _Array,
    sample_weight: _Array | None,
    loss: str,
    blocks: Sequence[tuple[int, dict[str, float]]] | None = None,
    **parameters: float,
) -> float: ...

class _RowNet:
    def __init__(
        self,
        coefs: list[_Array],
        intercepts: list[_Array],
        activation: _Activation,
        out_activation: str,
        blocks: Sequence[int] = (),
    ) -> None: ...
    @property
    def n_in(self) -> int: ...
    @property
    def n_out(self) -> int: ...
    @property
    def predictor(self) -> object: ...  # capsule, alive as long as this object
    @property
    def function(self) -> object: ...  # capsule of int (*)(predictor, x, out)

class RowNetF32(_RowNet): ...
class RowNetF64(_RowNet): ...
