"""Threads, threadpoolctl, the package's surface, and scikit-learn's tools around the estimators."""

import inspect
import os

import joblib
import numpy as np
import pytest
import threadpoolctl
from sklearn.datasets import load_digits
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import chainfit
from chainfit import MLPClassifier, MLPRegressor, _core
from chainfit._estimators import threads

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

_rng = np.random.RandomState(0)


# -- in scikit-learn's company


def test_pipeline_and_grid_search():
    data, target = load_digits(return_X_y=True)
    data, target = data[:300], target[:300]
    search = GridSearchCV(
        make_pipeline(StandardScaler(), MLPClassifier(learning_rate_init=0.01, random_state=0)),
        {"mlpclassifier__hidden_layer_sizes": [(16,), (32, 16)]},
        cv=2,
    ).fit(data, target)
    assert search.score(data, target) > 0.95
    assert search.cv_results_["std_test_score"].shape == (2,)


def test_fits_side_by_side_on_one_generator():
    """Threads share NumPy's global generator; its lock keeps each draw whole."""
    X = _rng.randn(60, 5)
    models = joblib.Parallel(n_jobs=4, backend="threading")(
        joblib.delayed(MLPRegressor(hidden_layer_sizes=6, max_iter=20).fit)(X, X[:, 0])
        for _ in range(8)
    )
    assert len({m.coefs_[0][0, 0] for m in models}) == 8
    assert all(m.n_iter_ == 20 for m in models)


# -- threads, info


def test_threads_do_not_change_a_bit():
    data = _rng.randn(512, 48).astype(np.float32)
    target = data @ _rng.randn(48, 3).astype(np.float32)
    with threadpoolctl.threadpool_limits(4, user_api="chainfit"):
        fits = [
            MLPRegressor(
                hidden_layer_sizes=(160, 96),
                batch_size=256,
                max_iter=3,
                random_state=0,
                n_threads=n_threads,
            ).fit(data, target)
            for n_threads in (1, 2, 3, 4, None)
        ]
        for fit in fits[1:]:
            for mine, other in zip(fit.coefs_, fits[0].coefs_, strict=True):
                np.testing.assert_array_equal(mine, other)
            np.testing.assert_array_equal(fit.predict(data), fits[0].predict(data))


def test_threadpoolctl_limits_the_core():
    def found():
        return [lib for lib in threadpoolctl.threadpool_info() if lib["user_api"] == "chainfit"]

    (library,) = found()
    assert library["version"] == chainfit.__version__
    assert library["num_threads"] == _core.get_num_threads()
    for limits in (1, {"chainfit": 1}):
        with threadpoolctl.threadpool_limits(limits):
            assert _core.get_num_threads() == 1
            assert found()[0]["num_threads"] == 1
            assert threads.resolve_n_threads(None) == threads.resolve_n_threads(8) == 1
        assert _core.get_num_threads() == library["num_threads"]


def test_controller_leaves_foreign_libraries_alone():
    class Foreign(threads.ChainfitController):
        dynlib = object()

        def __init__(self):
            pass

    foreign = Foreign()
    assert foreign.get_version() is None
    assert foreign.get_num_threads() is None
    foreign.set_num_threads(3)


@pytest.mark.parametrize(
    "variable,limit",
    [("1", 1), ("1,4", 1), ("", None), ("0", None), ("many", None), ("-2", None), ("99999", None)],
)
def test_omp_num_threads(variable, limit, monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", variable)
    cpus = joblib.cpu_count()
    assert threads.default_limit() == (cpus if limit is None else min(cpus, limit))


def test_the_limit_follows_the_process(monkeypatch):
    """CPUs given or taken, and OMP_NUM_THREADS, count from the next call on."""
    if not hasattr(os, "sched_setaffinity") or len(os.sched_getaffinity(0)) < 2:
        pytest.skip("needs two CPUs and a system that binds threads to them")
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    cpus = os.sched_getaffinity(0)
    whole = threads.default_limit()
    try:
        os.sched_setaffinity(0, set(list(cpus)[:1]))
        assert threads.default_limit() == threads.resolve_n_threads(None) == 1
        assert chainfit.info()["threads"] == 1
    finally:
        os.sched_setaffinity(0, cpus)
    assert threads.default_limit() == whole
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    assert threads.default_limit() == 1
    monkeypatch.delenv("OMP_NUM_THREADS")
    assert threads.default_limit() == whole


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_calls_ask_for_the_limit_where_a_second_thread_pays(monkeypatch):
    rng = np.random.RandomState(0)
    X, y = rng.randn(4000, 40), rng.randn(4000)
    asked = []

    def limit():
        asked.append(1)
        return 1

    for module in ("forward", "settings"):
        monkeypatch.setattr(f"chainfit._estimators.{module}.thread_limit", lambda n: limit)
    parameters = {"hidden_layer_sizes": (100, 100), "random_state": 0, "max_iter": 2}
    model = MLPRegressor(batch_size=1000, **parameters)
    calls = {
        "fit": lambda: model.fit(X, y),
        "lbfgs": lambda: MLPRegressor(solver="lbfgs", **parameters).fit(X, y),
        "partial_fit": lambda: model.partial_fit(X, y),
        "predict": lambda: model.predict(X),
    }
    for name, call in calls.items():
        asked.clear()
        call()
        assert asked, name
    asked.clear()
    small = MLPRegressor(hidden_layer_sizes=(8,), max_iter=2, batch_size=8).fit(X[:50], y[:50])
    small.partial_fit(X[:8], y[:8]).predict(X[:1])
    model.predict(X[:3])
    assert not asked


def test_an_error_of_the_limit_comes_out(monkeypatch):
    def fail():
        raise LookupError("no limit today")

    rng = np.random.RandomState(0)
    X = rng.randn(4000, 40)
    model = MLPRegressor(hidden_layer_sizes=(100, 100), max_iter=1, batch_size=1000)
    monkeypatch.setattr("chainfit._estimators.settings.thread_limit", lambda n: fail)
    with pytest.raises(LookupError, match="no limit today"):
        model.fit(X, X[:, 0])
    assert not hasattr(model, "coefs_")


def test_info():
    info = chainfit.info()
    assert info["version"] == chainfit.__version__
    assert info["isas"][info["isa"]] is True
    assert info["isas"]["generic"] is True
    assert 1 <= info["threads"] <= joblib.cpu_count()


def test_lazy_names():
    assert {"load", "reference", "info"} <= set(dir(chainfit))
    assert inspect.ismodule(chainfit.reference)
    with pytest.raises(AttributeError, match="module 'chainfit' has no attribute 'nothing'"):
        chainfit.nothing  # noqa: B018
