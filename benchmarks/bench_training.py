"""One step, whole fits and prediction: chainfit beside the NumPy reference and scikit-learn.

The workloads are those of ``chainfit bench``.
"""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.neural_network import MLPRegressor as SklearnMLPRegressor

from chainfit import MLPRegressor, _core, reference
from chainfit._bench import WORKLOADS, contestants, make_data

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
    benchmark.extra_info["microseconds_per_step"] = benchmark.stats.stats.median / steps * 1e6


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
@pytest.mark.parametrize("rows", [1, 20_000])
@pytest.mark.parametrize("kind", [MLPRegressor, SklearnMLPRegressor], ids=["chainfit", "sklearn"])
def test_predict(benchmark, kind, rows):
    X, y = make_data(WORKLOADS[1])
    model = kind((64, 64), max_iter=1, random_state=0).fit(X, y)
    X = np.resize(X, (rows, X.shape[1]))
    benchmark.group = f"predict, {rows} rows"
    benchmark(model.predict, X)
