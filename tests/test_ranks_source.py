"""Fits by several ranks, each of which reads a source of its own window by window.

What they come to is what they make of the same rows in memory.
"""

import numpy as np
import pytest
from scipy import sparse
from sklearn.exceptions import ConvergenceWarning
from test_ranks import as_batches_take_them, check_same
from thread_ranks import Alone, by_ranks, data, fit, raised, shards_of

from chainfit import MLPClassifier, MLPRegressor, TabularRegressor, _core
from chainfit.data import Arrays, Chunks

pytestmark = pytest.mark.filterwarnings(
    f"ignore::{ConvergenceWarning.__module__}.ConvergenceWarning"
)

SIZES = [97, 40, 3]  # not every batch has rows of the last one


def source(rows, given, block_rows=13, buffer_rows=30):
    X, y, weight = given
    weight = None if weight is None else weight[rows]
    return Arrays(X[rows], y[rows], weight, block_rows=block_rows, buffer_rows=buffer_rows)


def huber(Y, raw):
    e = raw - Y
    return np.sqrt(1 + e * e).sum(axis=1), e / np.sqrt(1 + e * e)


PLANS = {
    "plain": ("binary", {}, {}),
    "balanced": ("classes", {"class_weight": "balanced"}, {}),
    "two classifications": ("two classifications", {"class_weight": "balanced"}, {}),
    "dropout": ("one", {"dropout": 0.3, "alpha": 0.1}, {}),
    "own loss": ("one", {"loss": huber, "clip_norm": 0.5}, {}),
    "batches larger than windows": ("one", {"batch_size": 90}, {}),
    "batches of one row": ("one", {"batch_size": 1, "max_iter": 2}, {}),
    "local steps": ("one", {}, {"sync_every": 2}),
}


@pytest.mark.parametrize("kind", ["dense", "sparse, weighted"])
@pytest.mark.parametrize("plan", PLANS)
def test_a_source_is_its_rows_in_memory(plan, kind):
    what, parameters, ranks = PLANS[plan]
    rng = np.random.RandomState(3)
    X, y = data(rng, sum(SIZES), what)
    for shard in shards_of(SIZES):  # which all have all classes
        y[shard[:3]] = (
            y[[np.flatnonzero(y[:, -1] == k)[0] for k in range(3)]]
            if (what == "two classifications")
            else [0, 1, 2 if what == "classes" else 1]
        )
    given = X, y, None
    if kind != "dense":
        given = sparse.csr_matrix(np.where(X < 0.3, 0, X)), y, rng.uniform(0.1, 2, len(X))
    make = MLPRegressor if what == "one" else MLPClassifier
    parameters = {
        "hidden_layer_sizes": (8,), "batch_size": 24, "max_iter": 4, "shuffle": False,
        "random_state": 0, "tol": 0, **parameters,
    }  # fmt: skip
    shards = shards_of(SIZES)

    def streamed(rank):
        return make(**parameters).fit(source(shards[rank], given))

    def mixed(rank):  # the second one has a source, the others arrays
        return streamed(rank) if rank == 1 else fit(make(**parameters), shards[rank], given)

    models = raised(by_ranks(3, streamed, **ranks))
    check_same(raised(by_ranks(3, mixed, **ranks)), models[0])
    if ranks:
        one = by_ranks(3, lambda r: fit(make(**parameters), shards[r], given), **ranks)[0]
    else:
        order = as_batches_take_them(SIZES, parameters["batch_size"])
        one = fit(make(**parameters), order, given)
    check_same(models, one)


@pytest.mark.parametrize("weighted", [False, True])
def test_a_source_that_all_ranks_have_is_that_of_one_process(weighted):
    X, y = data(np.random.RandomState(5), 150, "binary")
    given = X, y, np.random.RandomState(0).uniform(0.1, 2, 150) if weighted else None
    parameters = {"hidden_layer_sizes": (8,), "batch_size": 20, "max_iter": 4, "random_state": 0}
    parameters |= {"early_stopping": True, "dropout": 0.2, "tol": 0}

    def work(rank=0):
        return MLPClassifier(**parameters).fit(source(slice(None), given))

    check_same(raised(by_ranks(3, work, shards=False)), work())
    other = X + 1, y, given[2]

    def different(rank):
        return MLPClassifier(**parameters).fit(source(slice(None), other if rank else given))

    outcomes = by_ranks(2, different, shards=False)
    assert all("same X of data" in str(outcome) for outcome in outcomes)


@pytest.mark.parametrize("scoring", [None, "loss", "accuracy"])
@pytest.mark.parametrize("own", [False, True])
def test_scores_are_of_the_rows_of_all_sources(own, scoring):
    X, y = data(np.random.RandomState(6), 300, "binary")
    given = X, y, None
    parts = [np.arange(r, 240, 2) for r in range(2)]
    unseen = [np.arange(240 + r, 300, 2) for r in range(2)]

    def work(rank):
        rows = {"X_val": source(unseen[rank], given)} if own else {}
        model = MLPClassifier((8,), early_stopping=True, max_iter=6, random_state=0, tol=0)
        model.set_params(scoring=scoring, batch_size=24, shuffle=not own)
        return model.fit(source(parts[rank], given), **rows)

    models = raised(by_ranks(2, work))
    check_same(models[:1], models[1], 0)
    check_same(raised(by_ranks(2, work)), models[0], 0)
    if own:
        one = MLPClassifier((8,), early_stopping=True, max_iter=6, random_state=0, tol=0)
        one.set_params(scoring=scoring, batch_size=24, shuffle=False)
        order = np.arange(240)
        check_same(models, one.fit(X[order], y[order], X_val=X[240:], y_val=y[240:]))


