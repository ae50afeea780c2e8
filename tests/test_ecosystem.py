"""Inside scikit-learn's meta-estimators and tools, and with data frames, like its own MLP."""

import copy

import joblib
import numpy as np
import pandas as pd
import polars as pl
import pytest
import scipy.sparse as sp
import sklearn
from sklearn import neural_network as theirs
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import ColumnTransformer, TransformedTargetRegressor
from sklearn.datasets import load_diabetes, load_iris
from sklearn.ensemble import (
    AdaBoostClassifier,
    BaggingClassifier,
    StackingRegressor,
    VotingClassifier,
)
from sklearn.exceptions import UnsetMetadataPassedError
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.feature_selection import SelectKBest, SequentialFeatureSelector
from sklearn.inspection import partial_dependence, permutation_importance
from sklearn.linear_model import Ridge
from sklearn.model_selection import (
    GridSearchCV,
    cross_val_predict,
    cross_validate,
    learning_curve,
)
from sklearn.multiclass import OneVsRestClassifier
from sklearn.multioutput import ClassifierChain, MultiOutputRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

import chainfit

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

IRIS = load_iris(as_frame=True)
X, y = IRIS.data, IRIS.target
X_real, y_real = load_diabetes(return_X_y=True, as_frame=True)
y_real = (y_real - y_real.mean()) / y_real.std()
BACKENDS = pytest.mark.parametrize("backend", ["loky", "threading"])


def classifiers(**parameters):
    """Ours and theirs."""
    parameters = {"hidden_layer_sizes": (8,), "max_iter": 30, "random_state": 0, **parameters}
    return chainfit.MLPClassifier(**parameters), theirs.MLPClassifier(**parameters)


def regressors(**parameters):
    """Ours and theirs."""
    parameters = {"hidden_layer_sizes": (8,), "max_iter": 30, "random_state": 0, **parameters}
    return chainfit.MLPRegressor(**parameters), theirs.MLPRegressor(**parameters)


def assert_same_results(outcomes, rtol=1e-7):
    for mine, other in zip(*outcomes, strict=True):
        np.testing.assert_allclose(mine, other, rtol=rtol)


# -- searches and ensembles: the results are those with scikit-learn's MLP inside


@BACKENDS
def test_grid_search(backend):
    outcomes = []
    for model in classifiers():
        pipeline = make_pipeline(StandardScaler(), model)
        step = pipeline.steps[1][0]
        grid = {f"{step}__alpha": [1e-4, 1.0], f"{step}__solver": ["adam", "sgd"]}
        with joblib.parallel_backend(backend):
            search = GridSearchCV(pipeline, grid, cv=3, n_jobs=2).fit(X, y)
        outcomes.append((search.cv_results_["mean_test_score"], search.predict_proba(X)))
        assert search.best_estimator_[-1].n_features_in_ == 4
    assert_same_results(outcomes)


@BACKENDS
def test_cross_validate(backend):
    outcomes = []
    for model in regressors():
        with joblib.parallel_backend(backend):
            result = cross_validate(
                model,
                X_real,
                y_real,
                cv=4,
                n_jobs=2,
                return_estimator=True,
                return_train_score=True,
            )
        fitted = result["estimator"]
        assert all(type(one) is type(model) and one.n_iter_ == 30 for one in fitted)
        outcomes.append((result["test_score"], result["train_score"]))
    assert_same_results(outcomes)


def test_cross_val_predict_and_learning_curve():
    outcomes = []
    for model in classifiers():
        probabilities = cross_val_predict(model, X, y, method="predict_proba", n_jobs=2)
        curve = learning_curve(
            model,
            X,
            y,
            train_sizes=[60, 120],
            exploit_incremental_learning=True,
            shuffle=True,
            random_state=0,
        )
        outcomes.append((probabilities, curve[2]))
    assert_same_results(outcomes)


@pytest.mark.parametrize(
    "wrap",
    [
        lambda m: BaggingClassifier(m, n_estimators=4, max_samples=0.7, n_jobs=2, random_state=0),
        lambda m: BaggingClassifier(m, n_estimators=3, max_features=0.6, random_state=0),
        lambda m: AdaBoostClassifier(m, n_estimators=3, random_state=0),
        lambda m: VotingClassifier([("a", m), ("b", clone(m))], voting="soft", n_jobs=2),
        lambda m: OneVsRestClassifier(m, n_jobs=2),
        lambda m: make_pipeline(SelectKBest(k=2), m),
    ],
    ids=[
        "bagging",
        "subspaces",
        "boosting",
        "voting",
        "one_vs_rest",
        "best",
    ],
)
def test_classifier_inside(wrap):
    outcomes = [(wrap(model).fit(X, y).predict_proba(X),) for model in classifiers()]
    assert_same_results(outcomes, rtol=1e-6)


