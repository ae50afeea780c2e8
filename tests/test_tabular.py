"""The tabular estimators as scikit-learn expects them, whatever kind of table they are given."""

import pickle
import warnings
from unittest import SkipTest

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from sklearn.base import clone
from sklearn.datasets import load_diabetes, load_iris
from sklearn.exceptions import NotFittedError
from sklearn.inspection import permutation_importance
from sklearn.metrics import RocCurveDisplay, log_loss, mean_pinball_loss
from sklearn.model_selection import GridSearchCV, cross_val_score, train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer
from sklearn.utils.estimator_checks import parametrize_with_checks

from chainfit import TabularClassifier, TabularRegressor
from chainfit._tables.parameters import LEFT_OUT, TABLE
from chainfit._tables.presets import DECIDED, PRESETS, decided

# -- scikit-learn's checks

EXPECTED = {
    "check_sample_weight_equivalence_on_dense_data": (
        "rows of weight 0 are as if they were not there, but a row of weight 2 is in one batch, "
        "once, and in one fold, as two rows are not"
    ),
}


@pytest.mark.filterwarnings("ignore")
@parametrize_with_checks(
    [TabularClassifier("fast", max_iter=5), TabularRegressor("fast", max_iter=5)],
    expected_failed_checks=lambda estimator: EXPECTED,
)
def test_check(estimator, check):
    try:
        check(estimator)
    except SkipTest as reason:
        assert "SCIPY_ARRAY_API is not set" in str(reason)


# -- a table of mixed columns


def table(rows=300, seed=0):
    draw = np.random.RandomState(seed)
    frame = pd.DataFrame(
        {
            "size": draw.lognormal(1, 0.5, rows),
            "age": draw.randint(0, 80, rows),
            "sold": pd.Timestamp("2020-01-01") + pd.to_timedelta(draw.randint(0, 900, rows), "D"),
            "kind": draw.choice(["house", "flat", "007"], rows),
            "new": draw.rand(rows) < 0.3,
        }
    )
    frame.loc[draw.rand(rows) < 0.1, "size"] = np.nan
    frame.loc[draw.rand(rows) < 0.1, "kind"] = None
    price = 50 * frame["size"].fillna(2) + 30 * (frame["kind"] == "house") + 20 * frame["new"]
    return frame, (price + draw.normal(0, 5, rows)).to_numpy()


def labels(y):
    return np.array(["low", "middle", "high"], dtype=object)[np.digitize(y, [130, 200])]


X, price = table()
kinds = labels(price)
X_new, price_new = table(150, seed=1)
small = {"max_iter": 6, "n_nets": 2, "hidden_layer_sizes": (16,), "random_state": 0}


@pytest.fixture(scope="module")
def classifier():
    return TabularClassifier(random_state=0, n_nets=4, hidden_layer_sizes=(32, 32)).fit(X, kinds)


@pytest.fixture(scope="module")
def regressor():
    return TabularRegressor(random_state=0, n_nets=4, hidden_layer_sizes=(32, 32)).fit(X, price)


def test_they_learn(classifier, regressor):
    assert classifier.score(X_new, labels(price_new)) > 0.85
    assert regressor.score(X_new, price_new) > 0.93
    assert [c.kind for c in classifier.schema_.used] == [
        *("number", "number", "date", "category", "boolean"),
    ]
    assert classifier.n_features_in_ == 5 and classifier.n_rows_ == 300
    assert classifier.feature_names_in_.tolist() == list(X.columns)
    assert classifier.target_ is None and classifier.dialect_ is None
    assert len(classifier.nets_) == 4 and classifier.n_iter_ == 32
    assert regressor.temperature_ == 1 != classifier.temperature_


def test_probabilities(classifier):
    probabilities = classifier.predict_proba(X_new)
    assert probabilities.dtype == np.float64
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, rtol=0, atol=4e-16)
    assert classifier.classes_.tolist() == ["high", "low", "middle"]
    expected = classifier.classes_[probabilities.argmax(axis=1)]
    np.testing.assert_array_equal(classifier.predict(X_new), expected)
    np.testing.assert_array_equal(classifier.predict_log_proba(X_new), np.log(probabilities))
    means = np.mean([net.predict_proba(classifier.encode(X_new)) for net in classifier.nets_], 0)
    np.testing.assert_allclose(probabilities, means, rtol=1e-5)


