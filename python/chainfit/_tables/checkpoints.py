"""Checkpoints of several nets: a file for each, FILE.1, FILE.2 and so on, all of one fit.

What was learned before the nets isn't in them: it follows from the table and the parameters, whose
fingerprint each of them holds. All are read and compared before the first net is trained.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any

from sklearn.base import clone

from .._common.printable import printable
from .._estimators.checkpoint import Checkpointer, check_resumable
from .._estimators.fingerprint import of_data
from .._files.disk import AnyPath, as_path, check_writable
from .ensemble import Samples
from .over_ranks import OverRanks


def file_of(path: AnyPath, net: int) -> str:
    """Return the file of a net; they are counted from 0, their files from 1."""
    return f"{as_path(path)}.{net + 1}"


def exists(path: AnyPath, n_nets: int) -> bool:
    """Whether there is a file of any of the nets."""
    return any(os.path.exists(file_of(path, net)) for net in range(n_nets))


def check_possible(parameters: Mapping[str, Any]) -> None:
    """Refuse, before any work, parameters that allow no checkpoints, or a file nobody can write."""
    check_resumable(parameters)
    check_writable(file_of(parameters["checkpoint"], 0))


def opened(values: Mapping[str, Any], over: OverRanks) -> list[Checkpointer]:
    """Return what writes the file of each net, and has read the one that is there.

    Parameters
    ----------
    values : mapping
        The estimator's parameters as they were decided. A RandomState among them must be as the
        user gave it.
    over : OverRanks
        Which ranks train the nets.
    """
    path, count = values["checkpoint"], values["n_nets"]
    first, last = printable(file_of(path, 0)), printable(file_of(path, count - 1))
    all_of_them = "it" if count == 1 else f"{first} to {last}"
    named = [{**values, "checkpoint": file_of(path, net), "net": net + 1} for net in range(count)]
    return [Checkpointer(v, all_of_them, over.writer(net)) for net, v in enumerate(named)]


def compare(checkpointers: Sequence[Checkpointer], net: Any, samples: Samples) -> None:
    """Refuse files of another fit.

    Parameters
    ----------
    checkpointers : sequence of Checkpointer
    net : MLPClassifier or MLPRegressor
        The first one, unfitted: its first weights are compared too.
    samples : Samples
    """
    _, data, state = clone(net)._job(
        samples.X, samples.y, samples.sample_weight, validation=samples.validation
    )
    of_samples = of_data(data, state)
    for checkpointer in checkpointers:
        checkpointer.compare(of_samples, net.max_iter)
