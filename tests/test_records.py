"""The record of each epoch, functions called with it, and the limit of time."""

import math
import pickle
import time

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning

import chainfit
from chainfit import MLPClassifier, MLPRegressor

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

_rng = np.random.RandomState(0)
X = _rng.randn(60, 4)
y = X[:, 0] - X[:, 1] ** 2
PARTS = ["loss", "validation_loss", "validation_score", "learning_rate", "gradient_norm", "seconds"]


def net(**parameters):
    return MLPRegressor(
        **{"hidden_layer_sizes": (6,), "random_state": 0, "max_iter": 5, **parameters}
    )


def equal(a, b):
    return list(a) == list(b) and all(np.array_equal(a[k], b[k], equal_nan=True) for k in a)


# --- history_ ------------------------------------------------------------------------------------


def test_a_fit_is_recorded():
    model = net(solver="sgd", learning_rate="invscaling").fit(X, y, X_val=X[:9], y_val=y[:9])
    history = model.history_
    assert list(history) == PARTS
    assert history["loss"] == model.loss_curve_
    assert history["validation_loss"] == model.validation_loss_curve_
    assert history["validation_score"] == model.validation_scores_
    expected = [0.001] + [0.001 / math.sqrt(60 * epoch + 1) for epoch in range(1, 5)]
    assert history["learning_rate"] == pytest.approx(expected, rel=1e-14)
    assert np.isnan(history["gradient_norm"]).all()
    assert all(0 < seconds < 60 for seconds in history["seconds"])
    assert all(type(value) is float for values in history.values() for value in values)


def test_a_data_frame_takes_it():
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(net().fit(X, y).history_)
    assert list(frame) == PARTS
    assert len(frame) == 5
    assert set(frame.dtypes) == {np.dtype(np.float64)}


def test_it_goes_on():
    model = net(warm_start=True).fit(X, y)
    first = model.history_
    model.fit(X, y, X_val=X[:9], y_val=y[:9])
    for _ in range(3):
        model.partial_fit(X, y)
    history = model.history_
    assert all(len(values) == 13 for values in history.values())
    assert all(np.array_equal(history[k][:5], first[k], equal_nan=True) for k in PARTS)
    assert history["loss"] == model.loss_curve_
    assert [math.isnan(loss) for loss in history["validation_loss"]] == 5 * [1] + 5 * [0] + 3 * [1]
    assert len(first["loss"]) == 5  # a list of its own
    assert len(model.set_params(warm_start=False).fit(X, y).history_["loss"]) == 5


def test_saved_pickled_and_older(tmp_path):
    model = net().fit(X, y, X_val=X[:9], y_val=y[:9]).partial_fit(X, y)
    model.save(tmp_path / "model.safetensors")
    for other in (chainfit.load(tmp_path / "model.safetensors"), pickle.loads(pickle.dumps(model))):
        assert equal(other.history_, model.history_)
        other.partial_fit(X, y)
        assert len(other.history_["seconds"]) == 7
    older = pickle.loads(pickle.dumps(model))
    del older._epochs  # of a version that kept none
    older.partial_fit(X, y)
    seconds = older.history_["seconds"]
    assert [math.isnan(s) for s in seconds] == 6 * [True] + [False]
    assert older.history_["loss"] == older.loss_curve_


def test_no_record_without_epochs():
    for model in (net(), net().initialize(4), net(solver="lbfgs").initialize(4)):
        with pytest.raises(AttributeError, match="'MLPRegressor' object has no attribute 'hist"):
            getattr(model, "history_")  # noqa: B009
        assert not hasattr(model, "converged_")


def test_iterations_are_recorded(tmp_path):
    records = []
    model = net(solver="lbfgs", max_iter=6, callbacks=[records.append]).fit(X, y)
    history = model.history_
    assert list(history) == PARTS
    assert equal({k: [record[k] for record in records] for k in PARTS}, history)
    assert [record["epoch"] for record in records] == [1, 2, 3, 4, 5, 6]
    assert history["loss"][-1] == model.loss_
    assert all(0 < seconds < 60 for seconds in history["seconds"])
    for name in ("validation_loss", "validation_score", "learning_rate"):
        assert np.isnan(history[name]).all()
    for n in range(1, 7):  # one fit cut short each
        twin = net(solver="lbfgs", max_iter=n).fit(X, y)
        gradients = twin.gradients(X, y)
        norm = math.sqrt(sum((g**2).sum() for g in (*gradients.coefs, *gradients.intercepts)))
        assert history["gradient_norm"][n - 1] == pytest.approx(norm, rel=1e-9)
        assert history["loss"][n - 1] == twin.loss_
    # as in scikit-learn there is no curve of epochs, and nothing to say of their convergence
    for name in ("loss_curve_", "best_loss_", "validation_scores_", "converged_"):
        assert not hasattr(model, name)
    model.set_params(callbacks=None).save(tmp_path / "model.safetensors")
    for other in (chainfit.load(tmp_path / "model.safetensors"), pickle.loads(pickle.dumps(model))):
        assert equal(other.history_, history)


