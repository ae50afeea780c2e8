"""Where displays draw: on the user's axes or in a figure of their own.

matplotlib is the extra `plot`, and imported when something is drawn.
"""

from __future__ import annotations

from typing import Any

from .extras import missing


def axes_for(ax: Any = None, figsize: tuple[float, float] | None = None) -> Any:
    """Return `ax`, or the axes of a new figure.

    Raises
    ------
    ImportError
        If matplotlib is not installed.
    TypeError
        If `ax` is something else, such as the array that ``pyplot.subplots(2)`` returns.
    """
    try:
        from matplotlib import pyplot
    except ImportError:
        raise missing("plot needs", "matplotlib", "plot") from None
    if ax is None:
        _, ax = pyplot.subplots(figsize=figsize, layout="constrained")
    elif not isinstance(ax, pyplot.Axes):
        raise TypeError(f"ax must be one matplotlib Axes, got {type(ax).__name__}.")
    return ax
