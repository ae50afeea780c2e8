"""The tabular estimators as scikit-learn expects them, whatever kind of table they are given."""

import pickle
import warnings
from unittest import SkipTest

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from sales import X, X_new, kinds, labels, price, price_new, small
from sklearn.base import clone
from sklearn.datasets import load_diabetes, load_iris
from sklearn.exceptions import NotFittedError
from sklearn.inspection import permutation_importance
from sklearn.metrics import RocCurveDisplay, log_loss
from sklearn.model_selection import GridSearchCV, cross_val_score, train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer
from sklearn.utils.estimator_checks import parametrize_with_checks

from chainfit import TabularClassifier, TabularRegressor
from chainfit.data import Chunks, predict_file

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


def test_warnings_of_cells_point_at_the_caller(classifier, tmp_path):
    strange = X_new.assign(kind="castle")
    strange.to_csv(tmp_path / "strange.csv", index=False)
    blocks = Chunks(lambda: ((strange[i : i + 50], None) for i in range(0, 150, 50)))
    with pytest.warns(UserWarning) as caught:
        classifier.predict(strange)
        classifier.score(strange, kinds[:150])
        classifier.encode(strange)
        classifier.predict(blocks)
        predict_file(classifier, tmp_path / "strange.csv", tmp_path / "out.csv")
        TabularClassifier("fast", max_iter=1, random_state=0).fit(
            X, kinds, X_val=strange, y_val=kinds[:150]
        )
    ours = [w for w in caught if "castle" in str(w.message)]
    assert len(ours) == 6
    assert {w.filename for w in caught} == {__file__}


@pytest.mark.parametrize("dtype", [np.float32, np.int64, object])
def test_masked_values_are_missing(dtype):
    values = np.random.RandomState(0).randint(9, size=(80, 2))
    mask = np.zeros((80, 2), dtype=bool)
    mask[::5, 0] = True
    holes = values.astype(float)
    holes[mask] = np.nan
    masked = np.ma.masked_array(values.astype(dtype), mask)
    model = TabularClassifier("fast", max_iter=2, random_state=0).fit(masked, values[:, 1] > 3)
    np.testing.assert_array_equal(model.encode(masked), model.encode(holes))
    assert "x0 is missing" in model.get_feature_names_out()


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
