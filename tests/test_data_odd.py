"""Sources of odd blocks: what is in memory as they are is a fit, and what is not is told first."""

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from in_blocks import SETTINGS, TARGETS, X, bits, labels, weight, y

from chainfit import MLPClassifier, MLPRegressor, TabularRegressor, data

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
PARTS = [slice(start, start + 50) for start in range(0, 500, 50)]
FRAME = pd.DataFrame(X, columns=list("pqrs"))


def cut(X, y, weight=None):
    return [(X[p], y[p], *(() if weight is None else (weight[p],))) for p in PARTS]


class Refilled(data.Source):
    """Blocks in arrays that are filled anew for each."""

    def __init__(self, buffer_rows, *, sparse=False):
        self.buffer_rows, self._sparse = buffer_rows, sparse

    def blocks(self, numbers=None):
        inputs, targets, weights = np.empty((50, 4)), np.empty(50), np.empty(50)
        given = sp.csr_matrix(np.ones((50, 4))) if self._sparse else inputs
        for part in PARTS:
            inputs[:], targets[:], weights[:] = X[part], y[part], weight[part]
            if self._sparse:
                given.data[:] = inputs.ravel()
            yield given, targets, weights


@pytest.mark.parametrize("sparse", [False, True])
@pytest.mark.parametrize("buffer_rows", [120, 1000])
def test_blocks_in_the_same_arrays(buffer_rows, sparse):
    listed = cut(sp.csr_matrix(X) if sparse else X, y, weight)
    usual = data.Chunks(lambda: listed, buffer_rows=buffer_rows)
    refilled = Refilled(buffer_rows, sparse=sparse)
    for settings in ({}, {"early_stopping": True}):
        first = MLPRegressor(**SETTINGS, **settings).fit(usual)
        assert bits(MLPRegressor(**SETTINGS, **settings).fit(refilled)) == bits(first)
    own = MLPRegressor(**SETTINGS, early_stopping=True).fit(X, y, X_val=refilled)
    theirs = MLPRegressor(**SETTINGS, early_stopping=True).fit(X, y, X_val=usual)
    assert own.validation_scores_ == theirs.validation_scores_
    assert np.array_equal(own.predict(refilled), own.predict(X))


@pytest.mark.filterwarnings("error::UserWarning")
@pytest.mark.parametrize("buffer_rows", [100, 1000])
def test_frames_keep_their_names(buffer_rows):
    source = data.Arrays(FRAME, y, block_rows=50, buffer_rows=buffer_rows)
    model = MLPRegressor(**SETTINGS, warm_start=True)
    for _ in range(2):
        assert [*model.fit(source, X_val=source).feature_names_in_] == [*FRAME.columns]
    other = data.Arrays(FRAME.rename(columns={"p": "z"}), y, buffer_rows=buffer_rows)
    with pytest.raises(ValueError, match=r"X_val.*block 0: The feature names should match"):
        MLPRegressor(**SETTINGS).fit(source, X_val=other)


@pytest.mark.filterwarnings("error::UserWarning")
def test_the_sample_of_a_fit_that_learned_nothing_has_no_names():
    source = data.Arrays(FRAME, np.ones(500), block_rows=50, buffer_rows=100)
    settings = {**SETTINGS, "max_iter": 50, "tol": 10, "n_iter_no_change": 2}
    assert MLPRegressor(**settings).fit(source).converged_


@pytest.mark.filterwarnings("error::UserWarning")
def test_files_keep_the_names_of_a_warm_start(tmp_path):
    FRAME.assign(y=y).to_parquet(tmp_path / "rows.parquet", row_group_size=50)
    source = data.Files(tmp_path / "rows.parquet", "y", buffer_rows=100)
    model = MLPRegressor(**SETTINGS, warm_start=True)
    for _ in range(2):
        assert [*model.fit(source, X_val=source).feature_names_in_] == [*FRAME.columns]
    assert np.array_equal(model.predict(source), model.predict(FRAME))