def test_temperature_lowers_the_log_loss(classifier):
    plain = pickle.loads(pickle.dumps(classifier))
    for net in plain.nets_:
        net.coefs_[-1] *= classifier.temperature_
        net.intercepts_[-1] *= classifier.temperature_
    new = labels(price_new)
    calibrated = log_loss(new, classifier.predict_proba(X_new), labels=classifier.classes_)
    assert calibrated < log_loss(new, plain.predict_proba(X_new), labels=plain.classes_)


def test_regression_is_the_mean_of_nets_in_the_targets_own_scale(regressor):
    encoded = regressor.encode(X_new)
    low, high = regressor.target_range_
    each = [
        np.clip(net.predict(encoded) * price.std() + price.mean(), low, high)
        for net in regressor.nets_
    ]
    np.testing.assert_allclose(regressor.predict(X_new), np.mean(each, axis=0), rtol=1e-6)
    assert (low, high) == (price.min(), price.max())


def test_encoded_features_have_names(classifier):
    names = classifier.get_feature_names_out()
    encoded = classifier.encode(X_new)
    assert encoded.shape == (150, len(names)) and encoded.dtype == np.float32
    assert names.tolist() == classifier.encoding_.features
    assert encoded[:, names == "kind=007"].ravel().tolist() == (X_new["kind"] == "007").tolist()


# -- rows that training had not


@pytest.mark.parametrize("absurd", [1e6, -1e300, np.inf])
def test_one_absurd_cell_does_not_wreck_a_prediction(regressor, classifier, absurd):
    warnings.simplefilter("ignore")  # 'inf' is no number, and is said to be taken as missing
    rows = X_new.assign(age=X_new["age"].astype(float))
    before = regressor.predict(rows)
    rows.loc[::2, "age"] = absurd
    after = regressor.predict(rows)
    assert np.abs(after - before).max() < price.std()
    np.testing.assert_array_equal(after[1::2], before[1::2])
    assert np.isfinite(classifier.predict_proba(rows)).all()


def test_predictions_stay_within_the_range_of_training(regressor):
    rows = X_new.assign(size=1e9, kind="house", new=True)
    assert regressor.predict(rows).max() <= price.max()


def test_missing_and_unseen_values(classifier, regressor):
    rows = X_new.assign(kind=None, size=np.nan)
    with pytest.warns(UserWarning, match="kind"):
        strange = classifier.predict_proba(X_new.assign(kind="castle"))
    assert np.isfinite(classifier.predict_proba(rows)).all() and np.isfinite(strange).all()
    assert np.isfinite(regressor.predict(rows)).all()


# -- kinds of tables


def kinds_of_tables(frame):
    return {
        "polars": pl.from_pandas(frame),
        "lazy": pl.from_pandas(frame).lazy(),
        "Arrow": pa.Table.from_pandas(frame, preserve_index=False),
        "dict": {name: frame[name] for name in frame.columns},
        "order": frame[frame.columns[::-1]],
        "more": frame.assign(unknown=1.0),
        "index": frame.set_axis(np.arange(len(frame))[::-1], axis=0),
    }


@pytest.mark.parametrize("kind", [*kinds_of_tables(X)])
@pytest.mark.filterwarnings("error")
def test_equal_bits_from_every_kind_of_table(classifier, kind):
    expected = classifier.predict_proba(X_new)
    np.testing.assert_array_equal(classifier.predict_proba(kinds_of_tables(X_new)[kind]), expected)
    if kind not in ("order", "more"):
        other = clone(classifier).fit(kinds_of_tables(X)[kind], kinds)
        np.testing.assert_array_equal(other.predict_proba(X_new), expected)


def test_duckdb(classifier):
    duckdb = pytest.importorskip("duckdb")
    known = X_new.dropna()
    with duckdb.connect() as connection:
        connection.register("known", known)
        relation = connection.sql("SELECT * FROM known")
        found = classifier.predict_proba(relation)
    np.testing.assert_array_equal(found, classifier.predict_proba(known))


def test_a_row_alone_is_predicted_as_among_others(classifier, regressor, monkeypatch):
    whole, values = classifier.predict_proba(X_new), regressor.predict(X_new)
    for i in (0, 77, 149):
        np.testing.assert_array_equal(classifier.predict_proba(X_new.iloc[[i]])[0], whole[i])
        assert regressor.predict(X_new.iloc[[i]])[0] == values[i]
    from chainfit._tables import fitted

    parts = [slice(0, 7), slice(7, 100), slice(100, 150)]
    monkeypatch.setattr(fitted, "blocks_of_rows", lambda rows, width: iter(parts))
    np.testing.assert_array_equal(classifier.predict_proba(X_new), whole)
    np.testing.assert_array_equal(regressor.predict(X_new), values)


