"""The page of chainfit.explore with names that would like to run, in policies and frames.

That no page writes to the console, asks the network or opens a dialog is checked by `open_page`.
"""

import numpy as np
from pages import units_of

import chainfit

HOSTILE = [
    "</script><img src=x onerror=window.hacked=1>",
    "<!--<script>window.hacked=1",
    '"><svg onload=window.hacked=1>',
    "' onmouseover='window.hacked=1",
    "{{ 7 * 7 }}{% raw %}",
    "\u2028\u2029\x00]]>&lt;b&gt;\ud800",
]


def test_names_are_only_text(open_page, random_net):
    net = random_net([6, 2, 6], out_activation="softmax")
    net = chainfit.Net(
        net.coefs,
        net.intercepts,
        activation="tanh",
        out_activation="softmax",
        feature_names=HOSTILE,
        output_names=HOSTILE,
    )
    built = chainfit.explore(net, np.ones((2, 6)), [0, 5], title=HOSTILE[0])
    page = open_page(built.html)
    assert page.inner_text("h1") == HOSTILE[0]
    assert page.title() == HOSTILE[0]
    for view in ("forward", "backward", "story", "layers"):
        page.click(f"#tab-{view}")
        while view == "story" and page.is_enabled("#step-on"):
            page.click("#step-on")
    page.click("#tab-forward")
    page.fill("#address", HOSTILE[0])
    page.click("#find button")
    assert HOSTILE[0] in page.inner_text("#address-error")
    for name, label in zip(HOSTILE[:5], units_of(page, 0), strict=False):
        assert name in label
    page.fill("#address", "w_22^(2)")
    page.click("#find button")
    assert HOSTILE[1] in page.inner_text(".where")
    assert page.evaluate("window.hacked") is None
    assert page.locator("img, svg[onload]").count() == 0


def test_the_policy_holds_even_where_escaping_would_not(open_page, small):
    """Markup put into the page on purpose runs nothing and loads nothing."""
    html = chainfit.explore(*small).html
    attack = (
        "<script>window.hacked=1</script>"
        "<img src='http://127.0.0.1:9/x.png' onerror='window.hacked=1'></h1>"
    )
    page = open_page(html.replace("</h1>", attack, 1), watch=False)
    assert page.evaluate("window.hacked") is None
    assert page.locator(".node").count() == 10


def test_in_a_notebook(open_page, small):
    page_html = chainfit.explore(*small)._repr_html_()
    page = open_page(f"<!doctype html><title>notebook</title><h1>cell</h1>{page_html}")
    frame = page.frames[1]
    frame.wait_for_selector(".node")
    assert frame.locator(".node").count() == 10
    frame.fill("#address", "w_12^(2)")
    frame.click("#show")
    assert frame.inner_text(".where code") == "coefs_[1][1, 0]"
    frame.click("#tab-backward")
    assert frame.get_attribute("#tab-backward", "aria-selected") == "true"
    reach = frame.evaluate("() => { try { return parent.document.title } catch { return null } }")
    assert reach is None
