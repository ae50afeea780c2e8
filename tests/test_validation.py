"""Validation: rows of the user's own, any score, the weights that scored best.

The oracles are scikit-learn's metrics on the model's own predictions, and the same fit cut short.
"""

import pickle
import warnings

import numpy as np
import pytest
import scipy.sparse as sp
import sklearn
from sklearn.metrics import accuracy_score, get_scorer, log_loss, make_scorer, r2_score
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler

import chainfit
from chainfit import MLPClassifier, MLPRegressor, _core

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

_rng = np.random.RandomState(0)
X, X_val = _rng.randn(120, 5), _rng.randn(41, 5)
WEIGHT = _rng.rand(41) + 0.1


def signal(inputs):
    return inputs[:, 0] - inputs[:, 1] * inputs[:, 2]


TARGETS = {
    "real": signal,
    "two real": lambda inputs: np.c_[signal(inputs), inputs[:, 3]],
    "binary": lambda inputs: np.where(signal(inputs) > 0, "yes", "no"),
    "multiclass": lambda inputs: np.digitize(signal(inputs), [-1.0, 0.5]),
    "multilabel": lambda inputs: (np.c_[signal(inputs), inputs[:, 3]] > 0).astype(int),
}
each_target = pytest.mark.parametrize("target", TARGETS)


def case(target, **parameters):
    kind = MLPRegressor if "real" in target else MLPClassifier
    settings = {"hidden_layer_sizes": (8,), "random_state": 0, "learning_rate_init": 0.02}
    model = kind(**{**settings, "max_iter": 12, **parameters})
    y, y_val = TARGETS[target](X), TARGETS[target](X_val)
    return model, y, {"X_val": X_val, "y_val": y_val}


def scored(model, weight=None):
    """Return scikit-learn's score and loss of the model on the validation rows."""
    y_val = next(make for make in TARGETS.values() if _suits(model, make(X_val)))(X_val)
    output, predicted = model._forward(X_val), model.predict(X_val)
    if isinstance(model, MLPRegressor):
        loss = np.average(
            ((output - y_val.reshape(len(y_val), -1)) ** 2).mean(axis=1), weights=weight
        )
        return r2_score(y_val, predicted, sample_weight=weight), loss / 2
    if y_val.ndim > 1:
        columns = zip(y_val.T, output.T, strict=True)
        loss = sum(log_loss(y, p, sample_weight=weight) for y, p in columns)
    else:
        loss = log_loss(y_val, model.predict_proba(X_val), sample_weight=weight)
    return accuracy_score(y_val, predicted, sample_weight=weight), loss


def _suits(model, y):
    if isinstance(model, MLPRegressor):
        return y.dtype.kind == "f" and y[0].size == model.n_outputs_
    kind = model._label_binarizer.y_type_
    return y.dtype.kind != "f" and sklearn.utils.multiclass.type_of_target(y) == kind


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


# --- lbfgs -------------------------------------------------------------------------------------


@each_target
@pytest.mark.parametrize("weight", [None, WEIGHT], ids=["", "weighted"])
def test_iterations_are_scored(target, weight):
    model, y, rows = case(target, solver="lbfgs")
    model.fit(X, y, **rows, sample_weight_val=weight)
    twin, _, _ = case(target, solver="lbfgs")
    for n in range(1, 5):  # one fit cut short each
        twin.set_params(max_iter=n).fit(X, y)
        score, loss = scored(twin, weight)
        assert model.validation_scores_[n - 1] == pytest.approx(score, rel=1e-12)
        assert model.validation_loss_curve_[n - 1] == pytest.approx(loss, rel=1e-12)
    assert len(model.validation_loss_curve_) == len(model.validation_scores_) == model.n_iter_
    assert model.best_validation_score_ == max(model.validation_scores_)
    assert model.history_["validation_score"] == model.validation_scores_
    assert model.history_["validation_loss"] == model.validation_loss_curve_
    plain = case(target, solver="lbfgs")[0].fit(X, y)
    assert all(np.array_equal(a, b) for a, b in zip(model.coefs_, plain.coefs_, strict=True))
    assert not hasattr(plain, "validation_scores_")


