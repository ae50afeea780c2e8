"""The verification: what is compared, how far it may differ, and that a wrong number is found."""

import dataclasses
import math
from itertools import pairwise

import numpy as np
import pytest
from numpy.testing import assert_allclose

from chainfit import MismatchError, Net, _core, explain, trace
from chainfit._explain import explain as explain_module
from chainfit._explain import verify as check_module


def small_net(**settings):
    rng = np.random.RandomState(3)
    sizes = [4, 5, 3]
    coefs = [rng.normal(0, 0.7, shape) for shape in pairwise(sizes)]
    return Net(coefs, [rng.normal(0, 0.2, n) for n in sizes[1:]], **settings)


X, Y = [[0.4, -1.1, 0.7, 0.3], [1.0, 0.2, -0.5, 0.9]], [[0.2, -0.4, 0.3], [0.1, 0.6, -0.2]]


def test_three_ways_agree():
    chain = explain(small_net(activation="tanh", alpha=0.1), X, Y, "w_23^(1)")
    check = chain.verification
    assert_allclose([check.stored, check.kernel], chain.value, rtol=1e-14)
    assert_allclose(check.difference, chain.value, rtol=1e-9)
    assert check.kernel_tolerance < 1e-13 and check.difference_tolerance < 1e-7


@pytest.mark.parametrize("activation", ["logistic", "tanh", "relu", "leaky_relu"])
def test_squared_error_of_an_activation_by_one_more_layer(activation):
    """Where the core has no such outputs they become hidden units."""
    net = small_net(activation=activation, out_activation=activation, loss="squared_error")
    chain = explain(net, X, Y, "w_23^(1)")
    assert chain.verification.kernel is not None
    on_top = "identity layer on top" in chain.verification.kernel_note
    assert on_top == (activation not in _core.links())
    assert_allclose(chain.verification.kernel, chain.value, rtol=1e-13)
    assert on_top == ("of the net with an identity layer on top" in str(chain))


def test_where_the_core_has_no_such_net():
    net = small_net(activation="tanh", out_activation="softmax", loss="squared_error")
    chain = explain(net, X, Y, "w_23^(1)")
    assert chain.verification.kernel is None
    assert "NumPy's gradient" in str(chain)
    assert "the core trains no net with this loss and output activation" in str(chain)


def test_a_wrong_gradient_is_found(monkeypatch):
    """One element of the stored gradient off by 1e-12 of it, and the chain is refused."""
    net = small_net(activation="tanh")

    def wrong(*arguments, **settings):
        step = trace(*arguments, **settings)
        dW = [w.copy() for w in step.dW]
        dW[0][2, 1] *= 1 + 1e-12
        return dataclasses.replace(step, dW=dW)

    monkeypatch.setattr(explain_module, "trace", wrong)
    with pytest.raises(MismatchError, match=r"dJ/dw_23\^\(1\): the chain's product is .*NumPy's"):
        explain(net, X, Y, "w_23^(1)")
    explain(net, X, Y, "w_22^(1)")  # its neighbour is as it was


def test_a_wrong_delta_is_found(monkeypatch):
    net = small_net(activation="tanh")

    def wrong(*arguments, **settings):
        step = trace(*arguments, **settings)
        df = [None, step.df[1] * (1 + 1e-9), step.df[2]]  # not those that the gradient is made of
        return dataclasses.replace(step, df=df)

    monkeypatch.setattr(explain_module, "trace", wrong)
    with pytest.raises(MismatchError):
        explain(net, X, Y, "w_23^(1)")


@pytest.mark.parametrize(
    "what,name",
    [("_kernel_gradient", "the kernel's"), ("central_difference", "central difference")],
)
def test_a_wrong_way_is_found(monkeypatch, what, name):
    net = small_net(activation="tanh")
    right = getattr(check_module, what)

    def wrong(*arguments):
        value, *rest = right(*arguments)
        return (value * (1 + 1e-4), *rest)

    monkeypatch.setattr(check_module, what, wrong)
    with pytest.raises(MismatchError, match=name):
        explain(net, X, Y, "w_23^(1)")


