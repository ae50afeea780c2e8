"""A RandomState of the user's, put back where a call fails."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np


@contextmanager
def generator_kept(random_state: Any) -> Iterator[None]:
    """Put a RandomState back to where it was if the block fails."""
    if not isinstance(random_state, np.random.RandomState):
        yield
        return
    before = random_state.get_state(legacy=False)
    try:
        yield
    except BaseException:
        random_state.set_state(before)
        raise
