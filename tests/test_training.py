"""The oracle chain: differences -> the core's gradient; reference in float64 -> one step -> runs.

One step on every instruction set is compared with the reference, which starts from the very same
parameters and slots, and the difference must stay within a bound that is computed along with it,
rounding by rounding. Runs are then steps in a row, to the last bit.
"""

# ruff: noqa: E741 - l is the layer, as in the reference

from itertools import product

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chainfit import _core, reference

# Names that the reference knows too; those that only the core has are checked by differences.
ACTIVATIONS = [name for name in _core.activations() if name in reference.ACTIVATIONS]
# dloss/dz moves no more than a does; the others are tests/test_losses.py's.
LOSSES = ["squared_error", "binary_log_loss", "log_loss", "poisson", "huber", "log_cosh"]
OPTIMIZERS = [name for name in _core.optimizers() if name in reference.UPDATES]

# Roundings of one elementwise function, as tests/test_kernels.py has them: 5 ulp are 10 u.
ELEMENTWISE = 10
STEEPEST = 1.76  # selu's slope below 0


# --- the oracle with its error bounds ------------------------------------------------------------


def kinked(activation):
    known, z = reference.ACTIVATIONS[activation], np.array([-1e-6, 1e-6])
    sides = known.df(known.f(z) if known.given == "a" else z) * np.ones(2)
    return abs(sides[1] - sides[0]) > 0.1


class Bounded:
    """The reference's gradient in float64, and how far the core may be from it.

    u is the core's unit roundoff. E_x bounds |x in the core - x here|: a sum of n products is off
    by (n + 2) u times the sum of their sizes, whatever its order (Higham 2002, section 3.1), and
    errors of the factors pass through linearly. Activations have |f'| <= STEEPEST, |f''| <= 2. The
    second order of it all is covered by the factor 1.1, and float64's own errors here by taking
    the whole for u + 2^-53.
    """

    def __init__(self, net, W, b, l2):
        self.u = u = float(np.finfo(net.dtype).eps) / 2 + 2.0**-53
        # what is flushed to 0 is at most this, after the few square roots and products here
        self.floor = float(np.finfo(net.dtype).tiny) ** 0.5
        X, Y = net.X.astype(float), net.Y.astype(float)
        w = np.ones(len(X)) if net.weight is None else net.weight.astype(float)
        self.J, dW, db = reference.gradient(
            X, Y, W, b, activation=net.activation, loss=net.loss, l2=l2, sample_weight=w
        )
        self.g = [*dW, *db]
        a = reference.forward(X, W, b, net.activation, net.link)
        delta = reference.deltas(a, Y, W, net.activation, w, b, net.loss)

        L = len(W)
        E_a, E_z = [np.zeros_like(X)], []
        for l in range(L):
            n = len(W[l]) + 2
            E_z.append(n * u * (abs(a[l]) @ abs(W[l]) + abs(b[l])) + E_a[l] @ abs(W[l]))
            if l < L - 1:
                E_a.append(STEEPEST * E_z[l] + ELEMENTWISE * u * abs(a[l + 1]))
        E_a.append(self._link_error(net.link, a[L], E_z[-1]))

        share = (w / w.sum())[:, None]
        # three roundings, and those of the weights' sum, which is formed in double
        E_share = 3 * u + len(X) * 2.0**-53
        E_delta = {L: share * (E_a[L] + E_share * abs(a[L] - Y))}
        for l in range(L - 1, 0, -1):
            n = W[l].shape[1] + 2
            back, size = delta[l + 1] @ W[l].T, abs(delta[l + 1]) @ abs(W[l].T)
            E_back = n * u * size + E_delta[l + 1] @ abs(W[l].T)
            known, z = reference.ACTIVATIONS[net.activation], a[l - 1] @ W[l - 1] + b[l - 1]
            df = known.df(a[l] if known.given == "a" else z) * np.ones_like(a[l])
            E_df = 2 * E_a[l] + 3 * u * abs(df)
            if known.given == "z":
                E_df = 2 * E_z[l - 1] + ELEMENTWISE * u
            if kinked(net.activation):  # the core may be on the other side of the kink
                E_df = E_df + (abs(z) <= E_z[l - 1])
            E_delta[l] = (abs(df) + E_df) * E_back + abs(back) * E_df + u * abs(delta[l])

        n = len(X) + 2
        E_W = [
            n * u * (abs(a[l]).T @ abs(delta[l + 1]))
            + E_a[l].T @ abs(delta[l + 1])
            + (abs(a[l]) + E_a[l]).T @ E_delta[l + 1]
            + E_share * l2 / w.sum() * abs(W[l])
            for l in range(L)
        ]
        E_b = [n * u * abs(delta[l + 1]).sum(axis=0) + E_delta[l + 1].sum(axis=0) for l in range(L)]
        self.E = [1.1 * E + self.floor for E in (*E_W, *E_b)]
        # dJ/dz[L] = delta[L]; the loss itself: roundings of some terms of the size of y, a, ln a
        rows = abs(reference.LOSSES[net.loss].rows(Y, a[L]))
        sizes = rows + (1 + abs(Y) + abs(a[L])).sum(axis=1) * 8
        self.E_data = 1.1 * (
            (abs(delta[L]) * E_z[-1]).sum()
            + (share[:, 0] * sizes).sum() * (ELEMENTWISE + len(Y.T)) * u
        )
        self.penalty = l2 / 2 * sum((W_l**2).sum() for W_l in W) / w.sum()
        # a lane's chain of at most 112 lines, the tree, the square
        self.E_penalty = 130 * u * self.penalty

    def _link_error(self, link, a, E_z):
        u, n = self.u, a.shape[1]
        if link == "identity":
            return E_z
        if link == "logistic":
            return E_z / 4 + ELEMENTWISE * u * a
        if link == "exp":
            return a * np.expm1(E_z) + ELEMENTWISE * u * a
        # softmax: da_j = a_j (dz_j - sum_k a_k dz_k); z - max is rounded, max - z <= -ln a_j
        distance = -np.log(np.maximum(a, 1e-300))
        own = u * a * (distance + 1.4 * n + ELEMENTWISE)
        return 2 * a * E_z.max(axis=1, keepdims=True) + own

    def assert_gradient(self, data, penalty, dW, db):
        assert abs(data + penalty - self.J) <= self.E_data + self.E_penalty
        assert abs(penalty - self.penalty) <= self.E_penalty + self.floor
        for got, right, E in zip([*dW, *db], self.g, self.E, strict=True):
            assert (abs(got - right) <= E).all()


