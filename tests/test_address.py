"""Addresses in every notation, there and back, and the errors for those that don't exist."""

import numpy as np
import pytest

from chainfit._explain.address import Address, existing, read_address
from chainfit._explain.notation import NOTATIONS

UNITS = (4, 3, 12, 2)
TUTORIAL = NOTATIONS["tutorial"]

SAME = {
    Address(1, 1, 0): [
        "w_12^(2)",
        "w_1,2^(2)",
        "w_{12}^{(2)}",
        r"w_{1, 2}^{(2)}",
        "w₁₂⁽²⁾",
        "W_22(1)",
        "W[1][1, 0]",
        "W[1][1,0]",
        "coefs_[1][1, 0]",
        "coefs[1][1,0]",
        (1, 1, 0),
        np.array([1, 1, 0]),
    ],
    Address(2, None, 1): [
        "b_2^(3)",
        "b₂⁽³⁾",
        "b_3(2)",
        "b[2][1]",
        "intercepts_[2][1]",
        (2, 1),
    ],
}


@pytest.mark.parametrize(
    "address,text", [(address, text) for address, texts in SAME.items() for text in texts]
)
def test_one_weight_in_every_notation(address, text):
    for notation in NOTATIONS.values():
        assert read_address(text, UNITS, notation) == address


@pytest.mark.parametrize("notation", NOTATIONS.values(), ids=NOTATIONS)
@pytest.mark.parametrize("units", [UNITS, (11, 2), (100, 120, 15, 1)])
def test_every_name_is_an_address(notation, units):
    rng = np.random.RandomState(0)
    for _ in range(200):
        layer = int(rng.randint(len(units) - 1))
        i, j = int(rng.randint(units[layer])), int(rng.randint(units[layer + 1]))
        for address in (Address(layer, i, j), Address(layer, None, j)):
            name = address.name(notation)
            for text in (name.unicode, name.ascii):
                assert read_address(text, units, notation) == address


def test_digits_without_a_comma():
    """w_110: from 10 to 1, for a node 0 does not exist; w_111 of a larger net is ambiguous."""
    assert read_address("w_110^(1)", (10, 3), TUTORIAL) == Address(0, 9, 0)
    with pytest.raises(ValueError, match=r"can be read as w_1,11\^\(1\) or w_11,1\^\(1\): put a"):
        read_address("w_111^(1)", (12, 12), TUTORIAL)
    assert read_address("w_111^(1)", (12, 5), TUTORIAL) == Address(0, 10, 0)


@pytest.mark.parametrize(
    "bad,what",
    [
        ("w_52^(1)", "There is no 'w_52^(1)' in a net of 4-3-12-2."),
        ("w_01^(1)", "There is no 'w_01^(1)'"),
        ("w_11^(0)", "There is no 'w_11^(0)'"),
        ("w_11^(4)", "There is no 'w_11^(4)'"),
        ("w_1^(1)", "There is no 'w_1^(1)'"),
        ("b_4^(1)", "There is no 'b_4^(1)'"),
        ((0, 4, 0), "There is no (0, 4, 0)"),
        ((-1, 0, 0), "There is no (-1, 0, 0)"),
        ((3, 0), "There is no (3, 0)"),
        ((0,), "A tuple is (layer, from, to), or (layer, to) for a bias, got (0,)."),
        ("x_1", "'x_1' is no address of a weight."),
        ("", "'' is no address of a weight."),
        ("W[0][1]", "'W[0][1]' is no address of a weight."),
        ("b[0][1, 2]", "'b[0][1, 2]' is no address of a weight."),
    ],
)
def test_what_does_not_exist(bad, what):
    with pytest.raises(ValueError) as error:
        read_address(bad, UNITS, TUTORIAL)
    assert str(error.value).startswith(what)
    assert str(error.value).endswith(
        "It has from layer 1 to 2: w_11^(1) to w_34^(1) (4 x 3), b_1^(1) to b_3^(1); "
        "from layer 2 to 3: w_11^(2) to w_12,3^(2) (3 x 12), b_1^(2) to b_12^(2); "
        "from layer 3 to 4: w_11^(3) to w_2,12^(3) (12 x 2), b_1^(3) to b_2^(3)."
    )


@pytest.mark.parametrize("bad", [3, None, (0, 1.5, 0), (0, "a")])
def test_what_is_no_address(bad):
    with pytest.raises(TypeError, match="weight must be an address as 'w_12"):
        read_address(bad, UNITS, TUTORIAL)


def test_the_list_is_in_the_notation():
    assert existing((2, 1), NOTATIONS["sklearn"]) == (
        "It has from layer 0 to 1: coefs_[0][0, 0] to coefs_[0][1, 0] (2 x 1), intercepts_[0][0]."
    )
    assert existing((2, 3), NOTATIONS["outputs"]) == (
        "It has into layer 1: W_11(1) to W_12(3) (2 x 3), b_1(1) to b_1(3)."
    )
    assert "W[0][0, 0] to W[0][1, 0]" in existing((2, 1), NOTATIONS["matrix"])
