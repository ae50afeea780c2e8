"""What the ranks of test_mpi do: `mpiexec -n N python ranks_job.py WORK FOLDER`.

WORK is a function below. What a rank comes to goes to FOLDER/RANK, pickled.
"""

import hashlib
import os
import pickle
import signal
import sys
import time
import warnings
from pathlib import Path

import numpy as np
from mpi4py import MPI

from chainfit import MLPClassifier, MLPRegressor, TabularRegressor, data, distributed

COMM = MPI.COMM_WORLD


def rows(n=240, seed=0):
    rng = np.random.RandomState(seed)
    X = rng.normal(size=(n, 5))
    return X, (X[:, 0] + X[:, 1] ** 2 > 0.7).astype(int)


def weights_of(model):
    total = hashlib.sha256()
    for array in (*model.coefs_, *model.intercepts_):
        total.update(array.tobytes())
    return total.hexdigest()


def sums(folder):
    """Fits of several kinds: hashes of the weights, and the weights themselves."""
    X, y = rows()
    mine = slice(COMM.rank, None, COMM.size)
    found = []
    for plan in ({}, {"sync_every": 2}, {"shards": False}):
        given = (X, y) if plan == {"shards": False} else (X[mine], y[mine])
        for parameters in (
            {"solver": "adam"},
            {"solver": "sgd", "early_stopping": True, "class_weight": "balanced"},
            {"solver": "adam", "precision": "float32", "dropout": 0.2, "clip_norm": 0.5},
        ):
            with distributed.communicator(COMM, **plan):
                model = MLPClassifier(
                    (40, 20), random_state=0, max_iter=3, batch_size=24, shuffle=False, **parameters
                ).fit(*given)
            found.append((weights_of(model), model.coefs_, model.loss_curve_))
    with distributed.communicator(COMM):
        model = MLPClassifier((40, 20), random_state=0, max_iter=3, batch_size=24, shuffle=False)
        model.fit(data.Arrays(X[mine], y[mine], block_rows=10, buffer_rows=25))
    found.append((weights_of(model), model.coefs_, model.loss_curve_))
    return found


def errors(folder):
    """What is raised, and that the ranks can go on after it."""
    X, y = rows()
    mine = slice(COMM.rank, None, COMM.size)
    last = COMM.rank == COMM.size - 1
    changes = {
        "empty": lambda X, y: (X[:0], y[:0]),
        "columns": lambda X, y: (X[:, :4], y),
        "dtype": lambda X, y: (X.astype(np.float32), y),
        "classes": lambda X, y: (X, y + 1),
    }
    found = {}
    for name, change in changes.items():
        given = X[mine], y[mine]
        try:
            with distributed.communicator(COMM):
                MLPClassifier((4,)).fit(*(change(*given) if last else given))
        except ValueError as error:
            found[name] = str(error)
    with distributed.communicator(COMM):
        model = MLPClassifier((4,), random_state=0, max_iter=2).fit(X[mine], y[mine])
    return found, weights_of(model)


def callback_fails(folder):
    X, y = rows()

    def watch(record):
        if COMM.rank == COMM.size - 1 and record["epoch"] == 2:
            raise OSError("the disk is full")

    with distributed.communicator(COMM):
        MLPClassifier((4,), callbacks=[watch]).fit(X, y)


def fails_between(folder):
    """One rank leaves with an error of its own; the others wait in a fit."""
    X, y = rows()
    with distributed.communicator(COMM):
        if COMM.rank == COMM.size - 1:
            raise LookupError("no such file")
        MLPClassifier((4,)).fit(X, y)


def sleeps(folder):
    """One rank never comes."""
    X, y = rows()
    with distributed.communicator(COMM, timeout=1.5):
        if COMM.rank == COMM.size - 1:
            time.sleep(300)
        MLPClassifier((4,)).fit(X, y)


def checkpointed(folder):
    """A fit with a checkpoint, one rank of which is killed after so many epochs."""
    X, y = rows()
    mine = slice(COMM.rank, None, COMM.size)
    kill, victim, at = Path(folder, "kill"), -1, 0
    if kill.exists():
        victim, at = map(int, kill.read_text().split())

    def watch(record):
        if COMM.rank == victim and record["epoch"] == at:
            time.sleep(0.001 * (at % 7))
            os.kill(os.getpid(), signal.SIGKILL)

    with distributed.communicator(COMM, sync_every=3, outer_learning_rate=0.7, outer_momentum=0.9):
        model = MLPClassifier(
            (20,), random_state=0, max_iter=30, batch_size=24, tol=0, callbacks=[watch],
            checkpoint=os.path.join(folder, "checkpoint"), early_stopping=True, n_iter_no_change=99,
        ).fit(X[mine], y[mine])  # fmt: skip
    return weights_of(model), model.n_iter_


def tabular(folder):
    X, y = rows(300)
    with distributed.communicator(COMM, shards=False):
        model = TabularRegressor(random_state=0, max_iter=3, n_nets=5).fit(X, y * 2.0)
        one = TabularRegressor(random_state=0, max_iter=3, n_nets=1).fit(X, y * 2.0)
    return [weights_of(net) for net in model.nets_], weights_of(one.nets_[0])


def regress(folder):
    X, y = rows()
    with distributed.communicator(COMM):
        return MLPRegressor(random_state=0, max_iter=2).fit(X, y).predict(X[:3])


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    outcome = globals()[sys.argv[1]](sys.argv[2])
    with open(os.path.join(sys.argv[2], str(COMM.rank)), "wb") as file:
        pickle.dump(outcome, file)