def test_no_row(classifier, regressor):
    assert classifier.predict_proba(X.head(0)).shape == (0, 3)
    assert classifier.predict(X.head(0)).shape == (0,)
    assert regressor.predict(X.head(0)).shape == (0,)


def test_arrays():
    X, y = load_iris(return_X_y=True)
    model = TabularClassifier(**small).fit(X, y)
    assert not hasattr(model, "feature_names_in_") and model.n_features_in_ == 4
    assert model.get_feature_names_out()[0] == "x0"
    expected = model.predict_proba(X)
    np.testing.assert_array_equal(model.predict_proba(X.tolist()), expected)
    np.testing.assert_array_equal(model.predict_proba(pd.DataFrame(X)), expected)
    with pytest.raises(ValueError, match="X has 3 features, but TabularClassifier is expecting 4"):
        model.predict(X[:, :3])
    named = clone(model).fit(load_iris(as_frame=True).data, y)
    with pytest.warns(UserWarning, match="X does not have valid feature names"):
        np.testing.assert_array_equal(named.predict_proba(X), expected)
    with pytest.raises(ValueError, match="lacks columns that the model needs"):
        named.predict(load_iris(as_frame=True).data.iloc[:, 1:])


@pytest.mark.parametrize(
    ("strange", "error", "says"),
    [
        (np.zeros(30), ValueError, "Expected 2D array, got 1D array"),
        (np.zeros((30, 0)), ValueError, "0 feature"),
        (np.zeros((30, 2)) + 1j, ValueError, "Complex data not supported"),
        (X.rename(columns={"age": 3}), TypeError, "Feature names"),
        (X.head(1), ValueError, "n_samples=1"),
        ("nothing", ValueError, "Expected 2D array"),
        (X[["age"]].assign(age=3), ValueError, "no column is left"),
    ],
)
def test_what_is_no_table(strange, error, says):
    rows = 30 if isinstance(strange, np.ndarray) else len(strange)
    with pytest.raises(error, match=says):
        TabularRegressor(**small).fit(strange, np.arange(rows))


# -- targets


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


# -- parameters


def test_every_parameter_of_a_net_is_one_here():
    for model in (TabularClassifier(), TabularRegressor()):
        own = {keyword.name for keyword in TABLE}
        left_out = {*LEFT_OUT, *(["loss"] if "loss" not in model.get_params() else [])}
        of_net = set(model._net_class().get_params())
        assert set(model.get_params()) | left_out == of_net | own
        assert DECIDED - set(model.get_params()) <= {"label_smoothing"}
        for name in model.get_params():
            assert f"\n{name} : " in type(model).__doc__


@pytest.mark.parametrize("preset", PRESETS)
@pytest.mark.parametrize("rows", [100, 100_000])
def test_presets(preset, rows):
    values = decided(preset, rows, 5, classes=True)
    assert (values["n_nets"] == 1) == (preset == "fast")
    assert values["hidden_layer_sizes"] == ((256 if preset == "best" else 128),) * 3
    assert values["batch_size"] == (16 if rows == 100 else 256)
    assert values["scoring"] == "loss"
    assert decided(preset, 10_000, 5, classes=False)["batch_size"] == 64


def test_wide_tables_have_fewer_bins():
    assert decided("good", 10_000, 5000, classes=True)["n_bins"] == 0
    assert decided("good", 10_000, 1000, classes=False)["n_bins"] == 4


def test_what_a_preset_decides_can_be_said():
    model = TabularClassifier(
        n_nets=3,
        n_bins=2,
        hidden_layer_sizes=(9, 5),
        batch_size=50,
        max_iter=3,
        learning_rate="cosine",
        alpha=0.5,
        dropout=0.1,
        label_smoothing=0.2,
        random_state=0,
    ).fit(X, kinds)
    net = model.nets_[0]
    assert len(model.nets_) == 3 and net.n_iter_ == 3
    assert [len(b) for b in net.intercepts_] == [9, 5, 3]
    assert (net.batch_size, net.learning_rate, net.alpha) == (50, "cosine", 0.5)
    assert (net.dropout, net.label_smoothing, net.beta_2) == (0.1, 0.2, 0.95)
    assert sum("size in" in name for name in model.get_feature_names_out()) == 2


