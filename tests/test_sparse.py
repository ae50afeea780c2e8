"""Sparse X in the estimators: the bits of the dense X, in memory of the order of the data."""

import pickle
import tracemalloc

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from sklearn.base import clone

import chainfit
from chainfit import MLPClassifier, MLPRegressor

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

_rng = np.random.RandomState(0)
X = _rng.randn(90, 11) * (_rng.rand(90, 11) < 0.3)
X[5] = 0  # an empty row
X[:, 4] = 0  # an empty column
y = X[:, 0] - X[:, 1] + 0.1 * _rng.randn(90)
labels = np.digitize(y, [-0.5, 0.5])
WEIGHTS = _rng.rand(90)
ESTIMATORS = {
    "classifier": (MLPClassifier, labels),
    "binary": (MLPClassifier, labels > 0),
    "regressor": (MLPRegressor, y),
}
every_kind = pytest.mark.parametrize("kind", ESTIMATORS)
FORMATS = [sp.csr_array, sp.csc_array, sp.csr_matrix, sp.csc_matrix, sp.coo_array, sp.lil_matrix]


def make(kind, **parameters):
    """Return a small unfitted estimator and its targets."""
    cls, target = ESTIMATORS[kind]
    defaults = {"hidden_layer_sizes": (6,), "max_iter": 5, "random_state": 0, "batch_size": 16}
    return cls(**{**defaults, **parameters}), target


def outputs(model, rows):
    methods = ("predict", "predict_proba", "predict_log_proba")
    return [getattr(model, name)(rows) for name in methods if hasattr(model, name)]


def assert_equal_models(a, b, rows=X, same_rows=None):
    for mine, other in zip(
        [*a.coefs_, *a.intercepts_, *outputs(a, rows)],
        [*b.coefs_, *b.intercepts_, *outputs(b, rows if same_rows is None else same_rows)],
        strict=True,
    ):
        np.testing.assert_array_equal(mine, other, strict=True)
    assert getattr(a, "loss_curve_", None) == getattr(b, "loss_curve_", None)
    assert getattr(a, "validation_scores_", None) == getattr(b, "validation_scores_", None)


