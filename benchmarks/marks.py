"""Text between marks on a page: it is written by a program and nowhere else."""

from __future__ import annotations

import re
import textwrap


def fill(page: str, name: str, text: str) -> str:
    """Return the page with the text between the marks of this name."""
    begin, end = f"<!-- begin {name} -->", f"<!-- end {name} -->"
    pattern = re.compile(f"{re.escape(begin)}.*?{re.escape(end)}", re.S)
    if len(pattern.findall(page)) != 1:
        raise ValueError(f"the page must have {begin} and {end} once")
    if "\n" not in text:  # a paragraph, not a table
        text = textwrap.fill(text, 100, break_long_words=False, break_on_hyphens=False)
    return pattern.sub(lambda _: f"{begin}\n{text}\n{end}", page)