@pytest.mark.parametrize(
    ("parameters", "says"),
    [
        ({"preset": "better"}, "The 'preset' parameter"),
        ({"n_nets": 0}, "The 'n_nets' parameter"),
        ({"hidden_layer_sizes": "many"}, "The 'hidden_layer_sizes' parameter"),
        ({"n_bins": -1}, "The 'n_bins' parameter"),
        ({"drop": "age"}, "The 'drop' parameter"),
        ({"activation": "sinus"}, "The 'activation' parameter"),
        ({"decimal": ";"}, "The 'decimal' parameter"),
        ({"decimal": ",", "thousands": ","}, "must differ"),
        ({"drop": ["age", "height"]}, "height"),
        ({"activation": ("relu", "tanh"), "hidden_layer_sizes": (3,)}, "activation must be"),
    ],
)
def test_parameters_that_are_refused(parameters, says):
    with pytest.raises(ValueError, match=says):
        TabularClassifier(**{**small, **parameters}).fit(X, kinds)
    with pytest.raises(TypeError, match=r"unexpected keyword argument .unknown."):
        TabularClassifier(unknown=3)


def test_columns_to_leave_out():
    model = TabularRegressor(drop=("age", "sold"), **small).fit(X, price)
    assert {column.name for column in model.encoding_.columns} == {"size", "kind", "new"}
    model.predict(X_new.drop(columns=["age", "sold"]))


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_solvers():
    for solver in ("lbfgs", "sgd", "adamw"):
        parameters = {"solver": solver, "hidden_layer_sizes": (16,), "max_iter": 50}
        model = TabularRegressor(**parameters, n_nets=1, random_state=0)
        assert model.fit(X, price).score(X_new, price_new) > 0.5
    model = TabularClassifier(**{**small, "solver": "lbfgs", "max_iter": 20}).fit(X, kinds)
    assert model.temperature_ == 1 and model.score(X, kinds) > 0.9


# -- weights and rows to validate on


def test_rows_of_weight_0_are_left_out():
    weight = np.ones(300)
    weight[200:] = 0
    model = TabularClassifier(**small).fit(X, kinds, weight)
    expected = TabularClassifier(**small).fit(X[:200], kinds[:200], np.ones(200))
    np.testing.assert_array_equal(model.predict_proba(X_new), expected.predict_proba(X_new))
    assert model.n_rows_ == 200


def test_weights_count():
    heavy = np.where(kinds == "high", 20.0, 1.0)
    by_rows = TabularClassifier(**small).fit(X, kinds, heavy)
    by_class = TabularClassifier(class_weight={"high": 20.0}, **small).fit(X, kinds)
    np.testing.assert_array_equal(by_rows.predict_proba(X_new), by_class.predict_proba(X_new))
    plain = TabularClassifier(**small).fit(X, kinds)
    assert by_rows.predict_proba(X_new)[:, 0].mean() > plain.predict_proba(X_new)[:, 0].mean()


def test_rows_to_validate_on():
    given = {"X_val": X_new, "y_val": labels(price_new)}
    model = TabularClassifier(**small).fit(X, kinds, **given)
    for net in model.nets_:
        assert len(net.validation_scores_) == 6
    weighted = TabularClassifier(**small).fit(X, kinds, **given, sample_weight_val=np.arange(150.0))
    assert weighted.temperature_ != model.temperature_
    model = TabularRegressor(**small).fit(X, price, X_val=X_new, y_val=price_new)
    assert len(model.nets_[0].validation_scores_) == 6


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"X_val": X_new}, "y_val was not provided"),
        ({"X_val": X_new, "y_val": kinds}, "X_val, y_val.* inconsistent"),
        ({"X_val": X_new[["age"]], "y_val": labels(price_new)}, "X_val, y_val.* lacks columns"),
        ({"X_val": X_new, "y_val": np.full(150, "tiny")}, "tiny"),
    ],
)
def test_rows_to_validate_on_that_are_refused(given, says):
    with pytest.raises(ValueError, match=says):
        TabularClassifier(**small).fit(X, kinds, **given)


# -- what is equal, and what a failing fit leaves


def test_equal_seeds_give_equal_bits_on_any_number_of_threads():
    parameters = {**small, "n_nets": 3}
    expected = TabularRegressor(**parameters, n_threads=1).fit(X, price).predict(X_new)
    for settings in ({"n_threads": 4}, {"n_threads": 4, "n_jobs": 1}, {"n_jobs": 2}):
        found = TabularRegressor(**parameters, **settings).fit(X, price).predict(X_new)
        np.testing.assert_array_equal(found, expected)
    other = TabularRegressor(**{**parameters, "random_state": 1}).fit(X, price).predict(X_new)
    assert (other != expected).any()
    generator = np.random.RandomState(0)
    drawn = TabularRegressor(**{**parameters, "random_state": generator})
    np.testing.assert_array_equal(drawn.fit(X, price).predict(X_new), expected)
    assert (drawn.fit(X, price).predict(X_new) != expected).any()


