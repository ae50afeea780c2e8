"""Validation in lbfgs, whose iterations are scored, and in partial_fit."""

import pickle

import numpy as np
import pytest
from scored_fits import WEIGHT, X, X_val, case, each_target, scored
from sklearn.metrics import r2_score

import chainfit

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

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


def test_iterations_must_improve_the_score_by_tol():
    settings = {"solver": "lbfgs", "early_stopping": True, "n_iter_no_change": 3, "max_iter": 50}
    model = chainfit.MLPClassifier((6,), tol=1.5, random_state=0, **settings)
    rows = 1e3 * X  # gradients are beyond tol for long, scores never rise by it
    y = X[:, 0] > 0
    model.fit(rows, y, X_val=rows, y_val=y)
    assert max(model.validation_scores_[1:]) > model.validation_scores_[0]
    assert model.n_iter_ == 1 + 4  # the first one, and four without an improvement


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
