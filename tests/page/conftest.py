"""What the tests of the page share: tabs of Chromium that watch each page, and nets to show."""

import itertools

import numpy as np
import pytest

import chainfit


@pytest.fixture(scope="session")
def tab(browser):
    """Return a function of n that returns the nth tab, which stays open from test to test.

    A new tab is a new process, and costs more than what a test does in it. Each has a window of its
    own: what lies behind another tab is drawn once a second.
    """
    tabs = []

    def tab(n):
        while len(tabs) <= n:
            context = browser.new_context()
            context.set_default_timeout(300_000)  # only ends what hangs
            tabs.append(context.new_page())
        return tabs[n]

    return tab


@pytest.fixture
def open_page(tab, tmp_path):
    """Return a function that opens HTML from a file; each page of a test has a tab of its own.

    No page that is watched may write to the console, fail, open a dialog or ask the network.
    """
    problems, pages, listeners = [], [], []

    def listen(page, event, report):
        def listener(what):
            if told := report(what):
                problems.append(f"{event}: {told}")

        page.on(event, listener)
        listeners.append((page, event, listener))

    def open_it(html, *, width=1280, height=900, theme="light", watch=True):
        path = tmp_path / f"page-{len(pages)}.html"
        path.write_text(html, encoding="utf-8", errors="xmlcharrefreplace")
        page = tab(len(pages))
        pages.append(page)
        if page.viewport_size != (size := {"width": width, "height": height}):
            page.set_viewport_size(size)
        page.emulate_media(color_scheme=theme)
        if watch:
            listen(page, "console", lambda message: message.text)
            listen(page, "pageerror", str)
            listen(page, "dialog", lambda dialog: dialog.message)
            listen(page, "request", lambda r: r.url[:200] if r.url != path.as_uri() else None)
        page.goto(path.as_uri())
        return page

    yield open_it
    for page in pages:
        page.evaluate("0")  # whatever it had to tell has arrived
    for page, event, listener in listeners:
        page.remove_listener(event, listener)
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
