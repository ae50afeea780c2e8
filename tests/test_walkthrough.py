"""The worked examples against numbers worked out by hand, with a table of the exponential function.

Nothing here is computed by the package but what is checked: every expected number stands in the
file with the line of arithmetic that it comes from.
"""

import numpy as np
import pytest

import chainfit

# --- 3-3-1, logistic, squared error --------------------------------------------------------------
#
# x = (1, 2, 0.5), y = 1, eta = 0.5; s(z) = 1 / (1 + e^-z)
#
# z_1^(1) =  0.1 * 1 + 0.2 * 2 - 0.4 * 0.5 + 0.1 =  0.4    e^-0.4 = 0.670320046036
# z_2^(1) = -0.3 * 1 + 0.1 * 2 + 0.4 * 0.5 + 0.2 =  0.3    e^-0.3 = 0.740818220682
# z_3^(1) =  0.5 * 1 - 0.4 * 2 + 0.2 * 0.5 - 0.3 = -0.5    e^0.5  = 1.648721270700
# h_1^(2) = 1 / 1.670320046036 = 0.598687660112
# h_2^(2) = 1 / 1.740818220682 = 0.574442516812
# h_3^(2) = 1 / 2.648721270700 = 0.377540668798
#
# z_1^(2) = 0.7 * 0.598687660112 - 0.5 * 0.574442516812 + 0.3 * 0.377540668798 + 0.1
#         = 0.419081362079 - 0.287221258406 + 0.113262200639 + 0.1 = 0.345122304312
# e^-0.345122304312 = 0.708133740361
# h_1^(3) = 1 / 1.708133740361 = 0.585434252817
# J = (0.585434252817 - 1)^2 / 2 = 0.414565747183^2 / 2 = 0.085932379369
#
# dJ/dh_1^(3)        = 0.585434252817 - 1              = -0.414565747183
# dh_1^(3)/dz_1^(2)  = 0.585434252817 * 0.414565747183 =  0.242700988446
# dJ/dz_1^(2)        = their product                   = -0.100615516617
#
# dJ/dw_12^(2) = -0.100615516617 * h_2^(2) = -0.100615516617 * 0.574442516812 = -0.057797830596
#        new:    -0.5 + 0.5 * 0.057797830596 = -0.471101084702
#
# A first-layer weight, w_12^(1): there is one output, so one path leads from it to J.
# dz_1^(2)/dh_1^(2)  = w_11^(2) = 0.7
# dh_1^(2)/dz_1^(1)  = 0.598687660112 * 0.401312339888 = 0.240260745742
# dz_1^(1)/dw_12^(1) = x_2 = 2
# dJ/dw_12^(1) = -0.100615516617 * 0.7 * 0.240260745742 * 2
#              = -0.070430861632 * 0.480521491483 = -0.033843542678
#        new:    0.2 + 0.5 * 0.033843542678 = 0.216921771339

DIGITS = {"rtol": 0, "atol": 2e-12}  # the last of the digits above may be off by a rounding or two


@pytest.fixture
def logistic():
    (example,) = chainfit.walkthrough("3-3-1")
    return example.trace


def test_3_3_1_forward(logistic):
    np.testing.assert_allclose(logistic.z[1], [[0.4, 0.3, -0.5]], **DIGITS)
    hidden = [[0.598687660112, 0.574442516812, 0.377540668798]]
    np.testing.assert_allclose(logistic.a[1], hidden, **DIGITS)
    np.testing.assert_allclose(logistic.z[2], [[0.345122304312]], **DIGITS)
    np.testing.assert_allclose(logistic.a[2], [[0.585434252817]], **DIGITS)
    np.testing.assert_allclose(logistic.J, 0.085932379369, **DIGITS)


def test_3_3_1_chain_of_w_12_2(logistic):
    np.testing.assert_allclose(logistic.da[2], [[-0.414565747183]], **DIGITS)
    np.testing.assert_allclose(logistic.df[2], [[0.242700988446]], **DIGITS)
    np.testing.assert_allclose(logistic.delta[2], [[-0.100615516617]], **DIGITS)
    np.testing.assert_allclose(logistic.dW[1][1, 0], -0.057797830596, **DIGITS)
    np.testing.assert_allclose(logistic.update.of(1, 1, 0)["new"], -0.471101084702, **DIGITS)


def test_3_3_1_chain_of_w_12_1(logistic):
    np.testing.assert_allclose(logistic.df[1][0, 0], 0.240260745742, **DIGITS)
    np.testing.assert_allclose(logistic.dW[0][1, 0], -0.033843542678, **DIGITS)
    np.testing.assert_allclose(logistic.update.of(0, 1, 0)["new"], 0.216921771339, **DIGITS)


