"""Checks the built site: links; in Chromium widths, the search, and that nothing is fetched.

    python docs/check_site.py build/site            all of it
    python docs/check_site.py build/site --picture  makes docs/img/explore.png anew, checks nothing

A page must fit a screen of 400 and of 1280 pixels, for what is wide (code, tables, formulas)
scrolls by itself. Without playwright or Chromium only links are checked: the last line says so.
"""

from __future__ import annotations

import argparse
import functools
import http.server
import re
import shutil
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

WIDTHS = (1280, 400)
#: What a reader types into the search -> a page that must be among the first results.
SEARCHES = {
    "class weight": "guide/weights.html",
    "save": "guide/saving.html",
    "threads": "guide/reproducibility.html",
    "vanishing gradient": "faq.html",
    "early stopping": "guide/stopping.html",
    "learning rate": "guide/learning-rates.html",
    "missing values": "guide/tables.html",
    "GPU": "faq.html",
    "pandas": "guide/tables.html",
    "ONNX": "guide/onnx.html",
    "MPI": "guide/many-machines.html",
    "dropout": "guide/regularisation.html",
    "probabilities": "guide/classification.html",
    "seed": "guide/reproducibility.html",
    "sparse": "guide/sparse.html",
    "quantile": "guide/losses.html",
}
FIRST = 5
# The elements of a page's text that are cut off on the right and can't be scrolled to.
CUT_OFF = """() => {
  const article = document.querySelector("article.bd-article");
  const scrolls = (e) => ["auto", "scroll"].includes(getComputedStyle(e).overflowX);
  const reached = (e) => e === article ? false : scrolls(e) || reached(e.parentElement);
  const edge = article ? article.getBoundingClientRect().right + 1 : 0;
  return [...(article?.querySelectorAll("*:not(.headerlink, svg *, math *)") ?? [])]
    .filter((e) => e.getBoundingClientRect().right > edge && !reached(e.parentElement))
    .map((e) => e.textContent.trim().slice(0, 60));
}"""
# What a page loads, as opposed to what it links to.
LOADED = {("img", "src"), ("script", "src"), ("iframe", "src"), ("source", "src"), ("link", "href")}


class Page(HTMLParser):
    """The references of a page, and the names that others may refer to."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.references: list[tuple[str, str, str]] = []
        self.names: set[str] = set()
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Collect what a tag refers to and is called."""
        for name, value in attrs:
            if value and name in ("href", "src"):
                self.references.append((tag, name, value))
            elif value and name in ("id", "name"):
                self.names.add(value)


def pages_of(site: Path) -> list[Path]:
    """Return the files of all pages; what lies in _static is no page of the site."""
    return [path for path in sorted(site.rglob("*.html")) if "_static" not in path.parts]


def broken_links(site: Path) -> list[str]:
    """Return what is wrong with the references of all pages."""
    pages = {path: Page(path) for path in pages_of(site)}
    found = []
    for path, page in pages.items():
        for tag, attribute, value in page.references:
            parts = urlsplit(value)
            where = f"{path.relative_to(site)}: {value}"
            if parts.scheme == "data" or parts.scheme == "mailto":
                continue
            if parts.scheme or parts.netloc:
                if (tag, attribute) in LOADED:
                    found.append(f"{where} is fetched from elsewhere")
                continue
            target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            target = target / "index.html" if target.is_dir() else target
            if not target.exists():
                found.append(f"{where}: no such file")
            elif parts.fragment and tag == "a" and target in pages:
                if unquote(parts.fragment) not in pages[target].names | {"top"}:
                    found.append(f"{where}: no such place on the page")
    for style in sorted(site.rglob("*.css")):
        for value in re.findall(
            r"(?:@import\s+|url\()['\"]?(https?://[^'\")\s]+)", style.read_text()
        ):
            found.append(f"{style.relative_to(site)}: {value} is fetched from elsewhere")
    return found


@contextmanager
def served(site: Path) -> Iterator[str]:
    """Serve the folder to this machine, and yield its address."""

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *args: Any) -> None:
            pass

    handler = functools.partial(Quiet, directory=str(site))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()


def looked_at(site: Path, browser: Any, address: str) -> list[str]:
    """Return what is wrong with the pages on a screen."""
    found: list[str] = []

    def fetched(request: Any) -> None:
        if not request.url.startswith((address, "data:", "blob:", "about:")):
            found.append(f"{request.frame.url} fetches {request.url}")

    for width in WIDTHS:
        page = browser.new_page(viewport={"width": width, "height": 900})
        page.on("request", fetched)
        page.on("pageerror", lambda error: found.append(f"a script fails: {error}"))
        for path in pages_of(site):
            now = path.relative_to(site).as_posix()
            page.goto(address + now)
            wide = page.evaluate("document.documentElement.scrollWidth")
            if wide > width:
                found.append(f"{now}: {wide} pixels wide on a screen of {width}")
            if cut := page.evaluate(CUT_OFF):
                found.append(f"{now}: cut off on a screen of {width}: {cut[-1]!r}")
        page.close()
    return found


def searched(browser: Any, address: str) -> list[str]:
    """Return the searches that don't find their page."""
    found = []
    page = browser.new_page()
    for words, expected in SEARCHES.items():
        page.goto(f"{address}search.html?q={words.replace(' ', '+')}")
        try:
            page.wait_for_selector("#search-results ul.search li a", timeout=20_000)
            page.wait_for_timeout(1500)  # they come one by one
            links = page.eval_on_selector_all(
                "#search-results ul.search > li > a", "all => all.map(a => a.pathname.slice(1))"
            )
        except Exception as error:
            links = [str(error)]
        if expected not in links[:FIRST]:
            found.append(f"search for {words!r}: {expected} isn't among {links[:FIRST]}")
    page.close()
    return found


def take_picture(browser: Any, address: str, path: Path) -> None:
    """Write the picture of README.md: the page of chainfit.explore with a weight chosen."""
    from PIL import Image

    page = browser.new_page(viewport={"width": 1280, "height": 800})
    page.goto(f"{address}_static/explore-iris.html")
    page.fill("input[placeholder]", "w_31^(1)")
    page.keyboard.press("Enter")
    page.wait_for_timeout(1000)
    page.screenshot(path=path)
    Image.open(path).convert("RGB").quantize(64).save(path, optimize=True)


@contextmanager
def chromium() -> Iterator[Any]:
    """Yield the machine's Chromium, or None where there is none."""
    program = shutil.which("chromium")
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        program = None
    if program is None:
        yield None
        return
    with sync_playwright() as playwright:
        yield playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])


def main(argv: list[str] | None = None) -> int:
    """Check the site; return the exit code."""
    parser = argparse.ArgumentParser(description="Check the built site.")
    parser.add_argument("site", type=Path)
    parser.add_argument("--picture", action="store_true", help="make docs/img/explore.png anew")
    args = parser.parse_args(argv)
    site = args.site.resolve()
    if not (site / "index.html").exists():
        parser.error(f"{site} holds no site")
    with chromium() as browser, served(site) as address:
        if args.picture:
            take_picture(browser, address, Path(__file__).parent / "img/explore.png")
            return 0
        found = broken_links(site)
        if browser is not None:
            found += looked_at(site, browser, address) + searched(browser, address)
    for text in found:
        print(text, file=sys.stderr)
    n = len(pages_of(site))
    browsed = "" if browser is not None else ", links only: there is no Chromium"
    print(f"{n} pages, {len(found)} faults{browsed}")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
