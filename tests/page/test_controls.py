"""The page of chainfit.explore in Chromium: controls by mouse and keyboard, and what they say."""

import numpy as np
import pytest
from pages import CLOSE, find, press, units_of, values

import chainfit

# --- the story -----------------------------------------------------------------------------------


def test_the_story_goes_forward_and_back(open_page, small):
    net, X, Y = small
    t = chainfit.trace(net, X[[1]], Y[[1]])
    page = open_page(chainfit.explore(net, X, Y).html)
    page.click("#row-on")
    page.click("#tab-story")
    assert page.is_disabled("#all-rows")
    told = []
    while True:
        told.append((page.inner_text("#panel h2"), values(page, "table.story")))
        if page.is_disabled("#step-on"):
            break
        page.click("#step-on")
    expected = [("The row enters", X[1])]
    for l, title in ((1, "layer 2"), (2, "layer 3"), (3, "the outputs")):  # noqa: E741
        expected.append((f"Weighted sums entering {title}", t.z[l][0]))
        expected.append((f"Activation of {title}", t.a[l][0]))
    expected.append(("The loss", [t.a[3][0, 0], t.penalty, t.J]))
    for l, title in ((3, "the outputs"), (2, "layer 3"), (1, "layer 2")):  # noqa: E741
        back = "Back from the loss: deltas of the outputs" if l == 3 else f"Deltas of {title}"
        expected.append((back, t.delta[l][0]))
        largest = sorted(t.dW[l - 1].ravel(), key=abs, reverse=True)[:8]
        expected.append((f"Gradients of the weights into {title}", largest))
    assert [title for title, _ in told] == [title for title, _ in expected] + ["The update"]
    for (_, shown), (_, numbers) in zip(told, expected, strict=False):
        np.testing.assert_allclose(shown, numbers, **CLOSE)
    old, new = (
        np.concatenate([W.ravel() for W in net_of[0]]) for net_of in (t.update.old, t.update.new)
    )
    order = np.argsort(-np.abs(new - old))
    np.testing.assert_allclose(told[-1][1], new[order[:8]], **CLOSE)

    for n in range(len(told) - 1, 0, -1):
        page.click("#step-back")
        assert page.inner_text("#panel h2") == told[n - 1][0]
    assert page.is_disabled("#step-back")


def test_the_story_shows_what_is_known_by_then(open_page, small):
    page = open_page(chainfit.explore(*small).html)
    page.click("#tab-story")
    filled = "[data-unit] .value:not(:empty)"
    assert page.locator(filled).count() == 4  # the inputs
    for expected in (7, 7, 9, 9, 10):
        page.click("#step-on")
        assert page.locator(filled).count() == expected
    assert page.locator(".loss .value:not(:empty)").count() == 0
    for _ in range(2):
        page.click("#step-on")
    assert page.locator(".loss .value:not(:empty)").count() == 1


def test_rows(open_page, small):
    net, X, Y = small
    page = open_page(chainfit.explore(net, X, Y).html)
    for row in range(4):
        assert page.inner_text("#row-words") == f"row {row + 1} of 4"
        t = chainfit.trace(net, X[[row]], Y[[row]])
        np.testing.assert_allclose(values(page, "#loss"), [t.J], **CLOSE)
        assert f", {t.a[0][0, 2]:.4g}".replace("-", "−") in units_of(page, 0)[2]
        if row < 3:
            page.click("#row-on")
    assert page.is_disabled("#row-on")
    page.fill("#row-range", "0")
    assert page.inner_text("#row-words") == "row 1 of 4"
    page.click("#all-rows")
    assert page.inner_text("#row-words") == "all 4 rows"
    np.testing.assert_allclose(values(page, "#loss"), [chainfit.trace(net, X, Y).J], **CLOSE)
    page.click("#all-rows")
    assert page.inner_text("#row-words") == "row 1 of 4"