# --- 4-3-2-1, relu, squared error: all numbers are short decimals ---------------------------------
#
# x = (1, 2, -1, 0.5), y = 1, eta = 0.1; relu passes what is positive, with the slope 1
#
# z_1^(1) =  0.2 * 1 + 0.3 * 2 + 0.4 * 1 + 0.2 * 0.5 + 0.1 =  1.4    h_1^(2) = 1.4
# z_2^(1) =  0.4 * 1 - 0.2 * 2 - 0.1 * 1 + 0.6 * 0.5 + 0.2 =  0.4    h_2^(2) = 0.4
# z_3^(1) = -0.5 * 1 + 0.1 * 2 - 0.6 * 1 + 0.2 * 0.5 + 0.1 = -0.7    h_3^(2) = 0: off
# z_1^(2) =  0.5 * 1.4 - 0.4 * 0.4 + 0.3 * 0 + 0.1         =  0.64   h_1^(3) = 0.64
# z_2^(2) = -0.2 * 1.4 + 0.6 * 0.4 + 0.1 * 0 + 0.2         =  0.16   h_2^(3) = 0.16
# z_1^(3) =  0.5 * 0.64 - 0.5 * 0.16 + 0.3                 =  0.54   h_1^(4) = 0.54
# J = (0.54 - 1)^2 / 2 = 0.1058
#
# dJ/dz_1^(3) = 0.54 - 1 = -0.46
# dJ/dz^(2)   = (0.5 * -0.46, -0.5 * -0.46) = (-0.23, 0.23)
# dJ/dz^(1)   = (0.5 * -0.23 - 0.2 * 0.23, -0.4 * -0.23 + 0.6 * 0.23, off) = (-0.161, 0.23, 0)
#
# w_12^(1) reaches J by two paths, each -0.46 * (last weight) * (middle weight) * x_2:
# over h_1^(3): -0.46 *  0.5 *  0.5 * 2 = -0.23
# over h_2^(3): -0.46 * -0.5 * -0.2 * 2 = -0.092
# dJ/dw_12^(1) = -0.23 - 0.092 = -0.322          new: 0.3 + 0.1 * 0.322 = 0.3322

DECIMALS = {"rtol": 0, "atol": 1e-15}


@pytest.fixture
def relu():
    (example,) = chainfit.walkthrough("4-3-2-1")
    return example.trace


def test_4_3_2_1_forward(relu):
    np.testing.assert_allclose(relu.z[1], [[1.4, 0.4, -0.7]], **DECIMALS)
    np.testing.assert_allclose(relu.a[1], [[1.4, 0.4, 0]], **DECIMALS)
    np.testing.assert_allclose(relu.a[2], [[0.64, 0.16]], **DECIMALS)
    np.testing.assert_allclose(relu.a[3], [[0.54]], **DECIMALS)
    np.testing.assert_allclose(relu.J, 0.1058, **DECIMALS)


def test_4_3_2_1_backward(relu):
    np.testing.assert_allclose(relu.delta[3], [[-0.46]], **DECIMALS)
    np.testing.assert_allclose(relu.delta[2], [[-0.23, 0.23]], **DECIMALS)
    np.testing.assert_allclose(relu.delta[1], [[-0.161, 0.23, 0]], **DECIMALS)
    # delta times what the weight is multiplied with
    np.testing.assert_allclose(relu.dW[2], [[-0.2944], [-0.0736]], **DECIMALS)
    np.testing.assert_allclose(relu.dW[1], [[-0.322, 0.322], [-0.092, 0.092], [0, 0]], **DECIMALS)
    expected = [[-0.161, 0.23, 0], [-0.322, 0.46, 0], [0.161, -0.23, 0], [-0.0805, 0.115, 0]]
    np.testing.assert_allclose(relu.dW[0], expected, **DECIMALS)
    np.testing.assert_allclose(relu.update.of(0, 1, 0)["new"], 0.3322, **DECIMALS)


# --- as they are shown ---------------------------------------------------------------------------


def test_the_text_shows_the_chains():
    lines = chainfit.walkthrough().text(ascii=True).splitlines()
    assert max(map(len, lines)) <= 100
    for line in (
        "The chain of w_12^(2)",
        "dz_1^(2)/dw_12^(2) = h_2^(2) = 0.574443",
        "product = -0.414566 * 0.242701 * 0.574443 ~= -0.0577978",
        "h_1^(2) -> h_2^(3) -> h_1^(4) = -0.46 * 1 * (-0.5) * 1 * (-0.2) * 1 * 2 = -0.092",
        "sum = -0.322",
        "w_12^(1) new = w_12^(1) old - eta * dJ/dw_12^(1) = 0.3 - 0.1 * (-0.322) = 0.3322",
        "h_3^(2): f'(z) = 0 (relu at z <= 0), nothing goes back through it.",
    ):
        assert line in [" ".join(text.split()) for text in lines]


def test_one_or_all_and_no_other():
    both = chainfit.walkthrough()
    assert [example.name for example in both] == ["4-3-2-1", "3-3-1"]
    assert str(chainfit.walkthrough("3-3-1")) == str(both[1])
    assert both._repr_html_().count("Worked example") == 2
    assert "0.0577978" in both[1]._repr_html_()
    with pytest.raises(ValueError, match="no worked example '2-2-1', only '4-3-2-1', '3-3-1'"):
        chainfit.walkthrough("2-2-1")


def test_every_form():
    both = chainfit.walkthrough(notation="outputs")
    latex = both.to_latex(digits=4)
    # a step and its chains of each
    assert latex.count(r"\begin{aligned}") == sum(1 + len(example.chains) for example in both)
    assert latex.count(r"\begin{array}") == latex.count(r"\end{array}") >= 8
    assert r"O_{11} &= \frac{1}{1 + \exp\left({-y_{11}}\right)}" in both[1].to_latex()
    assert both.text(ascii=True).isascii() and "∂L/∂W₁₂(1)" in str(both[0])
    assert both.to_html() == both._repr_html_()