def test_a_fit_of_sources_goes_on_from_a_checkpoint_to_the_same_bits(tmp_path):
    X, y = data(np.random.RandomState(7), 140, "one")

    def work(name, stop):
        def one(rank):
            model = MLPRegressor(
                hidden_layer_sizes=(6,), random_state=0, max_iter=7, batch_size=20, tol=0,
                callbacks=[lambda record: record["epoch"] == stop], checkpoint=tmp_path / name,
            )  # fmt: skip
            return model.fit(source(np.arange(rank, 140, 2), (X, y, None)))

        return raised(by_ranks(2, one))

    whole = work("whole", 0)
    work("parts", 3)
    check_same(work("parts", 0), whole[0], 0)


def test_what_a_source_can_not_do_is_one_error_on_all_ranks():
    X, y = data(np.random.RandomState(8), 120, "one")
    weight = np.where(np.arange(120) == 7, -1.0, 1.0)
    parts = [np.arange(r, 120, 2) for r in range(2)]

    def lbfgs(rank):
        return MLPRegressor(solver="lbfgs").fit(source(parts[rank], (X, y, None)))

    def negative(rank):
        return MLPRegressor(max_iter=2).fit(source(parts[rank], (X, y, weight)))

    def ends_early(rank):
        times = []

        def chunks():
            times.append(1)
            for k in range(0, 60, 10):
                if rank == 0 or len(times) < 3 or k < 40:
                    yield X[parts[rank][k : k + 10]], y[parts[rank][k : k + 10]]

        return MLPRegressor(max_iter=9).fit(Chunks(chunks, buffer_rows=20))

    for outcome in by_ranks(2, lbfgs):
        assert "Rank 0 of 2: solver='lbfgs' goes through all rows" in str(outcome)
    for outcome in by_ranks(2, negative, sync_every=2):
        assert "not negative" in str(outcome)
    outcomes = by_ranks(2, ends_early)
    assert "The source ended after 4 blocks" in str(outcomes[1])
    assert "The source ended after 4 blocks" in str(outcomes[0])


def test_a_window_that_ends_within_a_batch_is_refused(make_net):
    net = make_net([3, 4, 1], "tanh", "squared_error", np.float64, rows=12)
    for rows, refused in ((6, False), (12, False), (5, True)):
        trainer, run = net.trainer("sgd"), _core.Run()
        run.shuffle, run.batch_size = False, 3

        def window(done, rows=rows):
            return net.X[done : done + rows], net.Y[done : done + rows], None

        given = window, 12, False, run
        ranks = Alone(4, 3, in_windows=True)
        if refused:
            with pytest.raises(ValueError, match="whole batches"):
                trainer.run_windows(*given, None, 1, None, None, ranks)
        else:
            trainer.run_windows(*given, None, 1, None, None, ranks)
        with pytest.raises(ValueError, match="windows"):
            trainer.run_windows(*given, None, 1, None, None, Alone(4, 3))


def test_fewer_nets_than_ranks_share_the_rows_of_a_table_in_windows():
    rng = np.random.RandomState(0)
    X = rng.normal(size=(300, 3))
    chunks = [({"a": X[k : k + 50, 0], "b": X[k : k + 50, 1]}, X[k : k + 50, 2])
              for k in range(0, 300, 50)]  # fmt: skip
    parameters = {
        "n_nets": 1, "random_state": 0, "max_iter": 3, "precision": "float64", "batch_size": 20,
    }  # fmt: skip

    def work(rank=0):
        return TabularRegressor(**parameters).fit(Chunks(chunks, buffer_rows=100))

    def different(rank):
        return TabularRegressor(**parameters).fit(Chunks(chunks[rank:], buffer_rows=100))

    models = raised(by_ranks(2, work, shards=False))
    outcomes = by_ranks(2, different, shards=False)
    assert [str(o) for o in outcomes] == ["Rank 1 has other X than rank 0."] * 2
    for mine, theirs in zip(models[0].nets_[0].coefs_, work().nets_[0].coefs_, strict=True):
        np.testing.assert_allclose(mine, theirs, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("streaming", [(0, 1), (1,)])
def test_what_learned_nothing_says_so_of_a_sample_of_all_ranks(streaming):
    """Targets of each rank are constant, of which there would be nothing to say."""
    X, y = np.random.RandomState(0).normal(size=(40, 3)), np.repeat([0.0, 1.0], 20)

    def work(rank):
        model = MLPRegressor(alpha=1e4, tol=1, max_iter=300, random_state=0, n_iter_no_change=1)
        rows = shards_of([20, 20])[rank]
        if rank in streaming:
            return model.fit(source(rows, (X, y, None), buffer_rows=10, block_rows=5))
        return fit(model, rows, (X, y, None))

    with pytest.warns(ConvergenceWarning, match="learned nothing: its loss on a sample"):
        raised(by_ranks(2, work))
