"""Fits by several ranks that fail, stop or go on, and those of tables; ranks are threads here."""

import pickle
from dataclasses import replace

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import GridSearchCV
from thread_ranks import Alone, by_ranks, data, fit, raised, shards_of

from chainfit import MLPClassifier, MLPRegressor, TabularClassifier, TabularRegressor
from chainfit._estimators.ranks import current_ranks, made_by
from chainfit.distributed import communicator

pytestmark = [
    pytest.mark.filterwarnings(f"ignore::{ConvergenceWarning.__module__}.ConvergenceWarning"),
    pytest.mark.filterwarnings("ignore:Got `batch_size`"),
]


# -- errors


def check_error(outcomes, kind, words):
    texts = {f"{type(outcome).__name__}: {outcome}" for outcome in outcomes}
    (text,) = texts
    assert isinstance(outcomes[0], kind), outcomes
    for word in words:
        assert word in text


WRONG = {
    "an empty shard": (lambda X, y: (X[:0], y[:0]), ["Rank 1 of 3", "0 sample(s)"]),
    "other columns": (lambda X, y: (X[:, :4], y), ["n_features", "5 on rank 0, 4 on rank 1"]),
    "another dtype": (lambda X, y: (X.astype(np.float32), y), ["float64 on rank 0, float32"]),
    "other classes": (lambda X, y: (X, y + 1), ["classes", "rank 1"]),
    "NaN": (lambda X, y: (np.where(X > 0, X, np.nan), y), ["Rank 1 of 3", "NaN"]),
    "dates": (lambda X, y: (X.astype("M8[s]"), y), ["Rank 1 of 3", "dates"]),
}


@pytest.mark.parametrize("what", WRONG)
@pytest.mark.parametrize("balanced", [False, True])
def test_what_does_not_fit_is_one_error_on_all_ranks(what, balanced):
    X, y = data(np.random.RandomState(8), 60, "binary")
    change, words = WRONG[what]

    def work(rank):
        rows = np.arange(rank, 60, 3)
        given = change(X[rows], y[rows]) if rank == 1 else (X[rows], y[rows])
        model = MLPClassifier((4,), class_weight="balanced" if balanced else None)
        return model.fit(*given)

    outcomes = by_ranks(3, work)
    assert all(isinstance(outcome, ValueError | TypeError) for outcome in outcomes), outcomes
    assert len({str(outcome) for outcome in outcomes[::2]}) == 1
    for outcome in outcomes[::2]:
        assert all(word in str(outcome) for word in words), outcome


def test_parameters_must_be_the_same():
    X, y = data(np.random.RandomState(8), 60, "binary")
    outcomes = by_ranks(2, lambda rank: MLPClassifier((4 + rank,)).fit(X, y))
    assert "same hidden_layer_sizes: (4,) on rank 0, (5,) on rank 1" in str(outcomes[1])
    assert str(outcomes[0]) == str(outcomes[1])


@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
def test_how_long_to_train_must_be_the_same(solver):
    X, y = data(np.random.RandomState(8), 60, "binary")
    outcomes = by_ranks(2, lambda rank: MLPClassifier(solver=solver, max_iter=3 + rank).fit(X, y))
    assert "same max_iter: 3 on rank 0, 4 on rank 1" in str(outcomes[1])
    assert str(outcomes[0]) == str(outcomes[1])
    rows, target = table()
    outcomes = by_ranks(
        2, lambda rank: TabularRegressor(max_iter=3 + rank).fit(rows, target), shards=False
    )
    assert [str(outcome) for outcome in outcomes] == ["Rank 1 has other max_iter than rank 0."] * 2


def test_models_that_go_on_must_have_come_as_far():
    X, y = data(np.random.RandomState(8), 60, "binary")
    before = MLPClassifier((4,), warm_start=True, max_iter=3, random_state=0).fit(X, y)

    def work(rank, alone=2):
        model = pickle.loads(pickle.dumps(before)) if rank != alone else clone(before)
        return model.fit(X[rank::2], y[rank::2])

    models = raised(by_ranks(2, work))
    assert models[0].coefs_[0].tobytes() == models[1].coefs_[0].tobytes()
    assert [model.t_ for model in models] == [2 * before.t_] * 2
    assert len(models[0].loss_curve_) == 6
    for alone in range(2):
        outcomes = by_ranks(2, lambda rank, alone=alone: work(rank, alone))
        assert all("same t_ of the model to go on from" in str(outcome) for outcome in outcomes)


def test_rows_to_validate_on_must_be_the_same_where_all_have_the_same():
    X, y = data(np.random.RandomState(8), 60, "binary")
    outcomes = by_ranks(
        2, lambda rank: MLPClassifier((4,)).fit(X, y, X_val=X[rank:], y_val=y[rank:]), shards=False
    )
    assert all("same X_val of data" in str(outcome) for outcome in outcomes)
    rows, target = table()
    val = {name: values[:20] for name, values in rows.items()}
    outcomes = by_ranks(
        2,
        lambda rank: TabularRegressor(max_iter=3).fit(
            rows, target, X_val=val, y_val=target[:20] + rank
        ),
        shards=False,
    )
    assert [str(outcome) for outcome in outcomes] == ["Rank 1 has other y_val than rank 0."] * 2


