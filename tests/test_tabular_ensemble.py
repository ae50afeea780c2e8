"""Several nets: the rows they hold out, their temperature, and equal bits however they run."""

import threading
import warnings

import numpy as np
import pytest
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax
from sklearn.datasets import make_classification, make_regression

from chainfit import MLPClassifier, MLPRegressor
from chainfit._estimators.temperature import BOUNDS, fit_temperature, fold_temperature, unseen_rows
from chainfit._tables import ensemble
from chainfit._tables.ensemble import (
    Samples,
    blocks_of_rows,
    held_out_rows,
    mean_probabilities,
    train_nets,
)

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


def draws(seed=0):
    return np.random.RandomState(seed)


# -- rows held out


@pytest.mark.parametrize("n_nets", [1, 4, 10, 13])
def test_each_net_has_rows_of_its_own(n_nets):
    y = np.arange(400.0)
    held_out = held_out_rows(y, False, 0.1, n_nets, draws())
    assert [len(rows) for rows in held_out] == [40] * n_nets
    first = np.concatenate(held_out[:10])
    assert len(np.unique(first)) == len(first)
    assert len({tuple(rows) for rows in held_out}) == n_nets


def test_classes_are_held_out_by_their_shares():
    y = np.array(["a"] * 300 + ["b"] * 90 + ["c"] * 10)
    for rows in held_out_rows(y, True, 0.1, 10, draws()):
        assert [np.count_nonzero(y[rows] == label) for label in "abc"] == [30, 9, 1]


def test_a_class_of_one_row_needs_no_warning():
    y = np.array([0] * 50 + [1] * 50 + [2])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        held_out = held_out_rows(y, True, 0.1, 10, draws())
    assert sum(100 in rows for rows in held_out) == 1


@pytest.mark.parametrize(
    ("y", "classes", "fraction"),
    [
        (np.arange(400.0), False, 0.0),
        (np.arange(15.0), False, 0.1),
        (np.arange(3), True, 0.1),
        (np.arange(50), True, 0.1),  # every row a class of its own
    ],
)
def test_too_few_rows_hold_out_none(y, classes, fraction):
    assert held_out_rows(y, classes, fraction, 2, draws()) is None


# -- temperature


def classes_of(n_classes, rows=600, seed=0):
    X, y = make_classification(
        rows, 10, n_informative=6, n_classes=n_classes, flip_y=0.2, random_state=seed
    )
    return X.astype(np.float32), np.array([f"class {i}" for i in y], dtype=object)


def net_of(**parameters):
    return MLPClassifier((16,), early_stopping=True, random_state=0, max_iter=20, **parameters)


def unseen_of(net, X, y):
    Y = (y[:, np.newaxis] == net.classes_).astype(np.float64)
    return unseen_rows(net, X, Y if Y.shape[1] > 2 else Y[:, 1:], None)


def log_loss_at(net, X, y, weight=None):
    """Return the loss by 1 / temperature, plainly, with one row more of all classes."""
    z = net.decision_function(X).astype(np.float64)
    z = np.stack([np.zeros(len(z)), z], axis=1) if z.ndim == 1 else z
    K = z.shape[1]
    targets = (y[:, np.newaxis] == net.classes_).astype(np.float64)
    targets = (targets * len(y) + 1 / K) / (len(y) + 1)
    weight = np.ones(len(y)) if weight is None else weight
    return lambda inverse: (
        -np.average((targets * log_softmax(z * inverse, axis=1)).sum(axis=1), weights=weight)
    )


@pytest.mark.parametrize("hidden", [(16,), ()])
@pytest.mark.parametrize("n_classes", [2, 4])
@pytest.mark.parametrize("weighted", [False, True])
def test_temperature_is_that_of_scipy(n_classes, hidden, weighted):
    X, y = classes_of(n_classes)
    net = MLPClassifier(hidden, solver="lbfgs", max_iter=20, random_state=0).fit(X[:300], y[:300])
    rows = unseen_of(net, X[300:], y[300:])
    weight = draws().exponential(size=300) if weighted else None
    temperature = fit_temperature([net], [rows._replace(sample_weight=weight)])
    loss = log_loss_at(net, X[300:], y[300:], weight)
    best = minimize_scalar(loss, bounds=BOUNDS, method="bounded", options={"xatol": 1e-10})
    # near its minimum a loss of float64 tells places apart by the root of its rounding: about
    # 1e-8; the search ends within 1e-5
    assert 1 / temperature == pytest.approx(best.x, abs=3e-5)
    assert loss(1 / temperature) <= best.fun + 1e-9