class WithRawScores(theirs.MLPClassifier):
    """scikit-learn's MLP with the `decision_function` that it lacks."""

    def decision_function(self, X):
        raw = copy.copy(self)
        raw.out_activation_ = "identity"
        return raw._forward_pass_fast(X)


@pytest.mark.parametrize("more", [{"n_jobs": 2}, {"method": "isotonic", "ensemble": False}])
def test_calibration_of_raw_scores(more):
    model, their = classifiers()
    models = model, WithRawScores(**their.get_params())
    with joblib.parallel_config("threading"):  # other processes don't know this file's class
        outcomes = [
            (CalibratedClassifierCV(m, cv=3, **more).fit(X, y).predict_proba(X),) for m in models
        ]
    assert_same_results(outcomes, rtol=1e-6)


@pytest.mark.parametrize(
    "wrap",
    [
        lambda m: StackingRegressor([("net", m), ("line", Ridge())], cv=3, n_jobs=2),
        lambda m: StackingRegressor([("line", Ridge())], final_estimator=m, passthrough=True),
        lambda m: TransformedTargetRegressor(m, transformer=StandardScaler()),
        lambda m: SequentialFeatureSelector(m, n_features_to_select=2, cv=2, n_jobs=2),
    ],
    ids=["stacked", "final", "target", "selector"],
)
def test_regressor_inside(wrap):
    outcomes = []
    for model in regressors():
        outer = wrap(model).fit(X_real.iloc[:150, :4], y_real[:150])
        method = outer.predict if hasattr(outer, "predict") else outer.transform
        outcomes.append((method(X_real.iloc[:, :4]),))
    assert_same_results(outcomes, rtol=1e-6)


def test_several_targets():
    Y = np.c_[y_real, y_real**2]
    outcomes = [
        (MultiOutputRegressor(model, n_jobs=2).fit(X_real, Y).predict(X_real),)
        for model in regressors()
    ]
    assert_same_results(outcomes)
    labels = np.c_[y == 1, X.iloc[:, 0] > 5.8].astype(int)
    outcomes = [
        (ClassifierChain(model).fit(X, labels).predict_proba(X),) for model in classifiers()
    ]
    assert_same_results(outcomes)


def test_inspection():
    outcomes = []
    for model in classifiers(max_iter=100):
        model.fit(X, y)
        importance = permutation_importance(model, X, y, n_repeats=3, n_jobs=2, random_state=0)
        dependence = partial_dependence(model, X, [2], response_method="predict_proba")
        outcomes.append((importance.importances, dependence["average"]))
    assert_same_results(outcomes)


# -- threads


def test_one_model_may_predict_in_many_threads():
    model = classifiers()[0].fit(X, y)
    expected = model.predict_proba(X)
    calls = joblib.Parallel(n_jobs=4, backend="threading")(
        joblib.delayed(model.predict_proba)(X) for _ in range(40)
    )
    assert all((found == expected).all() for found in calls)


# -- frames


def frames():
    return {"pandas": X, "polars": pl.from_pandas(X)}


@pytest.mark.parametrize("library", ["pandas", "polars"])
@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
def test_frames(library, solver):
    frame, model = frames()[library], classifiers(solver=solver)[0]
    target = y if library == "pandas" else pl.Series("species", y.to_numpy())
    weights = np.linspace(1, 2, 150)
    model.fit(frame, target, sample_weight=weights)
    plain = clone(model).fit(X.to_numpy(), y.to_numpy(), sample_weight=weights)
    assert model.feature_names_in_.tolist() == X.columns.tolist()
    np.testing.assert_array_equal(model.predict_proba(frame), plain.predict_proba(X.to_numpy()))
    if solver == "adam":
        model.partial_fit(frame, target)
        plain.partial_fit(X.to_numpy(), y)
        np.testing.assert_array_equal(model.predict(frame), plain.predict(X.to_numpy()))
    renamed = frame.rename({"petal length (cm)": "other"}, **_axis(library))
    with pytest.raises(ValueError, match=r"feature names should match.*\n.*unseen.*\n- other"):
        model.predict(renamed)
    with pytest.raises(ValueError, match="feature names should match"):
        model.predict(frame[X.columns[::-1].tolist()])
    with pytest.warns(UserWarning, match="X does not have valid feature names"):
        model.predict(X.to_numpy())


def _axis(library):
    return {"axis": "columns"} if library == "pandas" else {}


