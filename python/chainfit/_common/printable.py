"""Text of users inside a text for a reader: what would steer a terminal is shown, not obeyed."""

from __future__ import annotations


def printable(text: object) -> str:
    r"""Return a text in one line, with what has no sign of its own escaped as `repr` does it.

    Control characters (a carriage return, the escape that begins a terminal's commands), marks
    that turn the direction of writing, blanks other than the space, and lone surrogates become
    ``\r``, ``\x1b``, ``\u202e``, ``\xa0``, ``\udc80``.

    Parameters
    ----------
    text : object
        A name of a column, a label, a file: anything that was not written here.

    Returns
    -------
    str

    Examples
    --------
    >>> print(printable("a\x1b]0;b\n"))
    a\x1b]0;b\n
    """
    text = str(text)
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)