def test_one_temperature_for_several_nets_has_the_least_mean_loss():
    X, y = classes_of(3)
    parts = [slice(0, 200), slice(200, 300), slice(300, 600)]
    nets = [MLPClassifier((8,), solver="lbfgs", random_state=i).fit(X, y) for i in range(3)]
    unseen = [unseen_of(net, X[rows], y[rows]) for net, rows in zip(nets, parts, strict=True)]
    temperature = fit_temperature(nets, unseen)

    def mean(inverse):
        total = 0.0
        for net, rows in zip(nets, parts, strict=True):
            z = net.decision_function(X[rows]).astype(np.float64)
            targets = (y[rows][:, np.newaxis] == net.classes_).astype(np.float64)
            targets = (targets * 600 + 1 / 3) / 601
            total -= (targets * log_softmax(z * inverse, axis=1)).sum()
        return total

    best = minimize_scalar(mean, bounds=BOUNDS, method="bounded", options={"xatol": 1e-10})
    assert 1 / temperature == pytest.approx(best.x, abs=3e-5)


def test_rows_that_are_all_right_leave_some_doubt():
    X = np.array([[-1.0], [1.0]] * 5, dtype=np.float32)
    y = np.array([0, 1] * 5)
    net = MLPClassifier.from_weights([[[3.0]]], [[0.0]], classes=[0, 1])
    temperature = fit_temperature([net], [unseen_of(net, X, y)])
    fold_temperature(net, temperature)
    # ten rows that are right, and half of another
    assert net.predict_proba(X).max() == pytest.approx(10.5 / 11, abs=1e-4)


def test_negative_weights_leave_the_temperature():
    X, y = classes_of(2, rows=40)
    net = net_of().fit(X, y)
    rows = unseen_of(net, X, y)._replace(sample_weight=np.linspace(-1, 3, 40))
    assert fit_temperature([net], [rows]) == 1.0


@pytest.mark.parametrize("n_classes", [2, 3])
def test_folding_divides_the_scores(n_classes):
    X, y = classes_of(n_classes, rows=100)
    net = net_of().fit(X, y)
    before = net.decision_function(X)
    fold_temperature(net, 0.25)
    np.testing.assert_array_equal(net.decision_function(X), 4 * before)
    assert net.coefs_[-1].dtype == np.float32


# -- training


def samples_of(kind, rows=300):
    if kind == "classes":
        X, y = classes_of(3, rows)
        return Samples(X, y, None, None), MLPClassifier
    X, y = make_regression(rows, 6, noise=5.0, random_state=0)
    return Samples(X.astype(np.float32), (y - y.mean()) / y.std(), None, None), MLPRegressor


def nets_of(cls, count=4, **parameters):
    defaults = {
        "hidden_layer_sizes": (16, 16),
        "early_stopping": True,
        "n_iter_no_change": np.inf,
        "max_iter": 4,
        "learning_rate": "one_cycle",
        "n_threads": 1,
    }
    return [cls(random_state=i, **{**defaults, **parameters}) for i in range(count)]


def trained(kind, n_jobs=1, **parameters):
    samples, cls = samples_of(kind)
    nets = nets_of(cls, **parameters)
    held_out = held_out_rows(samples.y, kind == "classes", 0.1, len(nets), draws())
    return train_nets(nets, samples, held_out, n_jobs), samples, held_out


def weights(made):
    return [w for net in made.nets for w in (*net.coefs_, *net.intercepts_)]


@pytest.mark.parametrize("kind", ["classes", "numbers"])
def test_equal_bits_whatever_runs_side_by_side(kind):
    expected = trained(kind)[0]
    assert len(expected.nets) == 4
    assert (expected.temperature != 1) == (kind == "classes")
    for n_jobs, n_threads in [(2, 1), (4, 2), (7, 1), (1, 3)]:
        found = trained(kind, n_jobs, n_threads=n_threads)[0]
        assert found.temperature == expected.temperature
        for a, b in zip(weights(expected), weights(found), strict=True):
            np.testing.assert_array_equal(a, b)


