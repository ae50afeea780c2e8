"""One step, whole fits and prediction: chainfit beside the NumPy reference and scikit-learn.

The workloads are those of ``chainfit bench``.
"""

from __future__ import annotations

import functools

import numpy as np
import pytest
import scipy.sparse
from sklearn.neural_network import MLPClassifier as SklearnMLPClassifier
from sklearn.neural_network import MLPRegressor as SklearnMLPRegressor

from chainfit import MLPClassifier, MLPRegressor, _core, reference
from chainfit._bench.bench import contestants
from chainfit._bench.workloads import WORKLOADS, make_data

EPOCHS = 2
UNITS = [8, 64, 64, 1]


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("name", ["chainfit", "NumPy reference", "scikit-learn"])
@pytest.mark.parametrize("workload", WORKLOADS, ids=lambda workload: workload.name)
def test_fit(benchmark, workload, name):
    fit = contestants(workload)[name]
    benchmark.group = workload.title
    benchmark.pedantic(fit, args=(EPOCHS,), rounds=5, warmup_rounds=1)
    steps = EPOCHS * -(-workload.rows // workload.batch_size)
    if benchmark.enabled:
        median = benchmark.stats.stats.median
        benchmark.extra_info["microseconds_per_step"] = median / steps * 1e6


@pytest.mark.parametrize("rows", [1, 32, 1024])
@pytest.mark.parametrize("name", ["chainfit", "NumPy reference"])
def test_gradient(benchmark, name, rows):
    """Forward, chain and gradient of one batch, without an update."""
    random_state = np.random.RandomState(0)
    W, b = reference.init_parameters(UNITS, "relu", random_state, np.float32)
    X = random_state.standard_normal((rows, UNITS[0])).astype(np.float32)
    Y = random_state.standard_normal((rows, 1)).astype(np.float32)
    benchmark.group = f"gradient, {rows} rows"
    if name == "chainfit":
        trainer = _core.TrainerF32(UNITS, "relu", "squared_error", "sgd")
        trainer.set_parameters(W, b)
        benchmark(trainer.loss_and_gradient, X, Y, None, 0.0, 2)
    else:
        benchmark(reference.gradient, X, Y, W, b, activation="relu", loss="squared_error")


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("early_stopping", [False, True], ids=["whole", "early stopping"])
@pytest.mark.parametrize("kind", [MLPClassifier, MLPRegressor])
def test_early_stopping(benchmark, kind, early_stopping):
    """200 rows, a small net: what the validation adds to each epoch."""
    random_state = np.random.RandomState(0)
    X = random_state.standard_normal((200, 8))
    benchmark.group = f"100 epochs of {kind.__name__}, 200 rows"
    model = kind(
        hidden_layer_sizes=(16,),
        max_iter=100,
        n_iter_no_change=np.inf,
        early_stopping=early_stopping,
        random_state=0,
    )
    benchmark(model.fit, X, (X[:, 0] > 0).astype(int))


@functools.cache
def sparse_data():
    """Return X (20,000 x 50,000) in CSR with 100 values a row, and two classes."""
    random_state = np.random.RandomState(0)
    shape, a_row = (20_000, 50_000), 100
    columns = np.sort(random_state.randint(0, shape[1] // a_row, (shape[0], a_row)))
    columns += np.arange(a_row) * (shape[1] // a_row)  # one in each stretch: no duplicates
    values = random_state.standard_normal(columns.size)
    starts = np.arange(0, columns.size + 1, a_row)
    X = scipy.sparse.csr_matrix((values, columns.ravel(), starts), shape=shape)
    return X, (X @ random_state.standard_normal(shape[1]) > 0).astype(int)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("solver", ["adam", "sgd"])
@pytest.mark.parametrize("kind", [MLPClassifier, SklearnMLPClassifier], ids=["chainfit", "sklearn"])
def test_sparse_epoch(benchmark, kind, solver):
    X, y = sparse_data()
    benchmark.group = f"an epoch on sparse rows, {solver}"
    model = kind((64,), solver=solver, max_iter=1, random_state=0)
    benchmark.pedantic(model.fit, args=(X, y), rounds=3, warmup_rounds=1)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("rows", [1, 20_000])
@pytest.mark.parametrize("kind", [MLPRegressor, SklearnMLPRegressor], ids=["chainfit", "sklearn"])
def test_predict(benchmark, kind, rows):
    X, y = make_data(WORKLOADS[1])
    model = kind(hidden_layer_sizes=(64, 64), max_iter=1, random_state=0).fit(X, y)
    X = np.resize(X, (rows, X.shape[1]))
    benchmark.group = f"predict, {rows} rows"
    benchmark(model.predict, X)
