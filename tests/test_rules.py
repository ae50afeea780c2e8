"""The explanation's rules: they are what `reference` computes, and derivatives of each other."""

import json

import numpy as np
import pytest

import chainfit
from chainfit import reference
from chainfit._explain import rules, step_rules
from chainfit._explain.formula import (
    FUNCTIONS,
    Formula,
    Quantity,
    Variable,
    as_data,
    code,
    substitute,
)
from chainfit._explain.rules import Z_K, A, Y, Z
from chainfit._explain.shown import _FUNCTIONS, calculate

Z_VALUES = np.array([[-9.0, -1.25, -0.5, 1e-3], [0.25, 1.0, 2.5, 40.0]])
SEVERAL = ("mean_variance", "gaussian_nll", "given")  # tests/test_chain_outputs.py has these
ACTIVATIONS = [name for name in rules.ACTIVATIONS if name not in SEVERAL]
LOSSES = [name for name in rules.LOSSES if name not in SEVERAL]
KINDS = [(name, rules.ACTIVATIONS[name]) for name in ACTIVATIONS if name != "softmax"]


def at(tree, **values):
    """Return a tree's value."""
    variables = {"z": Z, "z_k": Z_K, "a": A, "y": Y}
    return substitute(tree, {variables[k]: Quantity(code(k), v) for k, v in values.items()}).value


# Where 1 is added in the tree, and then subtracted or under a logarithm: two roundings.
LEAST = dict.fromkeys(("elu", "selu", "softplus"), 2.0**-51) | {"mish": 9 * 2.0**-51}  # z = -9


def test_every_rule_has_a_tree():
    known = {**reference.ACTIVATIONS, **reference.LINKS}
    assert known.keys() == rules.ACTIVATIONS.keys()
    assert rules.LOSSES.keys() == {*reference.LOSSES, "given"}


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_activations(name):
    rule = rules.ACTIVATIONS[name]
    f = reference.LINKS.get(name) or reference.ACTIVATIONS[name][0]
    for tree in (rule.value, rule.stable or rule.value):
        np.testing.assert_allclose(
            at(tree, z=Z_VALUES, z_k=Z_VALUES),
            f(Z_VALUES.copy()),
            rtol=2e-15 if name == "mish" else 1e-15,
            atol=LEAST.get(name, 1e-17),
        )
    far = np.array([[-1e4, 0.0, 1e4]])
    if rule.stable:
        np.testing.assert_array_equal(at(rule.stable, z=far, z_k=far), f(far.copy()))


@pytest.mark.parametrize(("name", "rule"), KINDS)
def test_slopes(name, rule):
    z, h = Z_VALUES[:, :3], 1e-6
    a = at(rule.value, z=z)
    slope = at(rule.slope, z=z, a=a) + np.zeros_like(z)
    difference = (at(rule.value, z=z + h) - at(rule.value, z=z - h)) / (2 * h)
    np.testing.assert_allclose(slope, difference, rtol=1e-7, atol=1e-9)
    if name in reference.ACTIVATIONS:
        theirs = reference.ACTIVATIONS[name]
        given = z if theirs.given == "z" else a
        np.testing.assert_allclose(
            slope, theirs.df(given) + 0 * a, rtol=1e-14, atol=LEAST.get(name, 1e-16)
        )
    # whether a unit can be saturated
    wide = np.linspace(-60, 60, 1001)
    slopes = at(rule.slope, z=wide, a=at(rule.value, z=wide)) + 0 * wide
    if rule.steepest is not None:
        assert np.isclose(slopes.max(), rule.steepest)
        assert slopes.min() < rules.SATURATED * rule.steepest
        assert rule.cuts == (slopes[:400] == 0).all()


