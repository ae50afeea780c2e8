"""Fits of the tabular estimators: weights, validation, equal bits, and what a failure leaves."""

import numpy as np
import pytest
from sales import X, X_new, kinds, labels, price, price_new, small

from chainfit import TabularClassifier, TabularRegressor


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
