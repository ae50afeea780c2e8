"""Callbacks of scikit-learn: what `fit` tells them, and when they may stop it."""

import pickle
import warnings

import numpy as np
import pandas as pd
import polars as pl
import pytest
import scipy.sparse as sp
from sklearn.base import clone
from sklearn.callback import ProgressBar, ScoringMonitor
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from chainfit import MLPClassifier, MLPRegressor

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

_rng = np.random.RandomState(0)
X = pd.DataFrame(_rng.randn(80, 4), columns=list("abcd"))
y = (X["a"] - X["b"] ** 2).to_numpy()
ESTIMATORS = {"classifier": (MLPClassifier, y > -1), "regressor": (MLPRegressor, y)}
both = pytest.mark.parametrize("kind", ESTIMATORS)
WAYS = {
    "epochs": {},
    "early": {"early_stopping": True, "validation_fraction": 0.25},
    "converges": {"tol": 1.0, "n_iter_no_change": 2},
    "lbfgs": {"solver": "lbfgs"},
}
every_way = pytest.mark.parametrize("way", WAYS)


def make(kind, way="epochs", **parameters):
    cls, target = ESTIMATORS[kind]
    defaults = {"hidden_layer_sizes": (6,), "max_iter": 7, "random_state": 0}
    return cls(**{**defaults, **WAYS[way], **parameters}), target


class Recorder:
    """Keeps what each hook was told; asks to stop after `last` subtasks."""

    def __init__(self, last=None, wants=("X", "y", "metadata", "fitted_estimator")):
        self.events, self.last, self.wants = [], last, wants

    def setup(self, estimator, context):
        self.events.append(("setup", context))

    def teardown(self, estimator, context):
        self.events.append(("teardown", context))

    def on_fit_task_begin(
        self, estimator, context, *, X=None, y=None, metadata=None, fitted_estimator=None
    ):
        self.events.append(("begin", context, X, y, metadata, fitted_estimator))

    def on_fit_task_end(
        self, estimator, context, *, X=None, y=None, metadata=None, fitted_estimator=None
    ):
        self.events.append(("end", context, X, y, metadata, fitted_estimator))
        return context.parent is not None and context.task_id + 1 == self.last

    def of(self, event, subtasks=True):
        return [e for e in self.events if e[0] == event and (e[1].parent is not None) == subtasks]


class Watcher:
    """Wants no data, which then is not made."""

    def __init__(self):
        self.seen = 0

    def setup(self, estimator, context):
        self.seen = 0

    def teardown(self, estimator, context):
        self.seen *= -1

    def on_fit_task_begin(self, estimator, context):
        pass

    def on_fit_task_end(self, estimator, context):
        self.seen += 1


def assert_equal_models(a, b):
    for mine, other in zip([*a.coefs_, *a.intercepts_], [*b.coefs_, *b.intercepts_], strict=True):
        np.testing.assert_array_equal(mine, other, strict=True)


