"""What is to be known of a machine and a moment to read figures that were measured there."""

from __future__ import annotations

import datetime
import os
import platform
import re
import threading
from pathlib import Path
from typing import Any

import numpy as np
import sklearn

from chainfit import _core
from chainfit._estimators.threads import resolve_n_threads

PEAK_SECONDS = 0.25  # less would not tell what a shared machine gives over a round


def describe_machine() -> dict[str, Any]:
    """Return the processor, its caches, the instruction set in use, versions and the date."""
    return {
        "date": datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "cpu": _cpu_model(),
        "threads": resolve_n_threads(None),
        "caches": _caches(),
        "isa": _core.isa(),
        "system": f"{platform.system()} {platform.machine()}",
        "load": [round(x, 2) for x in os.getloadavg()],
        "versions": {
            "python": platform.python_version(),
            "chainfit": _core.__version__,
            "numpy": np.__version__,
            "scikit-learn": sklearn.__version__,
        },
    }


def _cpu_model() -> str:
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:
        return platform.processor()
    found = re.search(r"^model name\s*:\s*(.*)$", text, re.M)
    return found[1].strip() if found else platform.processor()


def _caches() -> dict[str, str]:
    """Sizes by name, as in {"L1d": "48K"}; empty where the system doesn't tell."""
    sizes = {}
    for folder in sorted(Path("/sys/devices/system/cpu/cpu0/cache").glob("index*")):
        try:
            level, kind, size = (
                (folder / name).read_text().strip() for name in ("level", "type", "size")
            )
        except OSError:
            continue
        sizes[f"L{level}{kind[0].lower() if level == '1' else ''}"] = size
    return sizes


def peak_gflops(threads: int, double_precision: bool) -> float:
    """FMA peak of so many threads at the same time."""
    rates = [0.0] * threads

    def measure(i: int) -> None:
        rates[i] = _core.peak_gflops(double_precision, PEAK_SECONDS)

    team = [threading.Thread(target=measure, args=(i,)) for i in range(1, threads)]
    for thread in team:
        thread.start()
    measure(0)
    for thread in team:
        thread.join()
    return sum(rates)
