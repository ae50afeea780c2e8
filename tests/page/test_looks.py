"""The page of chainfit.explore in Chromium: widths, themes, contrast."""

import numpy as np
import pytest
from pages import find, press, slide

import chainfit


@pytest.mark.parametrize("width", [1280, 400])
@pytest.mark.parametrize("kind", ["small", "large", "deep", "names"])
def test_no_sideways_scrolling(open_page, small, large, width, kind, random_net, rows_of):
    if kind == "small":
        html = chainfit.explore(*small).html
    elif kind == "large":
        html = chainfit.explore(*large).html
    elif kind == "deep":
        net = random_net([5, *[8] * 7, 2])
        html = chainfit.explore(net, *rows_of(net), notation="sklearn").html
    else:
        net = random_net([3, 3, 1])
        long = ["averylongnamewithoutanyblanksinit" * 3, "x" * 200, "many words " * 20]
        net = chainfit.Net(
            net.coefs, net.intercepts, out_activation="logistic", feature_names=long,
            output_names=["y" * 300],
        )  # fmt: skip
        html = chainfit.explore(net, np.ones((1234, 3)), np.ones(1234), title="t" * 300).html
    page = open_page(html, width=width)
    find(page, "(0, 1, 2)")
    for view in ("forward", "backward", "story", "layers"):
        press(page, f"#tab-{view}")
        for _ in range(5 if view == "story" else 1):
            assert page.evaluate("document.documentElement.scrollWidth") <= width, view
            if view == "story":
                slide(page, "#step-range", int(page.input_value("#step-range")) + 3)
    size = page.evaluate("parseFloat(getComputedStyle(document.body).fontSize)")
    assert size >= 14


def test_the_picture_follows_the_window(open_page, small):
    page = open_page(chainfit.explore(*small).html)
    wide = page.locator("svg.net").bounding_box()["width"]
    page.set_viewport_size({"width": 400, "height": 900})
    page.evaluate("""() => new Promise((done) => {
        const look = () => document.querySelector("svg.net").clientWidth < 400
            ? done() : requestAnimationFrame(look); // the policy forbids wait_for_function to poll
        look();
    })""")
    assert page.locator("svg.net").bounding_box()["width"] < wide / 1.5


CONTRAST = """() => {
    const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
    const rgb = (color) => {
        canvas.clearRect(0, 0, 1, 1);
        canvas.fillStyle = color;
        canvas.fillRect(0, 0, 1, 1);
        return canvas.getImageData(0, 0, 1, 1).data;
    };
    const light = (color) => {
        const [r, g, b] = [...rgb(color)].slice(0, 3).map((c) => c / 255)
            .map((c) => (c <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4));
        return 0.2126 * r + 0.7152 * g + 0.0722 * b;
    };
    const behind = (e) => {
        for (; e; e = e.parentElement) {
            const color = getComputedStyle(e).backgroundColor;
            if (rgb(color)[3] === 255) return color;
        }
    };
    const words = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    const poor = [];
    let seen = 0;
    while (words.nextNode()) {
        const e = words.currentNode.parentElement;
        if (!words.currentNode.data.trim() || !e.checkVisibility()) continue;
        if (e.closest(":disabled, script, .node .value, .dim")) continue; // not on the plain page
        const inside = e.closest("svg");
        const style = getComputedStyle(e);
        const [p, q] = [light(inside ? style.fill : style.color), light(behind(e))];
        const ratio = (Math.max(p, q) + 0.05) / (Math.min(p, q) + 0.05);
        seen++;
        if (ratio < 4.5) poor.push([words.currentNode.data, ratio]);
    }
    return { seen, poor };
}"""


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_themes_are_readable(open_page, small, theme, random_net):
    net, X, Y = small
    page = open_page(
        chainfit.explore(net, X, Y, history=[net, random_net([4, 3, 2, 1], 3)]).html, theme=theme
    )
    find(page, "w_12^(1)")
    for view in ("forward", "backward", "story", "layers"):
        press(page, f"#tab-{view}")
        found = page.evaluate(CONTRAST)
        assert found["poor"] == []
        assert found["seen"] > 20


@pytest.mark.parametrize(("theme", "other"), [("light", "dark"), ("dark", "light")])
def test_the_toggle_changes_the_theme(open_page, small, theme, other):
    page = open_page(chainfit.explore(*small).html, theme=theme)
    shades = {"light": "rgb(251, 251, 250)", "dark": "rgb(21, 23, 26)"}
    background = "getComputedStyle(document.body).backgroundColor"
    assert page.evaluate(background) == shades[theme]
    press(page, "#theme")
    assert page.evaluate(background) == shades[other]
    page.keyboard.press("t")
    assert page.evaluate(background) == shades[theme]
