"""Training over many processes and machines, by MPI.

Examples
--------
``mpiexec -n 4 python -m mpi4py train.py``, where train.py has::

    from mpi4py import MPI
    from chainfit import MLPClassifier, distributed

    rank = MPI.COMM_WORLD.rank
    X, y = read_shard(rank)
    with distributed.communicator(MPI.COMM_WORLD):
        model = MLPClassifier(random_state=0, batch_size=1024).fit(X, y)
    if rank == 0:
        model.save("model.safetensors")
"""

from __future__ import annotations

from .communicator import communicator

__all__ = ["communicator"]
