"""Validation: rows of the user's own, any score, the weights that scored best.

The oracles are scikit-learn's metrics on the model's own predictions, and the same fit cut short.
"""

import pickle
import warnings

import numpy as np
import pytest
import scipy.sparse as sp
import sklearn
from scored_fits import WEIGHT, X, X_val, case, each_target, scored, signal
from sklearn.metrics import get_scorer, make_scorer, r2_score
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler

import chainfit
from chainfit import MLPRegressor, _core

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


@each_target
@pytest.mark.parametrize("weight", [None, WEIGHT], ids=["", "weighted"])
def test_scores_and_losses_are_those_of_each_epoch(target, weight):
    model, y, rows = case(target)
    model.fit(X, y, **rows, sample_weight_val=weight)
    twin, _, _ = case(target)
    for epoch in range(4):  # one fit cut short each
        twin.set_params(max_iter=epoch + 1).fit(X, y)
        score, loss = scored(twin, weight)
        assert model.validation_scores_[epoch] == pytest.approx(score, rel=1e-12)
        assert model.validation_loss_curve_[epoch] == pytest.approx(loss, rel=1e-12)
    assert len(model.validation_loss_curve_) == len(model.validation_scores_) == model.n_iter_
    # rows that are only looked at change nothing
    plain = case(target)[0].fit(X, y)
    assert all(np.array_equal(a, b) for a, b in zip(model.coefs_, plain.coefs_, strict=True))
    assert model.best_loss_ == plain.best_loss_
    assert not hasattr(plain, "validation_loss_curve_")


@each_target
@pytest.mark.parametrize("scoring", [None, "loss"])
def test_the_best_weights_are_kept(target, scoring):
    model, y, rows = case(target, early_stopping=True, scoring=scoring, max_iter=80)
    model.set_params(n_iter_no_change=3, learning_rate_init=0.05).fit(X, y, **rows)
    score, loss = scored(model)
    best = model.best_validation_score_
    assert best == max(model.validation_scores_)
    assert best == pytest.approx(score if scoring is None else -loss, rel=1e-12)
    assert model.best_loss_ is None
    assert model.converged_ == (model.n_iter_ < 80)
    assert model.t_ == len(X) * model.n_iter_  # no row is held out
    if scoring == "loss":
        assert model.validation_scores_ == [-loss for loss in model.validation_loss_curve_]


@pytest.mark.parametrize(
    ("target", "scoring"),
    [
        ("binary", "roc_auc"),
        ("binary", "neg_log_loss"),
        ("multiclass", "f1_macro"),
        ("multilabel", "f1_macro"),
        ("real", "neg_mean_absolute_error"),
        ("two real", "explained_variance"),
        ("real", make_scorer(r2_score)),
    ],
)
@pytest.mark.parametrize("given", [True, False], ids=["given", "held out"])
def test_any_scorer(target, scoring, given):
    model, y, rows = case(target, early_stopping=True, scoring=scoring)
    model.fit(X, y, **(rows if given else {}))
    assert len(model.validation_scores_) == len(model.validation_loss_curve_) == model.n_iter_
    if given:
        found = get_scorer(scoring)(model, X_val, rows["y_val"])
        assert model.best_validation_score_ == pytest.approx(found, rel=1e-12)


def test_a_function_scores_a_fitted_model_of_the_users_own_rows():
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(X, columns=list("abcde"))
    seen = []

    def scorer(estimator, inputs, y):
        seen.append((list(inputs.columns), len(inputs), type(y)))
        assert estimator is not model
        assert list(estimator.feature_names_in_) == list("abcde")
        assert np.array_equal(estimator.predict(inputs), estimator.predict(inputs.copy()))
        probabilities = estimator.predict_proba(inputs)
        estimator.predict_log_proba(inputs)  # works in place
        assert np.array_equal(probabilities, estimator.predict_proba(inputs))
        return estimator.score(inputs, y)

    model, y, _ = case("multiclass", early_stopping=True, scoring=scorer)
    model.fit(frame, pandas.Series(y))
    tried = 1  # on the net before its first step
    assert seen == [(list("abcde"), 12, pandas.Series)] * (tried + model.n_iter_)
    plain = case("multiclass", early_stopping=True)[0].fit(frame, y)
    assert model.validation_scores_ == plain.validation_scores_


def test_validation_costs_one_pass(monkeypatch):
    """A scorer is given the output that is there."""
    calls = []
    monkeypatch.setattr(
        "chainfit._estimators.forward._core",
        type("Core", (), {"predict": lambda *arguments: calls.append(arguments)}),
    )
    model, y, rows = case("multiclass", scoring="neg_log_loss")
    model.fit(X, y, **rows)
    assert not calls