@pytest.mark.parametrize("kind", ["several", "multilabel"])
@pytest.mark.parametrize("buffer_rows", [100, 1000])
def test_targets_of_objects_and_of_sparse_matrices(kind, buffer_rows):
    target = TARGETS[kind]
    odd = target.astype(str).astype(object) if kind == "several" else sp.coo_array(target)
    for settings in ({}, {"early_stopping": True}, {"early_stopping": True, "scoring": "accuracy"}):
        if kind == "several" and "scoring" in settings:
            continue  # scikit-learn's has no such targets
        first, second = (
            MLPClassifier(**SETTINGS, **settings).fit(
                data.Arrays(X, given, block_rows=50, buffer_rows=buffer_rows)
            )
            for given in (target, odd)
        )
        assert bits(first) == bits(second)
    whole = MLPClassifier(**SETTINGS).fit(X, odd)
    for ours, theirs in zip(second.classes_, whole.classes_, strict=True):
        assert np.array_equal(ours, theirs)


def test_real_numbers_are_no_classes():
    with pytest.raises(ValueError, match="block 0: Unknown label type: continuous"):
        MLPClassifier().fit(data.Arrays(X, y, block_rows=50, buffer_rows=100))


@pytest.mark.parametrize("name", ["X", "y"])
def test_a_corrupt_sparse_matrix_is_refused_before_it_is_cut(name):
    matrix = sp.csr_matrix(TARGETS["multilabel"])
    matrix.indices[5] = 99
    given = (matrix, y) if name == "X" else (X, matrix)
    with pytest.raises(ValueError, match=f"indices of a sparse {name} must be from 0 to 2"):
        data.Arrays(*given)
    with pytest.raises(ValueError, match=f"block 0: .*indices of a sparse {name} must be"):
        MLPClassifier(**SETTINGS).fit(data.Chunks([given]))


# --- weights -------------------------------------------------------------------------------------


def test_blocks_of_no_weight():
    zeros = np.where(np.arange(500) < 100, 0, weight)
    whole = MLPRegressor(**SETTINGS).fit(X, y, zeros)
    for buffer_rows in (100, 1000):
        source = data.Arrays(X, y, zeros, block_rows=50, buffer_rows=buffer_rows)
        model = MLPRegressor(**SETTINGS).fit(source)
        assert (bits(model) == bits(whole)) == (buffer_rows == 1000)
        with pytest.raises(ValueError, match="must contain at least one non-zero number"):
            model.fit(data.Arrays(X, y, zeros * 0, buffer_rows=buffer_rows))
    parts = [(FRAME[part], y[part], zeros[part]) for part in PARTS]
    settings = {"n_nets": 1, "max_iter": 2, "random_state": 0}
    model = TabularRegressor(**settings).fit(data.Chunks(parts, buffer_rows=100))
    assert model.n_rows_ == 400


@pytest.mark.parametrize("class_weight", ["balanced", {"low": 5, "middle": 1, "high": 2}])
@pytest.mark.parametrize("buffer_rows", [100, 1000])
def test_class_weights_are_no_weights_of_rows_to_validate_on(class_weight, buffer_rows):
    order = np.argsort(labels)  # blocks have other shares of the classes
    source = data.Arrays(X[order], labels[order], block_rows=50, buffer_rows=buffer_rows)
    settings = {**SETTINGS, "class_weight": class_weight}
    first = MLPClassifier(**settings).fit(X, labels, X_val=X[order], y_val=labels[order])
    second = MLPClassifier(**settings).fit(X, labels, X_val=source)
    assert first.validation_scores_ == second.validation_scores_
    assert first.validation_loss_curve_ == second.validation_loss_curve_


# --- what is told before training ----------------------------------------------------------------


class Once(data.Arrays):
    """Arrays that are read only for the first pass."""

    def blocks(self, numbers=None):
        assert numbers is None, "training has begun"
        return super().blocks()


NEGATIVE = np.where(np.arange(500) == 440, -1.0, np.abs(y))
LARGE = np.where(np.arange(500) == 440, 1e300, y)


@pytest.mark.parametrize(
    "settings, given, why",
    [
        ({"loss": "poisson"}, (X, NEGATIVE), "block 8: Some value.*out of the valid range"),
        ({"precision": "float32"}, (X, LARGE), r"block 8: y holds a value of size 1e\+300"),
        ({}, (X, y, weight * 1e200), "must be of moderate size in float64; multiply them by"),
        ({}, (X, y, weight * 1e-250), "must be of moderate size in float64; multiply them by"),
    ],
)
def test_what_no_block_may_have(settings, given, why):
    source = Once(*given, block_rows=50, buffer_rows=100)
    with pytest.raises(ValueError, match=why):
        MLPRegressor(**SETTINGS, **settings).fit(source)
    if settings.get("loss") == "poisson":
        with pytest.raises(ValueError, match=why):
            TabularRegressor(loss="poisson", n_nets=1).fit(source)


