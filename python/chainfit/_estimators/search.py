"""What a random search draws the sizes of hidden layers from."""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Integral
from typing import Any

import numpy as np
from sklearn.utils import check_random_state

from .._common.public import public

Range = int | Sequence[int]


@public
class HiddenLayers:
    """Distribution of the sizes of hidden layers, for random searches over parameters.

    scikit-learn's RandomizedSearchCV and ParameterSampler draw tuples from it, as values of
    `hidden_layer_sizes`. All layers have the same width. The number of layers is uniform and the
    width log-uniform: as often between 16 and 32 as between 128 and 256.

    Parameters
    ----------
    n_layers : int or (int, int)
        Number of hidden layers, or its minimum and maximum. With 0 the model is linear.

    width : int or (int, int)
        Number of units in each of them, or its minimum and maximum.

    Attributes
    ----------
    n_layers, width : int or (int, int)
        The parameters.

    Raises
    ------
    ValueError
        If these are not such numbers.

    Examples
    --------
    >>> from chainfit import HiddenLayers, MLPClassifier
    >>> from sklearn.model_selection import RandomizedSearchCV
    >>> sizes = HiddenLayers((1, 3), width=(8, 64))
    >>> search = RandomizedSearchCV(MLPClassifier(), {"hidden_layer_sizes": sizes})
    >>> [sizes.rvs(random_state=seed) for seed in range(3)]
    [(27,), (64, 64), (11,)]
    """

    def __init__(self, n_layers: Range, width: Range) -> None:
        self.n_layers, self.width = n_layers, width
        self._n_layers = _ends("n_layers", n_layers, 0)
        self._width = _ends("width", width, 1)

    def rvs(self, random_state: Any = None) -> tuple[int, ...]:
        """Draw the sizes of the hidden layers.

        Parameters
        ----------
        random_state : int, RandomState or None, default=None
            Source of randomness. Pass an int for reproducible results.

        Returns
        -------
        sizes : tuple of int
            Number of units in each layer.

        Examples
        --------
        >>> from chainfit import HiddenLayers
        >>> HiddenLayers(2, width=(8, 64)).rvs(random_state=0)
        (25, 25)
        """
        generator = check_random_state(random_state)
        n_layers = generator.randint(self._n_layers[0], self._n_layers[1] + 1)
        low, high = self._width
        # as the integer part of a log-uniform number in [low, high + 1)
        width = int(np.exp(generator.uniform(np.log(low), np.log(high + 1))))
        return (min(max(width, low), high),) * int(n_layers)

    def __repr__(self) -> str:
        return f"HiddenLayers(n_layers={self.n_layers!r}, width={self.width!r})"


def _ends(name: str, given: Any, least: int) -> tuple[int, int]:
    ends: Any = (given, given) if isinstance(given, Integral) else given
    whole = isinstance(ends, Sequence) and all(
        isinstance(n, Integral) and not isinstance(n, bool) for n in ends
    )
    if not whole or len(ends) != 2 or not least <= ends[0] <= ends[1] < 2**31:
        raise ValueError(
            f"{name} must be an int >= {least}, or the least and the most of them in a tuple, got "
            f"{given!r}."
        )
    return int(ends[0]), int(ends[1])
