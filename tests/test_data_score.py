"""score(source): what score says of the rows in memory, targets and weights being the source's."""

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from in_blocks import SETTINGS, TARGETS, X, kinds, weight, y

from chainfit import MLPClassifier, MLPRegressor, TabularClassifier, TabularRegressor, data

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
FRAME = pd.DataFrame(X, columns=list("pqrs"))


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("name", TARGETS)
def test_accuracy_is_that_of_memory(name, weighted):
    target, weights = TARGETS[name], weight if weighted else None
    model = MLPClassifier(**SETTINGS).fit(X, target)
    for source in kinds(X, target, weights).values():
        assert model.score(source) == model.score(X, target, weights)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("settings", [{}, {"loss": "quantile", "quantile": (0.1, 0.9)}])
def test_r2_is_that_of_memory(settings, weighted):
    weights = weight if weighted else None
    model = MLPRegressor(**SETTINGS, **settings).fit(X, y)
    for source in kinds(X, y, weights).values():
        assert model.score(source) == model.score(X, y, weights)


@pytest.mark.filterwarnings("error::UserWarning")
@pytest.mark.parametrize("classes", [False, True])
def test_files_are_read_by_the_names_of_their_columns(classes, tmp_path):
    target, small = TARGETS["three"] if classes else y, {"n_nets": 2, "max_iter": 3}
    table = FRAME[[*"srqp"]].assign(y=target, w=weight, more=1)
    table.to_parquet(tmp_path / "rows.parquet", row_group_size=90)
    source = data.Files(tmp_path / "rows.parquet", "y", sample_weight="w")
    net = (MLPClassifier if classes else MLPRegressor)(**SETTINGS)
    nets = (TabularClassifier if classes else TabularRegressor)(**small, random_state=0)
    for model in (net, nets):
        model.fit(FRAME, target)
        assert model.score(source) == model.score(FRAME, target, weight)


def test_it_is_read_once_and_blocks_may_be_filled_anew():
    times = []

    class Refilled(data.Source):
        def blocks(self, numbers=None):
            times.append(1)
            inputs, targets = np.empty((50, 4)), np.empty(50)
            for start in range(0, 500, 50):
                inputs[:], targets[:] = X[start : start + 50], y[start : start + 50]
                yield inputs, targets, None

    model = MLPRegressor(**SETTINGS).fit(X, y)
    assert model.score(Refilled()) == model.score(X, y)
    assert len(times) == 1


def test_sparse_targets():
    target = TARGETS["multilabel"]
    model = MLPClassifier(**SETTINGS).fit(X, target)
    source = data.Arrays(X, sp.csr_array(target), block_rows=90)
    assert model.score(source) == model.score(X, target)


@pytest.mark.parametrize("cls", [MLPClassifier, MLPRegressor, TabularClassifier, TabularRegressor])
def test_what_has_no_score(cls):
    settings = SETTINGS if cls.__name__.startswith("MLP") else {"n_nets": 1, "max_iter": 2}
    target = y > 0 if cls.__name__.endswith("Classifier") else y
    model = cls(**settings).fit(X, target)
    required = f"This {cls.__name__} estimator requires y to be passed, but the target y is None"
    for rows in (X, data.Arrays(X), data.Chunks([(X, target), (X, None)])):
        with pytest.raises(ValueError, match=required):
            model.score(rows)
    with pytest.raises(ValueError, match="sample_weight must be None with a source"):
        model.score(data.Arrays(X, target), sample_weight=weight)
    with pytest.raises(ValueError, match="sample_weight must be there in all blocks"):
        model.score(data.Chunks([(X, target), (X, target, weight)]))
    assert model.score(data.Arrays(X, target), target) == model.score(X, target)
