"""Sources: where a window holds all rows the fit of rows in memory, otherwise one as good."""

import warnings

import numpy as np
import pytest
import scipy.sparse as sp
from in_blocks import SETTINGS, TARGETS, X, bits, kinds, labels, weight, y

from chainfit import MLPClassifier, MLPRegressor, data
from chainfit._estimators import survey

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


@pytest.mark.parametrize("sparse", [False, True])
@pytest.mark.parametrize("early_stopping", [False, True])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_window_of_all_rows_is_the_fit_in_memory(dtype, early_stopping, sparse):
    inputs = X.astype(dtype)
    inputs = sp.csr_matrix(inputs) if sparse else inputs
    settings = {**SETTINGS, "early_stopping": early_stopping}
    whole = MLPRegressor(**settings).fit(inputs, y, weight)
    for name, source in kinds(inputs, y, weight).items():
        model = MLPRegressor(**settings).fit(source)
        assert bits(model) == bits(whole), name
        assert model.n_features_in_ == 4


@pytest.mark.parametrize("name", TARGETS)
@pytest.mark.parametrize("class_weight", [None, "balanced"])
def test_classes_are_those_of_all_blocks(name, class_weight):
    target = TARGETS[name]
    settings = {**SETTINGS, "max_iter": 40, "learning_rate_init": 0.02}
    whole = MLPClassifier(class_weight=class_weight, **settings).fit(X, target)
    first_of_a_class = np.argsort(target[:, 0] if target.ndim > 1 else target, kind="stable")
    for source in kinds(X, target).values():
        assert bits(MLPClassifier(class_weight=class_weight, **settings).fit(source)) == bits(whole)
    for kind, source in kinds(
        X[first_of_a_class], target[first_of_a_class], buffer_rows=130
    ).items():
        model = MLPClassifier(class_weight=class_weight, **settings).fit(source)
        for ours, theirs in zip(model.classes_, whole.classes_, strict=True):
            assert np.array_equal(ours, theirs)
        assert (
            model._label_binarizer.y_type_ == whole._label_binarizer.y_type_
            if name != "several"
            else True
        )
        assert model.score(X, target) > 0.7, kind
        assert model.n_iter_ == whole.n_iter_ or not whole.converged_


def seen(source, **settings):
    """The rows of each epoch, by their first feature, as the core gets them."""
    from chainfit._estimators import windows

    found = []
    given = windows.Ahead.__call__

    def watching(self, done):
        window = given(self, done)
        rows = window.X.toarray() if sp.issparse(window.X) else window.X
        found.append((done, rows[:, 0].tolist(), window.Y[:, 0].tolist()))
        return window

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(windows.Ahead, "__call__", watching)
        model = MLPRegressor(**{**SETTINGS, "max_iter": 3, **settings}).fit(source)
    epochs = []
    for done, rows, targets in found:
        if done == 0:
            epochs.append(([], []))
        epochs[-1][0].extend(rows)
        epochs[-1][1].extend(targets)
    return model, epochs


@pytest.mark.parametrize("sparse", [False, True])
@pytest.mark.parametrize("kind", ["arrays", "list", "function"])
def test_every_row_once_an_epoch_with_its_target(kind, sparse):
    inputs = np.arange(2000.0).reshape(500, 4)
    target = np.arange(500.0)
    source = kinds(sp.csr_matrix(inputs) if sparse else inputs, target, buffer_rows=100)[kind]
    model, epochs = seen(source)
    assert len(epochs) == 3
    for rows, targets in epochs:
        assert sorted(rows) == inputs[:, 0].tolist()
        assert np.array_equal(np.array(targets) * 4, rows)
    assert epochs[0] != epochs[1]
    moved = np.abs(np.array(epochs[0][1]) - np.arange(500))
    if kind == "function":  # whose blocks come in one order only: rows stay in their window of 96
        assert 10 < moved.max() < 96
    else:
        assert moved.max() > 200
    assert model.t_ == 1500


def test_without_shuffling_rows_come_as_they_are():
    inputs = np.arange(2000.0).reshape(500, 4)
    for source in kinds(inputs, inputs[:, 0], buffer_rows=100).values():
        model, epochs = seen(source, shuffle=False)
        assert [rows for rows, _ in epochs] == [inputs[:, 0].tolist()] * 3
        whole = MLPRegressor(**{**SETTINGS, "max_iter": 3, "shuffle": False})
        assert bits(model) == bits(whole.fit(inputs, inputs[:, 0]))


def test_equal_seeds_give_equal_bits_and_others_not():
    def fit(seed, **settings):
        source = data.Arrays(X, y, weight, block_rows=30, buffer_rows=200)
        return bits(MLPRegressor(**{**SETTINGS, **settings, "random_state": seed}).fit(source))

    assert fit(1) == fit(1, n_threads=1) == fit(1, n_threads=3)
    assert fit(1) != fit(2)