@each_target
@pytest.mark.parametrize("scoring", [None, "loss"])
def test_the_iteration_that_scored_best_is_kept(target, scoring, tmp_path):
    settings = {"solver": "lbfgs", "early_stopping": True, "scoring": scoring, "alpha": 0.0}
    model, y, rows = case(target, **settings, max_iter=300, n_iter_no_change=3)
    model.fit(X, y, **rows)
    score, loss = scored(model)
    scores = model.validation_scores_
    assert model.best_validation_score_ == max(scores)
    assert max(scores) == pytest.approx(score if scoring is None else -loss, rel=1e-12)
    assert model.n_iter_ == len(scores) < 300
    assert max(scores[:-4]) > max(scores[-4:]) - model.tol  # four without a better one
    model.save(tmp_path / "model.safetensors")
    for other in (chainfit.load(tmp_path / "model.safetensors"), pickle.loads(pickle.dumps(model))):
        assert other.validation_scores_ == scores
        assert other.best_validation_score_ == max(scores)
        assert other.validation_loss_curve_ == model.validation_loss_curve_
    # begun again, what was best before counts no more
    again = model.set_params(warm_start=True, max_iter=1).fit(X, y, **rows)
    assert again.best_validation_score_ == again.validation_scores_[-1]


def test_lbfgs_holds_out_no_rows():
    """As in scikit-learn early_stopping has no effect by itself."""
    model, y, _ = case("multiclass", solver="lbfgs", early_stopping=True, scoring="accuracy")
    plain = case("multiclass", solver="lbfgs")[0].fit(X, y)
    model.fit(X, y)
    assert all(np.array_equal(a, b) for a, b in zip(model.coefs_, plain.coefs_, strict=True))
    assert not hasattr(model, "validation_scores_")


def test_listeners_of_lbfgs_see_the_best_weights_so_far():
    seen = []

    def look(estimator, inputs, y):
        seen.append(estimator.n_iter_)
        return -abs(len(seen) - 4.0)  # tried once, then better up to the third iteration

    model, y, rows = case("real", solver="lbfgs", early_stopping=True, scoring=look)
    model.set_params(n_iter_no_change=2).fit(X, y, **rows)
    twin = case("real", solver="lbfgs", max_iter=3)[0].fit(X, y)
    assert seen == [0, 1, 2, 3, 4, 5, 6]
    assert all(np.array_equal(a, b) for a, b in zip(model.coefs_, twin.coefs_, strict=True))


@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
@pytest.mark.parametrize("error", [StopIteration, StopAsyncIteration, RuntimeError])
def test_any_error_of_a_scorer_comes_out(solver, error):
    def scorer(estimator, inputs, y):
        if estimator.n_iter_ == 2:
            raise error("no more")
        return 0.0

    model, y, rows = case("real", solver=solver, scoring=scorer)
    with pytest.raises(error, match="no more"):
        model.fit(X, y, **rows)
    assert not hasattr(model, "coefs_")


# --- partial_fit ---------------------------------------------------------------------------------


def test_partial_fit_ends_with_the_best_weights(tmp_path):
    model, y, rows = case("real", early_stopping=True, n_iter_no_change=3, learning_rate_init=0.1)
    calls = 0
    while not getattr(model, "converged_", False):
        model.partial_fit(X, y, **rows)
        calls += 1
        if calls == 3:  # what waits for a better score survives
            model.save(tmp_path / "model.safetensors")
            model = pickle.loads(pickle.dumps(chainfit.load(tmp_path / "model.safetensors")))
    scores = model.validation_scores_
    assert len(scores) == calls
    assert model.best_validation_score_ == max(scores)
    assert r2_score(rows["y_val"], model.predict(X_val)) == pytest.approx(max(scores), rel=1e-12)
    assert scores.index(max(scores)) == calls - 5  # four calls without a better one
    best = [w.copy() for w in model.coefs_]
    model.coefs_[0][:] = 0  # the user's own doing
    model.partial_fit(X, y, **rows)
    if len(model.validation_scores_) and model.validation_scores_[-1] < max(scores):
        assert all(np.array_equal(a, b) for a, b in zip(best, model.coefs_, strict=True))


def test_partial_fit_with_scores_only():
    model, y, rows = case("multiclass")
    twin = case("multiclass")[0]
    for _ in range(3):
        model.partial_fit(X, y, classes=[0, 1, 2], **rows)
        twin.partial_fit(X, y, classes=[0, 1, 2])
        assert scored(model)[0] == model.validation_scores_[-1]
    assert model.loss_curve_ == twin.loss_curve_
    assert model.best_loss_ == twin.best_loss_
    assert twin.validation_scores_ is None


def test_scores_of_other_rows_are_not_compared():
    """What a fit scored on rows held out is no measure of the user's own."""
    model, y, rows = case("real", early_stopping=True, max_iter=60)
    model.fit(X, y).partial_fit(X, y, **rows)
    assert model.best_validation_score_ == model.validation_scores_[-1]
    assert not model.converged_
    model.set_params(warm_start=True, scoring="loss", max_iter=3).fit(X, y, **rows)
    assert model.best_validation_score_ == max(model.validation_scores_[-3:])


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