@each_target
def test_sparse_rows_are_as_dense_ones(target):
    model, y, rows = case(target, early_stopping=True)
    dense = model.fit(X, y, **rows).validation_loss_curve_
    sparse = model.fit(sp.csr_matrix(X), y, X_val=sp.coo_matrix(X_val), y_val=rows["y_val"])
    assert sparse.validation_loss_curve_ == dense


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_threads_and_instruction_sets(dtype, running_isas, using_isa):
    found = set()
    for isa in running_isas:
        with using_isa(isa):
            for threads in (1, 2, 3):
                model, y, rows = case("multiclass", n_threads=threads, scoring="loss")
                model.fit(X.astype(dtype), y, X_val=X_val.astype(dtype), y_val=rows["y_val"])
                found.add(tuple(model.validation_loss_curve_))
    assert len(found) == 1


@pytest.mark.parametrize("loss", sorted(_core.losses()))
@pytest.mark.parametrize("rows", [1, 16, 17, 100])
def test_the_loss_of_outputs_is_the_trainers(loss, rows, make_net):
    """The core has it twice: of outputs, and of a net with its gradient."""
    net = make_net([3, 2], loss=loss, rows=rows, weighted=True)
    trainer = net.trainer()
    expected = trainer.loss_and_gradient(net.X, net.Y, net.weight, 0.0, 1)[0]
    found = _core.loss(net.predict(), net.Y, net.weight, loss)
    assert found == pytest.approx(expected, rel=1e-13)


# --- what is refused -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("target", "change", "message"),
    [
        ("real", {"y_val": None}, "X_val is provided, but y_val was not provided"),
        ("real", {"X_val": None}, "y_val is provided, but X_val was not provided"),
        ("real", {"X_val": X_val[:, :4]}, "X has 4 features"),
        ("real", {"X_val": X_val[1:]}, "inconsistent numbers of samples"),
        ("real", {"X_val": X_val * np.nan}, "X_val.*contains NaN"),
        ("real", {"y_val": np.ones((41, 2))}, "2 outputs, expected 1"),
        ("real", {"sample_weight_val": np.ones(3)}, "sample_weight.shape"),
        ("real", {"sample_weight_val": np.r_[1, -1, np.zeros(39)]}, "must not sum to zero"),
        ("multiclass", {"y_val": np.arange(41)}, "has classes not in `self.classes_`"),
        ("binary", {"y_val": np.ones((41, 2), dtype=int)}, "must be labels of shape"),
        ("multilabel", {"y_val": np.ones(41, dtype=int)}, "must be an indicator matrix"),
        ("multilabel", {"y_val": np.ones((41, 3), dtype=int)}, "classes not in"),
    ],
)
def test_refused_rows(target, change, message):
    model, y, rows = case(target, early_stopping=True, random_state=np.random.RandomState(0))
    state = model.random_state.get_state()[1].copy()
    with pytest.raises(ValueError, match=message):
        model.fit(X, y, **{**rows, **change})
    assert not hasattr(model, "coefs_")
    assert np.array_equal(model.random_state.get_state()[1], state)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"scoring": "neg_max_error"}, "does not take a sample_weight"),
        ({"scoring": lambda model, X, y: 0.0}, "does not take a sample_weight"),
        ({"scoring": r2_score}, "metric function rather than a scorer"),
        ({"scoring": "no such score"}, "The 'scoring' parameter"),
        ({"scoring": lambda model, X, y, sample_weight: np.nan}, "score.*is not a number"),
    ],
)
def test_refused_scores(parameters, message):
    model, y, rows = case("real", early_stopping=True, **parameters)
    with pytest.raises(ValueError, match=message):
        model.fit(X, y, **rows, sample_weight_val=WEIGHT)
    assert not hasattr(model, "coefs_")


