"""One row at a time: equal bits with predict, from Python and from Cython code without the GIL."""

import pickle
import subprocess
import sys
import sysconfig
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from sklearn.exceptions import NotFittedError

import chainfit
from chainfit import MLPClassifier, MLPRegressor, _core
from chainfit.row_predictor import RowPredictor

WIDTHS = [(1,), (16,), (17,), (64, 64), (130, 9), (5, 33, 49), (2000, 3)]


@pytest.mark.parametrize("widths", WIDTHS, ids=str)
@pytest.mark.parametrize("link", sorted({loss.link for loss in _core.losses().values()}))
def test_bits_are_those_of_many_rows(isa, dtype, link, widths):
    rng = np.random.RandomState(0)
    for activation, n_out in zip(_core.activations(), (1, 2, 15, 16, 40), strict=False):
        units = [7, *widths, n_out]
        W = [rng.uniform(-1, 1, s).astype(dtype) for s in pairwise(units)]
        b = [rng.uniform(-1, 1, n).astype(dtype) for n in units[1:]]
        X = rng.uniform(-2, 2, (18, 7)).astype(dtype)
        together = _core.predict(X, W, b, activation, link, 1)
        predict = RowPredictor(W, b, activation, link)
        assert (predict.n_in, predict.n_out, predict.is_f64) == (7, n_out, dtype == np.float64)
        assert np.array([predict(x).copy() for x in X]).tobytes() == together.tobytes()
        # predict() takes this way too when it is given one row, whatever its strides
        alone = [_core.predict(X[r : r + 1], W, b, activation, link, 1)[0] for r in range(18)]
        by_columns = np.asfortranarray(X)[3:4]
        spread = _core.predict(by_columns, W, b, activation, link, 1)
        assert np.array(alone).tobytes() == together.tobytes()
        assert spread.tobytes() == together[3:4].tobytes()


def test_a_model_gives_one_that_keeps_its_weights():
    X = np.random.RandomState(0).uniform(-1, 1, (40, 5))
    model = MLPRegressor(hidden_layer_sizes=(8,), max_iter=2, random_state=0)
    with pytest.raises(NotFittedError):
        model.row_predictor()
    model.partial_fit(X, X[:, :2])
    predict = model.row_predictor()
    before = model.predict(X[:1])[0]
    model.partial_fit(X, X[:, :2])
    predict.input[:] = X[0]
    assert predict() is predict.output
    assert predict.output.tobytes() == before.tobytes() != model.predict(X[:1])[0].tobytes()
    model.coefs_[0][:] = 0  # nor does it look at the model's own arrays
    assert predict(X[0]).tobytes() == before.tobytes()


@pytest.mark.parametrize("classes", [2, 3])
def test_a_classifier_gives_probabilities(classes):
    X = np.random.RandomState(1).uniform(-1, 1, (60, 4)).astype(np.float32)
    y = (X[:, 0] * classes).astype(int) % classes
    model = MLPClassifier(hidden_layer_sizes=(6,), max_iter=2, random_state=0).partial_fit(
        X, y, classes=range(classes)
    )
    predict = model.row_predictor()
    expected = model.predict_proba(X[:1])[0]
    assert predict.output.dtype == np.float32
    assert predict(X[0]).tobytes() == (expected[1:] if classes == 2 else expected).tobytes()


def test_wrong_rows_and_nets_are_refused():
    W, b = [np.ones((2, 3)), np.ones((3, 1))], [np.zeros(3), np.zeros(1)]
    predict = RowPredictor(W, b, "relu", "identity")
    for row in ([1.0, 2.0, 3.0], [1.0], []):
        with pytest.raises(
            ValueError, match=rf"x has {len(row)} features, but .* expecting 2 feat"
        ):
            predict(row)
    with pytest.raises(TypeError, match="len"):
        predict(1.0)
    with pytest.raises(TypeError, match="can't be pickled"):
        pickle.dumps(predict)
    with pytest.raises(ValueError, match="unknown activation 'relux', must be one of 'identity'"):
        RowPredictor(W, b, "relux", "identity")
    with pytest.raises(ValueError, match=r"coefs\[1\] must have shape \(3, -1\)"):
        RowPredictor([W[0], W[0]], [b[0], b[0]], "relu", "identity")
    assert np.isnan(predict([np.nan, 1.0])).all()


W3 = [np.ones((3, 2), np.float32), np.ones((2, 1), np.float32)]
B3 = [np.zeros(2, np.float32), np.zeros(1, np.float32)]


