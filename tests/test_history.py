"""chainfit.History: the nets of a fit, epoch by epoch."""

import pickle
import warnings

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.callback import ProgressBar
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import chainfit

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

_rng = np.random.RandomState(0)
X = _rng.randn(60, 4)
ESTIMATORS = {
    "classifier": (chainfit.MLPClassifier, (X[:, 0] > X[:, 1]).astype(int)),
    "regressor": (chainfit.MLPRegressor, X[:, 0] - X[:, 1] ** 2),
}


def make(kind="classifier", **parameters):
    cls, target = ESTIMATORS[kind]
    defaults = {"hidden_layer_sizes": (5,), "max_iter": 7, "tol": 0.0, "random_state": 0}
    return cls(**{**defaults, **parameters}), target


def assert_weights(net, model):
    ours, theirs = (*net.coefs, *net.intercepts), (*model.coefs_, *model.intercepts_)
    for mine, other in zip(ours, theirs, strict=True):
        np.testing.assert_array_equal(mine, other)


@pytest.mark.parametrize("kind", ESTIMATORS)
@pytest.mark.parametrize("solver", ["adam", "sgd", "lbfgs"])
@pytest.mark.parametrize("precision", ["float32", "float64"])
def test_every_net_is_that_of_a_shorter_fit(kind, solver, precision):
    if solver == "lbfgs" and precision == "float32":
        precision = "auto"
    history = chainfit.History()
    settings = {"solver": solver, "precision": precision}
    model, target = make(kind, **settings)
    model.set_callbacks(history).fit(X, target)
    assert history.epochs == list(range(8))
    assert len(history) == len(history.nets) == 8
    assert_weights(history.nets[-1], model)
    for n in (1, 4):
        shorter, _ = make(kind, max_iter=n, **settings)
        assert_weights(history.nets[n], shorter.fit(X, target))
    assert list(history) == history.nets
    assert all(isinstance(net, chainfit.Net) for net in history)
    t = chainfit.trace(history.nets[3], X, target)
    assert t.J < chainfit.trace(history.nets[0], X, target).J


def test_the_first_net_is_what_training_begins_with():
    history = chainfit.History()
    model, target = make()
    model.set_callbacks(history).fit(X, target)
    W, b = chainfit.reference.init_parameters([4, 5, 1], "relu", np.random.RandomState(0))
    for mine, other in zip(
        (*history.nets[0].coefs, *history.nets[0].intercepts), W + b, strict=True
    ):
        np.testing.assert_array_equal(mine, other)


def test_watching_changes_nothing():
    model, target = make()
    watched = clone(model).set_callbacks(chainfit.History()).fit(X, target)
    model.fit(X, target)
    for mine, other in zip(watched.coefs_, model.coefs_, strict=True):
        np.testing.assert_array_equal(mine, other)


@pytest.mark.parametrize(
    ("every", "epochs", "kept"),
    [
        (1, 3, [0, 1, 2, 3]),
        (3, 7, [0, 3, 6, 7]),
        (10, 7, [0, 7]),
    ],
)
def test_every_so_many_epochs(every, epochs, kept):
    history = chainfit.History(every=every)
    model, target = make(max_iter=epochs)
    model.set_callbacks(history).fit(X, target)
    assert history.epochs == kept
    assert_weights(history.nets[-1], model)


@pytest.mark.parametrize("limit", [3, 4, 7, 20])
@pytest.mark.parametrize("epochs", [1, 2, 16, 33, 50])
def test_a_long_fit_keeps_nets_spread_evenly(limit, epochs):
    history = chainfit.History(limit=limit)
    model, target = make(max_iter=epochs)
    model.set_callbacks(history).fit(X, target)
    kept = history.epochs
    assert len(kept) <= limit
    assert len(kept) >= min(epochs + 1, limit / 2)
    assert kept[0] == 0
    assert kept[-1] == model.n_iter_
    assert set(np.diff(kept[:-1])) <= {history.every}
    shorter, _ = make(max_iter=max(kept[1], 1))
    assert_weights(history.nets[1], shorter.fit(X, target))


def test_each_fit_begins_anew():
    history = chainfit.History(limit=4)
    model, target = make(max_iter=20)
    model.set_callbacks(history).fit(X, target)
    assert history.every > 1
    model.set_params(max_iter=2).fit(X, target)
    assert history.epochs == [0, 1, 2]
    assert history.every == 1


def test_early_stopping_ends_with_its_best_net():
    history = chainfit.History()
    model, target = make(early_stopping=True, max_iter=60, learning_rate_init=0.2)
    model.set_callbacks(history).fit(X, target)
    best = int(np.argmax(model.validation_scores_)) + 1
    assert_weights(history.nets[best], model)


def test_inside_a_pipeline_and_beside_other_callbacks(capsys):
    history = chainfit.History()
    model, target = make()
    pipeline = make_pipeline(StandardScaler(), model.set_callbacks(history))
    pipeline.set_callbacks(ProgressBar()).fit(X, target)
    assert history.epochs == list(range(8))
    page = chainfit.explore(pipeline, X, target, history=history)
    assert "epoch 7" in page.html
    assert "as fitted" not in page.html.split('id="chainfit-data"')[1]


def test_pickles_with_its_nets():
    history = chainfit.History()
    model, target = make()
    model.set_callbacks(history).fit(X, target)
    again = pickle.loads(pickle.dumps(model))
    (kept,) = again._skl_callbacks
    assert kept.epochs == history.epochs
    assert_weights(kept.nets[-1], model)


def test_an_interrupted_fit_keeps_what_there_was():
    class Interrupt:
        def setup(self, estimator, context): ...
        def teardown(self, estimator, context): ...
        def on_fit_task_begin(self, estimator, context): ...

        def on_fit_task_end(self, estimator, context):
            if context.task_id == 2:
                raise KeyboardInterrupt

    history = chainfit.History()
    model, target = make()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model.set_callbacks(history, Interrupt()).fit(X, target)
    assert history.epochs == [0, 1, 2, 3]
    assert_weights(history.nets[-1], model)


@pytest.mark.parametrize(
    ("settings", "text"),
    [
        ({"every": 0}, "every must be an integer of at least 1, got 0"),
        ({"every": 1.5}, "every must be an integer"),
        ({"limit": 2}, "limit must be an integer of at least 3, got 2"),
        ({"limit": True}, "limit must be an integer"),
    ],
)
def test_wrong_settings(settings, text):
    with pytest.raises(ValueError, match=text):
        chainfit.History(**settings)


def test_repr():
    history = chainfit.History()
    assert repr(history) == "<History: no nets>"
    model, target = make()
    model.set_callbacks(history).fit(X, target)
    assert repr(history) == "<History: 8 nets, epochs 0 to 7>"
