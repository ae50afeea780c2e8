"""State: what training changes. It goes into `train`, and a new one comes out.

Estimators hold it as fitted attributes, and so do pickles and scikit-learn's own classes: what it
says of itself has their names. Model files hold its plain content.
"""

from __future__ import annotations

import math
from array import array
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from .initial import INITIALIZERS
from .optimizer import Optimizer

Array = npt.NDArray[Any]

#: The fitted attributes that record how training went. Steps leave all of them, L-BFGS the first,
#: and with rows to validate on their scores.
HISTORY = (
    "loss_",
    "loss_curve_",
    "best_loss_",
    "validation_scores_",
    "best_validation_score_",
    "_no_improvement_count",
)

#: Those that scikit-learn doesn't have. They are absent where there is nothing to hold.
OWN_HISTORY = ("validation_loss_curve_", "_epochs", "_losses", "_best_weights")

#: Every attribute that a State may set.
ATTRIBUTES = ("coefs_", "intercepts_", "n_iter_", "t_", *HISTORY, *OWN_HISTORY, "_optimizer")


def _put(attributes: dict[str, Any], name: str, value: Any) -> None:
    """Set an attribute, or let it be absent where the value is None."""
    if value is not None:
        attributes[name] = value
    elif name in attributes:
        del attributes[name]


@dataclass(slots=True)
class State:
    """A net in training. What trains it replaces the arrays, and does not change them.

    Attributes
    ----------
    coefs : list of ndarray of shape (n_l, n_{l+1})
    intercepts : list of ndarray of shape (n_{l+1},)
    n_iter : int
        Epochs or iterations of the last fit.
    t : int
        Training rows seen, over all epochs.
    loss : float
        The last loss, NaN before there was one.
    loss_curve : list of float or None
        The loss of each epoch, from fit to fit under warm_start; None if no step was ever made.
    best_loss : float or None
        None with early stopping.
    validation_scores : list of float or None
    best_validation_score : float or None
    no_improvement_count : int
    validation_loss_curve : list of float or None
    epochs : array of double or None
        The record of all epochs and iterations, see `record`.
    losses : list of float or None
        The loss of each of them, where some are iterations; otherwise `loss_curve` has it.
    best : tuple or None
        The (coefs, intercepts) of the best score, while `partial_fit` waits for a better one.
    optimizer : Optimizer or None
        The live optimizer; None: the next step needs a new one. Its slots stay in the core.
    generator : RandomState or None
        Where the random numbers come from, if some were drawn; None: `random_state` says.
    resumed : bool
        Whether a fit goes on from here that was left after `n_iter` epochs, by its `optimizer`.
    so_far : tuple or None
        What came of the next epoch, if it was left between two windows: rows trained on, the sums
        of their losses and of the gradients' norms, and seconds.
    """

    coefs: list[Array]
    intercepts: list[Array]
    n_iter: int = 0
    t: int = 0
    loss: float = math.nan
    loss_curve: list[float] | None = None
    best_loss: float | None = None
    validation_scores: list[float] | None = None
    best_validation_score: float | None = None
    no_improvement_count: int = 0
    validation_loss_curve: list[float] | None = None
    epochs: array[float] | None = None
    losses: list[float] | None = None
    best: tuple[list[Array], list[Array]] | None = None
    optimizer: Optimizer | None = None
    generator: np.random.RandomState | None = None
    resumed: bool = False
    so_far: tuple[int, float, float, float] | None = None

    @classmethod
    def drawn(
        cls,
        units: list[int],
        activation: str | tuple[str, ...],
        dtype: np.dtype[Any],
        generator: np.random.RandomState,
        init: str = "glorot_uniform",
    ) -> State:
        """Draw W and b layer by layer, as `initial.INITIALIZERS[init]` does it."""
        layers = len(units) - 1
        # as scikit-learn: the outputs' weights are drawn as those of the layer below
        names = [activation] * layers if isinstance(activation, str) else [*activation]
        names += names[-1:] or ["relu"]
        coefs, intercepts = [], []
        for (fan_in, fan_out), name in zip(pairwise(units), names, strict=False):
            W, b = INITIALIZERS[init](generator, fan_in, fan_out, name)
            coefs.append(W.astype(dtype, copy=False))
            intercepts.append(b.astype(dtype, copy=False))
        return cls(coefs, intercepts, generator=generator)

    @classmethod
    def of(cls, attributes: Mapping[str, Any]) -> State:
        """Return the state that fitted attributes describe; arrays and lists are shared."""
        get = attributes.get
        return cls(
            attributes["coefs_"],
            attributes["intercepts_"],
            attributes["n_iter_"],
            attributes["t_"],
            get("loss_", math.nan),
            get("loss_curve_"),
            get("best_loss_"),
            get("validation_scores_"),
            get("best_validation_score_"),
            get("_no_improvement_count", 0),
            get("validation_loss_curve_"),
            get("_epochs"),
            get("_losses"),
            get("_best_weights"),
            get("_optimizer"),
        )

    def into(self, attributes: dict[str, Any]) -> None:
        """Put the state in place of another among fitted attributes.

        Those that it lacks, without a step or an optimizer, are then lacking there.
        """
        attributes["coefs_"] = self.coefs
        attributes["intercepts_"] = self.intercepts
        attributes["n_iter_"] = self.n_iter
        attributes["t_"] = self.t
        attributes["loss_"] = self.loss
        if self.loss_curve is not None:
            attributes["loss_curve_"] = self.loss_curve
            attributes["best_loss_"] = self.best_loss
            attributes["validation_scores_"] = self.validation_scores
            attributes["best_validation_score_"] = self.best_validation_score
            attributes["_no_improvement_count"] = self.no_improvement_count
        else:
            for name in ("loss_curve_", "best_loss_", "_no_improvement_count"):
                attributes.pop(name, None)
            _put(attributes, "validation_scores_", self.validation_scores)
            _put(attributes, "best_validation_score_", self.best_validation_score)
        # one by one: of a step on a few rows a loop would be a fiftieth
        _put(attributes, "_epochs", self.epochs)
        _put(attributes, "_losses", self.losses)
        _put(attributes, "validation_loss_curve_", self.validation_loss_curve)
        _put(attributes, "_best_weights", self.best)
        if self.optimizer is not None:
            attributes["_optimizer"] = self.optimizer
        else:
            attributes.pop("_optimizer", None)

    def attributes(self) -> dict[str, Any]:
        """Return the state as fitted attributes."""
        attributes: dict[str, Any] = {}
        self.into(attributes)
        return attributes

    @property
    def units(self) -> list[int]:
        """[n_0, ..., n_L] of the weights, which may be the user's own."""
        return [*map(len, self.coefs), self.coefs[-1].shape[1]]

    def is_finite(self) -> bool:
        """Whether all weights are finite."""
        return all(np.isfinite(w).all() for w in (*self.coefs, *self.intercepts))
