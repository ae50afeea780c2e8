"""Written: chains, steps and worked examples as text, LaTeX and HTML.

A class says which documents it is; the renderers write them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from .document import Document
from .render_html import preformatted, to_html
from .render_latex import to_latex
from .render_text import to_text
from .writer import Writer, checked_writer


class Written:
    """What is written as one document or several."""

    __slots__ = ()

    def _documents(self, writer: Writer) -> list[Document]:
        raise NotImplementedError

    def _chosen(self, writer: Writer, keys: Sequence[str] | None) -> list[Document]:
        documents = self._documents(writer)
        known = dict.fromkeys(key for document in documents for key in document.keys)
        for key in keys or ():
            if key not in known:
                listed = ", ".join(map(repr, known))
                raise ValueError(f"sections must be among {listed}, got {key!r}.")
        return documents if keys is None else [document.only(keys) for document in documents]

    def text(
        self,
        *,
        ascii: bool = False,
        hide: Literal["numbers"] | None = None,
        digits: int = 6,
        width: int = 100,
        sections: Sequence[str] | None = None,
    ) -> str:
        """Return the document as aligned text.

        Parameters
        ----------
        ascii : bool, default=False
            Whether to write plain ASCII: w_12^(2), and d instead of ∂.
        hide : {'numbers'}, default=None
            'numbers' leaves blanks to fill in, as an exercise, and lists what is given.
        digits : int, default=6
            Number of significant digits, from 1 to 17; a table too wide for a line has fewer.
        width : int, default=100
            Maximum number of characters in a line, at least 80.
        sections : sequence of str, default=None
            Sections to write; None means all. Those that don't apply are omitted. A chain has
            'head', 'given' (where numbers are hidden), 'chain', 'factors', 'paths', 'softmax',
            'delta', 'blocked', 'rows', 'l2', 'update' and 'verified'; a step 'overview', 'given',
            'inputs', 'forward', 'loss', 'backward', 'gradient' and 'update'.

        Returns
        -------
        text : str
            The text; ``print(chain)`` writes it with the defaults.

        Raises
        ------
        ValueError
            If `hide`, `digits`, `width` or a section is not valid.

        Examples
        --------
        >>> import chainfit
        >>> net = chainfit.Net([[[0.5], [-1.0]]], [[0.25]], out_activation="logistic")
        >>> chain = chainfit.explain(net, [2.0, 1.0], 1, "w_12^(1)")
        >>> print(chain.text(sections=["chain"], ascii=True))
        The chain
              dJ         dJ      dh_1^(2)    dz_1^(1)
          --------- = -------- * -------- * ---------
          dw_12^(1)   dh_1^(2)   dz_1^(1)   dw_12^(1)
        """
        writer = checked_writer("ascii" if ascii else "unicode", digits, hide)
        if width < 80:
            raise ValueError(f"width must be at least 80, got {width!r}.")
        return "\n\n".join(to_text(each, writer, width) for each in self._chosen(writer, sections))

    def __str__(self) -> str:
        return self.text()

    def to_latex(
        self,
        *,
        hide: Literal["numbers"] | None = None,
        digits: int = 6,
        sections: Sequence[str] | None = None,
    ) -> str:
        r"""Return equations and tables as LaTeX: ``aligned`` environments for ``\[ ... \]``.

        Parameters
        ----------
        hide : {'numbers'}, default=None
            As in `text`.
        digits : int, default=6
            Number of significant digits, from 1 to 17; 17 give the exact float64.
        sections : sequence of str, default=None
            As in `text`.

        Returns
        -------
        latex : str
            The source, which needs the package amsmath.

        Raises
        ------
        ValueError
            If `hide`, `digits` or a section is not valid.

        Examples
        --------
        >>> import chainfit
        >>> net = chainfit.Net([[[0.5], [-1.0]]], [[0.25]], out_activation="logistic")
        >>> chain = chainfit.explain(net, [2.0, 1.0], 1, "w_12^(1)")
        >>> print(*chain.to_latex(sections=["chain"], digits=3).splitlines()[-3:], sep="\n")
        &= -1.78 \cdot 0.246 \cdot 1 \\
        &= -0.438
        \end{aligned}
        """
        writer = checked_writer("latex", digits, hide)
        return "\n\n".join(to_latex(each, writer) for each in self._chosen(writer, sections))

    def to_html(
        self,
        *,
        hide: Literal["numbers"] | None = None,
        digits: int = 6,
        sections: Sequence[str] | None = None,
    ) -> str:
        """Return the document as an HTML fragment without scripts and external resources.

        Parameters
        ----------
        hide : {'numbers'}, default=None
            As in `text`.
        digits : int, default=6
            As in `text`.
        sections : sequence of str, default=None
            As in `text`.

        Returns
        -------
        html : str
            The fragment; formulas are MathML.

        Raises
        ------
        ImportError
            If it has formulas and latex2mathml is not installed.
        ValueError
            If `hide`, `digits` or a section is not valid.

        Examples
        --------
        >>> import chainfit
        >>> net = chainfit.Net([[[0.5], [-1.0]]], [[0.25]], out_activation="logistic")
        >>> html = chainfit.trace(net, [2.0, 1.0], 1).to_html(sections=["loss"])
        >>> html.count("<table"), html.count("<script")
        (1, 0)
        """
        latex = checked_writer("latex", digits, hide)
        plain = latex.with_flavour("unicode")
        return "\n".join(
            to_html(each, plain if each.long else latex) for each in self._chosen(latex, sections)
        )

    def _repr_html_(self) -> str:
        try:
            return self.to_html()
        except ImportError:
            return preformatted(self.text())
