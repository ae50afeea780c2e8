"""The oracle chain: differences -> the core's gradient; reference in float64 -> one step -> runs.

One step on every instruction set is compared with the reference, which starts from the very same
parameters and slots, and the difference must stay within a bound that is computed along with it,
rounding by rounding. Runs are then steps in a row, to the last bit.
"""

from itertools import product

import numpy as np
import pytest
from bounded import Bounded, step_errors
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chainfit import _core, reference

# Names that the reference knows too; those that only the core has are checked by differences.
ACTIVATIONS = [name for name in _core.activations() if name in reference.ACTIVATIONS]
# dloss/dz moves no more than a does; the others are tests/test_losses.py's.
LOSSES = ["squared_error", "binary_log_loss", "log_loss", "poisson", "huber", "log_cosh"]
OPTIMIZERS = [name for name in _core.optimizers() if name in reference.UPDATES]
# and those whose steps have an error bound; others are held by whole fits
BOUNDED = ("sgd", "momentum", "nesterov", "adam", "adamw", "rmsprop")
STEPS = [name for name in OPTIMIZERS if name in BOUNDED]


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

    run = net.train(trainer, l2=l2, max_iter=1, weight_decay=state.decay)
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
        E_p = E_p + (2 * bounded.u * abs(p) if state.decay else 0)
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
    optimizer = data.draw(st.sampled_from(STEPS))
    weighted = data.draw(st.booleans())
    l2 = data.draw(st.sampled_from([0.0, 1e-4, 0.5]))
    net = make_net(units, activation, loss, dtype, rows=rows, seed=seed, weighted=weighted)
    bounded = Bounded(net, *([a.astype(float) for a in p] for p in (net.W, net.b)), l2)
    bounded.assert_gradient(*net.gradient(l2=l2))
    # the first steps of rmsprop are ten times eta
    trainer = net.trainer(optimizer, eta=0.005 if optimizer == "rmsprop" else 0.05)
    for _ in range(2):
        assert_step(net, optimizer, l2, trainer, {})


# --- reference -> steps --------------------------------------------------------------------------


@pytest.mark.parametrize("optimizer", STEPS)
@pytest.mark.parametrize("loss", LOSSES)
def test_steps_of_the_reference(loss, optimizer, isa, dtype, make_net):
    constants = {"mu": 0.8, "beta1": 0.7, "beta2": 0.95, "eps": 1e-4, "rho": 0.8}
    constants["weight_decay"] = 0.2
    for activation, rows in product(ACTIVATIONS, (1, 19)):
        net = make_net([5, 18, 6, 3], activation, loss, dtype, rows=rows, weighted=rows > 1)
        settings = {"momentum": 0.8, "beta_1": 0.7, "beta_2": 0.95, "epsilon": 1e-4}
        settings["rho"] = 0.8
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
        settings = {"batch_size": 13, "max_iter": 20, "l2": 0.01, "weight_decay": state.decay}
        ours = net.train(trainer, draws=draws, **settings)
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
