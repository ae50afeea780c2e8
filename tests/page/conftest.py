"""What the tests of the page share: Chromium, which watches every page, and nets to show."""

import itertools
import shutil

import numpy as np
import pytest

import chainfit

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")


@pytest.fixture(scope="session")
def browser():
    if CHROMIUM is None:
        pytest.skip("Chromium is not installed (Debian: apt-get install chromium)")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--disable-dev-shm-usage"]
        )
        yield browser
        browser.close()


@pytest.fixture
def open_page(browser, tmp_path):
    """Return a function that opens HTML from a file.

    No page that is watched may write to the console, fail, open a dialog or ask the network.
    """
    problems, contexts = [], []

    def open_it(html, *, width=1280, height=900, theme="light", watch=True):
        path = tmp_path / f"page-{len(contexts)}.html"
        path.write_text(html, encoding="utf-8", errors="xmlcharrefreplace")
        context = browser.new_context(
            viewport={"width": width, "height": height}, color_scheme=theme
        )
        context.set_default_timeout(300_000)  # only ends what hangs
        contexts.append(context)
        page = context.new_page()
        if watch:
            page.on("console", lambda message: problems.append(f"console: {message.text}"))
            page.on("pageerror", lambda error: problems.append(f"error: {error}"))
            page.on("dialog", lambda dialog: problems.append(f"dialog: {dialog.message}"))
            page.on(
                "request",
                lambda request: (
                    problems.append(f"request: {request.url[:200]}")
                    if request.url != path.as_uri()
                    else None
                ),
            )
        page.goto(path.as_uri())
        return page

    yield open_it
    for context in contexts:
        context.close()
    assert problems == []


# --- nets to show --------------------------------------------------------------------------------


@pytest.fixture(scope="session", name="random_net")
def _random_net():
    return random_net


@pytest.fixture(scope="session", name="rows_of")
def _rows_of():
    return rows_of


def random_net(units, seed=0, **settings):
    rng = np.random.RandomState(seed)
    W = [rng.uniform(-1, 1, (n, m)) * np.sqrt(3 / n) for n, m in itertools.pairwise(units)]
    b = [rng.uniform(-0.5, 0.5, n) for n in units[1:]]
    return chainfit.Net(W, b, **{"activation": "tanh", "out_activation": "logistic", **settings})


def rows_of(net, rows=4, seed=1):
    rng = np.random.RandomState(seed)
    return rng.randn(rows, net.units[0]), rng.randint(0, 2, (rows, net.units[-1])).astype(float)


@pytest.fixture(scope="session")
def small():
    net = random_net([4, 3, 2, 1], alpha=0.1)
    return net, *rows_of(net)


@pytest.fixture(scope="session")
def large():
    net = random_net([784, 512, 256, 10], activation="relu", out_activation="softmax")
    rng = np.random.RandomState(0)
    return net, rng.rand(60, 784), rng.randint(0, 10, 60)