@pytest.mark.parametrize("name", LOSSES)
def test_losses(name):
    link, h = reference.LOSSES[name].link, 1e-6
    rule = rules.loss_of(chainfit.Net([[[1.0, 1.0]]], out_activation=link, loss=name))
    a = np.array([[0.25, 0.5, 0.25], [0.125, 0.375, 0.5]])
    targets = [np.eye(3)[[1, 2]], np.eye(3)[[0, 0]]]
    if name == "gamma":
        targets = [Y + 0.5 for Y in targets]
    elif name != "log_loss":
        targets.append(np.array([[0.5, 0.25, 0.125], [1.0, 0.75, 0.0]]))
    for y in targets:
        terms = rule.scale.value * at(rule.term, y=y, a=a)
        np.testing.assert_allclose(terms.sum(axis=1), reference.LOSSES[name].rows(y, a), rtol=1e-14)
        up, down = (rule.scale.value * at(rule.term, y=y, a=a + d) for d in (h, -h))
        np.testing.assert_allclose(at(rule.slope, y=y, a=a), (up - down) / (2 * h), atol=1e-8)
        if rule.of_sum is None:
            continue
        z = 3 * Z_VALUES[:, :3]
        a_of_z = reference.LINKS[reference.LOSSES[name].link](z.copy())
        before = at(rule.of_sum, y=y, z=z, z_k=z).sum(axis=1)
        np.testing.assert_allclose(before, reference.LOSSES[name].rows(y, a_of_z), rtol=1e-12)
        far = at(rule.of_sum, y=y, z=1e3 * z, z_k=1e3 * z)
        assert np.isfinite(far).all()


@pytest.mark.parametrize("name", reference.UPDATES)
def test_updates(name):
    """Two steps on one weight: the second has something to remember."""
    values = {"eta": 0.1, "mu": 0.8, "beta1": 0.7, "beta2": 0.9, "eps": 1e-3}
    rule = step_rules.UPDATES[name]
    constants = {v.key: values.get(v.key, 0.05) for v in rule.constants}
    W, b = [np.array([[0.5]])], [np.zeros(1)]
    state = reference.init_state(W, b, name, **constants)
    numbers = {**constants, "rule": name, "old": 0.5, **{v.key: 0.0 for v in rule.memory}}
    for t, g in ((1, -2.0), (2, 0.75)):
        state.steps = t
        numbers |= {"t": t, "gradient": g, **{v.key: np.nan for v, _ in rule.lines}}
        for v, _ in rule.lines:  # each line from those before it
            lines = step_rules.update_rule(numbers, code("J"), code("w"))
            numbers[v.key] = lines[[u for u, _ in rule.lines].index(v)].rule.value
        slots = [slot[0][0] for slot in state.slots]
        reference.update(W[0], np.array([[g]]), state, *slots)
        assert numbers["new"] == pytest.approx(W[0][0, 0], rel=1e-14)
        numbers["old"] = numbers["new"]
        for v, slot in zip(rule.memory, slots, strict=True):
            numbers[v.key] = numbers[v.key.replace("old", "new")]
            assert numbers[v.key] == pytest.approx(slot[0, 0], rel=1e-14)


def trees():
    for f in rules.ACTIVATIONS.values():
        yield from (f.value, f.slope, f.stable)
    for loss in rules.LOSSES.values():
        yield from (loss.term, loss.slope, loss.of_sum)
    for update in step_rules.UPDATES.values():
        yield from (tree for _, tree in update.lines)


def test_every_tree_is_data():
    for tree in filter(None, trees()):
        assert isinstance(tree, Formula)
        assert json.loads(json.dumps(as_data(tree), allow_nan=False)) == as_data(tree)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_functions_in_decimals(name):
    from decimal import Decimal

    for x in (
        0.125,
        0.75,
        1.5,
        3.0,
        5.5,
        *((-0.75, -5.5, -30.0, 30.0) if name not in ("ln", "sqrt") else ()),
    ):
        shown = calculate(rules.Apply(name, Quantity(code("x"), x)), Decimal)
        assert float(shown) == pytest.approx(float(FUNCTIONS[name](x)), rel=1e-14)
    assert set(_FUNCTIONS) == set(FUNCTIONS)


def test_special_cases_need_a_number():
    tree = rules.LOSSES["binary_log_loss"].slope
    a = Quantity(code("a"), 0.25)
    assert substitute(tree, {Y: Quantity(code("y"), 0.0), A: a}).value == 1 / 0.75
    assert substitute(tree, {Y: Quantity(code("y"), np.nan), A: a}) == tree.general.__class__(
        a - Quantity(code("y"), np.nan), a * (1 - a)
    )
    assert np.isnan(Variable("q", code("q")).value)