@pytest.mark.parametrize(
    ("target", "scoring", "kind"),
    [
        ("multiclass", "roc_auc", "multiclass"),
        ("multiclass", "f1", "multiclass"),
        ("binary", "r2", "binary"),
        ("binary", "f1", "binary"),  # whose positive label is 1
        ("multilabel", "matthews_corrcoef", "multilabel-indicator"),
        ("two real", "accuracy", "continuous-multioutput"),
        ("real", "neg_log_loss", "continuous"),
        ("real", "neg_mean_squared_log_error", "continuous"),
        ("real", lambda model: 0.0, "continuous"),
        ("real", lambda model, X, y: {"r2": 0.0}, "continuous"),
        ("real", lambda model, X, y: model.predict_proba(X)[0, 0], "continuous"),
    ],
)
@pytest.mark.parametrize("way", ["held out", "given", "partial_fit", "next partial_fit", "lbfgs"])
def test_a_scorer_that_does_not_suit_the_target(target, scoring, kind, way):
    """It fails before the first step, and nothing has changed."""
    epochs = []
    model, y, rows = case(target, early_stopping="fit" not in way, callbacks=[epochs.append])
    model.set_params(validation_fraction=0.3)  # 36 rows have all classes
    classes = {} if "real" in target else {"classes": np.unique(y)}
    if way == "lbfgs":
        model.set_params(solver="lbfgs")
    if way == "next partial_fit":
        model.partial_fit(X, y, **classes, **rows)
        epochs.clear()
    model.set_params(scoring=scoring, random_state=np.random.RandomState(0))
    state, before = model.random_state.get_state()[1].copy(), vars(model).copy()
    with pytest.raises(ValueError, match=f"^scoring=.*does not suit the target y, .*'{kind}'"):
        if way == "held out":
            model.fit(X, y)
        elif "fit" in way:
            model.partial_fit(X, y, **classes, **rows)
        else:
            model.fit(X, y, **rows)
    assert not epochs
    assert vars(model) == before
    assert np.array_equal(model.random_state.get_state()[1], state)


def test_a_scorer_that_fails_before_the_first_step_only():
    """The logarithm of 1 - 5 is not defined, but it is of the predictions after a step, near 4."""
    model = MLPRegressor.from_weights([np.zeros((5, 1))], [[-5.0]], solver="sgd", momentum=0.0)
    model.set_params(learning_rate_init=1.0, alpha=0.0, warm_start=True, max_iter=1)
    inputs, y = 0.01 * X, 4 + 0.01 * signal(X)
    with pytest.raises(ValueError, match="Mean Squared Logarithmic Error"):
        get_scorer("neg_mean_squared_log_error")(model, inputs, y)
    model.set_params(scoring="neg_mean_squared_log_error").fit(inputs, y, X_val=inputs, y_val=y)
    assert model.validation_scores_[0] > -0.01


def test_an_error_of_a_scorer_leaves_the_model_as_it_was():
    def scorer(estimator, inputs, y):
        raise ZeroDivisionError("scored by nothing")

    model, y, rows = case("real")
    before = model.fit(X, y).coefs_
    with pytest.raises(ZeroDivisionError, match="scored by nothing"):
        model.set_params(scoring=scorer).fit(X, y, **rows)
    assert model.coefs_ is before


# --- scikit-learn's tools ------------------------------------------------------------------------


def test_in_a_pipeline_and_a_search():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        plain = Pipeline([("scale", StandardScaler()), ("model", case("real")[0])])
        y, y_val = signal(X), signal(X_val)
        scaled = StandardScaler().fit(X).transform(X_val)
        plain.fit(X, y, model__X_val=scaled, model__y_val=y_val)
        curve = plain["model"].validation_loss_curve_
        with sklearn.config_context(enable_metadata_routing=True):
            model = case("real")[0].set_fit_request(X_val=True, y_val=True)
            steps = [("scale", StandardScaler()), ("model", model)]
            routed = Pipeline(steps, transform_input=["X_val"])
            routed.fit(X, y, X_val=X_val, y_val=y_val)
            assert routed["model"].validation_loss_curve_ == curve
        search = GridSearchCV(plain, {"model__alpha": [0.0, 1.0], "model__scoring": [None, "loss"]})
        search.fit(X, y, model__X_val=scaled, model__y_val=y_val)
        assert len(search.best_estimator_["model"].validation_scores_) == 12


def test_saved_and_loaded(tmp_path):
    model, y, rows = case("multiclass", early_stopping=True, scoring="neg_log_loss")
    model.fit(X, y, **rows).save(tmp_path / "model.safetensors")
    for loaded in (
        chainfit.load(tmp_path / "model.safetensors"),
        pickle.loads(pickle.dumps(model)),
    ):
        assert loaded.scoring == "neg_log_loss"
        assert loaded.validation_loss_curve_ == model.validation_loss_curve_
        assert loaded.converged_ == model.converged_
    model.set_params(scoring=lambda model, X, y: 0.0)
    with pytest.raises(TypeError, match="scoring"):
        model.save(tmp_path / "other.safetensors")
    assert not (tmp_path / "other.safetensors").exists()
