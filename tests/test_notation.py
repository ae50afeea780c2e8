"""One notation: chain, trace, walkthrough and page name the same things alike."""

import itertools
import re
import unicodedata

import numpy as np
import pytest

import chainfit
from chainfit import Net
from chainfit._explain.notation import NOTATIONS

UNITS = (3, 4, 2)
X = [0.3, -1.2, 2.0]


@pytest.fixture(scope="module")
def net():
    rng = np.random.RandomState(0)
    W = [rng.normal(size=shape) for shape in itertools.pairwise(UNITS)]
    return Net(W, activation="tanh", out_activation="softmax", alpha=0.1, solver="adam")


def weights():
    for layer, (n, m) in enumerate(itertools.pairwise(UNITS)):
        for j in range(m):
            yield layer, j
            yield from ((layer, i, j) for i in range(n))


def symbols(notation, flavour):
    """All that the net has: of weights, biases, sums, values, deltas, targets and the loss."""
    n, L = NOTATIONS[notation], len(UNITS) - 1
    names = [n.loss]
    for address in weights():
        names.append((n.weight if len(address) == 3 else n.bias)(*address))
    for layer, size in enumerate(UNITS):
        names += [n.a(layer, j) for j in range(size)]
        if layer:
            names += [f(layer, j) for f in (n.z, n.delta) for j in range(size)]
    names += [n.target(j) for j in range(UNITS[L])]
    return {getattr(name, flavour) for name in names}


SYMBOL = {
    "unicode": r"[a-zA-Zδ]+_?\[\d+\](?:\[[\d, ]+\])?|[a-zA-Zδ][₀-₉]+[⁽⁾⁰¹²³⁴-⁹]*(?:\(\d+\))?",
    "ascii": r"[a-zA-Z]+_?\[\d+\](?:\[[\d, ]+\])?|[a-zA-Z]+_\d+(?:\^\(\d+\))?(?:\(\d+\))?",
}


def named_in(text, flavour):
    """Return what looks like a symbol with numbers as indices; d in front is a derivative's."""
    found = set(re.findall(SYMBOL[flavour], text))
    if flavour == "ascii":
        found = {re.sub("^d(?=[a-zA-Z])(?!eltas?[_[])", "", name) for name in found}
    return found


@pytest.mark.parametrize("flavour", ["unicode", "ascii"])
@pytest.mark.parametrize("notation", NOTATIONS)
def test_chain_and_trace_use_the_same_symbols(net, notation, flavour):
    """Whatever the chain of any weight names, the trace names by the same letters."""
    ascii = flavour == "ascii"
    told = chainfit.trace(net, X, 1, notation=notation).text(ascii=ascii)
    trace_symbols = named_in(told, flavour)
    every = symbols(notation, flavour)
    missing = {name for name in every if name not in told}
    assert missing == set()
    chain = chainfit.explain(net, X, 1, (0, 0), notation=notation)
    # the matrix notations write the delta in whole rows of W, of which the trace has none
    in_vectors = NOTATIONS[notation].in_vectors
    sections = (
        ("chain", "factors", "paths") if in_vectors else ("chain", "factors", "paths", "delta")
    )
    for address in weights():
        text = chain.of(address).text(ascii=ascii, sections=sections)
        of_chain = named_in(text, flavour)
        assert of_chain - trace_symbols == set(), address
        assert len(of_chain & every) > 3


@pytest.mark.parametrize("notation", NOTATIONS)
def test_the_walkthrough_speaks_the_notation(notation):
    for example in chainfit.walkthrough(notation=notation):
        net = example.trace.net
        for ascii in (False, True):
            text = example.text(ascii=ascii)
            again = chainfit.trace(net, example.trace.X, example.trace.Y, notation=notation)
            assert again.text(ascii=ascii) in text
            for chain in example.chains:
                title = getattr(chain.address.name(chain.notation), "ascii" if ascii else "unicode")
                assert f"\nThe chain of {title}\n" in text
                assert chain.text(ascii=ascii, sections=["factors", "paths"]) in text
            others = set(NOTATIONS) - {notation, "matrix" if notation == "sklearn" else ""}
            for other in others:
                foreign = NOTATIONS[other].weight(1, 1, 0)
                assert getattr(foreign, "ascii" if ascii else "unicode") not in text


def test_the_default_is_the_same_everywhere(net):
    assert str(chainfit.trace(net, X, 1)) == chainfit.trace(net, X, 1, notation="tutorial").text()
    assert str(chainfit.walkthrough()) == chainfit.walkthrough(notation="tutorial").text()
    assert chainfit.explain(net, X, 1, (0, 0)).notation is chainfit.trace(net, X, 1).notation
    assert "∂J/∂w₁₂⁽¹⁾" in str(chainfit.trace(net, X, 1)) and "∂J/∂w₁₂⁽¹⁾" in str(
        chainfit.explain(net, X, 1, "w_12^(1)")
    )


def test_the_chain_of_a_trace_tells_it_in_the_chains_notation(net):
    chain = chainfit.explain(net, X, 1, (0, 0, 1), notation="matrix")
    assert str(chain.trace) == str(chainfit.trace(net, X, 1, notation="matrix"))


@pytest.mark.parametrize("call", [chainfit.trace, chainfit.walkthrough])
def test_errors_are_those_of_explain(net, call):
    arguments = (net, X, 1) if call is chainfit.trace else ()
    with pytest.raises(ValueError, match="notation must be one of 'tutorial', 'outputs'"):
        call(*arguments, notation="book")
    found = call(*arguments)
    with pytest.raises(ValueError, match="width must be at least 80, got 79"):
        found.text(width=79)
    with pytest.raises(ValueError, match="digits must be an integer from 1 to 17, got 18"):
        found.text(digits=18)


@pytest.mark.parametrize("notation", NOTATIONS)
def test_ascii_is_ascii_and_fits(net, notation):
    named = Net(net.coefs, feature_names=["größe", "日本", "é"], output_names=["ä", "b"])
    for found in (
        chainfit.trace(named, X, [1.0, 0.0], notation=notation),
        chainfit.trace(named, [X] * 9, [[1.0, 0.0]] * 9, notation=notation),
    ):
        assert found.text(ascii=True).isascii()
        for width in (80, 100, 140):
            assert max(map(len, found.text(width=width).splitlines())) <= width
    walkthrough = chainfit.walkthrough(notation=notation)
    assert walkthrough.text(ascii=True).isascii()
    for width, digits in itertools.product((80, 100), (6, 17)):
        assert max(map(len, walkthrough.text(width=width, digits=digits).splitlines())) <= width


def test_digits(net):
    found = chainfit.trace(net, X, 1)
    assert f"{found.J:.12g}" in found.text(digits=12)
    assert f"{found.J:.3g}" in found.text(digits=3)
    assert repr(float(found.J)) in unicodedata.normalize("NFKC", found.text(digits=17))
