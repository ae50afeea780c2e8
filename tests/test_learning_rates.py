"""find_learning_rate: the range test, on a copy of the model."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.sparse import coo_array
from sklearn.datasets import load_diabetes, load_digits

import chainfit
from chainfit import MLPClassifier, MLPRegressor, TabularRegressor, data, find_learning_rate

X, y = load_digits(return_X_y=True)
X = X / 16
D, progress = load_diabetes(return_X_y=True)
progress = (progress - progress.mean()) / progress.std()


@pytest.mark.parametrize(
    ("model", "rows", "targets"),
    [
        (MLPClassifier((32,), random_state=0), X, y),
        (MLPClassifier((32,), solver="sgd", random_state=0, learning_rate="adaptive"), X, y),
        (MLPClassifier((32,), random_state=0, class_weight="balanced"), X, y > 5),
        (
            MLPClassifier((32,), random_state=0, dropout=0.2, average="ema"),
            X,
            np.eye(10, dtype=int)[y],
        ),
        (MLPClassifier((32,), random_state=0, early_stopping=True), coo_array(X), y.astype(str)),
        (
            MLPClassifier((32,), random_state=0, class_weight="balanced"),
            X,
            np.c_[y % 3, y // 2].tolist(),  # several classifications
        ),
        (MLPRegressor(hidden_layer_sizes=(32,), random_state=0, batch_size=32), D, progress),
        (
            MLPRegressor(hidden_layer_sizes=(8,), random_state=0),
            pd.DataFrame(D).add_prefix("x"),
            progress,
        ),
    ],
)
def test_the_suggestion_trains_well(model, rows, targets):
    before = dict(vars(model))
    found = find_learning_rate(model, rows, targets)
    assert vars(model) == before
    assert 1e-4 <= found.suggestion <= 1
    assert found.smoothed.min() < 0.8 * found.smoothed[0]
    # it ends where the loss grows
    assert found.smoothed[-1] > 1.5 * found.smoothed.min()
    again = find_learning_rate(model, rows, targets)
    if model.random_state is not None:
        assert_array_equal(again.losses, found.losses)
    assert repr(found).startswith(
        f"LearningRateDisplay(suggestion={found.suggestion:g}, from 1e-06 to"
    )


def test_steps_are_those_of_training():
    """At one learning rate the losses are those of partial_fit on the same batches."""
    model = MLPRegressor(hidden_layer_sizes=(4,), random_state=0, batch_size=50, shuffle=False)
    found = find_learning_rate(model, D, progress, low=1e-3, high=1e-3 * (1 + 1e-9), n_steps=8)
    order = np.random.RandomState(0).permutation(len(D))
    for i, loss in enumerate(found.losses):
        part = order[50 * i : 50 * i + 50]
        model.partial_fit(D[part], progress[part])
        assert model.loss_ == pytest.approx(loss, rel=1e-7)
    assert_allclose(found.learning_rates, 1e-3, rtol=1e-8)


def test_all_rows_are_checked_first():
    """What is wrong with the rows of a later batch doesn't look as if training had diverged."""
    model = MLPRegressor(hidden_layer_sizes=(4,), random_state=0, batch_size=5)
    last = np.random.RandomState(0).permutation(len(D))[-1]
    bad = D.copy()
    bad[last] = np.nan
    with pytest.raises(ValueError, match="contains NaN"):
        find_learning_rate(model, bad, progress)
    poisson = model.set_params(loss="poisson")
    with pytest.raises(ValueError, match="out of the valid range of the loss 'poisson'"):
        find_learning_rate(poisson, D, np.where(np.arange(len(D)) == last, -1.0, 1.0))


def test_rows_without_weight_are_left_out():
    model = MLPRegressor(hidden_layer_sizes=(4,), random_state=0, batch_size=5)
    few = np.arange(len(D)) % 40 == 0
    found = find_learning_rate(model, D, progress, sample_weight=few.astype(float), n_steps=30)
    alone = find_learning_rate(model, D[few], progress[few], n_steps=30)
    assert_array_equal(found.losses, alone.losses)
    assert len(found.losses) > 20


def test_a_generator_is_left_alone():
    generator = np.random.RandomState(0)
    model = MLPRegressor(hidden_layer_sizes=(4,), random_state=generator)
    find_learning_rate(model, D, progress, n_steps=5, sample_weight=np.ones(len(D)))
    assert generator.rand() == np.random.RandomState(0).rand()


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: find_learning_rate(TabularRegressor(), D, progress), TypeError, "model must be"),
        (
            lambda: find_learning_rate(MLPRegressor(), data.Arrays(D, progress), None),
            TypeError,
            "X must be an array",
        ),
        (
            lambda: find_learning_rate(MLPRegressor(solver="lbfgs"), D, progress),
            ValueError,
            "lbfgs",
        ),
        (
            lambda: find_learning_rate(MLPRegressor(), D, progress, low=0),
            ValueError,
            "low and high",
        ),
        (lambda: find_learning_rate(MLPRegressor(), D, progress, low=2, high=1), ValueError, "low"),
        (lambda: find_learning_rate(MLPRegressor(), D, progress, n_steps=1), ValueError, "n_steps"),
        (lambda: find_learning_rate(MLPRegressor(), D, progress[1:]), ValueError, "inconsistent"),
        (lambda: find_learning_rate(MLPRegressor(alpha=-1), D, progress), ValueError, "alpha"),
    ],
)
def test_what_is_refused(call, error, message):
    with pytest.raises(error, match=message):
        call()


def test_the_display_draws_itself():
    pyplot = pytest.importorskip("matplotlib.pyplot")
    pyplot.switch_backend("agg")
    found = find_learning_rate(MLPClassifier((8,), random_state=0), X, y)
    assert found.plot() is found
    assert found.ax_.get_xscale() == "log"
    assert found.ax_.get_xlabel() == "learning_rate_init"
    _, ax = pyplot.subplots()
    assert found.plot(ax=ax).ax_ is ax
    pyplot.close("all")


def test_the_display_is_public():
    assert chainfit.LearningRateDisplay.__module__ == "chainfit"