def test_a_model_of_windows_is_about_as_good():
    settings = {**SETTINGS, "max_iter": 60, "learning_rate_init": 0.01}
    whole = MLPRegressor(**settings).fit(X, y).score(X, y)
    for source in kinds(X, y, buffer_rows=100).values():
        assert MLPRegressor(**settings).fit(source).score(X, y) > whole - 0.05


# --- validation ----------------------------------------------------------------------------------


@pytest.mark.parametrize("settings", [{}, {"scoring": "loss"}, {"scoring": "neg_log_loss"}])
@pytest.mark.parametrize("kind", ["arrays", "list", "function"])
def test_blocks_are_held_out(kind, settings):
    source = kinds(X, labels, buffer_rows=120)[kind]
    settings = {**SETTINGS, **settings, "early_stopping": True, "validation_fraction": 0.2}
    model = MLPClassifier(**settings).fit(source)
    assert len(model.validation_scores_) == model.n_iter_
    assert 0 < model.t_ < 500 * model.n_iter_
    assert np.isfinite(model.validation_scores_).all()


class Counted(data.Arrays):
    """Arrays that keep the numbers of blocks that they were asked for."""

    def __init__(self, *rows, **settings):
        super().__init__(*rows, **settings)
        self.asked = []

    def blocks(self, numbers=None):
        self.asked.append(numbers)
        return super().blocks(numbers)


@pytest.mark.parametrize("buffer_rows", [200, 40])
def test_what_is_held_out_is_kept_where_a_window_holds_it(buffer_rows):
    source = Counted(X, y, block_rows=20, buffer_rows=buffer_rows)
    settings = {**SETTINGS, "early_stopping": True, "validation_fraction": 0.2}
    model = MLPRegressor(**settings).fit(source)
    times = sum(numbers is not None and len(numbers) == 5 for numbers in source.asked)
    assert times == (1 if buffer_rows == 200 else 1 + model.n_iter_)


@pytest.mark.parametrize("buffer_rows", [20, 1000])
def test_scores_of_rows_to_validate_on_are_those_of_memory(buffer_rows):
    given = {"X_val": X[:100], "y_val": labels[:100], "sample_weight_val": weight[:100]}
    own = data.Arrays(X[:100], labels[:100], weight[:100], block_rows=9, buffer_rows=buffer_rows)
    for settings in ({}, {"early_stopping": True}, {"scoring": "neg_log_loss"}):
        first = MLPClassifier(**SETTINGS, **settings).fit(X, labels, **given)
        second = MLPClassifier(**SETTINGS, **settings).fit(X, labels, X_val=own)
        assert bits(first) == bits(second)
        assert first.validation_scores_ == second.validation_scores_
        assert first.validation_loss_curve_ == second.validation_loss_curve_


# --- what is refused -----------------------------------------------------------------------------


def changed(**changes):
    """Chunks of which the third is another."""
    listed = [(X[i : i + 50], y[i : i + 50]) for i in range(0, 500, 50)]
    listed[2] = (
        changes.get("X", listed[2][0]),
        changes.get("y", listed[2][1]),
        *changes.get("w", ()),
    )
    return data.Chunks(listed, buffer_rows=100)


NAN = X[:50].copy()
NAN[7, 1] = np.nan


@pytest.mark.parametrize(
    "source, why",
    [
        (changed(X=X[:50, :3]), "block 2: X has 3 features, but .* is expecting 4"),
        (changed(X=NAN), "block 2: Input X contains NaN"),
        (changed(X=X[:50].astype(np.float32)), "block 2: X has dtype float32.*float64"),
        (changed(X=sp.csr_matrix(X[:50])), "block 2: X must be sparse in all blocks"),
        (changed(y=y[:49]), "block 2: Found input variables with inconsistent numbers"),
        (changed(y=np.full(50, np.nan)), "block 2: Input y contains NaN"),
        (changed(y=np.ones((50, 2))), "block 2: y has shape"),
        (changed(w=(np.ones(50),)), "block 2: sample_weight must be there in all"),
        (changed(X=X[0]), "block 2: Expected 2D array"),
        (data.Chunks([]), "no rows"),
        (data.Chunks([(X[:0], y[:0])]), "no rows"),
        (data.Chunks([(X, y)], buffer_rows=100), None),
    ],
)
def test_bad_blocks_are_named(source, why):
    model = MLPRegressor(**SETTINGS)
    if why is None:
        with pytest.raises(ValueError, match="only one"):
            model.set_params(early_stopping=True).fit(source)
    else:
        with pytest.raises(ValueError, match=why):
            model.fit(source)
    assert not hasattr(model, "coefs_")


def test_labels_of_another_kind_are_refused():
    listed = [(X[:50], labels[:50]), (X[50:100], np.arange(50) % 3)]
    with pytest.raises(ValueError, match="block 1: y has dtype int64"):
        MLPClassifier().fit(data.Chunks(listed))