@pytest.mark.parametrize("bad", ["y", "parameter", "column"])
def test_a_failing_fit_leaves_everything(bad):
    model = TabularClassifier(**small).fit(X, kinds)
    before = dict(vars(model))
    generator = np.random.RandomState(3)
    model.random_state, held = generator, generator.get_state(legacy=False)["state"]["pos"]
    with pytest.raises((ValueError, TypeError)):
        if bad == "y":
            model.fit(X, price)
        elif bad == "column":
            model.fit(X.assign(age=[object()] * 300)[["age"]], kinds)
        else:
            model.clip_norm = before["clip_norm"] = -1
            model.fit(X, kinds)
    before["random_state"] = generator
    assert vars(model) == before
    assert generator.get_state(legacy=False)["state"]["pos"] == held


def test_a_fit_of_other_columns_forgets_the_first():
    model = TabularRegressor(**small).fit(X, price)
    model.fit(X.to_numpy()[:, [1]].astype(float), price)
    assert not hasattr(model, "feature_names_in_") and model.n_features_in_ == 1


def test_verbose(capsys):
    TabularRegressor(**{**small, "verbose": True, "n_jobs": 1}).fit(X, price)
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 12
    assert lines[0].startswith("Net 1 of 2, epoch 1, loss = ")
    assert ", validation score = " in lines[0]


def test_interrupted(monkeypatch):
    calls = []

    def interrupt(net, epoch, loss, score):
        calls.append(epoch)
        if epoch == 3:
            raise KeyboardInterrupt

    model = TabularClassifier(**{**small, "n_jobs": 1})
    with pytest.warns(UserWarning, match="interrupted"):
        model._fit(X, kinds, on_epoch=interrupt)
    assert calls == [1, 2, 3] and len(model.nets_) == 1
    np.testing.assert_allclose(model.predict_proba(X_new).sum(axis=1), 1)


def test_time_limit():
    model = TabularRegressor(time_limit=0.3, max_iter=100_000, n_nets=2, random_state=0)
    assert model.fit(X, price).n_iter_ < 100_000


# -- in scikit-learn's tools


def test_clone_and_pickle(classifier):
    assert clone(classifier).get_params() == classifier.get_params()
    again = pickle.loads(pickle.dumps(classifier))
    np.testing.assert_array_equal(again.predict_proba(X_new), classifier.predict_proba(X_new))
    assert repr(again) == repr(classifier)
    assert type(again).__module__ == "chainfit"


def test_not_fitted():
    model = TabularClassifier()
    for call in (model.predict, model.predict_proba, model.encode):
        with pytest.raises(NotFittedError):
            call(X)
    with pytest.raises(NotFittedError):
        TabularRegressor().predict(X)
    with pytest.raises(NotFittedError):
        model.get_feature_names_out()


def test_searches_and_cross_validation():
    model = TabularClassifier(**small)
    assert cross_val_score(model, X, kinds, cv=2).shape == (2,)
    assert cross_val_score(model, pl.from_pandas(X), kinds, cv=2).shape == (2,)
    search = GridSearchCV(model, {"n_bins": [0, 4], "preset": ["fast", "good"]}, cv=2)
    search.fit(X, kinds)
    assert set(search.best_params_) == {"n_bins", "preset"}
    searched = search.predict(X_new)
    assert searched.shape == (150,)


def test_pipelines_and_displays():
    X, y = load_diabetes(return_X_y=True, as_frame=True)
    X_train, X_test, y_train, y_test = train_test_split(X, y, random_state=0)
    halves = FunctionTransformer(lambda frame: frame / 2)
    model = make_pipeline(halves, TabularRegressor(**small)).fit(X_train, y_train)
    assert model.predict(X_test).shape == y_test.shape
    important = permutation_importance(model, X_test, y_test, n_repeats=1, random_state=0)
    assert important.importances_mean.shape == (10,)
    assert "TabularRegressor" in model._repr_html_()
    pytest.importorskip("matplotlib").use("Agg")
    high = y_train > 140
    classifier = TabularClassifier(**small).fit(X_train, high)
    assert RocCurveDisplay.from_estimator(classifier, X_test, y_test > 140).roc_auc > 0.5


def test_tags():
    tags = TabularClassifier().__sklearn_tags__()
    assert tags.input_tags.allow_nan and tags.input_tags.categorical and tags.input_tags.string
    assert tags.estimator_type == "classifier" and tags.target_tags.required
