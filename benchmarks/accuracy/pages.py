"""The report: on the terminal, and on the pages that show a part of it.

What stands between `<!-- begin NAME -->` and `<!-- end NAME -->` is written by `fill_pages`. To
show a part on a page: its two marks there, and the page in PAGES.
"""

from __future__ import annotations

from pathlib import Path

from marks import fill

from .claims import claims_table
from .figures import Results, about, by_role, each_table, overall_table

ROOT = Path(__file__).parents[2]
PAGES = (ROOT / "docs/accuracy.md", ROOT / "README.md")
NAMES = {"Tuned on": "tuned", "Never tuned on": "kept", "Small tables, tuned on": "small"}


def sections(results: Results) -> dict[str, str]:
    """Return the parts of the report by the names of their marks."""
    parts = by_role(results)
    found = {
        "accuracy": about(results),
        "accuracy claims": claims_table({"All tables": results} | parts),
    }
    for heading, part in parts.items():
        found[f"accuracy {NAMES[heading]}"] = overall_table(part)
        found[f"accuracy {NAMES[heading]} each"] = each_table(part)
    return found


def summary(results: Results) -> str:
    """Return the report for the terminal."""
    found = sections(results)
    texts = [found["accuracy"]]
    for heading in by_role(results):
        name = f"accuracy {NAMES[heading]}"
        texts += [f"### {heading}", found[name], found[f"{name} each"]]
    return "\n\n".join([*texts, "### Claims", found["accuracy claims"]])


def fill_pages(results: Results, pages: tuple[Path, ...] = PAGES) -> None:
    """Write each part of the report between its marks on the pages."""
    for path in pages:
        page = path.read_text(encoding="utf-8")
        for name, text in sections(results).items():
            if f"<!-- begin {name} -->" in page:
                page = fill(page, name, text)
        path.write_text(page, encoding="utf-8")
