"""What notebooks and the command line show, in Chromium: nothing is cut, whatever the style around.

The style of the page around is that of JupyterLab and of the classic notebook, as far as tables and
text go, and a hostile one.
"""

import numpy as np
import pytest

import chainfit
from chainfit._cli.explain import _DOCUMENT

LAB = """
body { color: #1f1f1f; font: 14px/1.5 system-ui; margin: 0 16px; }
.out p { text-align: left; margin: 0 0 1em; }
.out pre { white-space: pre; font-size: 13px; padding: 0; }
.out table { border-collapse: collapse; border-spacing: 0; border: none; font-size: 12px;
  table-layout: fixed; margin: 0 auto 1em; }
.out thead { border-bottom: 1px solid #bdbdbd; vertical-align: bottom; }
.out td, .out th, .out tr { vertical-align: middle; padding: 0.5em; line-height: normal;
  white-space: normal; max-width: none; border: none; }
:not(.markdown).out td, :not(.markdown).out th { text-align: right; }
.out tbody tr:nth-child(odd) { background: #eeeeee; }
.out tbody tr:hover { background: #cce5ff; }
"""
CLASSIC = LAB.replace("margin: 0 auto 1em;", "margin: 0 auto; border: 1px solid black;")
HOSTILE = """
body { margin: 8px; }
.out.out table { width: 100%; table-layout: fixed; font-size: 30px; text-align: center;
  border: 4px solid red; margin: 40px; }
.out.out tr { background: yellow; }
.out.out td, .out.out th { text-align: right; white-space: nowrap; overflow: hidden;
  vertical-align: top; padding: 20px; max-width: 60px; border: 2px solid red; background: pink; }
.out.out p { text-align: right; white-space: normal; }
"""
DARK = "html { background: #111; } body { color: #e0e0e0; }"
STYLES = {"lab": LAB, "classic": CLASSIC, "hostile": HOSTILE, "plain": ""}


@pytest.fixture(scope="module")
def shown():
    """Return the pieces of HTML that a notebook shows."""
    rng = np.random.RandomState(0)
    names = ["a feature with a long name, in many words", "x" * 120, "c", "d"]
    net = chainfit.Net(
        [rng.normal(size=shape) for shape in ((4, 5), (5, 4), (4, 3))],
        activation="logistic", out_activation="softmax", alpha=0.1, solver="adam",
        feature_names=names, output_names=["y" * 90, "b", "c"],
    )  # fmt: skip
    X, y = rng.normal(size=(9, 4)), [0, 1, 2] * 3
    return {
        "chain": chainfit.explain(net, X[0], 0, (0, 1, 0)).to_html(),
        "exercise": chainfit.explain(net, X[0], 0, (0, 1, 0)).to_html(hide="numbers"),
        "digits": chainfit.explain(net, X[0], 0, (0, 1, 0)).to_html(digits=17),
        "batch": chainfit.explain(net, X, y, (1, 1, 2), notation="sklearn").to_html(),
        "trace": chainfit.trace(net, X[0], 0)._repr_html_(),
        "trace of a batch": chainfit.trace(net, X, y, notation="sklearn")._repr_html_(),
        "walkthrough": chainfit.walkthrough("4-3-2-1")._repr_html_(),
        "page": chainfit.explore(net, X, y)._repr_html_(),
    }


# Elements whose text or formula is cut: outside of what is around them, or of the window, with no
# way to scroll there.
CUT = """() => {
    const root = document.scrollingElement;
    const cut = [];
    if (root.scrollWidth > innerWidth) cut.push(["the page scrolls", root.scrollWidth]);
    const kinds = "p, h4, td, th, math, pre, iframe, small";
    for (const e of document.querySelectorAll(`.out :is(${kinds})`)) {
        const box = e.getBoundingClientRect();
        if (!box.width) continue;
        let left = 0, right = innerWidth;
        for (let p = e.parentElement; p && p !== document.body; p = p.parentElement) {
            const { overflowX } = getComputedStyle(p);
            if (overflowX === "auto" || overflowX === "scroll") { right = Infinity; break; }
            if (overflowX !== "visible") {
                const around = p.getBoundingClientRect();
                [left, right] = [Math.max(left, around.left), Math.min(right, around.right)];
            }
        }
        if (box.left < left - 1 || box.right > right + 1)
            cut.push([e.tagName, e.textContent.slice(0, 60), box.left, box.right]);
        const own = getComputedStyle(e).overflowX;
        if (e.scrollWidth > e.clientWidth + 1 && own === "hidden" && e.tagName !== "math")
            cut.push([e.tagName, e.textContent.slice(0, 60), "hides"]);
    }
    return cut;
}"""