@every_kind
@pytest.mark.parametrize("container", FORMATS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("solver", ["sgd", "adam", "lbfgs"])
def test_sparse_and_dense_give_the_same_bits(kind, container, dtype, solver):
    model, target = make(kind, solver=solver)
    dense, sparse = X.astype(dtype), container(X.astype(dtype))
    expected = clone(model).fit(dense, target, sample_weight=WEIGHTS)
    fitted = clone(model).fit(sparse, target, sample_weight=WEIGHTS)
    assert_equal_models(fitted, expected, sparse, dense)
    assert fitted.score(sparse, target) == expected.score(dense, target)
    if solver != "lbfgs":
        for some in (slice(40), slice(40, 90)):
            expected.partial_fit(dense[some], target[some], sample_weight=WEIGHTS[some])
            fitted.partial_fit(sparse.tocsr()[some], target[some], sample_weight=WEIGHTS[some])
        assert_equal_models(fitted, expected, sparse, dense)


@every_kind
@pytest.mark.parametrize("container", [sp.csr_array, sp.csc_matrix])
@pytest.mark.parametrize("weights", [None, WEIGHTS])
@pytest.mark.parametrize("shuffle", [False, True])
def test_early_stopping(kind, container, weights, shuffle):
    model, target = make(kind, early_stopping=True, shuffle=shuffle, validation_fraction=0.3)
    expected = clone(model).fit(X, target, sample_weight=weights)
    fitted = clone(model).fit(container(X), target, sample_weight=weights)
    assert_equal_models(fitted, expected, container(X), X)


@every_kind
def test_partial_fit_from_nothing_and_warm_start(kind):
    first = {} if kind == "regressor" else {"classes": np.unique(ESTIMATORS[kind][1])}
    expected, target = make(kind)
    fitted = clone(expected)
    for form, model in ((np.asarray, expected), (sp.csr_array, fitted)):
        model.partial_fit(form(X[:20]), target[:20], **first).partial_fit(form(X), target)
        model.set_params(warm_start=True).fit(form(X), target)
    assert_equal_models(fitted, expected)


def test_dense_and_sparse_may_take_turns():
    fitted, _ = make("regressor")
    expected = clone(fitted).fit(X, y).partial_fit(X, y).partial_fit(X, y)
    fitted.fit(sp.csr_array(X), y).partial_fit(X, y).partial_fit(sp.csc_array(X), y)
    assert_equal_models(fitted, expected)


@pytest.mark.parametrize("target", ["words", "labels", "two outputs"])
def test_other_targets(target):
    cls, values = {
        "words": (MLPClassifier, np.array(["no", "perhaps", "yes"])[labels]),
        "labels": (MLPClassifier, np.c_[labels > 0, labels > 1].astype(int)),
        "two outputs": (MLPRegressor, np.c_[y, y**2]),
    }[target]
    model = cls(hidden_layer_sizes=(6,), max_iter=4, random_state=0)
    expected = clone(model).fit(X, values)
    assert_equal_models(clone(model).fit(sp.csr_array(X), values), expected)


# -- forms of one matrix


def parts(matrix):
    return matrix.data, matrix.indices, matrix.indptr


def with_duplicates(rows):
    """The CSR matrix of `rows` with each value in two halves, in falling order of columns."""
    csr = sp.csr_array(rows)
    each = [np.repeat(np.arange(*csr.indptr[r : r + 2])[::-1], 2) for r in range(len(rows))]
    at = np.concatenate(each)
    return sp.csr_array((csr.data[at] / 2, csr.indices[at], 2 * csr.indptr), shape=csr.shape)


def unsorted(rows):
    csr = sp.csr_array(rows)
    for r in range(len(rows)):
        at = slice(*csr.indptr[r : r + 2])
        csr.indices[at], csr.data[at] = csr.indices[at][::-1].copy(), csr.data[at][::-1].copy()
    return csr


def wide_indices(rows):
    csr = sp.csr_array(rows)
    csr.indices, csr.indptr = csr.indices.astype(np.int64), csr.indptr.astype(np.int64)
    return csr


def with_zeros(rows):
    csr = sp.csr_array(np.where(rows == 0, 1, rows))
    csr.data[rows.ravel() == 0] = 0
    return csr


def wrong_flags(rows):
    """Unsorted, though its flags, which SciPy keeps beside the arrays, say that it is not."""
    csr = sp.csr_array(rows)
    assert csr.has_canonical_format
    csr.indices[:], csr.data[:] = parts(unsorted(rows))[1::-1]
    return csr


def spare_room(rows):
    csr = sp.csr_array(rows)
    csr.data, csr.indices = np.append(csr.data, [7.0, 8]), np.append(csr.indices, [1, 2])
    return csr


def read_only(rows):
    csr = sp.csr_array(rows)
    for array in parts(csr):
        array.flags.writeable = False
    return csr


VARIANTS = [with_duplicates, unsorted, wide_indices, with_zeros, wrong_flags, spare_room, read_only]


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("early_stopping", [False, True])
def test_every_form_of_a_matrix_counts_alike_and_stays_as_it_is(variant, early_stopping):
    model, target = make("classifier", early_stopping=early_stopping)
    for given in (variant(X), variant(X.T).T):
        before = [array.copy() for array in parts(given)]
        fitted = clone(model).fit(given, target)
        assert_equal_models(fitted, clone(model).fit(X, target), given, X)
        for array, copy in zip(parts(given), before, strict=True):
            np.testing.assert_array_equal(array, copy, strict=True)


def test_other_types_become_float64():
    whole = (X > 0).astype(np.int8)
    expected = make("regressor")[0].fit(whole, y)
    for dtype in (np.int8, np.uint16, np.int64, np.bool_, np.longdouble):
        sparse = sp.csr_array(whole.astype(dtype))
        assert_equal_models(make("regressor")[0].fit(sparse, y), expected, sparse, whole)


def test_precision_follows_x():
    single = sp.csr_array(X.astype(np.float32))
    model = make("regressor")[0].fit(single, y)
    assert {w.dtype for w in model.coefs_} == {np.dtype(np.float32)}
    assert model.predict(sp.csr_array(X)).dtype == np.float64
    forced = make("regressor", precision="float32")[0].fit(sp.csr_array(X), y)
    assert_equal_models(forced, model, single)


def test_sparse_frame():
    frame = pd.DataFrame.sparse.from_spmatrix(sp.csr_array(X), columns=[f"x{i}" for i in range(11)])
    model = make("regressor")[0].fit(frame, y)
    assert model.feature_names_in_[0] == "x0"
    np.testing.assert_array_equal(
        model.predict(frame), make("regressor")[0].fit(X, y).predict(X), strict=True
    )


def test_state_goes_on_after_pickle_and_file(tmp_path):
    model = make("classifier")[0].fit(sp.csr_array(X), labels)
    model.save(tmp_path / "model.safetensors")
    twins = [pickle.loads(pickle.dumps(model)), chainfit.load(tmp_path / "model.safetensors")]
    model.partial_fit(sp.csc_array(X), labels)
    for twin in twins:
        assert_equal_models(twin.partial_fit(sp.csr_array(X), labels), model, sp.csr_array(X))


# -- errors


def broken(**changed):
    csr = sp.csr_array(X)
    for name, change in changed.items():
        array = getattr(csr, name).copy()
        change(array)
        setattr(csr, name, array)
    return csr


def put(place, value):
    return lambda array: array.__setitem__(place, value)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (broken(data=put(3, np.nan)), "Input X contains NaN"),
        (broken(data=put(3, np.inf)), "Input X contains infinity"),
        (broken(indices=put(-1, 11)), "must be from 0 to 10 along an axis of size 11, got 11"),
        (broken(indices=put(0, -1)), "must be from 0 to 10 along an axis of size 11, got -1"),
        (broken(indptr=put(2, 10**6)), "must not decrease"),
        (sp.csr_array(X)[:, :4], "X has 4 features, but MLPRegressor is expecting 11"),
        (sp.csr_array(X)[:0], "0 sample"),
        (sp.csr_array(X).astype(complex), "Complex data not supported"),
    ],
)
def test_bad_matrices(given, message):
    model = make("regressor")[0].fit(X, y)
    with pytest.raises(ValueError, match=message):
        model.predict(given)
    if given.shape[1] == 11:
        before = [w.copy() for w in model.coefs_]
        for fit in (model.fit, model.partial_fit):
            with pytest.raises(ValueError, match=message):
                fit(given, y[: given.shape[0]])
        for w, copy in zip(model.coefs_, before, strict=True):
            np.testing.assert_array_equal(w, copy)