def test_a_search_goes_its_way_where_all_ranks_have_the_same_rows():
    X, y = data(np.random.RandomState(8), 90, "binary")
    model = MLPClassifier((4,), max_iter=5, random_state=0)

    def search(rank=0):
        return GridSearchCV(model, {"alpha": [1e-4, 1.0]}, cv=2).fit(X, y)

    one = search()
    for found in raised(by_ranks(2, search, shards=False)):
        assert found.best_params_ == one.best_params_
        np.testing.assert_allclose(
            found.cv_results_["mean_test_score"], one.cv_results_["mean_test_score"]
        )
        again = pickle.loads(pickle.dumps(found.best_estimator_))
        assert again.predict(X).tobytes() == found.predict(X).tobytes()


def test_a_rank_may_have_one_row():
    X, y = data(np.random.RandomState(8), 60, "one")
    parts = shards_of([59, 1])

    def work(rank, **more):
        model = MLPRegressor(hidden_layer_sizes=(4,), random_state=0, max_iter=4, **more)
        return fit(model, parts[rank], (X, y, None))

    models = raised(by_ranks(2, work))
    assert models[0].coefs_[0].tobytes() == models[1].coefs_[0].tobytes()
    outcomes = by_ranks(2, lambda rank: work(rank, early_stopping=True))
    assert all("Rank 1 of 2" in str(outcome) for outcome in outcomes)


def test_how_ranks_train_must_be_the_same():
    X, y = data(np.random.RandomState(8), 60, "binary")
    for name, other in (("sync_every", 2), ("shards", False)):

        def work(rank, name=name, other=other):
            ranks = current_ranks()
            if rank == 1:
                ranks.plan = replace(ranks.plan, **{name: other})
            return MLPClassifier((4,), max_iter=2).fit(X, y)

        outcomes = by_ranks(2, work)
        assert f"same {name}: " in str(outcomes[1])
        assert str(outcomes[0]) == str(outcomes[1])


def test_the_same_rows_must_be_the_same():
    X, y = data(np.random.RandomState(8), 60, "binary")
    outcomes = by_ranks(2, lambda rank: MLPClassifier((4,)).fit(X + rank, y), shards=False)
    assert all("same X of data" in str(outcome) for outcome in outcomes)


def test_an_error_in_training_ends_all_of_it():
    X, y = data(np.random.RandomState(8), 60, "binary")

    def work(rank):
        def watch(record):
            if rank == 1 and record["epoch"] == 2:
                raise OSError("the disk is full")

        return MLPClassifier((4,), callbacks=[watch], random_state=0).fit(X, y)

    outcomes = by_ranks(2, work)
    assert isinstance(outcomes[1], OSError)
    assert "OSError: the disk is full" in str(outcomes[0])


def test_a_callback_of_one_rank_stops_all():
    X, y = data(np.random.RandomState(8), 60, "binary")

    def work(rank):
        watch = [lambda record: record["epoch"] == 4] if rank == 1 else [lambda record: False]
        return MLPClassifier((4,), callbacks=watch, random_state=0, tol=0).fit(X, y)

    assert [model.n_iter_ for model in raised(by_ranks(2, work))] == [4, 4]


def test_the_time_limit_of_one_rank_stops_all():
    X, y = data(np.random.RandomState(8), 60, "binary")

    def work(rank):
        parameters = {"time_limit": 0.2, "max_iter": 10**6, "tol": 0, "n_iter_no_change": 10**6}
        return MLPClassifier((4,), random_state=0, **parameters).fit(X, y)

    models = raised(by_ranks(2, work))
    assert models[0].n_iter_ == models[1].n_iter_ > 1
    assert models[0].coefs_[0].tobytes() == models[1].coefs_[0].tobytes()


def test_partial_fit_is_for_one_process():
    X, y = data(np.random.RandomState(8), 60, "binary")
    outcomes = by_ranks(2, lambda rank: MLPClassifier((4,)).partial_fit(X, y, classes=[0, 1]))
    assert all("partial_fit" in str(outcome) for outcome in outcomes)
    outcomes = by_ranks(
        2,
        lambda rank: MLPClassifier((4,)).fit(X, y) if rank else MLPClassifier().partial_fit(X, y),
    )
    assert all("Rank 0 of 2: partial_fit" in str(outcome) for outcome in outcomes)


def test_what_learned_nothing_says_so_of_the_targets_of_all_ranks():
    """Those of each rank are constant, of which there would be nothing to say."""
    X, y = np.random.RandomState(0).normal(size=(40, 3)), np.repeat([0.0, 1.0], 20)

    def work(rank):
        model = MLPRegressor(alpha=1e4, tol=1, max_iter=300, random_state=0, n_iter_no_change=1)
        return fit(model, shards_of([20, 20])[rank], (X, y, None))

    with pytest.warns(ConvergenceWarning, match="learned nothing"):
        raised(by_ranks(2, work))


