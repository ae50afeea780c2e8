"""How many threads a call may use, and the hook by which threadpoolctl limits them.

The compiled core adds a thread only where the work pays for it; here its upper bound is found.
"""

from __future__ import annotations

import ctypes
import functools
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import threadpoolctl

from .. import _core

_MOST = 1 << 16  # more than any machine has, less than an int of C holds


def _omp_num_threads() -> int | None:
    """First number of OMP_NUM_THREADS (it may list one for each nesting level), if it is sane."""
    first = os.environ.get("OMP_NUM_THREADS", "").split(",")[0].strip()
    return int(first) if first.isascii() and first.isdigit() and int(first) >= 1 else None


def _affinity() -> int | None:
    """Return the number of CPUs that this thread may run on, where the system tells."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else None


@functools.lru_cache(maxsize=1)
def _cpu_count(affinity: int | None, second: int) -> int:
    """CPUs by affinity and cgroup. joblib reads files for it: asked once a second at most."""
    import joblib  # which imports NumPy: `chainfit --help` need not wait for it

    return int(joblib.cpu_count())


def default_limit() -> int:
    """Return the number of threads that this process should use now.

    Its CPUs by affinity and by the cgroup's quota, or OMP_NUM_THREADS where that is less. All three
    may change while the process runs.
    """
    cpus = _cpu_count(_affinity(), int(time.monotonic()))
    wanted = _omp_num_threads()
    return max(1, min(cpus, _MOST, cpus if wanted is None else wanted))


def resolve_n_threads(n_threads: int | None) -> int:
    """Return the upper bound of the threads that a call would get now, at least 1."""
    wanted = default_limit() if n_threads is None else int(n_threads)
    return max(1, min(wanted, _core.get_num_threads()))


def thread_limit(n_threads: int | None) -> int | Callable[[], int]:
    """Return the upper bound of the threads of one call, as the core takes it.

    Parameters
    ----------
    n_threads : int or None
        What the user asked for. None: `default_limit`, which the core asks only where the work is
        worth a second thread. It never goes above the process-wide limit of `threadpoolctl`.
    """
    return default_limit if n_threads is None else min(int(n_threads), _MOST)


@contextmanager
def shared_with(processes: int) -> Iterator[None]:
    """Leave each of so many processes, this one among them, its part of the CPUs."""
    before = _core.get_num_threads()
    _core.set_num_threads(max(1, min(before, default_limit() // processes)))
    try:
        yield
    finally:
        _core.set_num_threads(before)


class ChainfitController(threadpoolctl.LibController):
    """Lets ``threadpoolctl.threadpool_limits`` set the core's process-wide limit.

    threadpoolctl finds a library by its file name, and `_core` is a common name: the symbols tell
    ours from other projects', which it also opens with this class before it looks at them.
    """

    user_api = "chainfit"
    internal_api = "chainfit"
    filename_prefixes = ("_core.",)
    check_symbols = ("chainfit_get_num_threads",)

    def get_num_threads(self) -> int | None:
        """Return the core's current limit."""
        function = getattr(self.dynlib, "chainfit_get_num_threads", None)
        return None if function is None else int(function())

    def set_num_threads(self, num_threads: int) -> None:
        """Set the core's limit."""
        function = getattr(self.dynlib, "chainfit_set_num_threads", None)
        if function is not None:
            function(ctypes.c_int(num_threads))

    def get_version(self) -> str | None:
        """Return the core's version."""
        function = getattr(self.dynlib, "chainfit_version", None)
        if function is None:
            return None
        function.restype = ctypes.c_char_p
        version: bytes = function()
        return version.decode()


threadpoolctl.register(ChainfitController)