def document(piece, style):
    return (
        f'<!doctype html><meta charset="utf-8"><style>{style}</style><div class="out">{piece}</div>'
    )


# The results of equations: those that can't be seen without scrolling.
HIDDEN_VALUES = """() => [...document.querySelectorAll(".chainfit .value")].filter((e) => {
    const box = e.querySelector("math").getBoundingClientRect();
    const around = e.closest(".scroll").getBoundingClientRect();
    return !box.width || box.right > around.right + 1 || box.right > innerWidth;
}).map((e) => e.textContent)"""


LOOKS = """() => [...document.querySelectorAll(".chainfit :is(td, th, p)")].map((e) => {
    const { textAlign, backgroundColor, borderTopWidth, whiteSpace } = getComputedStyle(e);
    return [e.className, textAlign, backgroundColor, borderTopWidth];
})"""


PIECES = {
    "chain": True,  # whether it has equations
    "exercise": True,
    "digits": True,
    "batch": True,
    "trace": False,
    "trace of a batch": False,
    "walkthrough": True,
    "page": False,
}


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("name", PIECES)
def test_a_piece_in_a_notebook(open_page, shown, name, style):
    """Nothing is cut, results are in sight, and the look is our own at any width.

    Numbers of a table are to the right, all else to the left; no stripes, no lines.
    """
    page = open_page(document(shown[name], STYLES[style]), width=400, watch=name != "page")
    assert page.locator(".chainfit .value").count() > 5 or not PIECES[name]
    for width in (400, 800, 900, 1000, 1200, 1920) if PIECES[name] else (400, 1200, 1920):
        page.set_viewport_size({"width": width, "height": 900})
        assert page.evaluate(HIDDEN_VALUES) == [], width
        if width in (400, 1200, 1920):
            assert page.evaluate(CUT) == [], width
    if name == "page":  # in a frame, where no style of the notebook's gets
        return
    looks = page.evaluate(LOOKS)
    assert looks
    for kind, align, background, border in looks:
        assert align == ("right" if kind == "number" else "left"), kind
        assert background == "rgba(0, 0, 0, 0)" and border == "0px"
    stripes = page.evaluate(
        "[...document.querySelectorAll('.chainfit tr')]"
        ".map(e => getComputedStyle(e).backgroundColor)"
    )
    assert set(stripes) == {"rgba(0, 0, 0, 0)"}


# Of the equations of a table on a wide screen: equals signs stand below each other.
COLUMNS = """() => [...document.querySelectorAll(".chainfit table.stacked")].map((table) =>
    [...table.querySelectorAll(".value")].map((e) => Math.round(e.getBoundingClientRect().left)))"""


# Whether the result of an equation stands below its left side.
BELOW = """() => [...document.querySelectorAll(".chainfit .value")].map((value) =>
    value.getBoundingClientRect().top
        >= value.parentElement.cells[0].getBoundingClientRect().bottom - 1)"""


@pytest.mark.parametrize("style", STYLES)
def test_columns_and_stacks(open_page, shown, style):
    page = open_page(document(shown["chain"], STYLES[style]), width=1200)
    for lefts in page.evaluate(COLUMNS):
        assert len(set(lefts)) <= 1
    assert not any(page.evaluate(BELOW))
    narrow = open_page(document(shown["chain"], STYLES[style]), width=400)
    assert all(narrow.evaluate(BELOW))


@pytest.mark.parametrize("style", ["lab", "classic"])
def test_colours_are_those_of_the_notebook(open_page, shown, style):
    """Dark or light: words have the notebook's colour, at most a little fainter."""
    for name in ("chain", "trace"):
        page = open_page(document(shown[name], STYLES[style] + DARK), width=1200, theme="dark")
        colours = page.evaluate(
            "[...document.querySelectorAll('.chainfit :is(td, th, p, h4, mi, mn, mo)')]"
            ".map(e => getComputedStyle(e).color)"
        )
        assert set(colours) == {"rgb(224, 224, 224)"}
        faint = (
            "[...document.querySelectorAll('.chainfit *')].map(e => +getComputedStyle(e).opacity)"
        )
        assert min(page.evaluate(faint)) >= 0.7


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [400, 1200, 1920])
def test_the_document_of_the_command_line(open_page, shown, width, theme):
    html = _DOCUMENT.format(title="m" * 60 + ".safetensors: w_12^(2)", body=shown["chain"])
    page = open_page(html.replace("<body>", '<body class="out">'), width=width, theme=theme)
    assert page.evaluate(CUT) == [] and page.evaluate(HIDDEN_VALUES) == []
    size = page.evaluate("document.querySelector('h1').scrollWidth")
    assert size <= width
