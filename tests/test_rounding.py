"""Rounding bounds of the rules' trees, held against the same trees in exact decimals."""

from decimal import Decimal

import numpy as np
import pytest

from chainfit._explain import rules
from chainfit._explain.formula import (
    Apply,
    Case,
    Constant,
    Quantity,
    Special,
    Sum,
    code,
    substitute,
)
from chainfit._explain.rounding import FUNCTION, Bounded, U, bounded, conditions
from chainfit._explain.shown import calculate

Z = np.array([-30.0, -2.7, -1.0, -0.3, -1e-9, 0.0, 1e-9, 0.1, 0.7, 1.0, 3.3, 12.0])
A = np.array([1e-12, 0.01, 0.25, 0.5, 0.7, 0.9, 0.999])


def check(tree, values):
    """Check value and error of each number; what is exact must come within a few roundings."""
    value, error = bounded(tree, values)
    size = len(next(iter(values.values())))
    value, error = np.broadcast_to(value, size), np.broadcast_to(error, size)
    assert np.isfinite(error).all() and (error >= 0).all()
    for n in range(size):
        one = {v: Quantity(v.name, float(x[n])) for v, x in values.items()}
        exact = calculate(substitute(tree, one), lambda x: Decimal(float(x)))
        assert abs(Decimal(float(value[n])) - exact) <= Decimal(float(error[n])) * Decimal("1.001")
    return value, error


OTHERS = (rules.IS_VARIANCE, rules.PARTNER, rules.GIVEN, rules.GIVEN_SLOPE)
PLAIN = [name for name, rule in rules.ACTIVATIONS.items() if rule.slope is not None]


@pytest.mark.parametrize("name", PLAIN)
def test_activations(name):
    rule = rules.ACTIVATIONS[name]
    known = {rules.IS_VARIANCE: np.arange(len(Z)) % 2.0}
    value, error = check(rule.value, {rules.Z: Z, **known})
    # far below what a wrong digit would cost
    assert (error <= 1e-14 * np.maximum(np.abs(Z), 1) * np.maximum(np.abs(value), 1)).all()
    check(rule.slope, {rules.Z: Z, rules.A: value, **known})


@pytest.mark.parametrize("name", PLAIN)
def test_errors_of_what_goes_in(name):
    """A sum that is off by e gives an output that is off by no more than the bound."""
    rule, e = rules.ACTIVATIONS[name], 1e-7
    known = {rules.IS_VARIANCE: np.zeros_like(Z)}
    value, error = bounded(rule.value, {rules.Z: Bounded(Z, np.full_like(Z, e)), **known})
    for moved in (Z - e, Z + e, Z + e / 3):
        off = np.abs(bounded(rule.value, {rules.Z: moved, **known}).value - value)
        assert (off <= error * 1.0001).all()
    steepest = np.max(np.abs(np.diff(value) / np.diff(Z)))
    assert error.max() <= 10 * e * max(steepest, 1)


@pytest.mark.parametrize("name", rules.LOSSES)
def test_losses(name):
    rule = rules.LOSSES[name]
    for y in (0.0, 1.0, 0.25)[name == "gamma" :]:  # which has no target of 0
        values = {rules.Y: np.full_like(A, y), rules.A: A}
        values |= {p: np.full_like(A, 0.3) for p in (*rule.parameters, *OTHERS)}
        values[rules.IS_VARIANCE] = np.arange(len(A)) % 2.0
        check(rule.scale * rule.term, values)
        check(rule.slope, values)
        if rule.of_sum is not None and name != "log_loss":  # of all sums of its layer
            check(rule.of_sum, {rules.Y: np.full_like(Z, y), rules.Z: Z})


def test_softmax():
    z = np.array([[1.0, 2.0, -700.0], [40.0, 0.0, 0.5]])
    tree = rules.ACTIVATIONS["softmax"].stable
    value, error = bounded(tree, {rules.Z: z, rules.Z_K: z})
    np.testing.assert_allclose(value.sum(axis=1), 1, rtol=4 * U)
    exact = [[Decimal(x).exp() for x in row] for row in z]
    for row, v, e in zip(exact, value, error, strict=True):
        for x, v_k, e_k in zip(row, v, e, strict=True):
            assert abs(Decimal(float(v_k)) - x / sum(row)) <= Decimal(float(e_k))


@pytest.mark.parametrize(
    "tree", [rules.Z * rules.A, rules.A / rules.Z, rules.Z - rules.A, rules.Z**3, rules.A * rules.Z]
)
def test_errors_of_two(tree):
    """At the corners of what goes in, the value is off by no more than the bound, but nearly."""
    z, a, e = np.array([1.5, -2.0, 0.25]), np.array([0.5, 3.0, -4.0]), np.array([1e-6, 1e-7, 1e-8])
    known = {rules.Z: Bounded(z, e), rules.A: Bounded(a, e / 2)}
    value, error = bounded(tree, known)
    off = [
        np.abs(bounded(tree, {rules.Z: z + i * e, rules.A: a + k * e / 2}).value - value)
        for i in (-1, 1)
        for k in (-1, 1)
    ]
    worst = np.max(off, axis=0)
    assert (worst <= error * 1.0001).all() and (error <= worst * 1.001).all()


def test_a_logarithm_next_to_1():
    """ln(1 + x) is not rounded at 1 + x."""
    x = np.array([1e-20, -1e-17])
    value, error = bounded(Apply("ln", Sum((Constant(1), rules.Z))), {rules.Z: x})
    np.testing.assert_array_equal(value, x)
    assert (error <= FUNCTION * U * np.abs(x)).all()


def test_a_case_within_its_error_may_be_either():
    tree = Case(rules.Z, 1, 0)
    value, error = bounded(tree, {rules.Z: Bounded(np.array([-2.0, -0.1, 0.1, 2.0]), 0.5)})
    np.testing.assert_array_equal(value, [0, 0, 1, 1])
    np.testing.assert_array_equal(error, [0, 1, 1, 0])


def test_conditions():
    inner = Case(rules.A - 1, rules.A, 0)
    tree = Special(rules.Y, ((0, Case(rules.Z, inner, 0)),), Constant(1) - rules.Y)
    assert list(conditions(tree)) == [rules.Z, rules.A - 1]
    assert list(conditions(Quantity(code("w"), 1.0))) == list(conditions(None)) == []