def test_wide_indices_outside_the_matrix():
    for value in (11, -1, 2**32, 2**40):
        given = wide_indices(X)
        given.indices[-1] = value
        with pytest.raises(ValueError, match=f"along an axis of size 11, got {value}"):
            make("regressor")[0].fit(given, y)


# -- memory


def huge():
    """400,000 rows and columns: 1.3 TB if dense."""
    n, each = 400_000, 3
    rng = np.random.RandomState(0)
    columns = np.sort(rng.randint(0, n // each, (n, each)), axis=1) + [0, n // 3, 2 * (n // 3)]
    start = each * np.arange(n + 1)
    return sp.csr_array((rng.rand(n * each), columns.ravel(), start), shape=(n, n))


def test_never_made_dense():
    given = huge()
    target = np.asarray(given.sum(axis=1)).ravel()
    data = sum(array.nbytes for array in parts(given))
    model = MLPRegressor(
        hidden_layer_sizes=(1,), solver="sgd", batch_size=200_000, max_iter=1, early_stopping=True
    )
    for form in (given, given.tocsc()):
        tracemalloc.start()
        try:
            model.fit(form, target)
            model.set_params(early_stopping=False).partial_fit(form, target)
            model.predict(form)
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
        model.set_params(early_stopping=True)
        # a few copies of the data (CSC to CSR, int32 columns, row numbers) and of the weights
        assert peak < 4 * data + 10 * model.coefs_[0].nbytes


def test_no_copy_of_a_matrix_that_fits():
    given = huge().astype(np.float32)
    given.indices, given.indptr = given.indices.astype(np.int32), given.indptr.astype(np.int32)
    model = MLPRegressor(hidden_layer_sizes=(1,), max_iter=1)
    model.fit(given[:1000], np.ones(1000))
    tracemalloc.start()
    try:
        model.predict(given)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 0.7 * given.data.nbytes + 2 * given.indptr.nbytes
