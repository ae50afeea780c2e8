"""GradientFlowDisplay: how signals and gradients fare from layer to layer."""

# ruff: noqa: E741 - l is the layer, here as in the formulas

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from .._common.axes import axes_for
from .._common.public import public
from .._explain import rules
from .._explain.batch import read_batch, rounded
from .._explain.net import Net, as_net
from .._explain.trace import TraceNumbers, trace_numbers
from .models import unwrapped

Array = npt.NDArray[Any]


@public
class GradientFlowDisplay:
    """Sizes of activations and gradients, layer by layer.

    Created by `from_estimator`. Activations and gradients that fall by orders of magnitude towards
    one end vanish; those that grow explode (Glorot and Bengio, 2010). All sizes are root mean
    squares.

    Parameters
    ----------
    activations : sequence of array-like of shape (n_l,)
        For each layer above the inputs, the size of each unit's activation over the rows.
    deltas : sequence of array-like of shape (n_l,)
        The same for the derivative of a row's loss with respect to z, the unit's weighted sum.
    gradients : array-like of shape (n_layers,)
        Sizes of dJ/dW, the gradient with respect to the weights that lead to each layer.
    dead : array-like of shape (n_layers,)
        The number of dead units in each layer: those with a slope of the activation below a
        hundredth of its maximum on all rows. No gradient gets through them.
    layers : sequence of str
        Names of the layers.

    Attributes
    ----------
    activation_line_, delta_line_, gradient_line_ : matplotlib.lines.Line2D
        The sizes over all units of a layer.
    bands_ : list of matplotlib collections
        Bands of the activations and deltas, from the 10th to the 90th percentile of the units where
        they are not 0.
    ax_ : matplotlib.axes.Axes
    figure_ : matplotlib.figure.Figure

    See Also
    --------
    LossCurveDisplay : Losses and scores, epoch by epoch.
    trace : All numbers of one step.

    Notes
    -----
    X. Glorot and Y. Bengio, "Understanding the difficulty of training deep feedforward neural
    networks", AISTATS 2010.

    Examples
    --------
    >>> import chainfit
    >>> from sklearn.datasets import load_digits
    >>> X, y = load_digits(return_X_y=True)
    >>> deep = chainfit.MLPClassifier((32,) * 6, activation="logistic", random_state=0)
    >>> deep = deep.initialize(64, 10)
    >>> display = chainfit.GradientFlowDisplay.from_estimator(deep, X[:200] / 16, y[:200])
    >>> bool(display.gradients[0] < 1e-3 * display.gradients[-1])  # they vanish
    True
    """

    activation_line_: Any
    delta_line_: Any
    gradient_line_: Any
    bands_: list[Any]
    ax_: Any
    figure_: Any

    def __init__(
        self,
        *,
        activations: Sequence[Any],
        deltas: Sequence[Any],
        gradients: Any,
        dead: Any,
        layers: Sequence[str],
    ) -> None:
        self.activations = [np.asarray(a, dtype=float) for a in activations]
        self.deltas = [np.asarray(delta, dtype=float) for delta in deltas]
        self.gradients = np.asarray(gradients, dtype=float)
        self.dead = np.asarray(dead, dtype=int)
        self.layers = list(layers)

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        X: Any,
        y: Any,
        *,
        sample_weight: Any = None,
        net: int = 0,
        ax: Any = None,
        **kwargs: Any,
    ) -> Self:
        """Draw the sizes in a training step on these rows, without training.

        Parameters
        ----------
        estimator : estimator or Net
            A fitted model, or one with weights (see `MLPClassifier.initialize`), as `trace` takes
            it. Dropout is not applied.

        X : {array-like, sparse matrix} of shape (n_samples, n_features), or a table
            The rows, in the form that the model takes. A few hundred are enough.

        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            The targets.

        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the rows; None means 1 for each.

        net : int, default=0
            Index of the net in ``nets_`` of a tabular model.

        ax : matplotlib.axes.Axes, default=None
            Axes to draw on; None makes a figure.

        **kwargs : Any
            Keywords of matplotlib's `plot` for all three lines.

        Returns
        -------
        display : GradientFlowDisplay
            The display, drawn.

        Raises
        ------
        TypeError
            If the model is not a net that can be traced.
        NotFittedError
            If it has no weights.
        ValueError
            If the data are not valid.
        ImportError
            If matplotlib is not installed.

        Examples
        --------
        >>> import chainfit
        >>> net = chainfit.Net([[[0.5, 2.0], [-1.0, 0.1]], [[1.0], [-3.0]]], activation="tanh")
        >>> display = chainfit.GradientFlowDisplay.from_estimator(net, [[1.0, 2.0]], [1.0])
        >>> len(display.layers)
        2
        """
        its_net = as_net(unwrapped(estimator), net)
        batch = rounded(its_net, read_batch(its_net, X, y, sample_weight), all_rows=True)
        numbers = trace_numbers(its_net, *batch)
        above = range(1, len(its_net.units))
        share = np.where(numbers.share == 0, np.inf, numbers.share)[:, np.newaxis]
        display = cls(
            activations=[_size(numbers.a[l]) for l in above],
            deltas=[_size(numbers.delta[l] / share) for l in above],
            gradients=[float(_size(dW.reshape(-1, 1))[0]) for dW in numbers.dW],
            dead=[_dead(numbers, l) for l in above],
            layers=[_name(its_net, l) for l in above],
        )
        return display.plot(ax, **kwargs)

    def plot(self, ax: Any = None, **kwargs: Any) -> Self:
        """Draw the sizes by layer.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, default=None
            Axes to draw on; None makes a figure.

        **kwargs : Any
            Keywords of matplotlib's `plot` for all three lines.

        Returns
        -------
        display : GradientFlowDisplay
            This object.

        Raises
        ------
        ImportError
            If matplotlib is not installed.

        Examples
        --------
        >>> import chainfit
        >>> net = chainfit.Net([[[0.5, 2.0], [-1.0, 0.1]], [[1.0], [-3.0]]], activation="tanh")
        >>> display = chainfit.GradientFlowDisplay.from_estimator(net, [[1.0, 2.0]], [1.0])
        >>> display.plot(color="gray").gradient_line_.get_color()
        'gray'
        """
        count = len(self.layers)
        ax = axes_for(ax, (max(6.4, 0.9 * count + 2), 4.8))
        from matplotlib import cbook, lines

        self.ax_, self.figure_ = ax, ax.figure
        self.bands_ = []
        at = np.arange(1, count + 1)
        given = cbook.normalize_kwargs(kwargs, lines.Line2D)  # ls is linestyle

        def draw(sizes: Array, marker: str, label: str, units: Sequence[Array] = ()) -> Any:
            look = {"marker": marker, "linestyle": "-" if units else "--", "label": label}
            (line,) = ax.plot(at, _positive(sizes), **{**look, **given})
            if units:
                spans = np.array([*map(_span, units)]).T
                band = {"color": line.get_color(), "alpha": 0.15, "linewidth": 0}
                self.bands_.append(ax.fill_between(at, *spans, **band))
            return line

        activations, deltas = (_overall(units) for units in (self.activations, self.deltas))
        self.activation_line_ = draw(activations, "o", "activation a", self.activations)
        self.delta_line_ = draw(deltas, "s", "dloss/dz of a row", self.deltas)
        self.gradient_line_ = draw(self.gradients, "^", "dJ/dW")
        ax.set(xlabel="layer", ylabel="root mean square", yscale="log", xlim=(0.5, count + 0.5))
        ax.set_xticks(at, [*map(self._label, range(count))])
        ax.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=3, frameon=False)
        return self

    def _label(self, layer: int) -> str:
        dead = int(self.dead[layer])
        return f"{self.layers[layer]}\n{dead} dead" if dead else self.layers[layer]


