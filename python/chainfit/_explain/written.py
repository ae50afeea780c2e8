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
        """Write it as aligned text.

        Parameters
        ----------
        ascii : bool, default=False
            Whether to do without Unicode: w_12^(2) and d instead of ∂.
        hide : {'numbers'}, default=None
            'numbers' leaves blanks to fill in, and lists what is given.
        digits : int, default=6
            Significant digits, 1 to 17; a table that is too wide for its line has fewer.
        width : int, default=100
            Columns of a line, at least 80.
        sections : sequence of str, default=None
            Only these; None is all. Those that don't apply are left out. A chain has 'head',
            'given' (where numbers are hidden), 'chain', 'factors', 'paths', 'softmax', 'delta',
            'blocked', 'rows', 'l2', 'update' and 'verified'; a step 'overview', 'given', 'inputs',
            'forward', 'loss', 'backward', 'gradient' and 'update'.

        Returns
        -------
        str
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
        r"""Write equations and tables as LaTeX: ``aligned`` environments for ``\[ ... \]``.

        Parameters
        ----------
        hide, digits, sections
            As in `text`; with 17 digits the numbers are those of float64.

        Returns
        -------
        str
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
        """Write it as a piece of HTML; no script, nothing from elsewhere.

        Parameters
        ----------
        hide, digits, sections
            As in `text`.

        Returns
        -------
        str

        Raises
        ------
        ImportError
            If there are chains in it, whose formulas are MathML, and latex2mathml is not installed.
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
