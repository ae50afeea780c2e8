"""`communicator`: fits within are made by all processes of an MPI communicator."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from numbers import Integral, Real
from typing import Any

import numpy as np

from .._common.extras import missing
from .._estimators.ranks import Plan, current_ranks, made_by
from .._estimators.threads import shared_with

# Seconds; as long as PyTorch's distributed package waits with MPI and Gloo.
_PATIENCE = 1800.0


@contextmanager
def communicator(
    comm: Any = None,
    *,
    shards: bool = True,
    sync_every: int | None = None,
    outer_learning_rate: float = 1.0,
    outer_momentum: float = 0.0,
    timeout: float = _PATIENCE,
) -> Iterator[None]:
    """Context in which all processes of a communicator train each model together.

    All processes must make the same calls of `fit` with the same parameters, and end with the same
    model, bit for bit. `batch_size` is the number of rows of all processes together, taken from all
    shards in proportion to their sizes. Losses, scores, early stopping, class weights and
    everything else that decides training refer to the rows of all. `partial_fit` can't be called
    within, and a fit in another thread or process, such as joblib's, is made there alone.

    Parameters
    ----------
    comm : mpi4py.MPI.Comm, default=None
        The processes; None means all of them, ``mpi4py.MPI.COMM_WORLD``.

    shards : bool, default=True
        Whether each process passes rows of its own to `fit`, or a source of `chainfit.data`. Their
        numbers may differ, but not their columns, dtype and classes. Otherwise all pass the same
        rows and share the work of each batch: the model is that of one process, up to the rounding
        of sums.

    sync_every : int, default=None
        None means that the gradient of each step is summed over all processes (synchronous SGD).
        Otherwise each process makes this number of steps on its part of the batches before the
        weights are averaged, which also happens at the end of each epoch.

    outer_learning_rate, outer_momentum : float, default=1.0, 0.0
        With `sync_every`, learning rate and Nesterov momentum of the outer step, from the weights
        that the processes started with along the mean of their changes [1]_. The defaults give the
        mean of the weights.

    timeout : float, default=1800.0
        Number of seconds after which a process that waits for another gives up.

    Raises
    ------
    ValueError, TypeError
        If a parameter is not valid, or within another `communicator`.
    ImportError
        If mpi4py is not installed (``pip install 'chainfit[mpi]'``).
    RuntimeError
        In `fit`, if another process failed or did not answer in time. The processes cannot continue
        together then: the job ends (``MPI_Abort``) when one of them leaves Python.

    References
    ----------
    .. [1] Douillard et al., "DiLoCo: Distributed Low-Communication Training of Language Models",
       2023. https://arxiv.org/abs/2311.08105

    Examples
    --------
    >>> from chainfit import MLPRegressor, distributed
    >>> X, y = [[0.0], [1.0], [2.0]], [0.0, 1.0, 2.0]
    >>> with distributed.communicator():  # doctest: +SKIP
    ...     model = MLPRegressor(random_state=0).fit(X, y)
    """
    plan = _plan(shards, sync_every, outer_learning_rate, outer_momentum)
    if not isinstance(timeout, Real) or isinstance(timeout, bool) or not timeout > 0:
        raise ValueError(f"timeout must be a number > 0, got {timeout!r}.")
    if current_ranks() is not None:
        raise ValueError("A communicator can't be within another.")
    try:
        from .mpi import MPIRanks  # mpi4py is an extra, and starts MPI
    except ModuleNotFoundError:
        raise missing("communicator needs", "mpi4py", "mpi") from None

    ranks = MPIRanks(comm, plan, float(timeout))
    with ranks.open(), shared_with(ranks.processes_here()), made_by(ranks):
        yield


def _plan(shards: bool, sync_every: int | None, rate: float, momentum: float) -> Plan:
    if not isinstance(shards, bool | np.bool_):
        raise ValueError(f"shards must be a bool, got {shards!r}.")
    if sync_every is not None and (
        not isinstance(sync_every, Integral) or isinstance(sync_every, bool) or sync_every < 1
    ):
        raise ValueError(f"sync_every must be None or an int >= 1, got {sync_every!r}.")
    for name, value, below in (
        ("outer_learning_rate", rate, math.inf),
        ("outer_momentum", momentum, 1),
    ):
        if not isinstance(value, Real) or isinstance(value, bool) or not 0 <= value < below:
            raise ValueError(f"{name} must be a number in [0, {below:g}), got {value!r}.")
    if sync_every is None and (rate != 1 or momentum != 0):
        raise ValueError("outer_learning_rate and outer_momentum need sync_every.")
    return Plan(bool(shards), int(sync_every or 0), float(rate), float(momentum))
