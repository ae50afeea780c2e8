"""The learning rate of each step; a schedule is a line in SCHEDULES."""

import math
from collections.abc import Callable


def _one_cycle(at: int, count: int) -> float:
    """L. Smith, N. Topin, "Super-convergence", 2018, with PyTorch's numbers."""
    first, last = 1 / 25, 1 / 25 / 1e4
    top, end = 0.3 * count - 1, count - 1
    if at <= top:
        return 1 + (first - 1) * _half_cosine(at / top if top > 0 else 1.0)
    return last + (1 - last) * _half_cosine((at - top) / (end - top))


def _half_cosine(p: float) -> float:
    return (1 + math.cos(math.pi * p)) / 2


#: name: (steps since the warm-up, steps from there on) -> share of eta
SCHEDULES: dict[str, Callable[..., float]] = {
    "constant": lambda at, count: 1.0,
    "cosine": lambda at, count: _half_cosine(at / count),
    "linear": lambda at, count: 1 - at / count,
    "one_cycle": _one_cycle,
}


def learning_rate(
    schedule: str, step: int, total_steps: int, *,
    eta: float, warmup: int = 0, decay_steps: int = 1, decay_rate: float = 0.1
) -> float:  # fmt: skip
    """Return the learning rate of a step.

    In the first `warmup` steps it is (step + 1) / (warmup + 1) of `eta`; after the last step it
    stays as it was there.

    Parameters
    ----------
    schedule : str
        A key of `SCHEDULES`, or 'step'.
    step : int
        Number of the step, from 0.
    total_steps : int
        Number of all steps.
    eta : float
        The learning rate at the start of the schedule.
    warmup : int, default=0
        Number of steps of linear warm-up.
    decay_steps : int, default=1
        With 'step', the number of steps from one decay to the next.
    decay_rate : float, default=0.1
        With 'step', the factor of each decay.

    Returns
    -------
    eta : float
        The learning rate.

    Examples
    --------
    >>> from chainfit import reference
    >>> [reference.learning_rate("linear", step, 4, eta=1.0) for step in range(4)]
    [1.0, 0.75, 0.5, 0.25]
    """
    if step < warmup:
        return eta * (step + 1) / (warmup + 1)
    count = max(1, total_steps - warmup)
    at = min(step - warmup, count - 1)
    if schedule == "step":
        return float(eta * decay_rate ** (at // decay_steps))
    return eta * SCHEDULES[schedule](at, count)
