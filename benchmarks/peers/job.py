"""What a contestant is: a library on a workload, in a process of its own, with so many threads.

A library's module has two functions, `training(job)` and `calls(job)`. Each returns the ways in
which it can do the work, by name; the worker tries all of them and keeps the fastest. To add a
library: such a module, and its line in PEERS.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from chainfit._bench.workloads import Workload

from .cases import Call, find_case

Array = npt.NDArray[Any]


TRAIN_AND_PREDICT = frozenset({"train", "predict"})


class Peer(NamedTuple):
    """A library as the benchmark knows it."""

    title: str
    module: str  # of this folder
    requires: str  # what must be installed for it: a Python module, or "" for its own search
    does: frozenset[str] = TRAIN_AND_PREDICT
    one_thread: bool = False  # it knows no more


PEERS = {
    "chainfit": Peer("chainfit", "plain", "chainfit", TRAIN_AND_PREDICT | {"partial_fit"}),
    "row_predictor": Peer(
        "chainfit row_predictor", "plain", "chainfit", frozenset({"predict row"}), True
    ),
    "numpy": Peer("NumPy reference", "plain", "numpy"),
    "sklearn": Peer("scikit-learn", "plain", "sklearn", TRAIN_AND_PREDICT | {"partial_fit"}),
    "torch": Peer("PyTorch eager", "torch", "torch"),
    "compile": Peer("PyTorch compile", "torch", "torch"),
    "jax": Peer("JAX lax.scan", "jax", "jax"),
    "fann": Peer("libfann", "fann", "", frozenset({"train row by row"}), True),
    "onnx": Peer("onnxruntime", "onnx", "onnxruntime", frozenset({"predict", "predict row"})),
}


def takes_part(peer: str, case: Workload | Call) -> bool:
    """Whether the library has such a thing at all."""
    if isinstance(case, Workload):
        kinds = {"train", "train row by row" if case.batch_size == 1 else "train"}
    elif case.method == "partial_fit":
        kinds = {"partial_fit"}
    else:
        kinds = {"predict", "predict row" if case.rows == 1 else "predict"}
    return bool(kinds & PEERS[peer].does)


class NotApplicableError(Exception):
    """The library has no such thing; the message says what."""


class NotInstalledError(Exception):
    """The library is not there."""


class Training(Protocol):
    """One way to train a workload's net."""

    def train(self, epochs: int, shuffle: bool) -> None:
        """Train for so many epochs from the initial weights; done when it returns."""

    def parameters(self) -> tuple[list[Array], list[Array]] | None:
        """W and b after `train`, or None where the net is not quite the same."""


CallsByName = dict[str, Callable[[], Array]]


class Job(NamedTuple):
    """What one process measures."""

    peer: str  # key of PEERS
    case: str
    threads: int = 1
    dtype: str = "float32"
    isa: str = ""  # of chainfit; "" for the best
    seconds: float = 0.5  # of one round, about

    @property
    def workload(self) -> Workload:
        """The case as a workload; that of a call is the net on which it is called."""
        case = find_case(self.case)
        return case if isinstance(case, Workload) else case.trained

    @property
    def call(self) -> Call | None:
        """The case, if it is a call."""
        case = find_case(self.case)
        return case if isinstance(case, Call) else None

    @property
    def numpy_dtype(self) -> np.dtype[Any]:
        """The dtype of X."""
        return np.dtype(self.dtype)

    def to_json(self) -> str:
        """One line for the worker's command line."""
        return json.dumps(self._asdict())

    @classmethod
    def from_json(cls, text: str) -> Job:
        """Undo `to_json`."""
        return cls(**json.loads(text))

    def environment(self) -> dict[str, str]:
        """Variables by which the libraries learn how many threads they may use."""
        names = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
        env = dict.fromkeys(names, str(self.threads))
        env["NPROC"] = str(self.threads)  # XLA sizes its pool by it
        if self.threads == 1:
            env["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=false"
        env["JAX_PLATFORMS"] = "cpu"
        if self.isa:
            env["CHAINFIT_ISA"] = self.isa
        return env
