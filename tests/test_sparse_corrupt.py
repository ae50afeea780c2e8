"""Sparse matrices whose arrays lie: an error before anyone follows an index, in every format."""

import subprocess
import sys

import numpy as np
import pytest
import scipy.sparse as sp

import chainfit
from chainfit import MLPClassifier, MLPRegressor
from chainfit._estimators.sparse import check_sparse

_rng = np.random.RandomState(0)
X = np.where(_rng.uniform(size=(40, 12)) < 0.3, _rng.standard_normal((40, 12)), 0)
y = X.sum(axis=1)
FAR = 2**28  # out of range by far: whoever follows it leaves the process's memory


def put(matrix, **values):
    """Return the matrix after array[place] = value for name=(place, value)."""
    for name, (place, value) in values.items():
        array = getattr(matrix, name).copy()
        array[place] = value
        setattr(matrix, name, array)
    return matrix


def lil(place, value):
    matrix = sp.lil_array(X)
    matrix.rows[3][place] = value
    return matrix


def cut(matrix, name):
    setattr(matrix, name, getattr(matrix, name)[:-3])
    return matrix


def plain(matrix, **values):
    """Return the matrix with attributes of any kind."""
    for name, value in values.items():
        setattr(matrix, name, value)
    return matrix


def coo(axis, value):
    matrix = sp.coo_array(X)
    coords = [c.copy() for c in matrix.coords]
    coords[axis][5] = value
    matrix.coords = tuple(coords)
    return matrix


CORRUPT = {
    "csr, index": lambda: put(sp.csr_array(X), indices=(5, FAR)),
    "csr, index of a matrix": lambda: put(sp.csr_matrix(X), indices=(5, FAR)),
    "csr, negative index": lambda: put(sp.csr_array(X), indices=(5, -FAR)),
    "csr, indptr falls": lambda: put(sp.csr_array(X), indptr=(5, FAR)),
    "csr, indptr past the end": lambda: put(sp.csr_array(X), indptr=(-1, FAR)),
    "csr, indptr not from 0": lambda: put(sp.csr_array(X), indptr=(0, -FAR)),
    "csr, indptr short": lambda: cut(sp.csr_array(X), "indptr"),
    "csr, fewer values": lambda: cut(sp.csr_array(X), "data"),
    "csc, index": lambda: put(sp.csc_array(X), indices=(5, FAR)),
    "csc, negative index": lambda: put(sp.csc_matrix(X), indices=(5, -FAR)),
    "csc, indptr": lambda: put(sp.csc_array(X), indptr=(5, FAR)),
    "bsr, index": lambda: put(sp.bsr_array(X, blocksize=(4, 3)), indices=(2, FAR)),
    "bsr, indptr": lambda: put(sp.bsr_array(X, blocksize=(4, 3)), indptr=(-1, FAR)),
    "coo, row": lambda: coo(0, FAR),
    "coo, column": lambda: coo(1, FAR),
    "coo, negative row": lambda: coo(0, -FAR),
    "coo, one axis": lambda: plain(sp.coo_array(X), coords=sp.coo_array(X).coords[:1]),
    "csr, list with an index": lambda: plain(
        sp.csr_array(X), indices=[FAR, *sp.csr_array(X).indices.tolist()[1:]]
    ),
    "csr, flat indptr": lambda: plain(sp.csr_array(X), indptr=sp.csr_array(X).indptr[None]),
    "coo, fewer values": lambda: cut(sp.coo_array(X), "data"),
    "dia, fewer diagonals": lambda: cut(sp.dia_array(X), "data"),
    "lil, column": lambda: lil(0, FAR),
    "lil, negative column": lambda: lil(0, -FAR),
}


