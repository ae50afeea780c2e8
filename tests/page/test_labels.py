"""The picture's texts in Chromium: inside of their circles, apart from each other, on a ground."""

import unicodedata

import numpy as np
import pytest
from pages import find, press, slide

import chainfit
from chainfit._explain.notation import NOTATIONS

NAMES = ["sepal length of the flower", "petal width", "a name with many words and no end", "z",
         "averylongnamewithoutanyblanks" * 3]  # fmt: skip
CLASSES = ["Iris setosa of the north", "versicolor", "virginica virginica"]


@pytest.fixture(scope="module")
def nets(random_net):
    """Nets of many sizes with numbers of many sizes, and rows for them."""

    def scaled(units, factor, **settings):
        net = random_net(units)
        W = [w * factor for w in net.coefs]
        settings = {"activation": "tanh", "out_activation": "logistic", **settings}
        return chainfit.Net(W, net.intercepts, **settings)

    softmax = {"out_activation": "softmax", "output_names": CLASSES}
    linear = {"activation": "relu", "out_activation": "identity", "loss": "squared_error"}
    numbered = [f"pixel row {i} column {i}" for i in range(16)]
    return {
        "small": (scaled([4, 3, 2, 1], 1), 1.0),
        "names": (scaled([5, 4, 3], 1, feature_names=NAMES, **softmax), 1.0),
        "many": (scaled([16, 16, 10], 1, feature_names=numbered), 1.0),
        "more": (scaled([40, 17, 3], 1, **softmax), 1.0),
        "tiny": (scaled([3, 3, 2], 1e-9, feature_names=NAMES[:3]), -1e-8),
        "huge": (scaled([3, 3, 2], -12345.678, **linear), 1e5),
        "one": (scaled([1, 1], 1), 1.0),
        "deep": (scaled([5, *[8] * 5, 2], 1), 1.0),
    }


def opened(open_page, nets, kind, **settings):
    net, scale = nets[kind]
    rng = np.random.RandomState(1)
    X, Y = scale * rng.randn(3, net.units[0]), np.zeros((3, net.units[-1]))
    Y[:, 0] = 1
    notation = settings.pop("notation", "sklearn" if kind == "deep" else "tutorial")
    return open_page(chainfit.explore(net, X, Y, notation=notation).html, **settings)


def every_picture(page):
    """Yield each thing that the page shows as a picture, also with a weight chosen."""
    for address in ("", "(0, 0, 0)"):
        if address:
            find(page, address)
        for view in ("forward", "backward"):
            press(page, f"#tab-{view}")
            yield f"{view} {address}"
    press(page, "#tab-story")
    steps = int(page.get_attribute("#step-range", "max")) + 1
    for step in range(0, steps, 3):
        slide(page, "#step-range", step)
        yield f"step {step}"


# Corners of a text that are outside of its circle.
OUTSIDE = """() => [...document.querySelectorAll(".node")].flatMap((node) => {
    const circle = node.querySelector("circle.back").getBBox();
    const text = node.querySelector("text.value").getBBox();
    if (!text.width) return [];
    const r = circle.width / 2;
    const half = Math.hypot(text.width / 2, 4); // at half the height of a digit
    const middle = Math.abs(text.x + text.width / 2 - circle.x - r);
    return half + middle <= r ? [] : [[node.querySelector("text.value").textContent, half, r]];
})"""


# Pairs of texts, or of a text and somebody else's circle, that share some of their place.
OVERLAPS = """() => {
    const svg = document.querySelector("svg.net");
    const frame = { x: 0, y: 0, width: svg.width.baseVal.value, height: svg.height.baseVal.value };
    const texts = [...svg.querySelectorAll("text")].filter((e) => e.textContent);
    // a line of text: what lies above and below its letters may touch
    const box = (e) => {
        const { x, y, width, height } = e.getBBox();
        return { x: x + 0.5, y: y + 0.2 * height, width: width - 1, height: 0.55 * height };
    };
    const meet = (p, q) => p.x < q.x + q.width && q.x < p.x + p.width
        && p.y < q.y + q.height && q.y < p.y + p.height;
    const boxes = texts.map(box);
    const found = [];
    boxes.forEach((p, n) => {
        const name = texts[n].textContent;
        if (p.x < -0.5 || p.y < 0 || p.x + p.width > frame.width + 0.5
            || p.y + p.height > frame.height) found.push([name, "outside of the picture"]);
        boxes.slice(0, n).forEach((q, m) => meet(p, q) && found.push([name, texts[m].textContent]));
        if (texts[n].matches(".value")) return;
        for (const circle of svg.querySelectorAll("circle.back")) {
            const { x, y, width } = circle.getBBox();
            const r = width / 2;
            const dx = Math.max(p.x - x - r, x + r - p.x - p.width, 0);
            const dy = Math.max(p.y - y - r, y + r - p.y - p.height, 0);
            if (Math.hypot(dx, dy) < r) found.push([name, "a circle"]);
        }
    });
    return found;
}"""


# Room of the loss to the left and right of its number.
ROOM = """() => {
    const outer = document.querySelector(".loss rect").getBBox();
    const inner = document.querySelector(".loss .value").getBBox();
    return [inner.x - outer.x, outer.x + outer.width - inner.x - inner.width];
}"""


