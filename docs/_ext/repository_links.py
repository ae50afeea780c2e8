"""Links of pages to files that are no pages lead to the repository.

So a page may link to ``../CONTRIBUTING.md`` and works where the repository is browsed, too. A page
may also be a file from outside, ``{include} ../CHANGELOG.md``, whose links then are this page's.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

from sphinx.application import Sphinx
from sphinx.util import logging

_LINK = re.compile(r"(?<=\]\()(?!\w+:|#)(?P<path>[^)\s#]+)(?P<anchor>#[^)\s]*)?(?=\))")
_FENCE = re.compile(r"^(```|~~~|\$\$).*?^\1$", re.M | re.S)
_INCLUDE = re.compile(r"\A```\{include\} (\S+)\n```\n\Z")


def _rewrite(app: Sphinx, name: str, content: list[str]) -> None:
    page = Path(app.env.doc2path(name))
    if page.suffix != ".md":
        return
    source, text, folder = Path(app.srcdir), content[0], page.parent
    if included := _INCLUDE.match(text):
        file = (folder / included[1]).resolve()
        app.env.note_dependency(str(file))
        text, folder = file.read_text(encoding="utf-8"), file.parent

    def target(match: re.Match[str]) -> str:
        anchor = match["anchor"] or ""
        found = Path(os.path.normpath(folder / match["path"]))
        if not found.exists():
            logging.getLogger(__name__).warning("no file %s", match["path"], location=name)
        elif not found.is_relative_to(source) or found.suffix in {".py", ".in"}:
            kind = "tree" if found.is_dir() else "blob"
            where = found.relative_to(source.parent).as_posix()
            return f"{app.config.repository}/{kind}/main/{where}{anchor}"
        return os.path.relpath(found, page.parent) + anchor

    parts, at = [], 0
    for fence in _FENCE.finditer(text):
        parts += [_LINK.sub(target, text[at : fence.start()]), fence[0]]
        at = fence.end()
    content[0] = "".join([*parts, _LINK.sub(target, text[at:])])


def setup(app: Sphinx) -> dict[str, bool]:
    """Rewrite pages as they are read."""
    app.add_config_value("repository", "", "env")
    app.connect("source-read", _rewrite)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
