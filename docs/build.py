"""Builds the pages that hold numbers: each NAME.md.in below this folder becomes NAME.md.

    python docs/build.py            writes the pages
    python docs/build.py --check    writes none, fails if one is not up to date

A block that opens with ```python is run, and what it prints follows it as a block of text. With
```python page what it prints is part of the page and the block is not shown; after ```python
picture NAME: what it shows the figure that it has drawn follows, kept in img/NAME.svg. One that
opens with ```python with MODULE prints nothing, and is run where MODULE is installed.
``{{ expression }}`` inside a line of text is its value. All blocks of a page share one namespace.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib.util
import io
import re
import sys
from pathlib import Path
from typing import Any

DOCS = Path(__file__).parent
NOTICE = "<!-- Made of {source} by docs/build.py: change that file, not this one. -->\n"

_BLOCK = re.compile(
    r"^```python(?P<page> page)?(?: with (?P<needs>\w+))?"
    r"(?: picture (?P<picture>\w+): (?P<shows>.+?))?\n"
    r"(?P<code>.*?)^```\n",
    re.M | re.S,
)
_INLINE = re.compile(r"\{\{(.+?)\}\}", re.S)


def build(source: Path, pictures: Path | None = None) -> str:
    """Return the page made of a file NAME.md.in.

    Parameters
    ----------
    source : Path
    pictures : Path, optional
        The folder that pictures are written to; without one they are drawn, and not kept.

    Raises
    ------
    RuntimeError
        If a block or an expression fails, or a block prints that may not; the text names its line.
    """
    template = source.read_text(encoding="utf-8")
    namespace: dict[str, Any] = {}
    page, at = [NOTICE.format(source=source.name)], 0
    for block in _BLOCK.finditer(template):
        page.append(_text(template[at : block.start()], source, template, at, namespace))
        line = template.count("\n", 0, block.start()) + 1
        runs = not block["needs"] or importlib.util.find_spec(block["needs"])
        printed = _run(block["code"], source, line, namespace) if runs else ""
        if block["needs"] and printed:
            raise RuntimeError(f"{source.name}, block at line {line} may not print: {printed!r}")
        if block["page"]:
            page.append(printed)
        else:
            page.append(f"```python\n{block['code']}```\n")
            if printed:
                page.append(f"\n```text\n{printed.rstrip()}\n```\n")
        if block["picture"]:
            _keep_picture(block["picture"], pictures)
            up = "../" * len(source.relative_to(DOCS).parts[1:])
            page.append(f"\n![{block['shows']}]({up}img/{block['picture']}.svg)\n")
        at = block.end()
    page.append(_text(template[at:], source, template, at, namespace))
    return "".join(page)


def _keep_picture(name: str, folder: Path | None) -> None:
    import matplotlib.pyplot as plt

    if folder is not None:
        # no date and no random names: the same figure is the same file
        with plt.rc_context({"svg.hashsalt": name}):
            plt.savefig(folder / f"{name}.svg", metadata={"Date": None}, bbox_inches="tight")
    plt.close("all")


def _run(code: str, source: Path, line: int, namespace: dict[str, Any]) -> str:
    printed = io.StringIO()
    try:
        with contextlib.redirect_stdout(printed):
            exec(compile("\n" * line + code, str(source), "exec"), namespace)
    except Exception as error:
        raise RuntimeError(f"{source.name}, block at line {line}: {error!r}") from error
    return printed.getvalue()


def _text(text: str, source: Path, template: str, at: int, namespace: dict[str, Any]) -> str:
    """Return text with the values of its expressions."""

    def value(match: re.Match[str]) -> str:
        try:
            return str(eval(f"({match[1]})", namespace))  # it may have several lines
        except Exception as error:
            line = template.count("\n", 0, at + match.start()) + 1
            raise RuntimeError(f"{source.name}, line {line}: {match[0]}: {error!r}") from error

    return _INLINE.sub(value, text)


def main(argv: list[str] | None = None) -> int:
    """Build or check all pages; return the exit code."""
    parser = argparse.ArgumentParser(description="Build the pages that hold numbers.")
    parser.add_argument("--check", action="store_true", help="fail if a page is not up to date")
    check = parser.parse_args(argv).check
    stale = []
    for source in sorted(DOCS.rglob("*.md.in")):
        page = build(source, None if check else DOCS / "img")
        target = source.with_suffix("")
        if target.exists() and target.read_text(encoding="utf-8") == page:
            continue
        if check:
            stale.append(target.name)
        else:
            target.write_text(page, encoding="utf-8")
            print(f"wrote {target.name}")
    if stale:
        print(f"not up to date: {', '.join(stale)}; run python docs/build.py", file=sys.stderr)
    return 1 if stale else 0


if __name__ == "__main__":
    sys.exit(main())