def step_errors(optimizer, state, p, g, E, slots, u):
    """Bound the errors of (p, slots) after a step from exact p and slots, g being off by E.

    Beside E each formula has at most 8 roundings, those of eta, mu, beta and so on as numbers of
    the core's dtype among them; p itself is rounded once.
    """
    eta, mu = state.eta, state.mu
    if len(slots) < 2:
        size = eta * abs(g) + (mu * abs(slots[0]) if slots else 0)
        E_velocity = eta * E + 8 * u * size
        E_p = E_velocity
        if optimizer == "nesterov":
            E_p = (1 + mu) * E_velocity + 8 * u * (1 + mu) * size
        return E_p + u * (abs(p) + 2 * size), [E_velocity] * len(slots)
    c1, c2 = 1 - state.beta1, 1 - state.beta2
    m, v = slots
    m_new, v_new = state.beta1 * m + c1 * g, state.beta2 * v + c2 * g * g
    E_m = c1 * E + 8 * u * (state.beta1 * abs(m) + c1 * abs(g))
    E_v = c2 * (2 * abs(g) * E + E * E) + 8 * u * v_new
    t = state.steps
    eta_t = eta * np.sqrt(1 - state.beta2**t) / (1 - state.beta1**t)
    low, high = np.sqrt(np.maximum(v_new - E_v, 0)), np.sqrt(v_new + E_v)
    # both factors at their worst: m / (sqrt v + eps)
    most = (abs(m_new) + E_m) / (low + state.eps)
    E_p = eta_t * (E_m / (low + state.eps) + abs(m_new) * (high - low) / (low + state.eps) ** 2)
    if optimizer == "adamw":
        E_p = E_p + 2 * u * abs(p)
    return E_p + 8 * u * eta_t * most + u * (abs(p) + eta_t * most), [E_m, E_v]