def _size(x: Array) -> Array:
    """Return the root mean square of each column."""
    largest = np.abs(x).max(initial=0.0)
    if not 0 < largest < np.inf:
        return np.full(x.shape[1], largest)
    return np.asarray(largest * np.sqrt(np.mean(np.square(x / largest), axis=0)))


def _overall(units: Sequence[Array]) -> Array:
    return np.array([float(_size(sizes[:, np.newaxis])[0]) for sizes in units])


def _span(sizes: Array) -> Array:
    """Return the tenth and the ninetieth percentile of the sizes above 0."""
    above = sizes[sizes > 0]
    return np.percentile(above, (10, 90)) if len(above) else np.full(2, np.nan)


def _positive(sizes: Array) -> Array:
    """Return what a logarithmic axis can show; 0 is a gap."""
    return np.where(sizes > 0, sizes, np.nan)


def _dead(numbers: TraceNumbers, l: int) -> int:
    """Return how many units of a layer let no gradient through on any row; the outputs are none."""
    if l == len(numbers.net.coefs):
        return 0
    steepest = rules.ACTIVATIONS[numbers.net.layer_activation(l)].steepest or 1.0
    through = np.abs(numbers.df[l]).max(axis=0) >= rules.SATURATED * steepest
    return int(np.count_nonzero(~through))


def _name(net: Net, l: int) -> str:
    units = f"{net.units[l]} {net.layer_activation(l)}"
    return f"outputs\n{units}" if l == len(net.coefs) else f"{l}\n{units}"