@both
@every_way
def test_tasks_of_a_fit(kind, way):
    model, target = make(kind, way)
    recorder = Recorder()
    weights = np.linspace(1, 2, 80)
    watched = clone(model).set_callbacks(recorder).fit(X, target, sample_weight=weights)
    model.fit(X, target, sample_weight=weights)
    assert_equal_models(watched, model)  # watching changes nothing
    assert vars(watched).keys() - vars(model).keys() == {"_skl_callbacks"}

    assert recorder.events[0][0] == "setup"
    assert recorder.events[-1][0] == "teardown"
    assert len(recorder.of("begin", subtasks=False)) == 1
    (whole,) = recorder.of("end", subtasks=False)
    assert whole[1].max_subtasks == 7
    assert_equal_models(whole[-1], model)
    ends = recorder.of("end")
    # training that ends by itself leaves a subtask that was begun but had no epoch
    surplus = way == "converges"
    assert len(ends) == len(recorder.of("begin")) == model.n_iter_ + surplus
    assert [e[1].task_id for e in ends] == list(range(len(ends)))
    assert {e[1].task_name for e in ends} == {"iteration" if way == "lbfgs" else "epoch"}
    if surplus:
        assert ends.pop()[-1] is None

    names = [e[0] for e in recorder.events if e[0] in ("begin", "end") and e[1].parent]
    assert names == ["begin", "end"] * (len(names) // 2)
    rows = 60 if way == "early" else 80
    for n, (_, _, seen, seen_target, metadata, fitted) in enumerate(ends, start=1):
        assert len(seen) == len(seen_target) == len(metadata["sample_weight"]) == rows
        assert isinstance(seen, pd.DataFrame)
        assert fitted.n_iter_ == n
        if way != "lbfgs":
            assert fitted.loss_curve_ == model.loss_curve_[:n]
            assert fitted.t_ == rows * n
        if way == "early":
            assert fitted.validation_scores_ == model.validation_scores_[:n]
    assert_equal_models(ends[-1][-1], model)


@both
@every_way
def test_estimators_of_a_subtask_are_those_of_shorter_fits(kind, way):
    recorder = Recorder()
    model, target = make(kind, way)
    model.set_callbacks(recorder).fit(X, target)
    begun, ended = recorder.of("begin"), recorder.of("end")
    for n in (1, 2, 3):
        shorter = make(kind, way, max_iter=n)[0].fit(X, target)
        assert_equal_models(ended[n - 1][-1], shorter)
        assert_equal_models(begun[n][-1], shorter)
        np.testing.assert_array_equal(ended[n - 1][-1].predict(X), shorter.predict(X))


@both
@every_way
def test_a_callback_may_stop_the_training(kind, way):
    model, target = make(kind, way, max_iter=50, tol=0.0)
    expected = make(kind, way, max_iter=3, tol=0.0)[0].fit(X, target)
    recorder = Recorder(last=3)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model.set_callbacks(recorder).fit(X, target)
    assert model.n_iter_ == 3
    assert len(recorder.of("begin")) == len(recorder.of("end")) == 3
    assert_equal_models(model, expected)
    assert model.loss_ == pytest.approx(expected.loss_, rel=1e-12)
    assert getattr(model, "validation_scores_", 0) == getattr(expected, "validation_scores_", 0)
    if way != "lbfgs":
        model.set_params(early_stopping=False).partial_fit(X, target)
        assert len(recorder.of("end")) == 3  # partial_fit is no task


@pytest.mark.parametrize(
    "container", [np.asarray, lambda a: a.tolist(), pl.DataFrame, sp.csc_array, sp.coo_matrix]
)
def test_rows_of_every_container(container):
    monitor, (model, target) = ScoringMonitor(scoring="r2"), make("regressor", "early")
    given = container(X.to_numpy())
    model.set_callbacks(monitor).fit(given, target.tolist(), sample_weight=[1.0] * 80)
    expected = make("regressor", "early")[0].set_callbacks(ScoringMonitor(scoring="r2"))
    expected.fit(X, target, sample_weight=np.ones(80))
    scores = [m._skl_callbacks[0].get_logs().data_as_pandas["r2"] for m in (model, expected)]
    np.testing.assert_allclose(*scores, rtol=1e-12)


@both
def test_refit_and_warm_start(kind):
    model, target = make(kind, warm_start=True)
    recorder = Recorder()
    model.set_callbacks(recorder).fit(X, target).fit(X, target)
    ends = recorder.of("end")
    assert [e[-1].n_iter_ for e in ends] == 2 * list(range(1, 8))
    assert [len(e[-1].loss_curve_) for e in ends] == list(range(1, 15))
    assert "_optimizer_state" not in ends[-1][-1].__getstate__()


def test_hooks_that_want_nothing_get_nothing(monkeypatch):
    watcher, (model, target) = Watcher(), make("regressor", "early")
    model.set_callbacks(watcher)
    monkeypatch.setattr("chainfit._estimators.watcher.Watcher._so_far", None)
    model.fit(X, target)
    assert watcher.seen == -8  # seven epochs and the fit, then teardown


@both
@every_way
@pytest.mark.parametrize("hook", ["setup", "on_fit_task_begin", "on_fit_task_end"])
def test_an_error_in_a_callback_changes_nothing(kind, way, hook, monkeypatch):
    model, target = make(kind, way)
    model.fit(X, target)
    before = pickle.loads(pickle.dumps(model))
    watcher = Watcher()

    def broken(estimator, context):
        raise RuntimeError("no hook today")

    monkeypatch.setattr(watcher, hook, broken)
    model.set_callbacks(watcher)
    with pytest.raises(RuntimeError, match="no hook today"):
        model.fit(X, target)
    model.set_callbacks()
    assert_equal_models(model, before)
    assert vars(model).keys() == vars(before).keys()


def test_a_failing_fit_is_told_to_callbacks():
    recorder, (model, target) = Recorder(), make("regressor")
    with pytest.raises(ValueError, match="NaN"):
        model.set_callbacks(recorder).fit(X * np.nan, target)
    assert [e[0] for e in recorder.events] == ["setup", "begin", "teardown"]


def test_interrupt_keeps_the_model():
    class Interrupt(Watcher):
        def on_fit_task_end(self, estimator, context):
            super().on_fit_task_end(estimator, context)
            if self.seen == 3:
                raise KeyboardInterrupt

    model, target = make("regressor")
    with pytest.warns(UserWarning, match="Training interrupted by user"):
        model.set_callbacks(Interrupt()).fit(X, target)
    assert_equal_models(model, make("regressor", max_iter=3)[0].fit(X, target))


@both
@every_way
def test_scoring_monitor(kind, way):
    model, target = make(kind, way)
    monitor = ScoringMonitor(scoring="accuracy" if kind == "classifier" else "r2")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.simplefilter("ignore", ConvergenceWarning)
        model.set_callbacks(monitor).fit(X, target)
    scores = monitor.get_logs().data_as_pandas
    assert len(scores) == model.n_iter_ + 1  # and the whole fit
    assert scores.iloc[0, -1] == model.score(X, target)


@both
@pytest.mark.parametrize("n_jobs", [None, 2])
def test_progress_bars_through_meta_estimators(kind, n_jobs, capsys):
    model, target = make(kind)
    pipeline = make_pipeline(StandardScaler(), model)
    search = GridSearchCV(pipeline, {f"{pipeline.steps[1][0]}__alpha": [0.1, 1]}, cv=2)
    search.set_params(n_jobs=n_jobs).set_callbacks(ProgressBar(max_propagation_depth=None))
    search.fit(X, target)
    assert f"{type(model).__name__} - fit" in capsys.readouterr().out


def test_callbacks_stay_with_clones_and_pickles():
    monitor = ScoringMonitor(scoring="r2")
    model = make("regressor")[0].set_callbacks(monitor).fit(X, y)
    assert clone(model)._skl_callbacks == [monitor]
    assert type(pickle.loads(pickle.dumps(model))._skl_callbacks[0]) is ScoringMonitor
    assert not hasattr(model.to_sklearn(), "_skl_callbacks")
