"""Written: what steps, worked examples and walkthroughs have in common, as users see them.

A class says which documents it is; here they are written as text, LaTeX and HTML. A `Chain` has
settings of its own for each.
"""

from __future__ import annotations

from .document import Document
from .render_html import preformatted, to_html
from .render_latex import to_latex
from .render_text import to_text
from .writer import checked_width, checked_writer


class Written:
    """What is written as one document or several."""

    __slots__ = ()

    def _documents(self, digits: int) -> list[Document]:
        raise NotImplementedError

    def text(self, *, ascii: bool = False, digits: int = 6, width: int = 100) -> str:
        """Write it as aligned text.

        Parameters
        ----------
        ascii : bool, default=False
            Whether to do without Unicode: w_12^(2) and d instead of ∂.
        digits : int, default=6
            Significant digits, 1 to 17; a table that is too wide for its line has fewer.
        width : int, default=100
            Columns of a line, at least 80.

        Returns
        -------
        str
        """
        writer = checked_writer("ascii" if ascii else "unicode", digits)
        width = checked_width(width)
        return "\n\n".join(to_text(each, writer, width) for each in self._documents(digits))

    def __str__(self) -> str:
        return self.text()

    def to_latex(self, *, digits: int = 6) -> str:
        r"""Write equations and tables as LaTeX: ``aligned`` environments for ``\[ ... \]``.

        Parameters
        ----------
        digits : int, default=6
            Significant digits; with 17 the numbers are those of float64.

        Returns
        -------
        str
        """
        writer = checked_writer("latex", digits)
        return "\n\n".join(to_latex(document, writer) for document in self._documents(digits))

    def to_html(self, *, digits: int = 6) -> str:
        """Write it as a piece of HTML; no script, nothing from elsewhere.

        Parameters
        ----------
        digits : int, default=6

        Returns
        -------
        str

        Raises
        ------
        ImportError
            If there are chains in it, and latex2mathml is not installed.
        """
        latex, plain = checked_writer("latex", digits), checked_writer("unicode", digits)
        return "\n".join(
            to_html(document, plain if document.long else latex)
            for document in self._documents(digits)
        )

    def _repr_html_(self) -> str:
        try:
            return self.to_html()
        except ImportError:
            return preformatted(self.text())
