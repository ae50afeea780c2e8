"""Names given by users in every text: what would steer a terminal is written out, not obeyed."""

import json
import warnings

import numpy as np
import pandas as pd
import pytest

import chainfit
from chainfit._common.printable import printable
from chainfit._explain.render_text import wrap

NASTY = {
    "\x1b]52;c;YQ==\x07": r"\x1b]52;c;YQ==\x07",
    "\x1b[2J": r"\x1b[2J",
    "a\rb\nc\bd\te": r"a\rb\nc\x08d\te",
    "\x00\x7f": r"\x00\x7f",
    "\x9b31m\x85": r"\x9b31m\x85",  # C1: the escape and the bracket in one, and a line's end
    "\u202eabc\u202c": r"\u202eabc\u202c",
    "\u2066\u2067\u2068\u2069\u202a\u202b\u202d": (r"\u2066\u2067\u2068\u2069\u202a\u202b\u202d"),
    "\u2028\u200f\ufeff": r"\u2028\u200f\ufeff",
    "\udc80\ud800": r"\udc80\ud800",
    "a\xa0b\u3000": r"a\xa0b\u3000",
    "\U000e0001": r"\U000e0001",
}
PLAIN = ["länge", "c:\\n", "日本 語", "a'b\"c", "½ x² → ∂", ""]


@pytest.mark.parametrize("text", NASTY)
def test_escaped_as_repr_does(text):
    assert printable(text) == NASTY[text]
    assert printable(text).isprintable() and printable(printable(text)) == printable(text)


def test_what_can_be_shown_stays():
    for text in PLAIN:
        assert printable(text) == text
    assert printable(3) == "3"


def is_clean(text):
    return all(c.isprintable() or c == "\n" for c in text)


@pytest.fixture(params=NASTY, ids=range(len(NASTY)))
def nasty(request):
    """Return a name, and a net whose inputs and outputs have it."""
    net = chainfit.Net(
        [np.ones((2, 2))],
        feature_names=[request.param, "b"],
        output_names=[request.param, "c"],
        out_activation="softmax",
    )
    return request.param, net


def test_chain(nasty):
    name, net = nasty
    chain = chainfit.explain(net, [1.0, 2.0], 0, (0, 0, 0))
    for text in (chain.text(), chain.text(ascii=True), chain.to_html(), chain.to_latex()):
        assert is_clean(text)
    for text in (chain.text(width=200), chain.to_html()):
        assert f"({NASTY[name]})" in text
    assert is_clean(chain.text(hide="numbers")) and is_clean(repr(chain))
    for settings in ({}, {"indent": 2}, {"indent": "\t"}):
        text = chain.to_json(**settings)
        assert is_clean(text.replace("\t", "")) and json.loads(text) == chain.to_dict()
    assert chain.to_dict()["net"]["feature_names"][0] == name  # data, as it is


def test_trace(nasty):
    name, net = nasty
    trace = chainfit.trace(net, [1.0, 2.0], 0)
    for text in (str(trace), repr(trace), trace._repr_html_(), repr(net)):
        assert is_clean(text)
    assert NASTY[name][:20] in str(trace)


def test_page(nasty, tmp_path):
    name, net = nasty
    page = chainfit.explore(net, [1.0, 2.0], 0, title=f"of {name}")
    assert is_clean(page.html) and is_clean(repr(page))
    assert f"<h1>of {NASTY[name]}</h1>" in page.html
    page.save(tmp_path / "page.html")
    assert (tmp_path / "page.html").read_text(encoding="utf-8") == page.html


def test_page_saved_under_a_nasty_name(tmp_path):
    page = chainfit.explore(chainfit.Net([[[1.0]]]), [1.0], 0.0)
    page.save(tmp_path / "a\x1b[2J.html")
    assert r"a\x1b[2J.html" in repr(page)


@pytest.mark.parametrize("name", ["\x1b[2J", "\u202eabc", "a\rb", "\x9b31m"])
def test_errors_and_warnings_of_tables(name):
    """What names a column or a label: a table that lacks it, values that can't be read."""
    frame = pd.DataFrame({name: np.arange(12.0), "k": ["u", name] * 6})
    model = chainfit.TabularRegressor(n_nets=1, hidden_layer_sizes=(2,), max_iter=2)
    told = []
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        model.fit(frame, np.arange(12.0) % 5)
        model.predict(frame.assign(**{name: ["1"] * 11 + ["x" + name], "k": name + name}))
        told += [str(warning.message) for warning in caught]
    for wrong in (frame.drop(columns=name), pd.concat([frame, frame[[name]]], axis=1)):
        with pytest.raises(ValueError) as error:
            model.predict(wrong)
        told.append(str(error.value))
    with pytest.raises(ValueError) as error:
        chainfit.TabularRegressor(drop=["no " + name]).fit(frame, np.arange(12.0) % 5)
    told.append(str(error.value))
    assert all(map(is_clean, told)) and sum(printable(name) in text for text in told) >= 4


def test_names_do_not_break_the_layout():
    """A no-break space inside of a name is not taken for one of the layout's own."""
    assert wrap(printable("a\xa0b"), 80, "", "") == [r"a\xa0b"]
