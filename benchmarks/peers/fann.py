"""libfann, a C library of small nets, as a contestant of the benchmark, through ctypes.

It has neither relu nor mini-batches: it trains row by row with an activation of its own, on the
squared error. So it runs only where a batch is one row, and its weights are not compared.
"""

from __future__ import annotations

import ctypes
import ctypes.util
from typing import Any

import numpy as np

from chainfit._bench.workloads import encode, make_data

from .job import Job, NotInstalledError, Training

INCREMENTAL = 0  # fann_train_enum: an update for each row
PLAIN_ERROR = 0  # fann_errorfunc_enum
LINEAR = 0
# Its activations that come nearest to relu in cost, and what it is mostly used with.
ACTIVATIONS = {"sigmoid": 3, "sigmoid stepwise": 4, "linear piece": 12}
LOGISTIC = 3


class _Data(ctypes.Structure):
    """The start of struct fann_train_data of fann_train.h."""

    _fields_ = (
        ("errno_f", ctypes.c_int),
        ("error_log", ctypes.c_void_p),
        ("errstr", ctypes.c_void_p),
        ("num_data", ctypes.c_uint),
        ("num_input", ctypes.c_uint),
        ("num_output", ctypes.c_uint),
        ("input", ctypes.POINTER(ctypes.POINTER(ctypes.c_float))),
        ("output", ctypes.POINTER(ctypes.POINTER(ctypes.c_float))),
    )


def load() -> Any:
    """Return the library for single precision; NotInstalledError if there is none."""
    for name in ("libfloatfann.so.2", ctypes.util.find_library("floatfann")):
        try:
            if name:
                return ctypes.CDLL(name)
        except OSError:
            continue
    raise NotInstalledError("libfann is not installed (Debian: libfann2)")


class _Training:
    """Epochs of incremental training; libfann's own shuffle is counted."""

    def __init__(self, library: Any, job: Job, activation: int) -> None:
        workload = job.workload
        self.library = library
        library.fann_create_standard_array.restype = ctypes.c_void_p
        library.fann_create_train.restype = ctypes.POINTER(_Data)
        library.fann_train_epoch.restype = ctypes.c_float
        units = (ctypes.c_uint * len(workload.units))(*workload.units)
        self.net = ctypes.c_void_p(library.fann_create_standard_array(len(units), units))
        output = LOGISTIC if workload.classes == 2 else LINEAR
        library.fann_set_training_algorithm(self.net, INCREMENTAL)
        library.fann_set_train_error_function(self.net, PLAIN_ERROR)
        library.fann_set_activation_function_hidden(self.net, activation)
        library.fann_set_activation_function_output(self.net, output)
        library.fann_set_learning_rate(self.net, ctypes.c_float(workload.eta))
        X, y = make_data(workload)
        Y = encode(workload, y)
        self.data = library.fann_create_train(len(X), X.shape[1], Y.shape[1])
        for rows, values in ((self.data.contents.input, X), (self.data.contents.output, Y)):
            for r in range(len(values)):
                ctypes.memmove(
                    rows[r], np.ascontiguousarray(values[r]).ctypes.data, 4 * values.shape[1]
                )

    def train(self, epochs: int, shuffle: bool) -> None:
        library, net, data = self.library, self.net, self.data
        library.fann_randomize_weights(net, ctypes.c_float(-0.7), ctypes.c_float(0.7))
        self.errors = []
        for _ in range(epochs):
            if shuffle:
                library.fann_shuffle_train_data(data)
            self.errors.append(library.fann_train_epoch(net, data))

    def parameters(self) -> None:
        return None


def training(job: Job) -> dict[str, Training]:
    """Ways to train the job's workload."""
    library = load()
    return {name: _Training(library, job, number) for name, number in ACTIVATIONS.items()}