KINDS = ["small", "names", "many", "more", "tiny", "huge", "one", "deep"]


# Every kind on the narrowest window, and on one of the wider ones in turn.
@pytest.mark.parametrize(
    ("kind", "width"), [*((k, 400) for k in KINDS), *zip(KINDS, [1200, 1920] * 4, strict=True)]
)
def test_numbers_are_inside_of_their_circles_and_texts_apart(open_page, nets, kind, width):
    page = opened(open_page, nets, kind, width=width)
    for shown in every_picture(page):
        assert page.evaluate(OUTSIDE) == [], shown
        assert min(page.evaluate(ROOM)) >= 0 or not page.text_content(".loss .value"), shown
        assert page.evaluate(OVERLAPS) == [], shown


# Texts on lines that have no ground of the card's colour below all of their letters.
GROUND = """() => {
    const probe = document.createElementNS("http://www.w3.org/2000/svg", "rect");
    document.querySelector("svg.net").append(probe);
    probe.style.fill = "var(--card)";
    const card = getComputedStyle(probe).fill;
    probe.remove();
    const texts = [...document.querySelectorAll(".edge-label, .node .name")];
    const bare = texts.filter((text) => {
        const ground = text.previousElementSibling;
        if (!ground?.matches("rect.behind")) return true;
        const [p, q] = [ground.getBBox(), text.getBBox()];
        const { fill, fillOpacity, opacity } = getComputedStyle(ground);
        const covers = p.x <= q.x + 0.5 && p.x + p.width >= q.x + q.width - 0.5
            && p.y <= q.y + 0.2 * q.height && p.y + p.height >= q.y + 0.8 * q.height;
        return !covers || fill !== card || fillOpacity !== "1" || opacity !== "1";
    });
    return [texts.length, bare.map((text) => text.textContent)];
}"""


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("kind", ["small", "names", "tiny"])
def test_no_line_shows_through_a_text(open_page, nets, kind, theme):
    for width in (400, 1200):
        page = opened(open_page, nets, kind, width=width, theme=theme)
        for shown in every_picture(page):
            count, bare = page.evaluate(GROUND)
            assert count >= len(page.locator(".node").all()) and bare == [], shown


def test_the_numbers_of_edges_are_drawn_above_all_lines(open_page, nets):
    page = opened(open_page, nets, "small", width=1200)
    assert page.locator(".edge-label").count() > 0
    assert page.evaluate("""() => {
        const labels = document.querySelector(".edge-labels");
        return [...document.querySelectorAll("svg.net path")].every((path) => path.closest(".node")
            || labels.compareDocumentPosition(path) & Node.DOCUMENT_POSITION_PRECEDING);
    }""")


def test_names_keep_their_ends(open_page, nets):
    """What is left out of a name is its middle; the whole of it is in the title."""
    page = opened(open_page, nets, "many", width=400)
    names = page.locator('[data-unit^="0,"] .name').all_text_contents()
    assert len(set(names)) == 16 and all("…" in name for name in names)
    assert "pixel row 3 column 3" in page.locator('[data-unit="0,3"] title').text_content()


# --- symbols -------------------------------------------------------------------------------------


@pytest.mark.parametrize("notation", NOTATIONS)
def test_symbols_are_those_of_chain_and_trace(open_page, nets, notation):
    """Words in ASCII are the symbols of a text in ASCII, pictures those of one in Unicode."""
    page = opened(open_page, nets, "small", width=1920, notation=notation)
    net, n = nets["small"][0], NOTATIONS[notation]
    L = len(net.coefs)
    told = chainfit.trace(net, np.ones(4), 1.0, notation=notation)
    ascii, unicode = told.text(ascii=True), told.text()
    for view, name in (("forward", n.a), ("backward", n.delta)):
        press(page, f"#tab-{view}")
        for layer in range(L + 1):
            for j in range(net.units[layer]):
                unit = page.locator(f'[data-unit="{layer},{j}"]')
                symbol = name(layer, j) if layer or view == "forward" else n.a(0, j)
                words = f"{'input' if not layer else 'output' if layer == L else 'unit'} "
                label = unit.get_attribute("aria-label") + ", "
                assert label.startswith(f"{words}{symbol.ascii}, ")
                # indices up and down are letters of their own in a text
                flat = unicodedata.normalize("NFKC", symbol.unicode)
                assert unit.locator(".name").first.text_content() == flat
                assert symbol.ascii in ascii and symbol.unicode in unicode
        for layer, w in enumerate(net.coefs):
            for i, j in np.ndindex(*w.shape):
                symbol = n.weight(layer, i, j)
                edge = page.locator(f'[data-address="{layer},{i},{j}"]')
                assert edge.get_attribute("aria-label").startswith(f"weight {symbol.ascii}, ")
                assert symbol.ascii in ascii and symbol.unicode in unicode
    find(page, "(1, 2, 0)")
    shown = page.evaluate(
        "[...document.querySelectorAll('#panel math')].map((e) => e.textContent).join(' ')"
    )
    chain = chainfit.explain(net, np.ones(4), 1.0, (1, 2, 0), notation=notation)
    weight = chain.address.name(n)
    assert unicodedata.normalize("NFKC", weight.unicode) in shown
    assert weight.ascii in chain.text(ascii=True) and weight.unicode in str(chain)