def test_a_row_alone_is_not_validated_on():
    settings = {**SETTINGS, "early_stopping": True, "validation_fraction": 0.001}
    source = data.Arrays(X, y, block_rows=1, buffer_rows=100)
    assert MLPRegressor(**settings).fit(source).t_ == 498 * 6
    with pytest.raises(ValueError, match="validation set is too small"):
        MLPRegressor(**settings).fit(data.Chunks([(X[:1], y[:1]), (X[:1], y[:1])], buffer_rows=1))


class Given(data.Source):
    """What is given for blocks."""

    def __init__(self, blocks, n_blocks=None, buffer_rows=None):
        self._blocks, self.n_blocks, self.buffer_rows = blocks, n_blocks, buffer_rows

    def blocks(self, numbers=None):
        chosen = range(len(self._blocks)) if numbers is None else numbers
        return [self._blocks[number] for number in chosen]


WHOLE = [(*block, None) for block in cut(X, y)]


@pytest.mark.parametrize(
    "source, error, why",
    [
        (Given([(X, y)]), TypeError, "block 0: A block must be a tuple .* got tuple of 2"),
        (Given([*WHOLE, (X[:0], y, None)]), ValueError, r"block 10: Found .* inconsistent numbers"),
        (Given([*WHOLE, None]), TypeError, "block 10: A block must be a tuple .* got NoneType"),
        (Given(WHOLE, n_blocks=9), ValueError, "has 10 blocks, and n_blocks=9"),
        (Given(WHOLE, n_blocks=11), ValueError, "has 10 blocks, and n_blocks=11"),
        (Given(WHOLE, buffer_rows=-5), ValueError, "buffer_rows == -5, must be >= 1"),
        (Given(WHOLE, buffer_rows="x"), TypeError, "buffer_rows must be an instance of int"),
    ],
)
def test_sources_of_ones_own_that_make_no_sense(source, error, why):
    with pytest.raises(error, match=why):
        MLPRegressor(**SETTINGS).fit(source)


def test_blocks_may_be_a_list():
    model = MLPRegressor(**SETTINGS).fit(Given(WHOLE, n_blocks=10, buffer_rows=100))
    assert bits(model) == bits(
        MLPRegressor(**SETTINGS).fit(data.Chunks(cut(X, y), buffer_rows=100))
    )


UNWEIGHTED, WEIGHTED = cut(X, y), cut(X, y, weight)
NAMED = cut(FRAME, y)
TURNED = [(X[[*"srqp"]], y) for X, y in NAMED]
SPARSE = [(sp.csr_matrix(X), y) for X, y in UNWEIGHTED]
SHORT = [(X.astype(np.float32), y) for X, y in UNWEIGHTED]
PAIRS = [(X, np.stack([y, y], axis=1)) for X, y in UNWEIGHTED]


@pytest.mark.parametrize(
    "first, then, why",
    [
        (WEIGHTED, UNWEIGHTED, "block 3: sample_weight must be there in all blocks"),
        (UNWEIGHTED, WEIGHTED, "block 3: sample_weight must be there in all blocks"),
        (UNWEIGHTED, SPARSE, "block 3: X must be sparse in all blocks, or in none"),
        (SPARSE, UNWEIGHTED, "block 3: X must be sparse in all blocks, or in none"),
        (UNWEIGHTED, SHORT, "block 3: X has dtype float32, that of the first block is float64"),
        (UNWEIGHTED, PAIRS, r"block 3: y has shape \(50, 2\)"),
        (NAMED, TURNED, "block 3: The feature names should match"),
    ],
)
@pytest.mark.parametrize("to_validate_on", [False, True])
def test_a_source_of_another_kind_when_it_is_read_again(first, then, why, to_validate_on):
    times = []

    def give():
        times.append(1)
        return first if len(times) < 2 else [*first[:3], *then[3:]]

    source = data.Chunks(give, buffer_rows=120)
    given = (FRAME if first is NAMED else X, y) if to_validate_on else (source,)
    validation = {"X_val": source} if to_validate_on else {}
    model = MLPRegressor(**SETTINGS)
    if then is SHORT and to_validate_on:
        return  # of any dtype: it is that of training
    with pytest.raises(ValueError, match=why):
        model.fit(*given, **validation)
    assert not hasattr(model, "coefs_")