@pytest.mark.parametrize("kind", CORRUPT)
def test_every_entry_point_refuses(kind):
    model = MLPRegressor(
        hidden_layer_sizes=(4,), max_iter=3, random_state=0, tol=1.0, n_iter_no_change=1
    ).fit(X, y)
    labels = MLPClassifier((4,), max_iter=3, random_state=0, tol=1.0, n_iter_no_change=1)
    labels.fit(X, y > 0)
    before = [w.copy() for w in model.coefs_]
    calls = [
        lambda bad: model.fit(bad, y),
        lambda bad: model.partial_fit(bad, y),
        lambda bad: MLPRegressor().partial_fit(bad, y),
        lambda bad: model.predict(bad),
        lambda bad: labels.predict_proba(bad),
        lambda bad: model.score(bad, y),
        lambda bad: chainfit.explain(model, bad, y, (0, 1, 2)),
        lambda bad: chainfit.trace(model, bad, y),
        lambda bad: chainfit.explore(model, bad, y),
    ]
    for call in calls:
        with pytest.raises(ValueError, match=r"X"):
            call(CORRUPT[kind]())
    for w, copy in zip(model.coefs_, before, strict=True):
        np.testing.assert_array_equal(w, copy)


@pytest.mark.parametrize(
    ("corrupt", "size"),
    [
        (lambda index: put(sp.csr_array(X), indices=(5, index)), 12),
        (lambda index: put(sp.csc_array(X), indices=(5, index)), 40),
        (lambda index: coo(0, index), 40),
        (lambda index: coo(1, index), 12),
        (lambda index: lil(0, index), 12),
    ],
)
def test_the_first_index_past_the_end_is_refused(corrupt, size):
    check_sparse(corrupt(size - 1))
    for index in (size, -1):
        with pytest.raises(ValueError, match=f"must be from 0 to {size - 1} along .*, got {index}"):
            check_sparse(corrupt(index))


def test_sparse_targets_are_checked_too():
    Y = sp.csr_array(np.column_stack([y > 0, y > 1]).astype(int))
    model = MLPClassifier((4,), max_iter=3, random_state=0, tol=1.0, n_iter_no_change=1)
    model.fit(X, Y)
    for bad in (put(Y.copy(), indices=(3, FAR)), put(Y.tocsc(), indices=(3, FAR))):
        for fit in (model.fit, model.partial_fit):
            with pytest.raises(ValueError, match="a sparse y must be from 0 to"):
                fit(X, bad)


@pytest.mark.parametrize("kind", ["csr", "csc", "coo", "bsr", "dia", "lil", "dok"])
def test_sound_matrices_pass(kind):
    for make in (sp.csr_array, sp.csr_matrix):
        check_sparse(make(X).asformat(kind))
        check_sparse(make((40, 12)).asformat(kind))
    check_sparse(X)


CALLBACK = """
import numpy as np, scipy.sparse as sp
from chainfit import MLPRegressor

rng = np.random.RandomState(0)
X = sp.random_array((200, 30), density=0.2, format="csr", rng=rng)
y = rng.randn(200)

class Vandal:
    def setup(self, estimator, context): pass
    def teardown(self, estimator, context): pass
    def on_fit_task_begin(self, estimator, context, **_):
        matrix.indices[:] = {value}
        matrix.indptr[1:] = {value}
    def on_fit_task_end(self, estimator, context, **_): pass

for batch_size in (1, 4, 64):
    fits = []
    for vandal in (False, True):
        matrix = X.copy()
        model = MLPRegressor(hidden_layer_sizes=(8,), max_iter=4, batch_size=batch_size,
                             random_state=0, tol=0, early_stopping={early})
        if vandal:
            class Late(Vandal):
                def on_fit_task_begin(self, estimator, context, **_):
                    if context.parent is not None and context.task_id == 1:
                        super().on_fit_task_begin(estimator, context)
            model.set_callbacks(Late())
        fits.append(model.fit(matrix, y))
    a, b = fits
    assert all(np.array_equal(v, w) for v, w in zip(a.coefs_, b.coefs_)), batch_size
print("whole")
"""


@pytest.mark.slow
@pytest.mark.parametrize("early", [False, True])
@pytest.mark.parametrize("value", [2**30, -(2**30)])
def test_indices_changed_by_a_callback(value, early):
    """The fit goes on with the indices that were checked."""
    code = CALLBACK.format(value=value, early=early)
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code], capture_output=True, text=True, timeout=120
    )
    assert (done.returncode, done.stdout) == (0, "whole\n"), done.stderr