def assert_step(net, optimizer, l2, trainer, constants):
    """Make one step on the whole batch in the core and in the reference, from equal states."""
    X, Y = net.X.astype(float), net.Y.astype(float)
    w = None if net.weight is None else net.weight.astype(float)
    W, b = ([a.astype(float) for a in arrays] for arrays in trainer.parameters())
    slots = [tuple([a.astype(float) for a in part] for part in slot) for slot in trainer.slots()]
    state = reference.State(optimizer, slots, trainer.eta, steps=trainer.steps, **constants)
    bounded = Bounded(net, W, b, l2)
    start = [a.copy() for a in (*W, *b)]
    slots_start = [[a.copy() for part in slot for a in part] for slot in slots]

    run = net.train(trainer, l2=l2, max_iter=1)
    names = {"activation": net.activation, "loss": net.loss}
    J = reference.step(X, Y, W, b, state, l2=l2, sample_weight=w, **names)

    assert trainer.steps == state.steps
    assert abs(run.loss_curve[0] - J) <= bounded.E_data + bounded.E_penalty
    got = [a for arrays in trainer.parameters() for a in arrays]
    got_slots = [[a for part in slot for a in part] for slot in trainer.slots()]
    new_slots = [[a for part in slot for a in part] for slot in slots]
    for i, (p, g, E) in enumerate(zip(start, bounded.g, bounded.E, strict=True)):
        E_p, E_slots = step_errors(
            optimizer, state, p, g, E, [slot[i] for slot in slots_start], bounded.u
        )
        assert (abs(got[i] - [*W, *b][i]) <= E_p + bounded.floor).all()
        for s, E_slot in enumerate(E_slots):
            assert (abs(got_slots[s][i] - new_slots[s][i]) <= E_slot + bounded.floor).all()


# --- differences -> gradient, with no reference at all -------------------------------------------

H = 1e-5


@pytest.mark.parametrize("weighted", [False, True], ids=["plain", "weighted, l2"])
@pytest.mark.parametrize("loss", _core.losses())
@pytest.mark.parametrize("activation", _core.activations())
def test_gradient_is_the_derivative_of_the_loss(activation, loss, weighted, isa, make_net):
    """Of everything in the table, in float64.

    Truncation is h^2/6 |J'''|, with third derivatives of some tens at most, as everything is of
    the order of one; J's terms are off by some 30 roundings each, over a distance of 2h. No hidden
    z is near 0, where an activation may have a kink.
    """
    l2 = 0.7 if weighted else 0.0
    for seed in range(1000):
        net = make_net([3, 5, 4, 2], activation, loss, rows=6, seed=seed, weighted=weighted)
        z = [
            _core.predict(net.X, net.W[: n + 1], net.b[: n + 1], activation, "identity", 1)
            for n in range(2)
        ]
        if min(abs(z_l).min() for z_l in z) > 1e-2:
            break
    else:
        raise AssertionError("no seed keeps the hidden layers away from the kinks")
    trainer = net.trainer()

    def J():
        trainer.set_parameters(net.W, net.b)
        return sum(net.gradient(trainer, l2)[:2])

    data, penalty, dW, db = net.gradient(trainer, l2)
    tolerance = H**2 / 6 * 100 + 30 * np.finfo(float).eps * (1 + abs(data + penalty)) / H
    for p, g in zip([*net.W, *net.b], [*dW, *db], strict=True):
        difference = [reference.finite_difference(J, p, i, H) for i in np.ndindex(p.shape)]
        np.testing.assert_allclose(g.ravel(), difference, rtol=0, atol=tolerance)
    assert max(abs(g).max() for g in dW) > 1e5 * tolerance


# --- reference -> gradient -----------------------------------------------------------------------


@pytest.mark.parametrize("weighted", [False, True], ids=["plain", "weighted, l2"])
@pytest.mark.parametrize("loss", LOSSES)
def test_gradient_of_the_reference(loss, weighted, isa, dtype, make_net):
    for activation, rows in product(ACTIVATIONS, (1, 2, 3, 16, 17, 40)):
        net = make_net([6, 19, 7, 3], activation, loss, dtype, rows=rows, weighted=weighted)
        l2 = 0.3 if weighted else 0.0
        bounded = Bounded(net, *([a.astype(float) for a in p] for p in (net.W, net.b)), l2)
        bounded.assert_gradient(*net.gradient(l2=l2))


UNITS = st.lists(st.integers(1, 40), min_size=2, max_size=5)


