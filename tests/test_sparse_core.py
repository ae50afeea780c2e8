"""Sparse rows in the core: the bits of the same rows made dense, and matrices that lie.

The core takes CSR with int32 columns, ascending and without duplicates, as the estimators hand it.
"""

import numpy as np
import pytest
import scipy.sparse

from chainfit import _core


def sparse_net(make_net, units, dtype, rows, density=0.1, **more):
    """Return (net with a sparse X, the same net with a dense one); some rows and columns empty."""
    dense = make_net(units, rows=rows, dtype=dtype, **more)
    rng = np.random.RandomState(7)
    dense.X[rng.uniform(size=dense.X.shape) > density] = 0
    dense.X[rows // 3] = 0
    dense.X[:, units[0] // 2] = 0
    sparse = dense.rows(np.arange(rows))
    sparse.X = scipy.sparse.csr_matrix(dense.X)
    return sparse, dense


def results(net, optimizer, order, n_threads=1, **settings):
    trainer = net.trainer(optimizer)
    run = net.train(trainer, order=order, n_threads=n_threads, **settings)
    data, penalty, dW, db = net.gradient(trainer, l2=0.1, n_threads=n_threads)
    arrays = [*dW, *db, *trainer.parameters()[0], *trainer.parameters()[1]]
    arrays += [a for slot in trainer.slots() for part in slot for a in part]
    return run.loss_curve, data, penalty, arrays, net.predict(n_threads=n_threads)


def assert_equal(got, right):
    assert got[:3] == right[:3]
    for a, b in zip([*got[3], got[4]], [*right[3], right[4]], strict=True):
        # as numbers: a zero that came from a product may have the other sign
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("optimizer", _core.optimizers())
@pytest.mark.parametrize("batch_size", [2, 15, 16, 17, 60])
def test_bits_of_dense_rows(batch_size, optimizer, isa, dtype, make_net):
    """Several blocks of 128 columns, panels of units with a remainder, weights, l2, an order."""
    units = [300, 19, 6, 3]
    sparse, dense = sparse_net(make_net, units, dtype, 60, weighted=True, loss="log_loss")
    order = np.random.RandomState(1).permutation(60)
    settings = {"batch_size": batch_size, "max_iter": 2, "l2": 0.1}
    assert_equal(
        results(sparse, optimizer, order, **settings), results(dense, optimizer, order, **settings)
    )


@pytest.mark.parametrize("units", [[5, 1], [128, 16], [129, 17, 2], [1, 3], [513, 33, 2]], ids=str)
@pytest.mark.parametrize("density", [0.0, 0.02, 1.0])
def test_bits_of_dense_rows_in_other_shapes(units, density, isa, dtype, make_net):
    for rows in (2, 17, 300):
        sparse, dense = sparse_net(make_net, units, dtype, rows, density)
        assert_equal(results(sparse, "adam", None), results(dense, "adam", None))


@pytest.mark.parametrize("units", [[40, 3], [40, 7, 3]], ids=["linear", "hidden"])
def test_one_row_a_step(units, isa, dtype, make_net):
    sparse, dense = sparse_net(make_net, units, dtype, 20)
    settings = {"batch_size": 1, "max_iter": 2}
    assert_equal(
        results(sparse, "adam", None, **settings), results(dense, "adam", None, **settings)
    )


def test_threads(dtype, make_net, many_threads):
    sparse, dense = sparse_net(make_net, [700, 250, 40, 3], dtype, 200)
    right = results(dense, "adam", None, batch_size=96)
    for n_threads in (1, 2, 3, 7):
        assert_equal(results(sparse, "adam", None, n_threads, batch_size=96), right)


@pytest.mark.parametrize("start", [np.int32, np.int64])
def test_kinds_of_csr(start, dtype, make_net):
    """csr_matrix and csr_array, both widths of indptr, explicit zeros."""
    sparse, dense = sparse_net(make_net, [40, 7, 3], dtype, 20)
    X = sparse.X
    X.data[::5] = 0
    dense.X = X.toarray()
    right = results(dense, "adam", None)
    for kind in (scipy.sparse.csr_matrix, scipy.sparse.csr_array):
        sparse.X = kind(X)
        sparse.X.indptr = sparse.X.indptr.astype(start)
        assert_equal(results(sparse, "adam", None), right)


def whole():
    return scipy.sparse.csr_matrix(np.eye(4, 6) + np.eye(4, 6, 2))


def changed(data=None, indices=None, indptr=None, shape=None):
    """Return a matrix that scipy would not make."""
    X = whole()
    if data is not None:
        X.data = np.array(data)
    if indices is not None:
        X.indices = np.array(indices, np.int32)
    if indptr is not None:
        X.indptr = np.array(indptr, np.int32)
    if shape is not None:
        X._shape = shape
    return X


def wide_indices():
    X = whole()
    X.indices = X.indices.astype(np.int64) + 2**32
    return X


WRONG = {
    "csc": (whole().tocsc(), "CSR"),
    "columns": (whole()[:, :5], "shape"),
    "dtype": (whole().astype(np.float32), "dtype"),
    "integers": (whole().astype(int), "dtype"),
    "column too large": (changed(indices=[0, 2, 1, 3, 2, 4, 3, 6]), "below 6"),
    "column negative": (changed(indices=[0, 2, 1, 3, 2, 4, -1, 3]), "row 3"),
    "column beyond 32 bits": (wide_indices(), "X"),
    "unsorted": (changed(indices=[2, 0, 1, 3, 2, 4, 3, 4]), "ascending.*row 0"),
    "duplicate": (changed(indices=[0, 0, 1, 3, 2, 4, 3, 4]), "duplicates.*row 0"),
    "indptr falls": (changed(indptr=[0, 2, 1, 6, 8]), "indptr"),
    "indptr too long": (changed(indptr=[0, 2, 4, 6, 8, 8]), "CSR"),
    "indptr short": (changed(indptr=[0, 2, 4, 6]), "CSR"),
    "indptr past the end": (changed(indptr=[0, 2, 4, 6, 9]), "CSR"),
    "indptr past the end in between": (changed(indptr=[0, 2, 40, 6, 8]), "indptr"),
    "indptr not from 0": (changed(indptr=[1, 2, 4, 6, 8]), "CSR"),
    "indptr negative": (changed(indptr=[0, -2, 4, 6, 8]), "indptr"),
    "fewer values": (changed(data=np.ones(5)), "CSR"),
    "more rows than there are": (changed(shape=(9, 6)), "CSR"),
    "no rows": (whole()[:0], "at least one row"),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_matrices_that_are_not_what_they_seem(wrong, make_net):
    """Each index is checked, for the kernels trust them."""
    X, text = WRONG[wrong]
    net = make_net([6, 3, 2], rows=max(1, X.shape[0]))
    net.X, net.Y = X, net.Y[: X.shape[0]]
    with pytest.raises(ValueError, match=text):
        net.train(net.trainer(), batch_size=2)
    with pytest.raises(ValueError, match=text):
        net.gradient()
    if wrong == "no rows":
        assert net.predict().shape == (0, 2)
    elif wrong not in ("dtype", "integers"):  # there it is the weights that don't fit
        with pytest.raises(ValueError, match=text):
            net.predict()


def test_other_sparse_formats_are_told(make_net):
    net = make_net([6, 3, 2], rows=4)
    for kind in ("coo", "lil", "dia", "dok", "bsr"):
        net.X = whole().asformat(kind)
        for call in (net.gradient, net.predict):
            with pytest.raises((ValueError, TypeError), match=r"X|sparse"):
                call()
