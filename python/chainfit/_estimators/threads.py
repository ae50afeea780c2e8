"""How many threads a call may use, and the hook by which threadpoolctl limits them.

The compiled core adds a thread only where the work pays for it; here its upper bound is found.
"""

from __future__ import annotations

import ctypes
import functools
import os

import joblib
import threadpoolctl

from .. import _core


def _omp_num_threads() -> int | None:
    """First number of OMP_NUM_THREADS (it may list one for each nesting level), if it is sane."""
    first = os.environ.get("OMP_NUM_THREADS", "").split(",")[0].strip()
    return int(first) if first.isascii() and first.isdigit() and int(first) >= 1 else None


@functools.cache
def _default_limit() -> int:
    """Threads that this process should use: its CPUs by affinity and cgroup, or fewer by OpenMP.

    joblib announces the share of a worker process through OMP_NUM_THREADS before the worker starts,
    so reading it once, at the first use, is enough.
    """
    cpus = int(joblib.cpu_count())
    wanted = _omp_num_threads()
    return cpus if wanted is None else min(cpus, wanted)


def resolve_n_threads(n_threads: int | None) -> int:
    """Upper bound of the threads of one call.

    Parameters
    ----------
    n_threads : int or None
        What the user asked for. None: the CPUs that this process may use, or OMP_NUM_THREADS if
        that is less.

    Returns
    -------
    bound : int
        At least 1, and never above the process-wide limit that `threadpoolctl` sets.
    """
    wanted = _default_limit() if n_threads is None else int(n_threads)
    return max(1, min(wanted, _core.get_num_threads()))


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