def test_what_gives_its_rows_only_once():
    with pytest.raises(TypeError, match="generator, which gives its rows only once"):
        data.Chunks((X, y) for _ in range(3))
    once = iter([(X[i : i + 50], y[i : i + 50]) for i in range(0, 500, 50)])
    model = MLPRegressor(**SETTINGS)
    with pytest.raises(ValueError, match="ended after 0 blocks, and had 10"):
        model.fit(data.Chunks(lambda: once, buffer_rows=100))
    assert not hasattr(model, "coefs_")


@pytest.mark.parametrize(
    "second, why",
    [
        (lambda c: c[:-1], "ended after 9 blocks, and had 10"),
        (lambda c: [*c, c[0]], "more blocks than the 10"),
        (lambda c: [*c[:3], (X[:40], y[:40]), *c[4:]], "block 3: it has 40 rows, and had 50"),
    ],
)
def test_a_source_that_gives_other_rows_later(second, why):
    listed = [(X[i : i + 50], y[i : i + 50]) for i in range(0, 500, 50)]
    times = []

    def give():
        times.append(1)
        return listed if len(times) < 2 else second(listed)

    model = MLPRegressor(**SETTINGS)
    with pytest.raises(ValueError, match=why):
        model.fit(data.Chunks(give, buffer_rows=100))
    assert not hasattr(model, "coefs_")


class Deaf(data.Arrays):
    """A source that does not look at the numbers that it is given."""

    def blocks(self, numbers=None):
        return super().blocks()


def test_a_source_that_gives_blocks_nobody_asked_for():
    source = Deaf(X, y, block_rows=50, buffer_rows=100)
    with pytest.raises(ValueError, match=r"more blocks than the .* that it was asked for"):
        MLPRegressor(**SETTINGS, early_stopping=True).fit(source)


def test_what_does_not_go_with_a_source():
    source = data.Arrays(X, y, buffer_rows=100)
    with pytest.raises(ValueError, match="lbfgs"):
        MLPRegressor(solver="lbfgs").fit(source)
    with pytest.raises(ValueError, match="y and sample_weight must be None"):
        MLPRegressor().fit(source, y)
    with pytest.raises(TypeError, match="partial_fit takes rows"):
        MLPRegressor().partial_fit(source, None)
    with pytest.raises(ValueError, match=r"X_val.*must be None"):
        MLPRegressor().fit(X, y, X_val=source, y_val=y)
    with pytest.raises(ValueError, match="requires y to be passed"):
        MLPRegressor().fit(X)
    for wrong in ({"block_rows": 0}, {"buffer_rows": 0}):
        with pytest.raises(ValueError, match="== 0, must be >= 1"):
            data.Arrays(X, y, **wrong)
    with pytest.raises(TypeError, match="buffer_rows must be an instance of int, not float"):
        data.Chunks([], buffer_rows=100.0)
    with pytest.raises(ValueError, match="inconsistent"):
        data.Arrays(X, y[1:])
    for wrong, message in ((3, "int"), ([X], "got ndarray"), ([(X,)], "got a tuple of 1")):
        with pytest.raises(TypeError, match=message):
            MLPRegressor().fit(data.Chunks(wrong))


def test_lbfgs_takes_a_source_that_a_window_holds():
    settings = {"solver": "lbfgs", "max_iter": 5, "random_state": 0}
    whole = MLPRegressor(**settings).fit(X, y)
    model = MLPRegressor(**settings).fit(data.Arrays(X, y, block_rows=50))
    assert [a.tobytes() for a in model.coefs_] == [a.tobytes() for a in whole.coefs_]


# --- memory and files ----------------------------------------------------------------------------


def test_a_memory_map_is_read_by_windows(tmp_path, monkeypatch):
    monkeypatch.setattr(survey, "_WINDOW", 100 * 4 * 8)
    np.save(tmp_path / "X.npy", X)
    mapped = np.load(tmp_path / "X.npy", mmap_mode="r")
    model, epochs = seen(data.Arrays(mapped, y, block_rows=20))
    assert sorted(epochs[0][0]) == sorted(X[:, 0].tolist())
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert model.predict(mapped).shape == (500,)


BOUNDED = """
import resource, numpy as np
from chainfit import MLPRegressor, data
def chunks(count):
    def give():
        for seed in range(count):
            X = np.random.default_rng(seed).standard_normal((20_000, 50), np.float32)
            yield X, X[:, 0]
    return data.Chunks(give, buffer_rows=50_000)
model = MLPRegressor(hidden_layer_sizes=(4,), max_iter=1, random_state=0, batch_size=500)
model.fit(chunks(4))
now = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (now + 100_000_000, resource.RLIM_INFINITY))
model.fit(chunks(100))
print(model.t_, len(model.predict(chunks(100))))
"""


def test_memory_is_that_of_windows(python):
    """400 MB of rows, in 100 MB beyond what 16 MB of them had taken."""
    process = python(BOUNDED, OPENBLAS_NUM_THREADS="1", MALLOC_ARENA_MAX="2")
    assert process.stdout.strip() == "2000000 2000000", process.stderr[-2000:]
