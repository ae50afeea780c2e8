"""Fits by several ranks, here threads: what they come to is what one process makes of all rows.

The rows of one process lie as the batches of all ranks take them; the definition of that order is
in thread_ranks. Errors, checkpoints and tables: test_ranks_end. By MPI itself: test_mpi.
"""

import numpy as np
import pytest
from scipy import sparse
from sklearn.exceptions import ConvergenceWarning
from thread_ranks import Alone, by_ranks, data, fit, interleaved, raised, shards_of

from chainfit import MLPClassifier, MLPRegressor, _core
from chainfit._estimators.ranks import current_ranks
from chainfit._estimators.shares import shares_of_all, shares_of_shards

pytestmark = [
    pytest.mark.filterwarnings(f"ignore::{ConvergenceWarning.__module__}.ConvergenceWarning"),
    pytest.mark.filterwarnings("ignore:Got `batch_size`"),
]


def hinge_like(y, raw):
    """A user's loss: squared error of the outputs."""
    return ((raw - y) ** 2).sum(axis=1) / 2, raw - y


def as_batches_take_them(sizes, batch_size):
    shards = shards_of(sizes)
    order = [shards[rank][j] for batch in interleaved(sizes, batch_size) for rank, j in batch]
    return np.array(order)


def check_same(models, one, tolerance=1e-14):
    """Check that ranks agree to the bit, and with one process up to the order of sums.

    The promise is 1e-12. A sum of n terms in another order differs by at most n u times the sum of
    their sizes, u = 1.1e-16; those of a batch's mean gradient add up to G, the mean size of a row's
    gradient. So a fit of r rows in all moves a weight apart by r u times rate G to first order: at
    most 1,100 rows here, a rate of 0.003 and a momentum of 0.9 make 4e-15 G. Adaptive rules step by
    rate g / (|g| + epsilon) at first, whose slope is at most rate / (4 |g|), as
    epsilon / (|g| + epsilon)^2 <= 1 / (4 |g|): 1e-16 G / |g|. That has no bound, for the terms of
    the rows may cancel, but a hundredth of G left of g is enough. Bits are the same everywhere, and
    so is what was found: 3e-16 at most.
    """
    for model in models:
        for mine, first in zip(model.coefs_, models[0].coefs_, strict=True):
            assert mine.tobytes() == first.tobytes()
        assert model.loss_curve_ == models[0].loss_curve_
    for name in ("coefs_", "intercepts_"):
        for mine, theirs in zip(getattr(models[0], name), getattr(one, name), strict=True):
            np.testing.assert_allclose(mine, theirs, rtol=tolerance, atol=tolerance)
    curves = models[0].loss_curve_, one.loss_curve_
    np.testing.assert_allclose(*curves, rtol=tolerance, atol=tolerance)
    assert models[0].n_iter_ == one.n_iter_
    assert models[0].t_ == one.t_
    scores = (
        getattr(models[0], "validation_scores_", None),
        getattr(one, "validation_scores_", None),
    )
    assert (scores[0] is None) == (scores[1] is None)
    if scores[0] is not None:
        np.testing.assert_allclose(*scores, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("seed", range(40))
def test_shares_are_those_of_the_definition(seed):
    rng = np.random.RandomState(seed)
    sizes = [int(n) for n in rng.randint(1, 60, rng.randint(1, 7))]
    if seed % 4 == 0:
        sizes = [sizes[0]] * len(sizes)
    batch_size = int(rng.randint(1, 40))
    batches = interleaved(sizes, batch_size)
    for rank in range(len(sizes)):
        shares = shares_of_shards(sizes, rank, batch_size)
        assert len(shares) == len(batches)
        for (begin, end, before), batch in zip(shares, batches, strict=True):
            assert [*range(begin, end)] == [row for other, row in batch if other == rank]
            assert before == sum(other < rank for other, _ in batch)


def test_shares_of_the_same_rows_make_up_each_batch():
    for size in (1, 2, 3, 7):
        parts = [shares_of_all(50, rank, size, 20) for rank in range(size)]
        for k, (begin, end) in enumerate([(0, 20), (20, 40), (40, 50)]):
            rows = [row for part in parts for row in range(*part[k, :2])]
            assert rows == [*range(begin, end)]
            assert all(part[k, 2] == part[k, 0] - begin for part in parts)


CLASSES = [("binary", {}), ("classes", {}), ("two classifications", {})]
REAL = [
    ("one", {"loss": loss})
    for loss in ("squared_error", "huber", "poisson", "gamma", "log_cosh", "gaussian_nll")
] + [
    ("two targets", {}),
    ("one", {"loss": "quantile", "quantile": (0.1, 0.9)}),
    ("one", {"loss": hinge_like}),
]
SOLVERS = ["sgd", "adam", "adamw", "rmsprop"]


def configuration(seed):
    """Draw ranks x shards x losses x solvers, and what else may meet."""
    rng = np.random.RandomState(seed)
    size = int(rng.choice([1, 2, 3, 4]))
    sizes = [int(n) for n in rng.choice([3, 17, 40, 64, 90], size)]
    kind, loss = (CLASSES + REAL)[seed % len(CLASSES + REAL)]
    parameters = {
        "hidden_layer_sizes": [(), (6,), (20, 9)][rng.randint(3)],
        "activation": str(rng.choice(["relu", "tanh", "gelu"])),
        "solver": str(rng.choice(SOLVERS)),
        "alpha": float(rng.choice([0, 0.3])),
        "l1": float(rng.choice([0, 0.01])),
        "batch_size": int(rng.choice([1, 5, 16, 50])),
        "max_iter": 3,
        "shuffle": False,
        "random_state": int(seed),
        "learning_rate_init": 0.003,
        "learning_rate": str(rng.choice(["constant", "invscaling", "cosine"])),
        "clip_norm": [None, 0.5][rng.randint(2)],
        "average": [None, "ema"][rng.randint(2)],
        "dropout": [0.0, 0.3][rng.randint(2)],
        **loss,
    }
    classes = kind in [k for k, _ in CLASSES]
    if classes and rng.rand() < 0.4:
        parameters["class_weight"] = "balanced"
    if classes and kind != "two classifications" and rng.rand() < 0.5:
        parameters["label_smoothing"] = 0.1
    return rng, sizes, kind, classes, parameters


@pytest.mark.parametrize(
    "seed", [*range(12), *(pytest.param(n, marks=pytest.mark.slow) for n in range(12, 62))]
)
def test_ranks_come_to_what_one_process_does(seed):
    rng, sizes, kind, classes, parameters = configuration(seed)
    rows = sum(sizes)
    X, y = data(rng, rows, kind)
    if classes:  # which all ranks must have
        y = y[: len(y)]
        values = np.unique(y, axis=0)
        for shard in shards_of(sizes):
            for at, value in zip(shard, values, strict=False):
                y[at] = value
        if kind == "two classifications":
            sizes = [max(size, len(values)) for size in sizes]
            if sum(sizes) != rows:
                X, y = np.tile(X, (3, 1))[: sum(sizes)], np.tile(y, (3, 1))[: sum(sizes)]
                for shard in shards_of(sizes):
                    y[shard[: len(values)]] = values
    weight = rng.uniform(0.1, 2, len(X)) if rng.rand() < 0.5 else None
    if rng.rand() < 0.3:
        X[X < 0.3] = 0
        X = sparse.csr_matrix(X)
    given = X, y, weight
    make = MLPClassifier if classes else MLPRegressor
    shards = shards_of(sizes)
    models = raised(by_ranks(len(sizes), lambda rank: fit(make(**parameters), shards[rank], given)))
    order = as_batches_take_them(sizes, parameters["batch_size"])
    one = fit(make(**parameters), order, given)
    check_same(models, one)


def test_dropout_sparse_and_tiny_shards_meet():
    """Batches in which a rank has no row, with masks that are those of the whole batch."""
    rng = np.random.RandomState(0)
    sizes, rows = [60, 2, 1], 63
    X, y = data(rng, rows, "one")
    given = sparse.csr_matrix(np.where(X < 0.3, 0, X)), y, rng.uniform(0.1, 2, rows)
    parameters = dict(
        hidden_layer_sizes=(20,), batch_size=7, dropout=(0.2, 0.5), alpha=0.1, max_iter=3,
        random_state=0, shuffle=False,
    )  # fmt: skip
    models = raised(
        by_ranks(3, lambda r: fit(MLPRegressor(**parameters), shards_of(sizes)[r], given))
    )
    one = fit(MLPRegressor(**parameters), as_batches_take_them(sizes, 7), given)
    check_same(models, one)


@pytest.mark.parametrize("scoring", [None, "loss", "neg_mean_absolute_error"])
def test_early_stopping_is_decided_by_the_rows_of_all_ranks(scoring):
    rng = np.random.RandomState(1)
    sizes, unseen = [70, 30], [5, 25]
    X, y = data(rng, 130, "one")
    parameters = dict(
        hidden_layer_sizes=(8,), batch_size=10, max_iter=40, early_stopping=True, tol=1e-3,
        n_iter_no_change=2, random_state=0, shuffle=False, scoring=scoring,
        learning_rate_init=0.02,
    )  # fmt: skip
    shards, val = shards_of(sizes), [100 + rows for rows in shards_of(unseen)]

    def work(rank):
        rows = {"X_val": X[val[rank]], "y_val": y[val[rank]]}
        return fit(MLPRegressor(**parameters), shards[rank], (X, y, None), **rows)

    models = raised(by_ranks(2, work))
    one = fit(MLPRegressor(**parameters), as_batches_take_them(sizes, 10), (X, y, None),
              X_val=X[100:], y_val=y[100:])  # fmt: skip
    assert one.n_iter_ < 40
    check_same(models, one)


def test_rows_are_held_out_and_shuffled_by_each_rank():
    rng = np.random.RandomState(2)
    X, y = data(rng, 200, "binary")
    seen = []

    def work(rank):
        model = MLPClassifier((8,), early_stopping=True, random_state=0, max_iter=5)
        fit(model, np.arange(rank, 200, 2), (X, y, None))
        seen.append(model)
        return model

    models = raised(by_ranks(2, work))
    assert models[0].validation_scores_ == models[1].validation_scores_
    assert models[0].t_ == 5 * 180
    again = raised(by_ranks(2, work))
    assert again[0].coefs_[0].tobytes() == models[0].coefs_[0].tobytes()


def test_without_a_seed_the_ranks_begin_alike():
    X, y = data(np.random.RandomState(2), 60, "binary")
    models = raised(
        by_ranks(3, lambda r: fit(MLPClassifier((4,), max_iter=2, dropout=0.2),
                                  np.arange(r, 60, 3), (X, y, None)))
    )  # fmt: skip
    assert len({model.coefs_[0].tobytes() for model in models}) == 1


@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
def test_ranks_with_the_same_rows_are_one_process(solver):
    """Shuffles, rows held out, masks: all are those of one process."""
    X, y = data(np.random.RandomState(3), 150, "classes")
    parameters = dict(
        hidden_layer_sizes=(16,), batch_size=32, max_iter=6, random_state=0, solver=solver,
        class_weight="balanced", alpha=0.1,
    )  # fmt: skip
    if solver == "adam":
        parameters |= {"early_stopping": True, "dropout": 0.2}
    models = raised(by_ranks(3, lambda r: MLPClassifier(**parameters).fit(X, y), shards=False))
    one = MLPClassifier(**parameters).fit(X, y)
    if solver == "adam":
        check_same(models, one)
    for mine, theirs in zip(models[2].coefs_, one.coefs_, strict=True):
        np.testing.assert_allclose(mine, theirs, rtol=1e-12, atol=1e-12)


def test_lbfgs_minimises_the_loss_of_all_rows():
    X, y = data(np.random.RandomState(4), 120, "one")
    weight = np.random.RandomState(0).uniform(0.5, 2, 120)
    parameters = dict(
        hidden_layer_sizes=(6,), solver="lbfgs", alpha=0.1, max_iter=8, random_state=0
    )
    shards = shards_of([90, 20, 10])
    models = raised(
        by_ranks(3, lambda r: fit(MLPRegressor(**parameters), shards[r], (X, y, weight)))
    )
    one = fit(MLPRegressor(**parameters), np.arange(120), (X, y, weight))
    assert len({model.coefs_[0].tobytes() for model in models}) == 1
    np.testing.assert_allclose(models[0].coefs_[0], one.coefs_[0], rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(models[0].loss_, one.loss_, rtol=1e-12)


@pytest.mark.parametrize("clip_norm", [None, 0.5])
def test_each_layer_is_a_sum_of_its_own(clip_norm):
    X, y = data(np.random.RandomState(4), 64, "one")

    def work(rank):
        fit(
            MLPRegressor(
                hidden_layer_sizes=(40, 20), batch_size=16, max_iter=2, clip_norm=clip_norm
            ),
            np.arange(rank, 64, 2),
            (X, y, None),
        )
        return current_ranks().sums

    assert raised(by_ranks(2, work)) == [2 * 4 * 3] * 2


def test_layers_are_told_of_by_a_team_of_threads():
    """Of two threads the first one tells: sums of layers begin while the other one works."""
    rng = np.random.RandomState(0)
    X, y = rng.normal(size=(512, 60)), rng.normal(size=512)
    parameters = dict(
        hidden_layer_sizes=(200, 200), batch_size=256, max_iter=3, shuffle=False, random_state=0
    )
    many = raised(by_ranks(1, lambda rank: MLPRegressor(n_threads=2, **parameters).fit(X, y)))
    one = MLPRegressor(n_threads=1, **parameters).fit(X, y)
    check_same(many, one, 0)


WRONG_SHARES = {
    "rows that are not there": ([[0, 7, 0]], 7, 7),
    "from end to begin": ([[3, 2, 0]], 7, 7),
    "too few batches": ([[0, 3, 0]], 7, 3),
    "no batch": (np.zeros((0, 3)), 0, 1),
    "no rows in a batch": ([[0, 3, 0]], 3, 0),
    "another shape": ([[0, 3]], 3, 3),
}


@pytest.mark.parametrize("what", WRONG_SHARES)
def test_shares_that_make_no_sense_are_refused(what, make_net):
    given, rows, batch_size = WRONG_SHARES[what]
    net = make_net([3, 4, 1], "tanh", "squared_error", np.float64, rows=6)
    trainer, run = net.trainer("sgd"), _core.Run()
    run.shuffle = False
    ranks = Alone(1, 1)
    ranks.shares, ranks.all_rows = np.array(given, dtype=np.int64), rows
    ranks.batch_size = batch_size
    before = [w.copy() for w in trainer.parameters()[0]]
    with pytest.raises(ValueError, match="shares"):
        trainer.run(net.X, net.Y, None, None, None, run, None, 1, None, None, ranks)
    for mine, theirs in zip(trainer.parameters()[0], before, strict=True):
        assert mine.tobytes() == theirs.tobytes()


# -- local steps


def plain(**more):
    return dict(
        hidden_layer_sizes=(8,), solver="sgd", momentum=0, alpha=0.1, batch_size=12, max_iter=3,
        shuffle=False, random_state=0, learning_rate_init=0.05, **more,
    )  # fmt: skip


@pytest.mark.parametrize("sizes", [[60, 60], [70, 30, 20]])
def test_a_mean_after_each_step_of_plain_sgd_is_synchronous(sizes):
    X, y = data(np.random.RandomState(5), 120, "one")
    given = X, y, np.random.RandomState(0).uniform(0.5, 2, 120)
    shards = shards_of(sizes)

    def work(rank):
        return fit(MLPRegressor(**plain()), shards[rank], given)

    every = raised(by_ranks(len(sizes), work))
    local = raised(by_ranks(len(sizes), work, sync_every=1))
    for mine, theirs in zip(local[0].coefs_, every[0].coefs_, strict=True):
        np.testing.assert_allclose(mine, theirs, rtol=1e-12, atol=1e-12)


def test_an_outer_step_of_rate_one_without_momentum_is_the_mean():
    X, y = data(np.random.RandomState(6), 120, "one")

    def work(rank):
        return fit(MLPRegressor(**plain()), np.arange(rank, 120, 2), (X, y, None))

    means = raised(by_ranks(2, work, sync_every=3))
    outer = raised(by_ranks(2, work, sync_every=3, outer_rate=1.0, outer_momentum=1e-300))
    for mine, theirs in zip(outer[0].coefs_, means[0].coefs_, strict=True):
        np.testing.assert_allclose(mine, theirs, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("every", [2, 100])
def test_outer_steps_are_those_of_the_paper(every):
    """Algorithm 1 of DiLoCo, with plain SGD within; its steps here are those of `partial_fit`."""
    rate, momentum, epochs = 0.7, 0.9, 3
    X, y = data(np.random.RandomState(7), 96, "one")
    parameters = plain() | {"alpha": 0, "max_iter": epochs}
    shards = [np.arange(rank, 96, 2) for rank in range(2)]
    models = raised(
        by_ranks(
            2, lambda r: fit(MLPRegressor(**parameters), shards[r], (X, y, None)),
            sync_every=every, outer_rate=rate, outer_momentum=momentum,
        )
    )  # fmt: skip
    start = MLPRegressor(**parameters).initialize(5)
    anchor = [w.copy() for w in (*start.coefs_, *start.intercepts_)]
    velocity = [np.zeros_like(w) for w in anchor]
    for _ in range(epochs):
        for first in range(0, 8, every):
            moved = []
            for shard in shards:
                local = MLPRegressor.from_weights(anchor[:2], anchor[2:], **parameters)
                local.batch_size = 6
                for step in range(first, min(8, first + every)):
                    rows = shard[6 * step : 6 * step + 6]
                    local.partial_fit(X[rows], y[rows])
                moved.append([a - w for a, w in zip(anchor, (*local.coefs_, *local.intercepts_),
                                                    strict=True)])  # fmt: skip
            mean = [(a + b) / 2 for a, b in zip(*moved, strict=True)]
            velocity = [momentum * v + m for v, m in zip(velocity, mean, strict=True)]
            anchor = [
                a - rate * (m + momentum * v)
                for a, m, v in zip(anchor, mean, velocity, strict=True)
            ]
    # A weight of the order of one, and the mean of what it moves by, are rounded some 10 times from
    # one outer step to the next. The velocity adds a rounding up to 1 / (1 - momentum) times:
    # 12 outer steps x 10 x rate / (1 - momentum) x 1.1e-16 = 1e-13.
    for mine, theirs in zip((*models[0].coefs_, *models[0].intercepts_), anchor, strict=True):
        np.testing.assert_allclose(mine, theirs, rtol=0, atol=1e-13)
