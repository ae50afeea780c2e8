"""How long training waited for the rows of a source, and a word about it where that bounds it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from sklearn.exceptions import EfficiencyWarning

from .warn import warn

#: The least that is worth a word, in seconds and as a share of the time.
LEAST_SECONDS = 5.0
LEAST_SHARE = 0.2


class Reading(NamedTuple):
    """Seconds of a training.

    Attributes
    ----------
    waited : float
        For windows of rows that were not ready.
    total : float
        With the steps and the validation.
    """

    waited: float
    total: float


def warn_if_reading_bounds(readings: Sequence[Reading]) -> None:
    """Warn where trainings, of several nets perhaps, spent much of their time waiting for rows."""
    waited = sum(reading.waited for reading in readings)
    total = sum(reading.total for reading in readings)
    if waited >= LEAST_SECONDS and waited >= LEAST_SHARE * total:
        warn(
            f"Reading took {waited / total:.0%} of the time: training waited {waited:.1f} of "
            f"{total:.1f} s for rows. Parquet is read faster than text, and a source whose rows "
            "all fit into buffer_rows is read only once.",
            EfficiencyWarning,
        )