def test_paths_that_do_not_add_up(monkeypatch):
    chain = explain(small_net(activation="tanh"), X, Y, "w_23^(1)")
    chain.backward.terms[1] *= 1 + 1e-12
    chain.row(0)
    with pytest.raises(MismatchError, match="row 1: all paths add up to"):
        chain.row(1)


def test_tolerances_grow_with_the_net():
    """They are bounds for the net at hand: 100 times the terms, at least 10 times the room."""
    rng = np.random.RandomState(0)
    tolerances = []
    for n in (10, 1000):
        net = Net(
            [rng.normal(0, 1 / math.sqrt(n), (n, n)), rng.normal(0, 0.1, (n, 1))], activation="tanh"
        )
        chain = explain(net, rng.normal(size=n), [0.0], (0, 3, 0))
        tolerances.append(chain.verification.kernel_tolerance)
        assert abs(chain.verification.kernel - chain.value) <= tolerances[-1] < 1e-9
    assert tolerances[1] > 10 * tolerances[0]


# --- the central difference ----------------------------------------------------------------------


def test_steps_stop_short_of_a_kink():
    """z = 1e-7 at the relu: a step of 6e-6 would cross it."""
    net = Net([[[1.0]], [[3.0]]], [[1e-7], [0.0]])
    chain = explain(net, [0.0], [1.0], "b_1^(1)")
    assert chain.verification.difference is not None
    assert_allclose(chain.verification.difference, chain.value, rtol=1e-6)


def test_on_a_kink_there_is_no_derivative():
    net = Net([[[1.0]], [[3.0]]])
    chain = explain(net, [0.0], [1.0], "b_1^(1)")
    assert chain.value == 0 and chain.verification.difference is None
    assert "1 rows lie on a kink of relu" in chain.verification.difference_note
    assert "central difference of J  -" in chain.text(ascii=True)


def test_a_weight_that_no_row_feels():
    chain = explain(small_net(activation="tanh"), [0.0, 1.0, 1.0, 1.0], Y[0], "w_11^(1)")
    assert chain.value == 0 and chain.verification.difference == 0
    assert "J does not depend on the weight in any row" in str(chain)
    assert "h₁⁽¹⁾ = 0  an input of 0: the weight has nothing to multiply" in str(chain)


def test_clipped_probabilities():
    """Training's gradient is p - y where J itself is clipped and flat."""
    net = Net([[[40.0, 0.0]]], out_activation="softmax")
    chain = explain(net, [1.0], [0.0, 1.0], "w_11^(1)")
    assert chain.value == 1.0 == chain.verification.kernel
    assert_allclose(chain.verification.difference, 1.0, rtol=1e-9)


@pytest.mark.parametrize("loss", [name for name, rule in _core.losses().items() if rule.parameters])
def test_the_kernel_is_given_the_parameters_of_the_loss(loss):
    """None at its default, and residuals on all sides of them."""
    rng = np.random.RandomState(0)
    values = {p.name: p.default / 3 for p in _core.losses()[loss].parameters}
    W = [rng.randn(3, 4), rng.randn(4, 2)]
    net = Net(W, [rng.randn(4), rng.randn(2)], loss=loss, **values)
    X, Y = rng.randn(8, 3), abs(rng.randn(8, 2))
    chain = explain(net, X, Y, (0, 1, 2))
    other = explain(Net(W, net.intercepts, loss=loss), X, Y, (0, 1, 2))
    assert chain.verification.kernel is not None
    assert abs(chain.value - other.value) > 1e-3  # so the parameters matter to this weight


@pytest.mark.parametrize("loss", ["absolute_error", "quantile"])
def test_steps_stop_short_of_a_kink_of_the_loss(loss):
    for away in (1e-6, -1e-6, 1e-8, 1.0):
        net = Net([[[1.0]]], loss=loss, quantile=0.3)
        check = explain(net, [1.0], [1.0 + away], (0, 0, 0)).verification
        above, below = (1.0, -1.0) if loss == "absolute_error" else (0.7, -0.3)
        assert check.difference == pytest.approx(below if away > 0 else above, abs=1e-5)
    check = explain(net, [1.0], [1.0], (0, 0, 0)).verification
    assert check.chain == 0 and check.difference is None
    assert f"1 rows lie on a kink of {loss}" in check.difference_note