WRONG_PLANS = [
    ({"shards": "no"}, "shards must be a bool"),
    ({"sync_every": 0}, "sync_every must be None or an int >= 1"),
    ({"sync_every": True}, "sync_every must be None or an int >= 1"),
    ({"sync_every": 2, "outer_learning_rate": float("nan")}, "outer_learning_rate must be"),
    ({"sync_every": 2, "outer_momentum": 1.0}, r"outer_momentum must be a number in \[0, 1\)"),
    ({"outer_momentum": 0.5}, "need sync_every"),
    ({"timeout": 0}, "timeout must be a number > 0"),
]


@pytest.mark.parametrize(("given", "words"), WRONG_PLANS)
def test_parameters_of_a_communicator_are_checked_before_mpi_starts(given, words):
    with pytest.raises(ValueError, match=words), communicator(**given):
        pass
    with (
        made_by(Alone(1, 1)),
        pytest.raises(ValueError, match="within another"),
        communicator(),
    ):
        pass


# -- checkpoints


@pytest.mark.parametrize("plan", [{}, {"sync_every": 3, "outer_rate": 0.7, "outer_momentum": 0.9}])
def test_a_fit_goes_on_from_a_checkpoint_to_the_same_bits(plan, tmp_path):
    X, y = data(np.random.RandomState(9), 90, "one")

    def model(name, watch=lambda record: False):
        return MLPRegressor(
            hidden_layer_sizes=(6,), random_state=0, max_iter=9, batch_size=20, callbacks=[watch],
            tol=0, average="ema", checkpoint=tmp_path / name, early_stopping=True, dropout=0.2,
        )  # fmt: skip

    def work(*given, size=3):
        def one(rank):
            return fit(model(*given), np.arange(rank, 90, size), (X, y, None))

        return raised(by_ranks(size, one, **plan))

    whole = work("whole")
    work("parts", lambda record: record["epoch"] == 4)
    assert (tmp_path / "parts").exists()
    for resumed in work("parts"):
        assert resumed.n_iter_ == 9
        for mine, theirs in zip(resumed.coefs_, whole[0].coefs_, strict=True):
            assert mine.tobytes() == theirs.tobytes()
    with pytest.raises(ValueError, match="X, y, ranks"):
        work("parts", size=2)


# -- tables


def table(rows=80):
    rng = np.random.RandomState(0)
    X = {
        "a": rng.normal(size=rows),
        "b": rng.choice(["x", "y", "z"], rows),
        "c": [None if rng.rand() < 0.1 else int(n) for n in rng.randint(0, 9, rows)],
    }
    return X, X["a"] + (X["b"] == "x")


def check_nets(models, one, tolerance):
    for model in models:
        assert len(model.nets_) == len(one.nets_)
        for mine, theirs in zip(model.nets_, one.nets_, strict=True):
            for w, v in zip(mine.coefs_, theirs.coefs_, strict=True):
                if tolerance == 0:
                    assert w.tobytes() == v.tobytes()
                np.testing.assert_allclose(w, v, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("checkpoint", [False, True])
@pytest.mark.parametrize(("size", "n_nets"), [(2, 5), (3, 3), (3, 2)])
def test_nets_of_a_table_are_those_of_one_process(size, n_nets, checkpoint, tmp_path):
    X, y = table()
    parameters = {"n_nets": n_nets, "random_state": 0, "max_iter": 4, "precision": "float64"}
    files = {"checkpoint": tmp_path / "c"} if checkpoint else {}
    models = raised(
        by_ranks(size, lambda r: TabularRegressor(**parameters, **files).fit(X, y), shards=False)
    )
    one = TabularRegressor(**parameters).fit(X, y)
    dealt = n_nets >= size
    check_nets(models, one, 0 if dealt else 1e-12)
    if checkpoint:
        assert len([*tmp_path.iterdir()]) == n_nets
        again = raised(
            by_ranks(
                size, lambda r: TabularRegressor(**parameters, **files).fit(X, y), shards=False
            )
        )
        check_nets(again, models[0], 0)


def test_classifiers_of_tables_have_one_temperature():
    X, y = table()
    parameters = {"n_nets": 3, "random_state": 0, "max_iter": 4}
    models = raised(
        by_ranks(2, lambda r: TabularClassifier(**parameters).fit(X, y > 0), shards=False)
    )
    one = TabularClassifier(**parameters).fit(X, y > 0)
    assert [model.temperature_ for model in models] == [one.temperature_] * 2
    check_nets(models, one, 0)


def test_a_table_must_be_whole_and_the_same():
    X, y = table()
    outcomes = by_ranks(2, lambda r: TabularRegressor(max_iter=2).fit(X, y))
    assert all("communicator(shards=False)" in str(outcome) for outcome in outcomes)
    outcomes = by_ranks(
        2, lambda r: TabularRegressor(max_iter=2, random_state=0).fit(X, y + r), shards=False
    )
    assert [str(outcome) for outcome in outcomes] == ["Rank 1 has other y than rank 0."] * 2
    outcomes = by_ranks(2, lambda r: TabularRegressor(max_iter=2).fit(X, y[: 80 - r]), shards=False)
    assert all("Rank 1 of 2" in str(outcome) for outcome in outcomes[:1])
