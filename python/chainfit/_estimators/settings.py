"""FitSettings: everything that decides a fit beside the data, as one value.

The estimators make it of their parameters, the explanation of those of a fitted model. A rule's own
parameters travel as a mapping, so that a new rule of the core needs no edit here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from numbers import Integral
from typing import Any

import numpy as np

from .custom import CustomLoss
from .keywords import TABLE
from .parameters import as_float
from .rules import LINKS, LOSS_SETTINGS, OPTIMIZERS, SETTINGS, link_of, optimizer_name
from .steps import StepSettings, check_steps
from .threads import thread_limit


def _plain(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


@dataclass(frozen=True, slots=True)
class FitSettings:
    """What training does, as far as it does not depend on the data.

    Attributes
    ----------
    solver : str
        One of `rules.SOLVERS`.
    activation : str or tuple of str
        Of all hidden layers, or of each.
    loss, out_activation : str
        As the core names them.
    rule : str
        The core's optimizer of a solver with steps.
    rule_settings : mapping of str to Any
        The parameters in `rules.SETTINGS`, which a new optimizer is made with.
    loss_settings : mapping of str to Any
        The loss's own parameters; a tuple has one for each of as many equal blocks of outputs.
    own : mapping of str to Any
        The keywords of `keywords.TABLE` that the estimator has.
    custom : CustomLoss or None
        The loss, where it is a function; `loss` is then the one that the output activation is of.
    step : StepSettings
        What a step does beside its rule.
    incremental : bool
        Whether to train one epoch, as `partial_fit` does, and not `max_iter` or until it converges.
    seed : int or None
        `random_state` where it is an integer.
    threads : int or callable
        The upper bound of threads, see `thread_limit`.
    blocks : tuple of int
        Numbers of neighbouring outputs with a softmax of their own each; () is one for all.

    The other attributes are the estimators' parameters.
    """

    solver: str
    activation: str | tuple[str, ...]
    loss: str
    out_activation: str
    rule: str
    rule_settings: Mapping[str, Any]
    loss_settings: Mapping[str, Any]
    custom: CustomLoss | None
    own: Mapping[str, Any]
    batch_size: int | str
    max_iter: int
    shuffle: bool
    random_state: Any
    tol: float
    n_iter_no_change: float
    early_stopping: bool
    validation_fraction: float
    max_fun: int
    threads: int | Callable[[], int]
    step: StepSettings
    incremental: bool = False
    seed: int | None = None
    blocks: tuple[int, ...] = ()

    @classmethod
    def of(
        cls,
        parameters: Mapping[str, Any],
        loss: str,
        *,
        incremental: bool = False,
        blocks: tuple[int, ...] = (),
    ) -> FitSettings:
        """Make the settings of an estimator's parameters, which scikit-learn has validated.

        Parameters
        ----------
        parameters : mapping
            As `get_params` returns it.
        loss : str
            The core's name of the loss.
        incremental : bool, default=False
        blocks : tuple of int, default=()

        Raises
        ------
        ValueError
            If parameters ask together for what does not go together.
        """
        p, seed, activation = parameters, parameters["random_state"], parameters["activation"]
        check_steps(p)
        return cls(
            solver=p["solver"],
            activation=activation if isinstance(activation, str) else tuple(activation),
            loss=loss,
            out_activation=link_of(loss, p.get("out_activation")),
            rule=optimizer_name(p["solver"], p["momentum"], p["nesterovs_momentum"]),
            rule_settings={name: p[name] for name in SETTINGS},
            loss_settings={name: _plain(p[name]) for name in LOSS_SETTINGS[loss]},
            custom=CustomLoss(p["loss"]) if callable(p.get("loss")) else None,
            own={keyword.name: p[keyword.name] for keyword in TABLE if keyword.name in p},
            batch_size=p["batch_size"],
            max_iter=1 if incremental else p["max_iter"],
            shuffle=bool(p["shuffle"]),
            random_state=p["random_state"],
            tol=float(p["tol"]),
            n_iter_no_change=as_float(p["n_iter_no_change"]),
            early_stopping=bool(p["early_stopping"]),
            validation_fraction=float(p["validation_fraction"]),
            max_fun=p["max_fun"],
            threads=thread_limit(p["n_threads"]),
            step=StepSettings.of(p),
            incremental=incremental,
            blocks=blocks,
            seed=int(seed) if isinstance(seed, Integral) else None,
        )

    @property
    def core_loss(self) -> str:
        """What the core calls the loss."""
        return self.loss if self.custom is None else self.custom.name

    def loss_hook(self, Y: Any, sample_weight: Any) -> Any:
        """Return what the core asks for the loss of these rows, None where it has its own."""
        return None if self.custom is None else self.custom.on(Y, sample_weight)

    @property
    def core_link(self) -> str:
        """The output activation in training, where a function looks at raw outputs."""
        return self.out_activation if self.custom is None else "identity"

    def loss_scale(self, outputs: int) -> float:
        """Return what the loss is reported times: scikit-learn averages it over real outputs."""
        if self.custom is not None:
            return 1.0
        return 1.0 / outputs if LINKS[self.loss] == "identity" else 1.0

    def check_step_size(self, dtype: np.dtype[Any]) -> None:
        """Raise a ValueError where a parameter of the solver's steps is 0 or infinite in dtype."""
        if self.solver == "lbfgs":
            return
        least, most = float(np.finfo(dtype).tiny), float(np.finfo(dtype).max)
        above_zero = [p.name for p in OPTIMIZERS[self.rule].parameters if p.low == 0 and p.low_open]
        for name in ("learning_rate_init", *above_zero):
            value = as_float(self.rule_settings[name])
            if not least <= value <= most:
                raise ValueError(
                    f"{name}={value:g} is {'zero' if value < 1 else 'infinite'} in {dtype}, the "
                    f"dtype of training, which goes from {least:.2g} to {most:.2g}."
                )
