"""chainfit.explore: a net, its numbers and its chains as one HTML page that needs nothing else."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from html import escape
from importlib.resources import files
from numbers import Integral, Real
from types import ModuleType
from typing import Any

from ..._common.printable import printable
from ..._common.public import public
from ..._files.disk import AnyPath, as_path, write_output
from .. import rules
from ..history import History
from ..net import Net, as_net
from ..notation import NOTATIONS, NotationName
from .data import page_data, to_script

# One script, in this order: what a file uses stands before it.
SCRIPTS = (
    *("data", "tree", "numbers", "dom", "notation", "math", "formulas", "paths"),
    *("labels", "picture", "views", "chain", "story", "layers", "app"),
)

NOTEBOOK_HEIGHT = 820


@public
class Page:
    """HTML page in one file; made by `explore`.

    It loads no external resources, and its content security policy forbids them. Notebooks display
    it in a frame without access to the notebook.

    Parameters
    ----------
    html : str
        The page.

    Attributes
    ----------
    html : str
        The page.
    path : str or None
        The file it was written to.

    See Also
    --------
    explore : Create a page.

    Examples
    --------
    >>> import chainfit
    >>> page = chainfit.explore(chainfit.Net([[[0.5], [-1.0]]]), [[2.0, 1.0]], [1.0])
    >>> page.html[:15], page.path
    ('<!doctype html>', None)
    """

    def __init__(self, html: str) -> None:
        self.html = html
        self.path: str | None = None

    def save(self, path: AnyPath) -> None:
        """Write the page to a file, whole or not at all, in UTF-8.

        Parameters
        ----------
        path : str, bytes or path-like
            The file. An existing one is replaced by one of the same owner, group and mode.

        Raises
        ------
        TypeError
            If `path` is not a path.
        ValueError
            If it holds a null character.
        OSError
            If the file can't be written.

        Examples
        --------
        >>> import os, tempfile
        >>> import chainfit
        >>> page = chainfit.explore(chainfit.Net([[[0.5], [-1.0]]]), [[2.0, 1.0]], [1.0])
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     page.save(os.path.join(folder, "net.html"))
        ...     os.listdir(folder)
        ['net.html']
        """
        write_output(path, self.html.encode("utf-8"))
        self.path = as_path(path)

    def _repr_html_(self) -> str:
        return (
            f'<iframe sandbox="allow-scripts" title="chainfit: a net explored" width="100%" '
            f'height="{NOTEBOOK_HEIGHT}" style="border:0" srcdoc="{escape(self.html)}"></iframe>'
        )

    def __repr__(self) -> str:
        where = "" if self.path is None else f", in {printable(self.path)}"
        return f"<Page: {len(self.html) / 1e6:.1f} MB of HTML{where}>"


def explore(
    model: Any,
    X: Any,
    y: Any,
    path: AnyPath | None = None,
    *,
    sample_weight: Any = None,
    notation: NotationName = "tutorial",
    history: History | Sequence[Any] | None = None,
    title: str | None = None,
    max_rows: int = 200,
    max_mb: float = 25.0,
    net: int = 0,
) -> Page:
    """Make an HTML page for exploring a net and its chain rule.

    It draws the net with the values of its units and weights, the gradient as it flows back, one
    training step in order, and the size of the gradient by layer. A click on a weight highlights
    its paths to the loss and shows its chain of derivatives with numbers, and the update that the
    solver makes. The numbers are those of `trace`, in float64.

    Parameters
    ----------
    model : Net or fitted model
        As in `explain`.
    X : array-like or sparse matrix of shape (rows, n_0), or (n_0,) for one row
        The rows that the page steps through.
    y : array-like of shape (rows,) or (rows, n_L)
        The targets.
    path : str, bytes or path-like, default=None
        File to write the page to; None writes none.
    sample_weight : array-like of shape (rows,), default=None
        Weights of the rows in the batch of all rows. A single row has weight 1.
    notation : {'tutorial', 'outputs', 'matrix', 'sklearn'}, default='tutorial'
        Names of the symbols at first; the page can change them.
    history : History, or sequence of Net or fitted models, default=None
        Weights of earlier epochs to step through, oldest first; the model comes last.
    title : str, default=None
        Heading of the page; None means the model's class and layers.
    max_rows : int, default=200
        Maximum number of rows, of which the first ones are kept; fewer if the net is so large (more
        than 20 million products of a weight and a row) that a batch would be slow to show.
    max_mb : float, default=25.0
        Maximum size of the page in megabytes. If there are too many epochs, as many as fit are
        kept, spread evenly. A weight takes 11 bytes (5 if it is a float32) per epoch, with Adam
        three times that for the last epoch.
    net : int, default=0
        Index of the net in ``nets_`` of a tabular model.

    Returns
    -------
    page : Page
        The page: its text is ``page.html``, `save` writes it, and notebooks display it.

    Raises
    ------
    TypeError
        If `model` is not a net that can be explained, or `path` not a path.
    NotFittedError
        If it is not fitted.
    ValueError
        If X, y, sample_weight, notation, max_rows or max_mb can't be used, nets of the history
        have other shapes, or the net is too large for `max_mb`.
    ImportError
        If jinja2 is not installed.

    See Also
    --------
    trace : The numbers of the page as arrays.
    History : Keeps the nets of a fit.

    Examples
    --------
    >>> import chainfit
    >>> net = chainfit.Net([[[0.5], [-1.0]]], [[0.25]])
    >>> page = chainfit.explore(net, [[2.0, 1.0]], [1.0])
    >>> page.html.startswith("<!doctype html>")
    True
    """
    jinja2 = _require_jinja2()
    if not isinstance(max_rows, Integral) or isinstance(max_rows, bool) or max_rows < 1:
        raise ValueError(f"max_rows must be an integer of at least 1, got {max_rows!r}.")
    if not isinstance(max_mb, Real) or isinstance(max_mb, bool) or not max_mb > 0:
        raise ValueError(f"max_mb must be a positive number, got {max_mb!r}.")
    if path is not None:
        path = as_path(path)
    its_net = as_net(model, net)
    data, notes = page_data(
        its_net, X, y, sample_weight=sample_weight, notation=notation, history=history,
        max_rows=int(max_rows), max_mb=float(max_mb),
    )  # fmt: skip
    page = Page(_render(jinja2, its_net, title or _title(its_net), data, notes))
    if path is not None:
        page.save(path)
    return page


def _require_jinja2() -> ModuleType:
    """Import jinja2, or say how to get it."""
    try:
        import jinja2
    except ImportError:
        raise ImportError(
            "explore needs jinja2, which is not installed: pip install 'chainfit[explain]'"
        ) from None
    return jinja2


def _title(net: Net) -> str:
    name = "Net" if net.source is None else type(net.source).__name__
    return f"{name} {'-'.join(map(str, net.units))}"


def _about(net: Net) -> str:
    hidden = dict.fromkeys(net.layer_activation(layer) for layer in range(1, len(net.coefs)))
    penalty = f", L2 penalty α = {net.alpha:g}" if net.alpha else ""
    penalty += f", L1 penalty {net.l1:g}" if net.l1 else ""
    J = rules.loss_of(net).words
    return f"{', '.join([*hidden, f'outputs {net.out_activation}'])}, J: {J}{penalty}; {net.solver}"


def _render(jinja2: Any, net: Net, title: str, data: dict[str, Any], notes: list[str]) -> str:
    folder = files(__package__) / "web"

    def read(name: str) -> str:
        return (folder / name).read_text(encoding="utf-8")

    style = read("page.css")
    script = '(() => {\n"use strict";\n' + "\n".join(read(f"{n}.js") for n in SCRIPTS) + "})();\n"
    environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined)
    environment.filters["hash"] = _hash
    html: str = environment.from_string(read("page.html")).render(
        title=printable(title),
        about=_about(net),
        notes=notes,
        notation=data["notation"],
        notations=[(name, names.summary) for name, names in NOTATIONS.items()],
        style=style,
        script=script,
        data=to_script(data),
    )
    return html


def _hash(text: str) -> str:
    """Return the digest by which the page's policy allows this script or style and no other."""
    digest = hashlib.sha256(text.encode("utf-8")).digest()
    return f"sha256-{base64.b64encode(digest).decode('ascii')}"
