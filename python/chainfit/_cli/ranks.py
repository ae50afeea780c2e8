"""``chainfit train --mpi``: what all processes of a job do, and what only the first one does."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout


@contextmanager
def by_all(mpi: bool, file: str) -> Iterator[bool]:
    """Give whether this process is the one that speaks and saves: with `mpi` the first of all.

    Raises
    ------
    ValueError
        If the processes can't all read the file.
    """
    if not mpi:
        yield True
        return
    if file == "-" or file.startswith("/dev/"):
        raise ValueError("--mpi: all processes read FILE, which must be a file that they can read")
    from .._estimators.ranks import current_ranks
    from ..distributed.communicator import communicator

    first = True
    try:
        with communicator(shards=False):
            ranks = current_ranks()
            first = ranks is None or ranks.rank == 0
            if first:
                yield True
                return
            with open(os.devnull, "w") as quiet, redirect_stdout(quiet), redirect_stderr(quiet):
                yield False
    except Exception as error:
        if first:
            raise
        raise SystemExit(1) from error  # of which the first one has heard, and tells
