"""What several threads publish of one model: the last one is whole, and no call is lost."""

import copy

import numpy as np
import pytest
from beside import Meanwhile, Others, assert_equal_weights, regressor

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

_rng = np.random.RandomState(0)
X = _rng.randn(400, 8)
y = X[:, 0] - X[:, 1]
WIDER = np.column_stack([X, X[:, :2]])


def assert_as_if_alone(model, X, y):
    """Compare with a fit of a new model on the data, attribute by attribute."""
    alone = copy.deepcopy(model)
    for name in [name for name in vars(alone) if name.endswith("_") or name.startswith("_")]:
        delattr(alone, name)
    alone.fit(X, y)
    assert vars(alone).keys() == vars(model).keys()
    assert model.n_features_in_ == X.shape[1]
    assert_equal_weights(alone, model)


@pytest.mark.parametrize("first", [X, WIDER], ids=["narrow", "wide"])
def test_of_two_fits_of_one_model_the_later_is_whole(first):
    """Also where a part of it, the number of features, is what was there before both."""
    pd = pytest.importorskip("pandas")
    model = regressor().fit(first, y)
    named = pd.DataFrame(WIDER, columns=list("abcdefghij"))
    model.fit(Meanwhile(X, lambda: model.fit(named, y)), y)
    assert_as_if_alone(model, X, y)


def test_a_fit_beside_partial_fit_counts_as_the_later():
    model = regressor().fit(X, y)
    model.partial_fit(Meanwhile(X, lambda: model.fit(WIDER, y)), y)
    assert_as_if_alone(model, WIDER, y)
    again = regressor().fit(X, y)
    again.partial_fit(Meanwhile(X, lambda: again.set_params(solver="lbfgs").fit(X, y)), y)
    assert_as_if_alone(again, X, y)


def test_first_calls_of_partial_fit_side_by_side_all_count():
    model, alone = regressor(), regressor().partial_fit(X, y).partial_fit(X, y)
    model.partial_fit(Meanwhile(X, lambda: model.partial_fit(X, y)), y)
    assert_equal_weights(model, alone)
    assert model.t_ == 2 * len(X)


def test_records_beside_partial_fit_are_whole():
    model = regressor(solver="adam").partial_fit(X, y)

    def read():
        record, state = model.history_, model._optimizer_state
        assert len({*map(len, record.values())}) == 1
        assert state["steps"] % 2 == 0  # of an epoch

    with Others(read, read) as others:
        while min(others.rounds) < 20 and not others.errors:
            model.partial_fit(X, y)