@pytest.mark.parametrize("seed", range(2))
@settings(
    max_examples=25,
    deadline=None,
    derandomize=True,
    # the instruction set and the dtype stay as they are through all examples
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(data=st.data(), units=UNITS, rows=st.integers(1, 150))
def test_random_nets(seed, data, units, rows, isa, dtype, make_net):
    activation = data.draw(st.sampled_from(ACTIVATIONS))
    loss = data.draw(st.sampled_from(LOSSES))
    optimizer = data.draw(st.sampled_from(OPTIMIZERS))
    weighted = data.draw(st.booleans())
    l2 = data.draw(st.sampled_from([0.0, 1e-4, 0.5]))
    net = make_net(units, activation, loss, dtype, rows=rows, seed=seed, weighted=weighted)
    bounded = Bounded(net, *([a.astype(float) for a in p] for p in (net.W, net.b)), l2)
    bounded.assert_gradient(*net.gradient(l2=l2))
    trainer = net.trainer(optimizer, eta=0.05)
    for _ in range(2):
        assert_step(net, optimizer, l2, trainer, {})


# --- reference -> steps --------------------------------------------------------------------------


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("loss", LOSSES)
def test_steps_of_the_reference(loss, optimizer, isa, dtype, make_net):
    constants = {"mu": 0.8, "beta1": 0.7, "beta2": 0.95, "eps": 1e-4, "weight_decay": 0.2}
    for activation, rows in product(ACTIVATIONS, (1, 19)):
        net = make_net([5, 18, 6, 3], activation, loss, dtype, rows=rows, weighted=rows > 1)
        settings = {"momentum": 0.8, "beta_1": 0.7, "beta_2": 0.95, "epsilon": 1e-4}
        settings["weight_decay"] = 0.2
        own = {p.name: settings[p.name] for p in _core.optimizers()[optimizer].parameters}
        trainer = net.trainer(optimizer, 0.03, **own)
        for _ in range(3):
            assert_step(net, optimizer, 0.2, trainer, constants)


# --- steps -> runs -------------------------------------------------------------------------------


def everything(trainer):
    arrays = [a for pair in (trainer.parameters(), *trainer.slots()) for part in pair for a in part]
    return b"".join(a.tobytes() for a in arrays)


def carried_over(net, optimizer, trainer):
    """Return a new trainer that knows what can be read of another: nothing else may count.

    Vectors and panels are filled up with lanes that are no weights and must stay 0.
    """
    new = net.trainer(optimizer, trainer.eta)
    new.set_parameters(*trainer.parameters())
    new.set_slots(trainer.slots())
    new.steps = trainer.steps
    return new


@pytest.mark.parametrize(
    ("units", "batch_size"),
    [([4, 9, 2], n) for n in (1, 2, 3, 4, 5, 8, 9, 16, 17, 60, 150, 2**62)]
    + [([16, 31, 16], n) for n in (9, 17)],  # units in the lanes, one of them none
)
@pytest.mark.parametrize("optimizer", _core.optimizers())
def test_a_run_is_its_steps_in_a_row(optimizer, units, batch_size, isa, dtype, make_net):
    """Order, epochs, short last batches, weights, l2, loss: against new trainers for batches."""
    rows = 151 if batch_size > 3 else 10  # last batches of one row, of few (2 to 8) and of many
    net = make_net(units, "tanh", "squared_error", dtype, rows=rows, weighted=True)
    given = np.random.RandomState(3).permutation(rows) if optimizer != "sgd" else None
    order = np.arange(rows) if given is None else given
    whole, by_hand = net.trainer(optimizer), net.trainer(optimizer)
    each = {"l2": 0.1, "loss_scale": 0.5}
    run = net.train(whole, order=given, batch_size=batch_size, max_iter=2, t=7, **each)

    curve = []
    for _ in range(2):
        total = 0.0
        for start in range(0, rows, min(batch_size, rows)):
            batch = order[start : start + min(batch_size, rows)]
            part = net.rows(batch)
            by_hand = carried_over(net, optimizer, by_hand)
            J = part.train(by_hand, batch_size=len(part.X), **each).loss_curve[0]
            total += J * len(batch)
        curve.append(total / rows)

    assert everything(whole) == everything(by_hand)
    # batches of one row add up the losses of as many rows as a vector has lanes, by a tree of depth
    # 4 at most, before they become float64: 4 roundings there, 1 in each row's own loss * weight
    rel = 5 * float(np.finfo(dtype).eps) if batch_size == 1 else 0
    assert run.loss_curve == pytest.approx(curve, rel=rel, abs=0)
    assert (run.n_iter, run.t, run.stopped) == (2, 7 + 2 * rows, "max_iter")
    assert whole.steps == by_hand.steps == 2 * -(-rows // batch_size)


@pytest.mark.parametrize("optimizer", _core.optimizers())
def test_epochs_in_one_run_or_in_several(optimizer, isa, dtype, make_net):
    """Also through a second trainer that takes parameters, slots, eta and steps over."""
    net = make_net([5, 17, 3], "logistic", "log_loss", dtype, rows=50)
    whole, first, second = (net.trainer(optimizer) for _ in range(3))
    curve = net.train(whole, batch_size=16, max_iter=4).loss_curve
    half = net.train(first, batch_size=16, max_iter=2).loss_curve
    second.set_parameters(*first.parameters())
    second.set_slots(first.slots())
    second.steps, second.eta = first.steps, first.eta
    rest = net.train(second, batch_size=16, max_iter=2).loss_curve
    assert [*half, *rest] == curve
    assert everything(whole) == everything(second)


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_whole_fits_follow_the_reference(activation, optimizer, isa, make_net):
    """20 epochs in float64, shuffled by equal generators.

    80 steps of about 100 roundings of 1e-16 each, and a growth of errors that small steps keep
    within some tens: 1e-12 or so. An error in a formula shows in the first digits.
    """
    for loss in LOSSES:
        net = make_net([4, 8, 5, 2], activation, loss, rows=50, weighted=True, seed=1)
        W, b = [a.copy() for a in net.W], [a.copy() for a in net.b]
        state = reference.init_state(W, b, optimizer, eta=0.01)
        theirs = reference.fit(
            net.X, net.Y, W, b, state, epochs=20, random_state=np.random.RandomState(0),
            batch_size=13, sample_weight=net.weight, activation=activation, loss=loss, l2=0.01,
        )  # fmt: skip
        trainer = net.trainer(optimizer)
        draws = np.random.RandomState(0)
        ours = net.train(trainer, draws=draws, batch_size=13, max_iter=20, l2=0.01)
        np.testing.assert_allclose(ours.loss_curve, theirs, rtol=1e-11)
        for got, right in zip(
            [a for arrays in trainer.parameters() for a in arrays], [*W, *b], strict=True
        ):
            np.testing.assert_allclose(got, right, rtol=0, atol=1e-10)


def test_a_batch_without_weight_makes_no_step_by_the_data(isa, dtype, make_net):
    for batch_size in (1, 8):
        net = make_net([3, 6, 2], dtype=dtype, rows=24, weighted=True)
        net.weight[8:16] = 0
        order = np.arange(8, 16)
        silent = net.rows(order)
        trainer = net.trainer("sgd", eta=0.1)
        before = everything(trainer)
        run = silent.train(trainer, batch_size=batch_size, l2=0.5)
        assert run.loss_curve == [0.0]
        assert everything(trainer) == before
        data, penalty, dW, db = silent.gradient(trainer, l2=0.5)
        assert data == penalty == 0
        assert not any(g.any() for g in (*dW, *db))
        # beside others it changes nothing either: the run is that of the rows that weigh
        alone = net.trainer("sgd", eta=0.1)
        net.rows(np.r_[0:8, 16:24]).train(alone, batch_size=batch_size)
        net.train(trainer, batch_size=batch_size)
        assert everything(trainer) == everything(alone)


def test_not_a_number_stops_the_run(isa, dtype, make_net):
    for batch_size in (1, 5):
        net = make_net([3, 6, 2], "relu", dtype=dtype, rows=20)
        net.X[7, 1] = np.nan
        trainer = net.trainer()
        run = net.train(trainer, batch_size=batch_size, max_iter=10)
        assert (run.stopped, run.n_iter) == ("diverged", 1)
        assert np.isnan(run.loss_curve[0])
        # weights that grow without bound come to the same
        net = make_net([3, 6, 2], "identity", dtype=dtype, rows=20)
        run = net.train(net.trainer(eta=1e6), batch_size=batch_size, max_iter=10_000)
        assert run.stopped == "diverged"
        assert run.n_iter < 10_000


def test_a_trainer_keeps_the_instruction_set_it_was_made_on(running_isas, using_isa, make_net):
    net = make_net([3, 6, 2], rows=20)
    with using_isa(running_isas[0]):
        trainer = net.trainer("adam")
        right = net.trainer("adam")
        net.train(right, batch_size=8, max_iter=3)
    with using_isa(running_isas[-1]):
        net.train(trainer, batch_size=8, max_iter=3)
    assert everything(trainer) == everything(right)