def test_one_row_and_one_epoch_need_no_stepper(open_page, small):
    net, X, Y = small
    page = open_page(chainfit.explore(net, X[0], Y[0]).html)
    assert not page.is_visible("#row-stepper")
    assert not page.is_visible("#epoch-stepper")


NETS = {
    "one weight": ([1, 1], {"out_activation": "identity"}),
    "no hidden layer": ([3, 4], {"out_activation": "softmax"}),
    "wide": ([20, 30, 1], {"activation": "leaky_relu", "out_activation": "exp", "alpha": 0.1}),
    "textbook": ([2, 3, 2], {"loss": "squared_error", "solver": "adam"}),
    "softmax": ([2, 3, 3], {"out_activation": "softmax", "loss": "squared_error"}),
    "dead": ([2, 3, 2], {"activation": "relu", "out_activation": "relu", "momentum": 0.9}),
}


@pytest.mark.parametrize(
    ("kind", "notation"), list(zip(NETS, 2 * ["tutorial", "outputs", "sklearn"], strict=True))
)
def test_every_view_of_every_kind_of_net(open_page, kind, notation, random_net, rows_of):
    """`open_page` sees to it that nothing fails; here nothing may be NaN or undefined."""
    units, settings = NETS[kind]
    net = random_net(units, **settings)
    X = rows_of(net)[0]
    Y = np.eye(units[-1])[np.arange(4) % units[-1]]
    page = open_page(chainfit.explore(net, X, Y, notation=notation).html)

    def look():
        assert not {"NaN", "undefined", "null", "Object"} & set(page.inner_text("main").split())

    for address in ("0, 0, 0", f"{len(units) - 2}, 0, 0", "intercepts_[0][0]"):
        find(page, address)
        look()
    for view in ("backward", "layers", "story"):
        press(page, f"#tab-{view}")
        look()
    while page.is_enabled("#step-on"):
        press(page, "#step-on")
        look()
    press(page, "#tab-forward")
    press(page, "#all-rows")
    look()
    press(page, "#tab-layers")
    look()


# --- keyboard and names --------------------------------------------------------------------------


def test_everything_by_keyboard(open_page, small, random_net):
    net, X, Y = small
    nets = [random_net([4, 3, 2, 1], seed, alpha=0.1) for seed in (5, 6)]
    page = open_page(chainfit.explore(net, X, Y, history=nets).html)
    press = page.keyboard.press
    for _ in range(40):  # by Tab alone into the picture
        press("Tab")
        if page.evaluate("document.activeElement.matches('.edge')"):
            break
    focused = "document.activeElement.dataset.address"
    assert page.evaluate(focused) == "0,0,0"
    press("Enter")
    walk = {
        "ArrowDown": "0,1,0",
        "Shift+ArrowDown": "0,1,1",
        "ArrowRight": "1,1,0",
        "ArrowUp": "1,0,0",
        "ArrowLeft": "0,0,0",
        "Shift+ArrowUp": "0,0,2",
    }
    for key, address in walk.items():
        press(key)
        assert page.evaluate(focused) == address
        chosen = page.get_attribute(".edge[aria-pressed=true]", "data-address")
        assert chosen == address
    assert "w_31^(1)" in page.inner_text("#live")
    press("b")
    assert "Bias" in page.inner_text("#panel h2")
    press("Escape")
    assert page.inner_text("#panel h2") == "Choose a weight"

    page.evaluate("document.activeElement.blur()")
    for key, view in {"2": "backward", "3": "story", "4": "layers", "1": "forward"}.items():
        press(key)
        assert page.get_attribute(f"#tab-{view}", "aria-selected") == "true"
    press("n")
    assert page.inner_text("#row-words") == "row 2 of 4"
    press("p")
    assert page.inner_text("#row-words") == "row 1 of 4"
    press("a")
    assert page.inner_text("#row-words") == "all 4 rows"
    press("a")
    press(",")
    assert page.inner_text("#epoch-words") == "net 2"
    press(".")
    assert page.inner_text("#epoch-words") == "as given"
    press("3")
    press("ArrowRight")
    assert page.inner_text("#step-words") == "step 2 of 15"
    press("ArrowLeft")
    assert page.inner_text("#step-words") == "step 1 of 15"
    press("?")
    assert page.is_visible("dialog#keys")
    press("Escape")
    assert not page.is_visible("dialog#keys")
    page.focus("#tab-story")
    press("ArrowRight")
    assert page.evaluate("document.activeElement.id") == "tab-layers"