@pytest.mark.parametrize(
    ("coefs", "intercepts", "error"),
    [
        ([], [], ValueError),
        ((), (), ValueError),
        (W3, [], ValueError),
        (W3[:1], B3, ValueError),
        ([np.ones((3, 0), np.float32)], [np.ones(0, np.float32)], ValueError),
        ([np.ones(3, np.float32)], B3[:1], ValueError),
        ([W3[0], W3[0]], B3, ValueError),
        ([W3[0].astype(complex)], B3[:1], ValueError),
        ([W3[0].tolist()], B3[:1], TypeError),
        ([None], [None], (TypeError, ValueError)),
        (None, None, TypeError),
        (3, 4, TypeError),
    ],
)
def test_what_is_no_net_is_an_error(coefs, intercepts, error):
    with pytest.raises(error):
        RowPredictor(coefs, intercepts, "tanh", "identity")
    # one that was made before stays as it was
    predict = RowPredictor(W3, B3, "tanh", "identity")
    right = predict([1, 2, 3]).copy()
    with pytest.raises(error):
        predict.__init__(coefs, intercepts, "tanh", "identity")
    assert predict([1, 2, 3]) == right


def test_one_without_a_net():
    empty = RowPredictor.__new__(RowPredictor)
    for call in (empty, lambda: empty([1.0])):
        with pytest.raises(ValueError, match="has no net"):
            call()


def test_the_buffers_can_not_be_moved():
    predict = RowPredictor(W3, B3, "tanh", "identity")
    for buffer in (predict.input, predict.output):
        with pytest.raises(ValueError, match="does not own its data"):
            buffer.resize(10**6, refcheck=False)
    assert predict([1, 2, 3])[0] == pytest.approx(2 * np.tanh(6))


# --- from Cython ---------------------------------------------------------------------------------

EXAMPLE = """
# cython: language_level=3
from chainfit.row_predictor cimport RowPredictor

cdef double total(RowPredictor net, const float *rows, Py_ssize_t n) noexcept nogil:
    cdef float y
    cdef double sum = 0
    cdef Py_ssize_t r
    for r in range(n):
        if net.predict_f32(rows + r * net.n_in, &y) == 0:
            sum += y
    return sum

def total_of(RowPredictor net, const float[:, ::1] rows):
    cdef double sum
    with nogil:
        sum = total(net, &rows[0, 0], rows.shape[0])
    return sum

def as_f32(RowPredictor net, float[::1] row):
    cdef float y = 7
    return net.predict_f32(&row[0], &y), y

def as_f64(RowPredictor net, double[::1] row):
    cdef double y = 7
    return net.predict_f64(&row[0], &y), y
"""


def test_cython_code_calls_it_without_the_gil(tmp_path, monkeypatch):
    compiler = (sysconfig.get_config_var("CC") or "cc").split()[0]
    (tmp_path / "example.pyx").write_text(EXAMPLE)
    # where the .pxd lies is what `import chainfit` says, be it installed or in a working tree
    package = Path(chainfit.__file__).parent
    subprocess.run(
        [sys.executable, "-m", "cython", "-3", "-I", package.parent, "example.pyx"],
        cwd=tmp_path,
        check=True,
    )
    built = tmp_path / ("example" + sysconfig.get_config_var("EXT_SUFFIX"))
    include = "-I" + sysconfig.get_path("include")
    subprocess.run(
        [compiler, "-shared", "-fPIC", "-O1", include, "example.c", "-o", built],
        cwd=tmp_path,
        check=True,
    )
    monkeypatch.syspath_prepend(tmp_path)
    import example

    X = np.random.RandomState(0).uniform(-1, 1, (50, 8)).astype(np.float32)
    model = MLPRegressor(hidden_layer_sizes=(64, 64), max_iter=2, random_state=0)
    model.partial_fit(X, X[:, 0])
    rows = model.predict(X).astype(np.float64)
    # sums of 50 terms in one order and in another: 50 roundings of numbers up to sum |rows|
    assert example.total_of(model.row_predictor(), X) == pytest.approx(
        rows.sum(), abs=50 * np.finfo(float).eps * np.abs(rows).sum()
    )
    # of another dtype than the net's: refused, and nothing is written
    assert example.as_f64(model.row_predictor(), np.zeros(8)) == (-2, 7.0)
    wide = RowPredictor([np.ones((3, 1))], [np.zeros(1)], "tanh", "identity")
    assert example.as_f32(wide, np.zeros(3, np.float32)) == (-2, 7.0)
    assert example.as_f64(wide, np.zeros(3)) == (0, wide(np.zeros(3))[0])