@pytest.mark.parametrize("solvers", [("adam", "lbfgs", "adam"), ("lbfgs", "lbfgs", "sgd")])
def test_epochs_and_iterations_in_one_record(solvers):
    model, losses = net(warm_start=True, max_iter=3), []
    for solver in solvers:
        model.set_params(solver=solver, callbacks=[lambda record: losses.append(record["loss"])])
        model.fit(X, y)
    model.partial_fit(X, y)
    history = model.history_
    assert history["loss"] == losses
    assert all(len(values) == 10 for values in history.values())
    is_step = [not math.isnan(eta) for eta in history["learning_rate"]]
    assert is_step == [solver != "lbfgs" for solver in solvers for _ in range(3)] + [True]
    assert model.loss_curve_ == [loss for loss, step in zip(losses, is_step, strict=True) if step]
    model.set_params(warm_start=False).fit(X, y)
    assert model.history_["loss"] == model.loss_curve_ == losses[10:]


# --- callbacks -----------------------------------------------------------------------------------


def test_functions_are_given_each_record():
    seen = []
    model = net(callbacks=[seen.append]).fit(X, y, X_val=X[:9], y_val=y[:9])
    assert [list(record) for record in seen] == [["epoch", *PARTS]] * 5
    assert [record["epoch"] for record in seen] == [1, 2, 3, 4, 5]
    assert equal({k: [record[k] for record in seen] for k in PARTS}, model.history_)
    model.partial_fit(X, y)
    assert seen[-1]["loss"] == model.loss_curve_[-1]
    plain = net().fit(X, y)
    other = net(callbacks=(print,)).fit(X, y)
    assert all(np.array_equal(a, b) for a, b in zip(plain.coefs_, other.coefs_, strict=True))


@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
@pytest.mark.parametrize("answer", [True, np.True_])
def test_true_stops(solver, answer, recwarn):
    losses = []

    def stop(record):
        losses.append(record["loss"])
        return answer if record["epoch"] == 2 else 1  # 1 is not True

    model = net(solver=solver, callbacks=[stop, losses.append], max_iter=7).fit(X, y)
    assert model.n_iter_ == 2
    assert model.loss_ == losses[2]
    assert not [w for w in recwarn if issubclass(w.category, ConvergenceWarning)]


def test_a_functions_error_ends_the_fit():
    def broken(record):
        raise ZeroDivisionError

    model = net()
    before = model.fit(X, y).coefs_
    with pytest.raises(ZeroDivisionError):
        model.set_params(callbacks=[broken]).fit(X, y)
    assert model.coefs_ is before


def test_functions_survive_clone_and_no_file(tmp_path):
    model = net(callbacks=[print]).fit(X, y)
    assert clone(model).callbacks == [print]
    with pytest.raises(TypeError, match="cannot save parameter callbacks"):
        model.save(tmp_path / "model")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("callbacks", [print, [None], "print"])
def test_refused_functions(callbacks):
    with pytest.raises(ValueError, match=r"'callbacks' parameter.*a list of functions"):
        net(callbacks=callbacks).fit(X, y)


# --- time_limit ----------------------------------------------------------------------------------


@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
def test_time_is_up_after_an_epoch(solver):
    def wait(record):
        time.sleep(0.02)

    model = net(solver=solver, max_iter=10**6, time_limit=0.01, callbacks=[wait], tol=0.0)
    with pytest.warns(ConvergenceWarning, match=r"time limit of 0.01 s was reached in iteration"):
        model.fit(X, y)
    assert model.n_iter_ == 1


def test_time_is_up_within_an_epoch():
    """One epoch of a million steps takes longer than that."""
    rows = np.zeros((10**6, 1))
    model = net(batch_size=1, time_limit=0.5, hidden_layer_sizes=(128, 128), max_iter=1)
    with pytest.warns(ConvergenceWarning, match="in iteration 1, and"):
        model.fit(rows, rows[:, 0])
    assert model.n_iter_ == 0
    assert 0 < model._optimizer_state["steps"] < 10**6
    assert model.history_ == {name: [] for name in PARTS}
    model.predict(rows[:3])


def test_the_best_weights_are_kept_when_time_is_up():
    def wait(record):
        if record["epoch"] == 4:
            time.sleep(1.0)

    model = net(max_iter=100, early_stopping=True, scoring="loss", time_limit=0.9, callbacks=[wait])
    with pytest.warns(ConvergenceWarning, match="time limit"):
        model.fit(X, y)
    assert model.best_validation_score_ == max(model.validation_scores_)


def test_a_limit_not_reached_changes_nothing():
    plain, limited = net().fit(X, y), net(time_limit=1e6).fit(X, y)
    assert plain.loss_curve_ == limited.loss_curve_
    classes = MLPClassifier((3,), max_iter=2, time_limit=1e-9)
    classes.partial_fit(X, y > 0, classes=[False, True])  # an epoch is an epoch
    assert classes.n_iter_ == 1


@pytest.mark.parametrize("limit", [0, -1.0, math.nan, "1"])
def test_refused_limits(limit):
    with pytest.raises(ValueError, match="'time_limit' parameter"):
        net(time_limit=limit).fit(X, y)
