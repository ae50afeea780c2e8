"""What libraries are compared on: the workloads of ``chainfit bench``, and calls of trained nets.

To add a workload: a line in `chainfit._bench.workloads`; a call: a line in CALLS.
"""

from __future__ import annotations

from itertools import pairwise
from typing import NamedTuple

from chainfit._bench.workloads import WORKLOADS, Workload


class Call(NamedTuple):
    """One call of a trained estimator, from NumPy arrays to NumPy arrays."""

    name: str
    method: str  # of the estimator
    units: tuple[int, ...]
    rows: int  # of X
    classes: int = 1

    @property
    def title(self) -> str:
        """One line for the table."""
        shape = "-".join(map(str, self.units))
        return f"{self.name}: {shape}, {self.method} of {self.rows:,} row{'s'[: self.rows > 1]}"

    @property
    def link(self) -> str:
        """Output activation."""
        return "identity" if self.classes == 1 else "softmax"

    @property
    def flop(self) -> float:
        """FLOP of its products."""
        forward = 2.0 * self.rows * sum(n_in * n_out for n_in, n_out in pairwise(self.units))
        return forward if self.method != "partial_fit" else self.trained.flop

    @property
    def trained(self) -> Workload:
        """The net on which it is called, as a workload."""
        batch = min(32, self.rows)
        return Workload(
            self.name, self.units, batch, "adam", max(320, batch), self.classes, 1, 1e-3
        )


CALLS = (
    Call("predict_row", "predict", (8, 64, 64, 1), 1),
    Call("predict_bulk", "predict", (8, 64, 64, 1), 20_000),
    Call("proba_bulk", "predict_proba", (8, 64, 64, 3), 20_000, 3),
    Call("partial_fit", "partial_fit", (8, 64, 64, 1), 32),
)


def find_case(name: str) -> Workload | Call:
    """Return the workload or call of this name; a ValueError lists those that there are."""
    for case in (*WORKLOADS, *CALLS):
        if case.name == name:
            return case
    names = ", ".join(case.name for case in (*WORKLOADS, *CALLS))
    raise ValueError(f"there is no workload {name!r}; there are {names}")