def test_typing_an_address_is_no_command(open_page, small):
    page = open_page(chainfit.explore(*small).html)
    page.focus("#address")
    page.keyboard.type("1, 2, 0")
    page.keyboard.press("Enter")
    assert page.get_attribute("#tab-forward", "aria-selected") == "true"
    assert page.inner_text("#row-words") == "row 1 of 4"
    assert page.inner_text(".where code") == "coefs_[1][2, 0]"


ADDRESSES = {
    "w_12^(2)": "coefs_[1][1, 0]",
    "w_1,2^(2)": "coefs_[1][1, 0]",
    r"$w_{12}^{(2)}$": "coefs_[1][1, 0]",
    "b_3^(1)": "intercepts_[0][2]",
    "W_22(1)": "coefs_[1][1, 0]",
    "b_1(3)": "intercepts_[0][2]",
    "W[1][1, 0]": "coefs_[1][1, 0]",
    "coefs_[1][1,0]": "coefs_[1][1, 0]",
    "intercepts_[2][0]": "intercepts_[2][0]",
    "(1, 1, 0)": "coefs_[1][1, 0]",
}


def test_addresses(open_page, small, large):
    page = open_page(chainfit.explore(*small).html)
    for address, stored in ADDRESSES.items():
        page.fill("#address", address)
        page.click("#find button")
        assert page.inner_text(".where code") == stored
        assert page.inner_text("#address-error") == ""
    for wrong in ("w_12^(9)", "w_55^(1)", "weight", "w_01^(1)", "(3, 0, 0)", "11, 0", ""):
        page.fill("#address", wrong)
        page.click("#find button")
        text = page.inner_text("#address-error")
        assert f"There is no “{wrong}” here. There are w_11^(1) to w_34^(1);" in text
        assert page.get_attribute("#address", "aria-invalid") == "true"
        assert page.inner_text(".where code") == stored  # the last one stays
    page = open_page(chainfit.explore(*large, max_rows=2).html)
    page.fill("#address", "w_112^(1)")
    page.click("#find button")
    text = page.inner_text("#address-error")
    assert "can be read as w_1,12^(1) or w_11,2^(1): put a comma" in text


def test_everything_has_a_name(open_page, small, random_net):
    net, X, Y = small
    page = open_page(chainfit.explore(net, X, Y, history=[net, random_net([4, 3, 2, 1], 3)]).html)
    for view in ("forward", "backward", "story", "layers"):
        page.click(f"#tab-{view}")
        nameless = page.evaluate(
            """() => [...document.querySelectorAll(
                "button, input, select, [role=button], [role=img], [role=group], svg")]
              .filter((e) => e.getClientRects().length && !e.closest("[aria-hidden=true]"))
              .filter((e) => !(e.getAttribute("aria-label") || e.labels?.length ||
                               e.textContent.trim()))
              .map((e) => e.outerHTML.slice(0, 200))"""
        )
        assert nameless == []
        states = page.evaluate(
            """() => [...document.querySelectorAll("[aria-hidden], [aria-pressed]")]
              .flatMap((e) => [e.ariaHidden, e.ariaPressed])"""
        )
        assert set(states) - {None} <= {"true", "false"}
    snapshot = page.locator("body").aria_snapshot()
    assert 'tab "By layer" [selected]' in snapshot
    assert 'slider "Row"' in snapshot
    page.click("#tab-forward")
    snapshot = page.locator("#stage").aria_snapshot()
    t = chainfit.trace(net, X[[0]], Y[[0]])
    assert f'button "weight w_12^(2), {net.coefs[1][1, 0]:.4g}"'.replace("-", "−") in snapshot
    assert f"unit h_2^(2), {t.a[1][0, 1]:.4g}".replace("-", "−") in snapshot


