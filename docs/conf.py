"""How the documentation site is built: `nox -s docs`, or `sphinx-build docs build/site`.

Pages are Markdown, those with numbers made by docs/build.py, the reference by autosummary, the
gallery by sphinx-gallery. Nothing is fetched, neither while it is built nor while it is read.
"""

from __future__ import annotations

import os
import re
import sys
import tomllib
import warnings
from pathlib import Path
from typing import Any

DOCS = Path(__file__).parent
sys.path.insert(0, str(DOCS / "_ext"))
PROJECT = tomllib.loads((DOCS.parent / "pyproject.toml").read_text(encoding="utf-8"))["project"]

project = "chainfit"
author = PROJECT["authors"][0]["name"]
project_copyright = author
version = release = PROJECT["version"]
repository = PROJECT["urls"]["Source"]

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "numpydoc",
    "sphinx_copybutton",
    "sphinx_design",
    "sphinx_gallery.gen_gallery",
    "mathml",
    "explore_page",
    "repository_links",
]
exclude_patterns = ["*.in", "**/*.in", "gallery", "examples/**/*.ipynb", "**/GALLERY_HEADER.rst"]
templates_path = ["_templates"]
nitpicky = False  # numpydoc's types are words, not names

# -- Markdown
myst_enable_extensions = ["colon_fence", "dollarmath", "attrs_inline"]
myst_heading_anchors = 3
html_math_renderer = "mathml"
default_role = "autolink"  # `name` in a docstring links where it is the name of something

# -- reference
autosummary_generate = True
autodoc_typehints = "none"  # the docstrings have them, with shapes
autodoc_member_order = "groupwise"
maximum_signature_line_length = 80
numpydoc_show_class_members = False  # the template of a class has them
numpydoc_class_members_toctree = False
numpydoc_xref_param_type = False
toc_object_entries_show_parents = "hide"

# -- gallery
sphinx_gallery_conf = {
    "examples_dirs": "gallery",
    "gallery_dirs": "examples",
    "filename_pattern": r"/plot_",  # the others are shown, and run by tests
    "subsection_order": [
        f"gallery/{name}" for name in ("training", "targets", "inside", "tables", "other_tools")
    ],
    "within_subsection_order": "FileNameSortKey",
    "default_thumb_file": str(DOCS / "_static/recipe.svg"),
    "download_all_examples": False,
    "show_memory": False,
    "min_reported_time": 10,
    "plot_gallery": "True",
    "abort_on_example_error": True,
    "reset_modules": ("matplotlib",),
    "matplotlib_animations": False,
    "show_signature": False,
    "write_computation_times": False,
}
warnings.filterwarnings("ignore", message=".*FigureCanvasAgg is non-interactive.*")
# compiled classes have their docstrings in the module, and only their types in its stub
os.environ["SPHINX_AUTODOC_IGNORE_NATIVE_MODULE_TYPE_STUBS"] = "1"

# -- pages
html_theme = "pydata_sphinx_theme"
html_title = "chainfit"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_search_scorer = str(DOCS / "_static/search_scorer.js")
html_domain_indices = False
html_show_sourcelink = False
html_copy_source = False
html_show_sphinx = False
# The left one lists the pages of a section: those that are none have none.
html_sidebars = {
    name: []
    for name in (
        *("index", "install", "quick-start", "chain-rule", "explore", "performance", "accuracy"),
        *("design", "faq", "changelog", "contributing", "cite"),
    )
}
html_theme_options = {
    "logo": {"text": "chainfit"},
    "icon_links": [{"name": "Source", "url": repository, "icon": "fa-brands fa-github"}],
    "header_links_before_dropdown": 5,
    "navigation_with_keys": False,
    "show_toc_level": 2,
    "secondary_sidebar_items": {"**": ["page-toc"], "index": [], "explore": []},
    "footer_start": ["copyright"],
    "footer_end": [],
    "back_to_top_button": False,
}


def _without_foreign_links(
    _app: Any, _what: str, _name: str, _obj: Any, _o: Any, lines: list[str]
) -> None:
    """Make text of the references to scikit-learn's guide in docstrings that come from there.

    The versions that they name are scikit-learn's, too.
    """
    lines[:] = [
        re.sub(r":(?:ref|term):`([^`<]+?)(?: ?<[^>`]+>)?`", r"\1", line)
        for line in lines
        if not line.lstrip().startswith(".. versionadded::")
    ]


def _without_signature(
    _app: Any, _what: str, name: str, _obj: Any, _o: Any, _signature: Any, _returns: Any
) -> tuple[str, None] | None:
    """Leave out how to make what only the package makes."""
    return ("", None) if name in ("chainfit.Chain", "chainfit.Trace") else None


def setup(app: Any) -> None:
    """Connect what is the site's own."""
    app.connect("autodoc-process-docstring", _without_foreign_links)
    app.connect("autodoc-process-signature", _without_signature)
