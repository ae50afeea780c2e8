"""The documentation site: the reference has every public name, the checker sees what is wrong."""

import importlib.util
import re
import sys
import tomllib
from inspect import isfunction
from pathlib import Path

import pytest

import chainfit
import chainfit.row_predictor

DOCS = Path(__file__).parents[1] / "docs"


@pytest.fixture(scope="module")
def checker():
    spec = importlib.util.spec_from_file_location("check_site", DOCS / "check_site.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def test_the_reference_has_every_public_name():
    text = (DOCS / "api/index.rst").read_text(encoding="utf-8")
    listed = set(re.findall(r"^   ([A-Za-z]\w*(?:\.\w+)*)$", text, re.M))
    rooms = {"data", "distributed", "reference"}
    public = set(chainfit.__all__) - rooms - {"__version__"}
    public |= {f"{room}.{name}" for room in rooms for name in getattr(chainfit, room).__all__}
    # constants, types and tables by name need no page of their own
    functions = {name for name, value in vars(chainfit.reference).items() if isfunction(value)}
    public -= {f"reference.{name}" for name in set(chainfit.reference.__all__) - functions}
    assert public - listed == set()
    for name in listed:
        value = chainfit
        for part in name.split("."):
            value = getattr(value, part)


def test_pages_that_searches_must_find_exist(checker):
    for page in checker.SEARCHES.values():
        assert (DOCS / page).with_suffix(".md").exists()


@pytest.mark.parametrize("page", sorted(DOCS.rglob("*.md")), ids=lambda path: path.stem)
def test_no_line_of_text_is_a_comment(page):
    """As one that a percent sign begins is to MyST: the site would lack it."""
    text = re.sub(r"^```.*?^```$", "", page.read_text(encoding="utf-8"), flags=re.M | re.S)
    assert re.findall(r"^\s*%.*", text, re.M) == []


def site(folder, **pages):
    for name, body in pages.items():
        (folder / f"{name}.html").write_text(f"<html><body>{body}</body></html>", "utf-8")
    return folder


@pytest.mark.parametrize(
    "body,fault",
    [
        (
            '<a href="b.html#here">b</a> <a href="#top">a</a> <a href="https://example.org">c</a>',
            None,
        ),
        ('<a href="c.html">c</a>', "a.html: c.html: no such file"),
        ('<a href="b.html#there">b</a>', "a.html: b.html#there: no such place on the page"),
        ('<img src="p.png">', "a.html: p.png: no such file"),
        (
            '<script src="https://cdn.example.org/x.js"></script>',
            "a.html: https://cdn.example.org/x.js is fetched from elsewhere",
        ),
    ],
)
def test_links_of_a_site(checker, tmp_path, body, fault):
    folder = site(tmp_path, a=body, b='<p id="here">b</p>')
    assert checker.broken_links(folder) == ([fault] if fault else [])


def test_the_site_in_a_browser(checker, browser, tmp_path):
    wide = "<div style='width: 900px'>wide</div>"
    cut = "<div style='overflow: hidden'><article class='bd-article'>{}</article></div>"
    scrolls = f"<div style='overflow: auto'>{wide}</div>"
    folder = site(
        tmp_path, a=cut.format(scrolls), b=wide, c="<script>nothing()</script>", d=cut.format(wide)
    )
    with checker.served(folder) as address:
        found = checker.looked_at(folder, browser, address)
    assert any(text.startswith("b.html: 9") and text.endswith("of 400") for text in found)
    assert sum("nothing is not defined" in text for text in found) == 2
    assert "d.html: cut off on a screen of 400: 'wide'" in found
    assert len(found) == 4


def test_a_folder_without_a_site(checker, tmp_path, capsys):
    with pytest.raises(SystemExit):
        checker.main([str(tmp_path)])
    assert "holds no site" in capsys.readouterr().err


def test_the_installation_page_has_every_extra_for_users():
    project = tomllib.loads((DOCS.parent / "pyproject.toml").read_text("utf-8"))["project"]
    text = (DOCS / "install.md").read_text(encoding="utf-8")
    ours = {"accuracy", "bench", "dev", "mpi-test", "oracle", "parquet", "peers", "recipes"}
    assert set(re.findall(r"^\| `([\w-]+)` \|", text, re.M)) == (
        project["optional-dependencies"].keys() - ours
    )
