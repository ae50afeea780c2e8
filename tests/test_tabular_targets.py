"""Targets and losses of the tabular estimators."""

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from sales import X, X_new, kinds, labels, price, price_new, small
from sklearn.metrics import mean_pinball_loss

from chainfit import TabularClassifier, TabularRegressor


@pytest.mark.parametrize(
    "y",
    [
        price > 150,
        np.digitize(price, [150]) * 7,
        np.where(price > 150, 1.0, 2.0),
        pd.Series(labels(price), name="price"),
        pd.Categorical(labels(price), ["low", "middle", "high"], ordered=True),
        pl.Series(labels(price).tolist()),
        pa.array(labels(price).tolist()),
        labels(price).tolist(),
        np.where(price > 150, "007", "None"),
    ],
    ids=lambda y: type(y).__name__,
)
def test_labels_come_back_as_they_were(y):
    model = TabularClassifier(**small).fit(X, y)
    values = np.asarray(y)
    np.testing.assert_array_equal(model.classes_, np.unique(values))
    predicted = model.predict(X_new)
    assert predicted.dtype == values.dtype
    assert set(predicted.tolist()) <= set(values.tolist())


@pytest.mark.parametrize("y", [price, price.astype(np.float32), pl.Series(price), price.tolist()])
def test_numbers_may_come_as_what_they_are(y):
    assert TabularRegressor(**small).fit(X, y).predict(X_new).dtype == np.float64


@pytest.mark.parametrize(
    ("model", "y", "error", "says"),
    [
        (TabularClassifier, None, ValueError, "requires y to be passed"),
        (TabularClassifier, "kind", TypeError, "for a column of X"),
        (TabularClassifier, kinds[:-1], ValueError, "inconsistent numbers of samples: .300, 299"),
        (TabularClassifier, np.full(300, "a"), ValueError, "one class"),
        (TabularClassifier, np.where(price > 150, 1.0, np.nan), ValueError, "NaN"),
        (TabularClassifier, price, ValueError, "Unknown label type"),
        (TabularClassifier, np.eye(300)[:, :2].astype(int), ValueError, "1d array"),
        (TabularRegressor, kinds, ValueError, "could not convert string"),
        (TabularRegressor, np.where(price > 150, np.inf, 1), ValueError, "infinity"),
        (TabularRegressor, np.stack([price, price], axis=1), ValueError, "1d array"),
        (TabularRegressor, np.full(300, "2020-01-01", "M8[D]"), TypeError, "dates"),
    ],
)
def test_targets_that_are_refused(model, y, error, says):
    with pytest.raises(error, match=says):
        model(**small).fit(X, y)


@pytest.mark.parametrize("model", [TabularClassifier, TabularRegressor])
@pytest.mark.parametrize("missing", [None, np.nan, pd.NA, pd.NaT])
def test_missing_targets_are_refused(model, missing):
    y = kinds.copy()
    y[3] = missing
    with pytest.raises(ValueError, match="Input y contains NaN"):
        model(**small).fit(X, y)


@pytest.mark.parametrize("factor", [1e-300, 1e-5, 1e5, 1e300])
def test_targets_of_any_size(factor):
    small_ones = TabularRegressor(**small).fit(X, price).predict(X_new)
    scaled = TabularRegressor(**small).fit(X, price * factor).predict(X_new)
    np.testing.assert_allclose(scaled / factor, small_ones, rtol=1e-3)


def test_a_target_that_is_the_same_everywhere():
    assert TabularRegressor(**small).fit(X, np.full(300, 7.0)).predict(X_new).tolist() == [7] * 150


# -- losses


def test_quantiles():
    parameters = {"loss": "quantile", "quantile": (0.1, 0.9), "random_state": 0, "n_nets": 2}
    model = TabularRegressor(**parameters).fit(X, price)
    found = model.predict(X_new)
    assert found.shape == (150, 2)
    assert (found[:, 0] <= found[:, 1]).all()
    assert 0.5 < np.mean((found[:, 0] <= price_new) & (price_new <= found[:, 1])) < 0.99
    assert model.nets_[0].scoring == "loss"
    constant = mean_pinball_loss(price_new, np.full(150, np.quantile(price, 0.9)), alpha=0.9)
    assert mean_pinball_loss(price_new, found[:, 1], alpha=0.9) < 0.5 * constant
    assert model.predict(X.head(0)).shape == (0, 2)


def test_standard_deviations():
    model = TabularRegressor(loss="gaussian_nll", n_nets=2, random_state=0).fit(X, price)
    mean, std = model.predict(X_new, return_std=True)
    np.testing.assert_array_equal(mean, model.predict(X_new))
    assert 1 < np.sqrt(np.mean((mean - price_new) ** 2)) < 25
    # of a mixture of two normal distributions
    scale = model.target_scale_
    each = [net.predict(model.encode(X_new), return_std=True) for net in model.nets_]
    between = np.var([m * scale for m, _ in each], axis=0)
    expected = np.sqrt(np.mean([(s * scale) ** 2 for _, s in each], axis=0) + between)
    np.testing.assert_allclose(std, expected, rtol=1e-3)
    with pytest.raises(ValueError, match="gaussian_nll"):
        TabularRegressor(**small).fit(X, price).predict(X_new, return_std=True)


@pytest.mark.parametrize("loss", ["poisson", "gamma"])
def test_deviances_learn_from_the_scale_alone(loss):
    model = TabularRegressor(loss=loss, random_state=0, n_nets=1).fit(X, price)
    assert model.target_mean_ == 0 and model.target_scale_ == pytest.approx(price.mean())
    assert model.score(X_new, price_new) > 0.9
    with pytest.raises(ValueError):
        TabularRegressor(loss=loss, **small).fit(X, price - 200)


def test_outputs_with_a_range():
    share = (price - price.min()) / (price.max() - price.min())
    parameters = {"loss": "squared_error", "out_activation": "logistic", **small}
    model = TabularRegressor(**parameters).fit(X, share)
    assert (model.target_mean_, model.target_scale_) == (0, 1)
    assert 0 <= model.predict(X_new).min() <= model.predict(X_new).max() <= 1
