"""An error of one rank, wherever it arises, is that of all; ranks are threads here."""

import contextvars
import os
import threading

import numpy as np
import pytest
from thread_ranks import by_ranks, data

from chainfit import MLPClassifier, MLPRegressor, TabularRegressor
from chainfit._estimators import base
from chainfit._estimators.ranks import current_ranks, made_by

pytestmark = [
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
    pytest.mark.filterwarnings("ignore:Got `batch_size`"),
]
X, y = data(np.random.RandomState(8), 60, "binary")


@pytest.mark.parametrize("cls", [MLPClassifier, MLPRegressor, TabularRegressor])
def test_a_parameter_that_is_not_valid_on_one_rank(cls):
    models = [cls(random_state=0, max_iter=2, alpha=-1 if rank == 1 else 1e-4) for rank in range(3)]
    outcomes = by_ranks(3, lambda rank: models[rank].fit(X, y), shards=False)
    (text,) = {f"{type(outcome).__name__}: {outcome}" for outcome in outcomes}
    assert text.startswith(f"ValueError: Rank 1 of 3: The 'alpha' parameter of {cls.__name__} must")


def test_an_error_after_training_leaves_all_models_as_they_were(monkeypatch):
    def fail(end, state, settings):
        if current_ranks().rank == 1:
            raise UserWarning("which is an error to this rank")

    monkeypatch.setattr(base, "warn_of_end", fail)
    models = [MLPClassifier((4,), max_iter=2, random_state=0) for _ in range(2)]
    outcomes = by_ranks(2, lambda rank: models[rank].fit(X, y))
    assert [str(outcome) for outcome in outcomes] == [
        "Rank 1 of 2: UserWarning: which is an error to this rank"
    ] * 2
    assert not any(hasattr(model, "coefs_") for model in models)


@pytest.mark.parametrize("kind", [int, "U6"])
def test_one_of_many_classes_is_another(kind):
    labels = np.arange(2000).astype(kind)

    def work(rank):
        mine = labels.copy()
        if rank == 1:
            mine[1000] = 5000
        return MLPClassifier((2,), max_iter=1).fit(np.ones((2000, 1)), mine)

    outcomes = by_ranks(2, work)
    assert all("same classes of y: rank 1 has other than rank 0" in str(o) for o in outcomes)


def test_a_thread_with_the_context_of_another_is_not_one_of_the_ranks():
    """Threads of free-threaded Python begin with the context of whoever starts them."""
    found = []
    with made_by("ranks"):
        context = contextvars.copy_context()
        thread = threading.Thread(target=lambda: found.append(context.run(current_ranks)))
        thread.start()
        thread.join()
        assert current_ranks() == "ranks"
    assert found == [None]
    assert current_ranks() is None


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork")
def test_a_forked_process_is_not_one_of_the_ranks():
    with made_by("ranks"):
        child = os.fork()
        if not child:
            os._exit(0 if current_ranks() is None else 1)
        assert os.waitpid(child, 0)[1] == 0