def test_a_net_learns_from_the_rows_that_it_does_not_hold_out():
    made, samples, held_out = trained("numbers", early_stopping=True)
    train_rows = np.delete(np.arange(300), held_out[2])
    alone = nets_of(MLPRegressor)[2].set_params(early_stopping=True)
    alone.fit(
        samples.X[train_rows],
        samples.y[train_rows],
        X_val=samples.X[held_out[2]],
        y_val=samples.y[held_out[2]],
    )
    np.testing.assert_array_equal(alone.validation_scores_, made.nets[2].validation_scores_)
    for a, b in zip(alone.coefs_, made.nets[2].coefs_, strict=True):
        np.testing.assert_array_equal(a, b)


def test_rows_of_the_users_own_are_everybodys():
    samples, cls = samples_of("classes")
    X, y = classes_of(3, 60, seed=0)
    nets = nets_of(cls, 2)
    made = train_nets(nets, samples._replace(validation=(X, y, None)), None, 1)
    for net in made.nets:
        assert len(net.validation_scores_) == 4
        assert net.best_validation_score_ == net.score(X, y)
    assert made.temperature != 1


def test_no_rows_held_out():
    samples, cls = samples_of("classes")
    made = train_nets(nets_of(cls, 2, early_stopping=False), samples, None, 2)
    assert made.temperature == 1.0
    assert made.nets[0].validation_scores_ is None


def test_a_net_that_fails_ends_the_others(monkeypatch):
    begun = []

    def train(settings, data, state, listeners):
        begun.append(threading.get_ident())
        if len(begun) > 1:
            raise ValueError("it went wrong")
        return real(settings, data, state, listeners)

    real = ensemble.train
    monkeypatch.setattr(ensemble, "train", train)
    samples, cls = samples_of("numbers")
    with pytest.raises(ValueError, match="it went wrong"):
        train_nets(nets_of(cls, 8, early_stopping=False), samples, None, 2)
    assert len(begun) <= 3


@pytest.mark.parametrize("n_jobs", [1, 3])
def test_interrupted_training_keeps_what_it_has(n_jobs):
    samples, cls = samples_of("numbers")
    main = threading.get_ident()

    def interrupt(net, epoch, loss, score):
        if threading.get_ident() == main and epoch == 2:
            raise KeyboardInterrupt

    nets = nets_of(cls, 6, max_iter=10_000, early_stopping=False)
    with pytest.warns(UserWarning, match="interrupted by user"):
        made = train_nets(nets, samples, None, n_jobs, interrupt)
    assert 1 <= len(made.nets) <= n_jobs
    assert all(1 <= net.n_iter_ < 10_000 for net in made.nets)
    assert np.isfinite(made.nets[0].predict(samples.X)).all()


def test_epochs_are_told():
    told = []
    samples, cls = samples_of("classes")
    held_out = held_out_rows(samples.y, True, 0.1, 2, draws())
    train_nets(nets_of(cls, 2), samples, held_out, 1, lambda *epoch: told.append(epoch))
    assert [epoch[:2] for epoch in told] == [(i, j) for i in range(2) for j in (1, 2, 3, 4)]
    assert all(np.isfinite(epoch[2:]).all() for epoch in told)


# -- means


def test_mean_probabilities():
    X, y = classes_of(3, rows=100)
    nets = [net_of(label_smoothing=s).fit(X, y) for s in (0.0, 0.3)]
    found = mean_probabilities(nets, X)
    expected = np.mean([net.predict_proba(X).astype(np.float64) for net in nets], axis=0)
    np.testing.assert_allclose(found, expected, rtol=1e-6)
    np.testing.assert_allclose(found.sum(axis=1), 1, rtol=0, atol=4e-16)
    assert mean_probabilities(nets, X[:0]).shape == (0, 3)


@pytest.mark.parametrize(("rows", "width"), [(0, 10), (1, 1), (10, 1 << 25), (5000, 1 << 13)])
def test_blocks_cover_all_rows_once(rows, width):
    blocks = [np.arange(rows)[block] for block in blocks_of_rows(rows, width)]
    np.testing.assert_array_equal(np.concatenate(blocks), np.arange(rows))
    assert max(map(len, blocks)) * width <= max(1 << 24, width)