# --- gradient by layer ---------------------------------------------------------------------------


def test_vanishing_exploding_and_dead(open_page, random_net, rows_of):
    deep = random_net([3, *[6] * 6, 1], activation="logistic")
    X, Y = rows_of(deep)
    page = open_page(chainfit.explore(deep, X, Y).html)
    page.click("#tab-layers")
    t = chainfit.trace(deep, X[[0]], Y[[0]])
    sizes = [np.sqrt(np.mean(dW**2)) for dW in t.dW]
    np.testing.assert_allclose(values(page, ".layers .number"), sizes[::-1], **CLOSE)
    times = f"{sizes[-1] / sizes[0]:.2g}"
    assert sizes[-1] / sizes[0] > 1000
    assert "The gradient vanishes: in the first layer it is" in page.inner_text(".verdict")
    assert float(times) == float(page.inner_text(".verdict").split("is ")[1].split(" times")[0])

    # at 0 each unit has the slope 1/4: on its way back the gradient grows tenfold a layer
    steep = chainfit.Net([[[40.0]]] * 5, [[-20.0]] * 5, activation="logistic")
    page = open_page(chainfit.explore(steep, [[0.5]], [1.0]).html)
    page.click("#tab-layers")
    assert "The gradient explodes: in the first layer it is 10000 times" in page.inner_text(
        ".verdict"
    )

    half_dead = chainfit.Net(
        [np.ones((3, 4)), np.ones((4, 1))], [[0, -100.0, 0, -100.0], [0]], activation="relu"
    )
    X = np.abs(X)
    page = open_page(chainfit.explore(half_dead, X, Y).html)
    dead = page.eval_on_selector_all(".node.dead", "all => all.map((n) => n.dataset.unit)")
    assert dead == ["1,1", "1,3"]
    assert "dead: no gradient passes it for any row" in units_of(page, 1)[3]
    page.click("#tab-layers")
    assert "2 units are dead" in page.inner_text("#stage")
    assert page.locator(".cells .cross").count() == 2


# --- large nets ----------------------------------------------------------------------------------


def test_large_nets_show_their_strongest_part(open_page, large):
    net, X, y = large
    built = chainfit.explore(net, X, y)
    page = open_page(built.html)
    t = chainfit.trace(net, X[[0]], y[[0]])
    shown = [page.locator(f"[data-unit^='{l},']").count() for l in range(4)]  # noqa: E741
    assert shown == [12, 12, 12, 10]
    assert "the 12 strongest are drawn" in page.inner_text("#cut")
    assert "12 of 784" in page.locator(".net").text_content()
    strength = np.abs(t.a[1][0]) * np.abs(net.coefs[1]).sum(axis=1)
    strongest = sorted(np.argsort(-strength)[:12])
    drawn = page.eval_on_selector_all("[data-unit^='1,']", "all => all.map((n) => n.dataset.unit)")
    assert drawn == [f"1,{u}" for u in strongest]
    assert "The page has the first 37 of 60 rows" in page.inner_text("footer")
    missing = int(np.argmin(strength))
    page.fill("#address", f"(0, 400, {missing})")
    page.click("#find button")
    gradient = values(page, "[data-fact=gradient]")
    np.testing.assert_allclose(gradient, [t.dW[0][400, missing]], rtol=1e-10, atol=1e-14)
    assert page.locator(f"[data-unit='1,{missing}']").count() == 1
    assert len(built.html) < 8e6