def test_frames_of_mixed_numbers():
    mixed = pd.DataFrame(
        {"a": X.iloc[:, 0].astype(np.float32), "b": range(150), "c": X.iloc[:, 1] > 3}
    )
    nullable = mixed.convert_dtypes()
    expected = classifiers()[0].fit(mixed.to_numpy(dtype=float), y)
    for frame in (mixed, nullable, pl.from_pandas(mixed)):
        model = classifiers()[0].fit(frame, y)
        np.testing.assert_array_equal(model.coefs_[0], expected.coefs_[0])
    nullable.iloc[3, 1] = pd.NA
    with pytest.raises(ValueError, match="NaN"):
        classifiers()[0].fit(nullable, y)


@pytest.mark.parametrize("output", ["pandas", "polars"])
def test_set_output_of_the_steps_before(output):
    pipeline = make_pipeline(StandardScaler(), classifiers()[0]).set_output(transform=output)
    pipeline.fit(frames()[output], y)
    assert pipeline[-1].feature_names_in_.tolist() == X.columns.tolist()
    bare = make_pipeline(StandardScaler(), classifiers()[0]).fit(X.to_numpy(), y)
    # not to the bit: the scaler sums a frame's columns in another order
    assert_same_results([[pipeline.predict_proba(X)], [bare.predict_proba(X.to_numpy())]], 1e-9)


# -- sparse steps


def test_text_and_categories_arrive_sparse():
    texts = [f"{'good fine' if n % 3 else 'bad'} word{n % 7}" for n in range(90)]
    target = [n % 3 > 0 for n in range(90)]
    outcomes = []
    for model in classifiers(early_stopping=True):
        pipeline = make_pipeline(TfidfVectorizer(), model).fit(texts, target)
        assert sp.issparse(pipeline[0].transform(texts))
        outcomes.append((pipeline.predict_proba(texts), pipeline[-1].validation_scores_))
    assert_same_results(outcomes)
    table = pd.DataFrame({"colour": ["red", "blue", "green"] * 30, "size": np.arange(90) / 90})
    outcomes = []
    for model in regressors():
        columns = ColumnTransformer(
            [("colour", OneHotEncoder(), ["colour"])], remainder="passthrough", sparse_threshold=1
        )
        pipeline = make_pipeline(columns, model).fit(table, np.arange(90) % 5)
        assert sp.issparse(pipeline[0].transform(table))
        outcomes.append((pipeline.predict(table),))
    assert_same_results(outcomes)


# -- metadata routing


@pytest.fixture
def routing():
    with sklearn.config_context(enable_metadata_routing=True):
        yield


@pytest.mark.usefixtures("routing")
def test_sample_weight_is_routed_through_pipeline_and_search():
    weights = np.linspace(0, 2, 150)
    outcomes = []
    for model in classifiers():
        model.set_fit_request(sample_weight=True).set_score_request(sample_weight=True)
        scaler = StandardScaler().set_fit_request(sample_weight=False)
        search = GridSearchCV(make_pipeline(scaler, model), {}, cv=3)
        search.fit(X, y, sample_weight=weights)
        outcomes.append((search.cv_results_["mean_test_score"], search.predict_proba(X)))
    assert_same_results(outcomes)
    inner = clone(classifiers()[0]).fit(StandardScaler().fit_transform(X), y, sample_weight=weights)
    np.testing.assert_array_equal(
        outcomes[0][1], inner.predict_proba(StandardScaler().fit_transform(X))
    )


@pytest.mark.usefixtures("routing")
def test_requests():
    model = classifiers()[0]
    with pytest.raises(UnsetMetadataPassedError, match="sample_weight"):
        cross_validate(model, X, y, params={"sample_weight": np.ones(150)})
    model.set_fit_request(sample_weight=False).set_partial_fit_request(classes=True)
    requests = model.get_metadata_routing()
    validation = {"X_val": None, "y_val": None, "sample_weight_val": None}
    assert requests.fit.requests == {"sample_weight": False, **validation}
    expected = {"sample_weight": None, "classes": True, **validation}
    assert requests.partial_fit.requests == expected
    assert not requests.predict.requests
    assert not requests.predict_proba.requests
    assert clone(model).get_metadata_routing().fit.requests == requests.fit.requests


# -- pickling by others


@pytest.mark.parametrize("compress", [0, 3])
def test_joblib_files(tmp_path, compress):
    model = classifiers()[0].fit(X, y)
    joblib.dump(model, tmp_path / "model", compress=compress)
    loaded = [joblib.load(tmp_path / "model")]
    if not compress:
        loaded.append(joblib.load(tmp_path / "model", mmap_mode="r"))
    model.partial_fit(X, y)
    for other in loaded:
        np.testing.assert_array_equal(other.partial_fit(X, y).coefs_[0], model.coefs_[0])


# -- import
