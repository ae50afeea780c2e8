"""Random weights of random nets: the printed factors give the gradient, in every notation.

Every chain made here is also verified as it is made, against the compiled core where that has such
a net and against a central difference: a mismatch raises.
"""

import math
from itertools import pairwise

import numpy as np
import pytest

from chainfit import MLPClassifier, MLPRegressor, Net, _core, explain, reference
from chainfit._explain.net import OUT_ACTIVATIONS, as_net
from chainfit.reference import LOSSES

NETS = 200
HIDDEN_ACTIVATIONS = tuple(reference.ACTIVATIONS)
NOTATIONS = ("tutorial", "outputs", "matrix", "sklearn")


def pairs():
    """Return every pair of loss and output activation that a Net takes."""
    found = []
    for loss in LOSSES:
        for out in OUT_ACTIVATIONS:
            try:
                Net([[[1.0, 1.0]]], out_activation=out, loss=loss)
            except ValueError:
                continue
            found.append((loss, out))
    return found


PAIRS = pairs()


def random_step(seed):
    """Return a random net, X, Y and weights of rows; every pair and activation comes round."""
    rng = np.random.RandomState(seed)
    loss, out = PAIRS[seed % len(PAIRS)]
    activation = HIDDEN_ACTIVATIONS[seed % len(HIDDEN_ACTIVATIONS)]
    units = list(rng.randint(1, 5, 3 + seed % 4))  # one to four hidden layers
    if out in ("softmax", "mean_variance"):
        units[-1] = max(2, units[-1])
    if out == "mean_variance":
        units[-1] -= units[-1] % 2
    net = Net(
        [rng.normal(0, 1.2 / math.sqrt(n), (n, m)) for n, m in pairwise(units)],
        [rng.normal(0, 0.3, n) for n in units[1:]],
        activation=activation,
        out_activation=out,
        loss=loss,
        alpha=rng.choice([0.0, 0.1]),
        l1=0.05 * (seed % 3 == 0),
    )
    rows = int(rng.choice([1, 1, 2, 4]))
    X = rng.normal(size=(rows, units[0]))
    Y = rng.uniform(size=(rows, units[-1]))
    if loss == "log_loss":
        Y = np.eye(units[-1])[rng.randint(units[-1], size=rows)]
        if seed % 2:  # probabilities instead of one class
            Y = 0.75 * Y + 0.25 * Y[:, ::-1]
    elif loss == "binary_log_loss" and seed % 2:
        Y = np.round(Y)
    elif loss == "poisson":
        Y = rng.poisson(1.0, Y.shape).astype(float)
    elif loss == "gaussian_nll":
        Y = np.tile(Y[:, : units[-1] // 2], (1, 2))
    weights = rng.uniform(0, 2, rows) if seed % 3 == 0 else None
    return net, X, Y, weights, rng


def random_address(net, rng):
    layer = rng.randint(len(net.coefs))
    to = rng.randint(net.units[layer + 1])
    if rng.randint(5) == 0:
        return int(layer), int(to)
    return int(layer), int(rng.randint(net.units[layer])), int(to)


def stored_gradient(chain):
    layer, source, target = chain.address
    if source is None:
        return chain.trace.db[layer][target]
    return chain.trace.dW[layer][source, target]


# 20 nets a test: one failure doesn't hide the others
def cancelled(net, X, Y):
    """Bound what is left where a softmax's own sum cancels, of a gradient that may be 0.

    With s = dloss/da, dloss/dz_j = a_j (s_j - sum_k s_k a_k) is off by (n + 2) u max|s| at most,
    and each layer below multiplies that by n max|W| at most, the last by max|x|.
    """
    if net.out_activation != "softmax" or net.canonical:
        return 0.0
    a = reference.forward(X, net.coefs, net.intercepts, net.activation, "softmax")[-1]
    own = {p.name: getattr(net, p.name) for p in _core.losses()[net.loss].parameters}
    steepest = abs(reference.LOSSES[net.loss].slope(Y, a, **own)).max()
    grows = math.prod(1 + W.shape[1] * abs(W).max() for W in net.coefs)
    return (net.units[-1] + 2) * 2**-53 * steepest * grows * (1 + abs(X).max())


@pytest.mark.parametrize("n_weights", [5, pytest.param(50, marks=pytest.mark.slow)])
@pytest.mark.parametrize("first", range(0, NETS, 20))
def test_factors_give_the_stored_gradient(first, n_weights):
    """Product of the printed factors, summed over paths and rows, against the stored gradient.

    Relative to the sum of the terms' absolute values, where these cancel: a sum of terms each off
    by a few u is off by so many u times that sum, and its own size says nothing about it.
    """
    for seed in range(first, first + 20):
        net, X, Y, weights, rng = random_step(seed)
        first_chain = explain(
            net,
            X,
            Y,
            random_address(net, rng),
            sample_weight=weights,
            notation=NOTATIONS[seed % 4],
            max_paths=5000,
        )
        for n in range(n_weights):
            chain = first_chain.of(random_address(net, rng)) if n else first_chain
            products = [math.prod(factor.value for factor in path.factors) for path in chain.paths]
            terms = [*products, chain.l2_term, chain.l1_term]
            stored = stored_gradient(chain)
            size, left = math.fsum(map(abs, terms)), cancelled(net, X, Y)
            off = abs(math.fsum(terms) - stored)
            assert off <= 1e-12 * size + left, (seed, chain.address)
            if abs(stored) > 0.01 * size:  # little cancels: then also relative to itself
                assert math.isclose(math.fsum(terms), stored, rel_tol=1e-12, abs_tol=left)
            assert chain.remainder == 0
            assert all(p.product == math.prod(f.value for f in p.factors) for p in chain.paths[:3])


def test_every_pair_and_activation_is_among_them():
    seen = {
        (PAIRS[s % len(PAIRS)], HIDDEN_ACTIVATIONS[s % len(HIDDEN_ACTIVATIONS)])
        for s in range(NETS)
    }
    assert {pair for pair, _ in seen} == set(PAIRS)
    assert {activation for _, activation in seen} == set(HIDDEN_ACTIVATIONS)
    assert {outs for _, outs in PAIRS} == set(OUT_ACTIVATIONS)


@pytest.mark.parametrize("seed", range(0, NETS, 4))
def test_every_rule_gives_its_number(seed):
    """A factor's number is that of its rule; and of the folded chain, the row's term."""
    net, X, Y, weights, rng = random_step(seed)
    for notation in NOTATIONS:
        chain = explain(
            net, X, Y, random_address(net, rng), sample_weight=weights, notation=notation
        )
        for r in range(chain.n_rows):
            row = chain.row(r)
            for factor in (*row.factors, *(f for path in row.paths for f in path.factors)):
                assert math.isclose(
                    factor.rule.value, factor.value, rel_tol=1e-12, abs_tol=1e-14
                ), str(factor)
            folded = math.prod(factor.value for factor in row.factors)
            if chain.n_rows > 1:
                assert math.isclose(row.factors[0].value, row.share)
            size = chain.backward.absolute_terms[r] * row.share
            assert abs(folded - row.share * row.term) <= 1e-14 * size


# --- models, with what steps may do beside their rule --------------------------------------------

MODELS = 60


def random_model(seed):
    """Return a model that has trained, its next rows and weights, and their generator."""
    rng = np.random.RandomState(seed)
    classes = bool(rng.randint(2))
    X = rng.normal(size=(30, 3))
    y = np.digitize(X[:, 0] + X[:, 1], [-0.5, 0.5]) if classes else X[:, 0] * X[:, 1]
    hidden = tuple(int(n) for n in rng.randint(1, 6, rng.randint(1, 4)))
    rates = [0.0, 0.5, tuple(rng.choice([0.0, 0.3, 0.6], len(hidden) + 1))]
    options = {
        "dropout": rates[rng.randint(3)],
        "l1": rng.choice([0.0, 0.2]),
        "alpha": rng.choice([0.0, 0.1]),
        "weight_decay": rng.choice([None, 0.05]),
        "clip_norm": rng.choice([None, 0.1, 10.0]),
        "average": rng.choice([None, "ema"]),
        "solver": str(rng.choice(["sgd", "adam", "adamw", "rmsprop"])),
        "momentum": rng.choice([0.0, 0.9]),
        "activation": tuple(str(a) for a in rng.choice(HIDDEN_ACTIVATIONS, len(hidden))),
        "random_state": [seed, np.random.RandomState(seed)][rng.randint(2)],
    }
    kind = MLPClassifier if classes else MLPRegressor
    if not classes:
        options["loss"] = str(rng.choice(["squared_error", "huber", "gaussian_nll", "quantile"]))
        options["quantile"] = [0.3, (0.2, 0.6)][rng.randint(2)]
    elif rng.randint(2):
        y = np.c_[y, X[:, 2] > 0] + 2  # two classifications
    model = kind(hidden_layer_sizes=hidden, max_iter=2, batch_size=7, **options).fit(X, y)
    rows = slice(0, int(rng.choice([1, 5])))
    weights = rng.uniform(0.5, 2, rows.stop) if rng.randint(2) else None
    return model.set_params(batch_size=rows.stop), X[rows], y[rows], weights, rng


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("first", range(0, MODELS, 10))
def test_chains_of_models_and_their_next_step(first):
    for seed in range(first, first + 10):
        model, X, y, weights, rng = random_model(seed)
        chain = None
        for n in range(3):
            address = random_address(as_net(model), rng)
            notation = NOTATIONS[seed % 4]
            if chain is None:
                chain = explain(
                    model, X, y, address, sample_weight=weights, notation=notation, max_paths=5000
                )
            chain = chain.of(address)
            products = [math.prod(factor.value for factor in path.factors) for path in chain.paths]
            terms = [*products, chain.l2_term, chain.l1_term]
            size = math.fsum(map(abs, terms))
            assert abs(math.fsum(terms) - stored_gradient(chain)) <= 1e-12 * size, (seed, n)
            for path in chain.paths[:3]:
                for factor in path.factors:
                    assert math.isclose(
                        factor.rule.value, factor.value, rel_tol=1e-12, abs_tol=1e-14
                    ), (seed, str(factor))
        update = chain.trace.update
        published = update.slots.get("average", (None, update.new))[1]
        model.partial_fit(X, y, sample_weight=weights)
        for kind, found in zip((model.coefs_, model.intercepts_), published, strict=True):
            for theirs, ours in zip(kind, found, strict=True):
                np.testing.assert_array_equal(theirs, ours, err_msg=str(seed))
