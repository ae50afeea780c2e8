"""NetworkDisplay: a net drawn, units as circles and weights as lines."""

# ruff: noqa: E741 - l is the layer, here as in the formulas

from __future__ import annotations

from collections.abc import Sequence
from numbers import Integral
from typing import Any, Literal, Self

import numpy as np
import numpy.typing as npt

from .._common.axes import axes_for
from .._common.printable import printable
from .._common.public import public
from .._explain.net import as_net
from .models import unwrapped

Array = npt.NDArray[Any]

_POSITIVE, _NEGATIVE = "tab:blue", "tab:red"
_LONGEST_NAME = 20
_WIDEST = 3.5  # of a line, in points


@public
class NetworkDisplay:
    """Drawing of a net: its units, and the weights between them by sign and size.

    Created by `from_estimator`. Positive weights are blue and negative ones red; larger weights are
    wider and darker. Units are filled in the same way, according to their biases. In a layer with
    too many units, those with the largest weights are drawn, and the number of the others is shown
    below them.

    Parameters
    ----------
    coefs : sequence of ndarray of shape (n_l, n_{l+1})
        The weights.
    intercepts : sequence of ndarray of shape (n_{l+1},)
        The biases.
    layers : sequence of str
        Names of the layers, from the inputs to the outputs.
    feature_names, output_names : sequence of str
        Names of the inputs and the outputs.

    Attributes
    ----------
    shown_ : list of ndarray of int
        Indices of the units drawn in each layer.
    edges_ : list of matplotlib.collections.LineCollection
        The weights from each layer to the next.
    units_ : list of matplotlib.collections.PathCollection
        The units of each layer.
    text_ : list of matplotlib.text.Text
        Names and numbers.
    ax_ : matplotlib.axes.Axes
    figure_ : matplotlib.figure.Figure

    See Also
    --------
    explore : An interactive page of the net, with the numbers of each step.

    Examples
    --------
    >>> import chainfit
    >>> net = chainfit.Net([[[0.5, 2.0], [-1.0, 0.1]], [[1.0], [-3.0]]], activation="tanh")
    >>> display = chainfit.NetworkDisplay.from_estimator(net)
    >>> [len(units) for units in display.shown_]
    [2, 2, 1]
    """

    shown_: list[Array]
    edges_: list[Any]
    units_: list[Any]
    text_: list[Any]
    ax_: Any
    figure_: Any

    def __init__(
        self,
        *,
        coefs: Sequence[Array],
        intercepts: Sequence[Array],
        layers: Sequence[str],
        feature_names: Sequence[str],
        output_names: Sequence[str],
    ) -> None:
        self.coefs, self.intercepts, self.layers = list(coefs), list(intercepts), list(layers)
        self.feature_names, self.output_names = list(feature_names), list(output_names)

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        *,
        net: int = 0,
        max_units: int = 12,
        scale: Literal["net", "layer"] = "net",
        ax: Any = None,
    ) -> Self:
        """Draw a fitted model.

        Parameters
        ----------
        estimator : estimator or Net
            A fitted MLPClassifier or MLPRegressor of chainfit or scikit-learn, a Pipeline that ends
            in one, a TransformedTargetRegressor or a search around it, a TabularClassifier or
            TabularRegressor, or a `Net`.

        net : int, default=0
            Index of the net in ``nets_`` of a tabular model.

        max_units : int, default=12
            As in `plot`.

        scale : {'net', 'layer'}, default='net'
            As in `plot`.

        ax : matplotlib.axes.Axes, default=None
            As in `plot`.

        Returns
        -------
        display : NetworkDisplay
            The display, drawn.

        Raises
        ------
        TypeError
            If the model is not a net.
        NotFittedError
            If it is not fitted.
        ValueError
            If `max_units` or `scale` is not valid, or there is no such net.
        ImportError
            If matplotlib is not installed.

        Examples
        --------
        >>> import chainfit
        >>> net = chainfit.Net([[[0.5, 2.0], [-1.0, 0.1]], [[1.0], [-3.0]]], activation="tanh")
        >>> display = chainfit.NetworkDisplay.from_estimator(net, max_units=1)
        >>> [units.tolist() for units in display.shown_]
        [[0], [1], [0]]
        """
        its_net = as_net(unwrapped(estimator), net)
        hidden = [its_net.layer_activation(l) for l in range(1, len(its_net.units))]
        display = cls(
            coefs=its_net.coefs,
            intercepts=its_net.intercepts,
            layers=["inputs", *hidden],
            feature_names=its_net.feature_names,
            output_names=its_net.output_names,
        )
        return display.plot(ax, max_units=max_units, scale=scale)

    def plot(
        self, ax: Any = None, *, max_units: int = 12, scale: Literal["net", "layer"] = "net"
    ) -> Self:
        """Draw the net.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, default=None
            Axes to draw on; None makes a figure of a size that suits the net.

        max_units : int, default=12
            Maximum number of units drawn in a layer.

        scale : {'net', 'layer'}, default='net'
            Reference of widths and shades: the largest weight drawn in the whole net, or between
            the same two layers. For biases it is the largest of the net.

        Returns
        -------
        display : NetworkDisplay
            This object.

        Raises
        ------
        ValueError
            If `max_units` or `scale` is not valid.
        ImportError
            If matplotlib is not installed.

        Examples
        --------
        >>> import chainfit
        >>> net = chainfit.Net([[[0.5, 2.0], [-1.0, 0.1]], [[1.0], [-3.0]]], activation="tanh")
        >>> display = chainfit.NetworkDisplay.from_estimator(net)
        >>> len(display.plot(scale="layer").edges_)
        2
        """
        if not isinstance(max_units, Integral) or isinstance(max_units, bool) or max_units < 1:
            raise ValueError(f"max_units must be an int >= 1, got {max_units!r}.")
        if scale not in ("net", "layer"):
            raise ValueError(f"scale must be 'net' or 'layer', got {scale!r}.")
        self.shown_ = self._most_important(int(max_units))
        rows = max(map(len, self.shown_))
        size = 2.0 + 2.2 * (len(self.shown_) - 1), min(9.0, 1.6 + 0.38 * max(rows, 5))
        ax = axes_for(ax, size)
        self.ax_, self.figure_ = ax, ax.figure
        self.text_ = []
        at = [np.c_[np.full(len(s), l), -_centred(len(s))] for l, s in enumerate(self.shown_)]
        self.edges_ = self._draw_weights(at, scale)
        self.units_ = self._draw_units(at)
        self._write(at, rows)
        ax.set(xscale="linear", yscale="linear")
        ax.set_axis_off()
        ax.set_xlim(-0.45, len(at) - 0.55)
        elided = any(len(b) > len(s) for b, s in zip(self.intercepts, self.shown_[1:], strict=True))
        below = 2.2 if elided or len(self.coefs[0]) > len(self.shown_[0]) else 0.6
        ax.set_ylim(-(rows + below) / 2, (rows + 2.2) / 2)
        return self

    # -- what is drawn

    def _most_important(self, most: int) -> list[Array]:
        """Return the units that are drawn of each layer, in their order.

        Those of a hidden layer go by the largest products of what leads to and from them.
        """
        sizes = [np.linalg.norm(self.coefs[0], axis=1)]
        for incoming, outgoing in zip(self.coefs, self.coefs[1:], strict=False):
            sizes.append(np.linalg.norm(incoming, axis=0) * np.linalg.norm(outgoing, axis=1))
        sizes.append(np.linalg.norm(self.coefs[-1], axis=0))
        return [np.sort(np.argsort(-size, kind="stable")[:most]) for size in sizes]

    def _draw_weights(self, at: Sequence[Array], scale: str) -> list[Any]:
        from matplotlib.collections import LineCollection

        shown = [W[np.ix_(*self.shown_[l : l + 2])] for l, W in enumerate(self.coefs)]
        largest = [float(np.abs(W).max()) for W in shown]
        drawn = []
        for l, W in enumerate(shown):
            share = np.abs(W).ravel() / ((max(largest) if scale == "net" else largest[l]) or 1.0)
            i, j = np.indices(W.shape).reshape(2, -1)
            lines: Any = np.stack([at[l][i], at[l + 1][j]], axis=1)
            order = np.argsort(share)  # the largest on top
            edges = LineCollection(
                lines[order],
                colors=np.where(W.ravel() < 0, _NEGATIVE, _POSITIVE)[order],
                linewidths=0.2 + _WIDEST * share[order],
                alpha=0.08 + 0.92 * share[order],
                zorder=1,
                capstyle="round",
            )
            drawn.append(self.ax_.add_collection(edges))
        return drawn

    def _draw_units(self, at: Sequence[Array]) -> list[Any]:
        from matplotlib.colors import to_rgb

        largest = max(float(np.abs(b).max()) for b in self.intercepts) or 1.0
        drawn = []
        for l, places in enumerate(at):
            bias = self.intercepts[l - 1][self.shown_[l]] / largest if l else np.zeros(len(places))
            full = [to_rgb(_NEGATIVE if x < 0 else _POSITIVE) for x in bias]
            fill = 1 - np.abs(bias)[:, np.newaxis] * (1 - np.array(full))  # white is 0
            look = {"s": 150, "edgecolors": "0.25", "linewidths": 1, "zorder": 2}
            drawn.append(self.ax_.scatter(*places.T, c=fill, **look))
        return drawn

    def _write(self, at: Sequence[Array], rows: int) -> None:
        """Write names of inputs and outputs, what each layer is, and what is left out."""
        sides = (0, self.feature_names, -0.12, "right"), (-1, self.output_names, 0.12, "left")
        for l, names, aside, align in sides:
            for (x, y), unit in zip(at[l], self.shown_[l], strict=True):
                self._text(x + aside, y, _short(names[unit]), ha=align, va="center")
        sizes = [*map(len, self.coefs), len(self.intercepts[-1])]
        for l, (name, size) in enumerate(zip(self.layers, sizes, strict=True)):
            self._text(l, (rows + 0.4) / 2, f"{name}\n{size:,}", ha="center", va="bottom")
            hidden = size - len(at[l])
            if hidden:
                below = at[l][-1][1] - 0.45
                self._text(l, below, f"⋮\n{hidden:,} more", ha="center", va="top", color="0.4")

    def _text(self, x: float, y: float, text: str, **style: Any) -> None:
        # names may hold dollar signs, which are no formulas
        look = {"fontsize": "small", "parse_math": False, **style}
        self.text_.append(self.ax_.text(x, y, text, **look))


def _centred(count: int) -> Array:
    return np.arange(count) - (count - 1) / 2


def _short(name: str) -> str:
    name = printable(name)
    return name if len(name) <= _LONGEST_NAME else f"{name[: _LONGEST_NAME - 1]}…"
