"""LossCurveDisplay: what training came to, epoch by epoch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Self

import numpy as np
import numpy.typing as npt
from sklearn.utils.validation import check_is_fitted

from .._common.axes import axes_for
from .._common.public import public
from .models import last_step

Array = npt.NDArray[Any]

_PARTS = ("loss", "validation_loss", "validation_score", "learning_rate")


@public
class LossCurveDisplay:
    """Loss, validation and learning rate of each epoch of a fit.

    Created by `from_estimator`. For the nets of a TabularClassifier or TabularRegressor it draws
    their mean, and a band from the smallest to the largest value.

    Parameters
    ----------
    loss : array-like of shape (n_epochs,) or (n_nets, n_epochs)
        The training loss; NaN after the last epoch of a net.
    validation_loss : array-like of the same shape, default=None
        The loss on the validation rows.
    validation_score : array-like of the same shape, default=None
        The score on the validation rows.
    learning_rate : array-like of the same shape, default=None
        The learning rate at the end of each epoch.
    best_epoch : int, default=None
        The epoch, counted from 1, that early stopping has restored.
    unit : {'epoch', 'iteration'}, default='epoch'
        What is counted on the horizontal axis.
    name : str, default=None
        Name of the model in the legend.

    Attributes
    ----------
    line_ : matplotlib.lines.Line2D
        The training loss.
    band_ : matplotlib collection or None
        The range of the training losses of several nets.
    validation_line_, score_line_, learning_rate_line_, best_line_ : Line2D or None
        The other curves, and the line that marks the best epoch; None if not drawn.
    ax_ : matplotlib.axes.Axes
        Axes of the losses.
    score_ax_, learning_rate_ax_ : matplotlib.axes.Axes or None
        Axes on the right.
    figure_ : matplotlib.figure.Figure

    See Also
    --------
    GradientFlowDisplay : How far gradients get through the layers.
    sklearn.model_selection.LearningCurveDisplay : Scores by the number of training rows.

    Examples
    --------
    >>> import chainfit
    >>> from sklearn.datasets import load_digits
    >>> X, y = load_digits(return_X_y=True)
    >>> model = chainfit.MLPClassifier((32,), early_stopping=True, random_state=0).fit(X / 16, y)
    >>> display = chainfit.LossCurveDisplay.from_estimator(model)
    >>> display.ax_.get_xlabel()
    'epoch'
    """

    line_: Any
    band_: Any
    validation_line_: Any
    score_line_: Any
    learning_rate_line_: Any
    best_line_: Any
    ax_: Any
    score_ax_: Any
    learning_rate_ax_: Any
    figure_: Any

    def __init__(
        self,
        *,
        loss: Any,
        validation_loss: Any = None,
        validation_score: Any = None,
        learning_rate: Any = None,
        best_epoch: int | None = None,
        unit: str = "epoch",
        name: str | None = None,
    ) -> None:
        self.loss = np.asarray(loss, dtype=float)
        self.validation_loss, self.validation_score = validation_loss, validation_score
        self.learning_rate = learning_rate
        self.best_epoch, self.unit, self.name = best_epoch, unit, name

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        *,
        name: str | None = None,
        validation: bool = True,
        learning_rate: bool = True,
        ax: Any = None,
        **kwargs: Any,
    ) -> Self:
        """Draw the record of a fitted model.

        Parameters
        ----------
        estimator : estimator
            A fitted MLPClassifier or MLPRegressor of chainfit or scikit-learn, a TabularClassifier
            or TabularRegressor, a Pipeline that ends in one, a TransformedTargetRegressor or a
            search around it.

        name : str, default=None
            Name of the model in the legend; None leaves it out.

        validation : bool, default=True
            As in `plot`.

        learning_rate : bool, default=True
            As in `plot`.

        ax : matplotlib.axes.Axes, default=None
            Axes to draw on; None makes a figure.

        **kwargs : Any
            Keywords of matplotlib's `plot` for the training loss.

        Returns
        -------
        display : LossCurveDisplay
            The display, drawn.

        Raises
        ------
        NotFittedError
            If the model was not fitted.
        TypeError
            If it has no record of losses.
        ImportError
            If matplotlib is not installed.

        Examples
        --------
        >>> import chainfit
        >>> from sklearn.datasets import load_digits
        >>> X, y = load_digits(return_X_y=True)
        >>> model = chainfit.MLPClassifier(early_stopping=True, random_state=0).fit(X / 16, y)
        >>> display = chainfit.LossCurveDisplay.from_estimator(model, name="a net")
        >>> display.line_.get_label()
        'a net: training loss'
        """
        model = last_step(estimator)
        check_is_fitted(model)
        nets = getattr(model, "nets_", (model,))
        records = [*map(_record, nets)]
        unit = "iteration" if nets[0].solver == "lbfgs" else "epoch"
        best = _best_epoch(nets[0], records[0]) if len(nets) == 1 else None
        parts = {part: _side_by_side([record[part] for record in records]) for part in _PARTS}
        display = cls(**parts, best_epoch=best, unit=unit, name=name)
        return display.plot(ax, validation=validation, learning_rate=learning_rate, **kwargs)

    def plot(
        self,
        ax: Any = None,
        *,
        name: str | None = None,
        validation: bool = True,
        learning_rate: bool = True,
        **kwargs: Any,
    ) -> Self:
        """Draw the curves.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, default=None
            Axes to draw on; None makes a figure.

        name : str, default=None
            Name of the model in the legend; None means that of the display.

        validation : bool, default=True
            Whether to draw the validation loss, or the score if there is no loss, and to mark the
            best epoch.

        learning_rate : bool, default=True
            Whether to draw the learning rate if it changes.

        **kwargs : Any
            Keywords of matplotlib's `plot` for the training loss.

        Returns
        -------
        display : LossCurveDisplay
            This object.

        Raises
        ------
        ImportError
            If matplotlib is not installed.

        Examples
        --------
        >>> import chainfit
        >>> display = chainfit.LossCurveDisplay(loss=[3.0, 2.0, 1.5]).plot(color="gray")
        >>> display.line_.get_color()
        'gray'
        """
        ax = axes_for(ax)
        name = self.name if name is None else name
        before = "" if name is None else f"{name}: "
        self.ax_, self.figure_ = ax, ax.figure
        self.validation_line_ = self.score_line_ = self.learning_rate_line_ = None
        self.best_line_ = self.score_ax_ = self.learning_rate_ax_ = None
        self.line_, self.band_ = _draw(ax, self.loss, {"label": f"{before}training loss", **kwargs})
        color = self.line_.get_color()
        if validation and _known(self.validation_loss):
            style = {"label": f"{before}validation loss", "color": color, "linestyle": "--"}
            self.validation_line_, _ = _draw(ax, self.validation_loss, style)
        elif validation and _known(self.validation_score):
            self.score_ax_ = _right_axes(ax, "validation score")
            style = {"label": f"{before}validation score", "color": color, "linestyle": "--"}
            self.score_line_, _ = _draw(self.score_ax_, self.validation_score, style)
        if validation and self.best_epoch is not None:
            label = f"{before}best {self.unit}, {self.best_epoch}"
            style = {"color": color, "linestyle": ":", "linewidth": 1}
            self.best_line_ = ax.axvline(self.best_epoch, label=label, **style)
        if learning_rate and _changes(self.learning_rate):
            self.learning_rate_ax_ = _right_axes(ax, "learning rate", self.score_ax_ is not None)
            style = {"label": f"{before}learning rate", "color": "0.5", "linestyle": "-."}
            self.learning_rate_line_, _ = _draw(self.learning_rate_ax_, self.learning_rate, style)
            self.learning_rate_ax_.set_ylim(bottom=0)
        ax.set(xlabel=self.unit, ylabel="loss")
        _whole_ticks(ax.xaxis)
        _legend(ax, self.score_ax_, self.learning_rate_ax_)
        return self


# -- what a model knows of its training


def _record(net: Any) -> Mapping[str, Sequence[float] | None]:
    """Return the record of one net, of chainfit or scikit-learn; None for a part that it lacks."""
    history = getattr(net, "history_", None)
    if history is not None:
        return {part: history[part] for part in _PARTS}
    losses = getattr(net, "loss_curve_", None)
    if losses is None:
        raise TypeError(
            f"{type(net).__name__} has no record of losses to draw, a history_ or loss_curve_. A "
            "net has none if it was not trained, or by 'lbfgs' of scikit-learn."
        )
    scores = getattr(net, "validation_scores_", None)
    return {**dict.fromkeys(_PARTS), "loss": losses, "validation_score": scores}


def _best_epoch(net: Any, record: Mapping[str, Sequence[float] | None]) -> int | None:
    """Return the epoch whose weights early stopping has kept, if it has kept one's.

    The record also has the epochs of fits before under warm_start, and a later fit ends with its
    last weights where none of its own was better. Calls of `partial_fit` keep the best aside until
    they have converged.
    """
    scores = record["validation_score"]
    if not getattr(net, "early_stopping", False) or scores is None:
        return None
    incremental = "_best_weights" in vars(net)
    if incremental and not net.converged_:
        return None
    before = 0 if incremental else max(0, len(scores) - net.n_iter_)
    of_fit = np.asarray(scores[before:], dtype=float)
    if not _known(of_fit) or np.nanmax(of_fit) < net.best_validation_score_:
        return None
    return before + int(np.nanargmax(of_fit)) + 1


def _side_by_side(curves: Sequence[Sequence[float] | None]) -> Array | None:
    """Return the curves as an array (n_nets, n_epochs), NaN after the end of the shorter ones."""
    known = [np.asarray(curve, dtype=float) for curve in curves if curve is not None]
    if not known:
        return None
    longest = max(map(len, known))
    ends = [np.full(longest - len(curve), np.nan) for curve in known]
    return np.stack([np.append(*pair) for pair in zip(known, ends, strict=True)])


def _known(curve: Any) -> bool:
    return curve is not None and bool(np.isfinite(np.asarray(curve, dtype=float)).any())


def _changes(curve: Any) -> bool:
    return _known(curve) and float(np.nanmax(curve)) > float(np.nanmin(curve))


# -- drawing


def _draw(ax: Any, curves: Any, style: dict[str, Any]) -> tuple[Any, Any]:
    """Draw the mean of curves (n_nets, n_epochs), or one (n_epochs,), and the band of several."""
    shown = np.ma.masked_invalid(np.atleast_2d(np.asarray(curves, dtype=float)))
    epochs = np.arange(1, shown.shape[1] + 1)
    if len(epochs) == 1:
        style = {"marker": "o", **style}
    (line,) = ax.plot(epochs, shown.mean(axis=0).filled(np.nan), **style)
    if len(shown) == 1:
        return line, None
    span = shown.min(axis=0).filled(np.nan), shown.max(axis=0).filled(np.nan)
    return line, ax.fill_between(epochs, *span, color=line.get_color(), alpha=0.15, linewidth=0)


def _whole_ticks(axis: Any) -> None:
    """Count in whole numbers, unless the user has chosen a scale or ticks."""
    from matplotlib.ticker import MaxNLocator

    locator = axis.get_major_locator()
    if isinstance(locator, MaxNLocator):
        locator.set_params(integer=True, min_n_ticks=1)


def _right_axes(ax: Any, label: str, outside: bool = False) -> Any:
    """Return axes with a scale on the right, outside of another one there."""
    axes = ax.twinx()
    axes.set_ylabel(label)
    if outside:
        axes.spines["right"].set_position(("outward", 52))
    return axes


def _legend(ax: Any, *others: Any) -> None:
    """Put what all axes show into one legend."""
    drawn = [handle for one in (ax, *others) if one is not None for handle in one.lines]
    handles = [line for line in drawn if not line.get_label().startswith("_")]
    if not any(others):
        ax.legend(handles=handles)
    else:  # above the curves, for nobody knows where several axes leave room
        ax.legend(handles=handles, loc="lower left", bbox_to_anchor=(0, 1), ncols=2, frameon=False)
