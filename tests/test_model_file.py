"""Model files: what is saved comes back to the bit, goes on training to the bit, and is whole."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
import time
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import safetensors.numpy
from safetensors import safe_open
from scipy.sparse import csr_array
from sklearn.datasets import load_diabetes, load_iris
from sklearn.exceptions import NotFittedError

import chainfit
from chainfit import MLPClassifier, MLPRegressor, ModelFileError
from chainfit._files.safetensors import encode

pytestmark = pytest.mark.filterwarnings("ignore")

X, IRIS = load_iris(return_X_y=True)
D, PROGRESS = load_diabetes(return_X_y=True)
TWO_OUTPUTS = np.column_stack([PROGRESS, D[:, 0]]) / 100
LABELS = np.array(["setosa", "versicolor", "virginica"])
MULTILABEL = np.column_stack([IRIS == 0, IRIS > 0, X[:, 0] > 6]).astype(int)


def classifier(**parameters):
    return MLPClassifier(**{"hidden_layer_sizes": (5, 4), "max_iter": 4, **parameters})


def regressor(**parameters):
    return MLPRegressor(**{"hidden_layer_sizes": (6,), "max_iter": 4, **parameters})


MODELS = {
    "integers": lambda: classifier(random_state=0).fit(X, IRIS),
    "binary": lambda: classifier(random_state=0).fit(X, IRIS == 1),
    "bytes_of_int": lambda: classifier(random_state=0).fit(X, IRIS.astype(np.uint8)),
    "float_labels": lambda: classifier(random_state=0).fit(X, IRIS.astype(float)),
    "strings": lambda: classifier(random_state=0).fit(X, LABELS[IRIS]),
    "object_strings": lambda: classifier(random_state=0).fit(X, LABELS.astype(object)[IRIS]),
    "strange_strings": lambda: classifier(random_state=0).fit(
        X, np.array(['"\\', "\u00e9\u4e16\n", "\U0001f600 {}"], dtype=object)[IRIS]
    ),
    "multilabel": lambda: classifier(random_state=0).fit(X, MULTILABEL),
    "sparse_multilabel": lambda: classifier(random_state=0).fit(X, csr_array(MULTILABEL)),
    "multilabel_first_partial_fit": lambda: classifier(random_state=0).partial_fit(
        X, MULTILABEL, classes=[0.0, 1.0, 2.0]
    ),
    "float32": lambda: classifier(random_state=0).fit(X.astype(np.float32), IRIS),
    "precision": lambda: classifier(random_state=0, precision="float32").fit(X, IRIS),
    "frame": lambda: classifier(random_state=0).fit(
        pd.DataFrame(X, columns=["a", "\u00df", "", '"']), IRIS
    ),
    "partial_fit": lambda: classifier(random_state=0).partial_fit(X, IRIS, classes=[0, 1, 2, 7]),
    "early_stopping": lambda: classifier(random_state=0, early_stopping=True, max_iter=9).fit(
        X, IRIS
    ),
    "lbfgs": lambda: classifier(random_state=0, solver="lbfgs").fit(X, IRIS),
    "after_lbfgs": lambda: classifier(random_state=0).fit(X, IRIS).set_params(solver="lbfgs"),
    "sgd": lambda: classifier(random_state=0, solver="sgd", momentum=0).fit(X, IRIS),
    "momentum": lambda: classifier(random_state=0, solver="sgd", nesterovs_momentum=False).fit(
        X, IRIS
    ),
    "nesterov": lambda: classifier(random_state=0, solver="sgd").fit(X, IRIS),
    "invscaling": lambda: classifier(random_state=0, solver="sgd", learning_rate="invscaling").fit(
        X, IRIS
    ),
    "adaptive": lambda: classifier(
        random_state=0, solver="sgd", learning_rate="adaptive", tol=10, n_iter_no_change=1
    ).fit(X, IRIS),
    "no_hidden_layer": lambda: regressor(hidden_layer_sizes=(), random_state=0).fit(D, PROGRESS),
    "list": lambda: regressor(hidden_layer_sizes=[3, 2], random_state=0).fit(D, PROGRESS),
    "int": lambda: regressor(hidden_layer_sizes=3, random_state=0).fit(D, PROGRESS),
    "array": lambda: regressor(hidden_layer_sizes=np.array([3, 2]), random_state=0).fit(
        D, PROGRESS
    ),
    "numpy_parameters": lambda: regressor(
        alpha=np.float32(0.1), max_iter=np.int64(3), shuffle=np.bool_(True), random_state=0
    ).fit(D, PROGRESS),
    "two_outputs": lambda: regressor(random_state=0).fit(D, TWO_OUTPUTS),
    "poisson": lambda: regressor(loss="poisson", random_state=0).fit(D, PROGRESS / 100),
    "patience": lambda: regressor(n_iter_no_change=np.inf, random_state=0).fit(D, PROGRESS),
    "changed_later": lambda: (
        regressor(random_state=0).fit(D, PROGRESS).set_params(beta_1=0.5, learning_rate_init=0.5)
    ),
    "random_state": lambda: regressor(random_state=np.random.RandomState(3)).fit(D, PROGRESS),
    "unseeded": lambda: regressor().fit(D, PROGRESS),
}


def data_of(model):
    """Return rows and targets of a kind that the model knows."""
    if isinstance(model, MLPRegressor):
        return D, TWO_OUTPUTS if model.n_outputs_ == 2 else PROGRESS / 100
    if model._label_binarizer.y_type_.startswith("multilabel"):
        return X, MULTILABEL
    if model.n_outputs_ == 1:
        return X, model.classes_[(IRIS == 1).astype(int)]
    return X, model.classes_[IRIS]


def outputs(model):
    rows, _ = data_of(model)
    return model.predict(rows) if isinstance(model, MLPRegressor) else model.predict_proba(rows)


def state(model):
    """Return the fitted state as plain content, to be compared."""
    found = {key: value for key, value in vars(model).items() if key != "_optimizer"}
    found["_label_binarizer"] = vars(found["_label_binarizer"]) if "classes_" in found else None
    found["_optimizer_state"] = getattr(model, "_optimizer_state", None)
    if isinstance(found["random_state"], np.random.RandomState):
        found["random_state"] = found["random_state"].get_state()
    return found


def assert_same(a, b, where="model"):
    """Assert equality to the bit, of types too."""
    if isinstance(a, np.ndarray):
        assert isinstance(b, np.ndarray) and a.shape == b.shape, where
        # A fixed width of strings is that of the longest, which may be less than it was.
        assert a.dtype == b.dtype or a.dtype.kind == b.dtype.kind == "U", where
        if a.dtype.kind == "O":
            assert a.tolist() == b.tolist(), where
        elif a.dtype.kind == "U":
            assert (a == b).all(), where
        else:
            assert a.tobytes() == b.tobytes(), where
    elif isinstance(a, dict):
        assert a.keys() == b.keys(), (where, a.keys() ^ b.keys())
        for key in a:
            assert_same(a[key], b[key], f"{where}.{key}")
    elif isinstance(a, (list, tuple)):
        assert type(a) is type(b) and len(a) == len(b), where
        for i, (x, y) in enumerate(zip(a, b, strict=True)):
            assert_same(x, y, f"{where}[{i}]")
    else:
        assert a == b or (a != a and b != b), (where, a, b)


@pytest.mark.parametrize("name", MODELS)
def test_round_trip(name, tmp_path):
    model = MODELS[name]()
    path = tmp_path / "model.safetensors"
    model.save(path)
    loaded = chainfit.load(path)
    assert type(loaded) is type(model)
    assert_same(state(model), state(loaded))
    assert_same(outputs(model), outputs(loaded))
    # The same state is the same file.
    loaded.save(tmp_path / "again")
    assert path.read_bytes() == (tmp_path / "again").read_bytes()
    if model.random_state is None:
        return
    rows, y = data_of(model)
    if name not in ("lbfgs", "after_lbfgs", "early_stopping"):
        for _ in range(3):
            model.partial_fit(rows, y)
            loaded.partial_fit(rows, y)
        assert_same(outputs(model), outputs(loaded))
        assert_same(state(model), state(loaded))
    model.fit(rows, y)
    loaded.fit(rows, y)
    assert_same(state(model), state(loaded))


@pytest.mark.parametrize("name", ["integers", "early_stopping", "nesterov", "lbfgs", "two_outputs"])
def test_warm_start_goes_on_to_the_same_bits(name, tmp_path):
    model = MODELS[name]().set_params(warm_start=True)
    model.save(tmp_path / "m")
    loaded = chainfit.load(tmp_path / "m")
    rows, y = data_of(model)
    assert_same(state(model.fit(rows, y)), state(loaded.fit(rows, y)))


def test_same_bits_in_a_new_process(tmp_path):
    model = MODELS["float32"]()
    model.save(tmp_path / "m")
    code = (
        "import sys, numpy as np, chainfit\n"
        "from sklearn.datasets import load_iris\n"
        "X = load_iris().data\n"
        "sys.stdout.write(chainfit.load(sys.argv[1]).predict_proba(X).tobytes().hex())"
    )
    run = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "m")], capture_output=True, text=True
    )
    assert run.returncode == 0, run.stderr
    assert run.stdout == model.predict_proba(X).tobytes().hex()


def test_file_is_readable_by_the_safetensors_library(tmp_path):
    model = MODELS["integers"]()
    model.save(tmp_path / "m")
    with safe_open(tmp_path / "m", "np") as file:
        assert list(file.metadata()) == ["chainfit"]
        np.testing.assert_array_equal(file.get_tensor("coefs.1"), model.coefs_[1])
        assert {"intercepts.2", "slots.0.coefs.0", "classes", "loss_curve"} <= set(file.keys())


def test_the_safetensors_library_reads_what_is_encoded():
    tensors = {
        "b": np.arange(3.0),
        "a": np.asfortranarray(np.arange(6, dtype=np.float32).reshape(2, 3)),
        "é": np.array([[True, False]]),
        "empty": np.empty((0, 3), np.int16),
        "big": np.arange(5, dtype=">u4")[::2],
    }
    read = safetensors.numpy.load(encode({"entry": '"\u2028\n'}, tensors))
    assert read.keys() == tensors.keys()
    for name, array in tensors.items():
        assert read[name].dtype == array.dtype.newbyteorder("=")
        np.testing.assert_array_equal(read[name], array)


def test_loaded_arrays_are_the_models_own(tmp_path):
    MODELS["integers"]().save(tmp_path / "m")
    loaded = chainfit.load(str(tmp_path / "m"))
    loaded.coefs_[0][:] = 0
    assert loaded.coefs_[0].flags.writeable and chainfit.load(tmp_path / "m").coefs_[0].any()


def test_missing_file_is_the_ordinary_error(tmp_path):
    with pytest.raises(FileNotFoundError):
        chainfit.load(tmp_path / "nothing")
    with pytest.raises(FileNotFoundError):
        MODELS["int"]().save(tmp_path / "no folder" / "m")


def test_error_is_a_value_error_under_its_public_name():
    assert issubclass(ModelFileError, ValueError)
    assert chainfit.ModelFileError is ModelFileError
    assert ModelFileError.__module__ == "chainfit"


class Subclass(MLPClassifier):
    pass


def test_what_cannot_be_saved_is_refused(tmp_path):
    path = tmp_path / "m"
    model = MODELS["integers"]()
    model.save(path)
    before = path.read_bytes()
    fitted = {
        "not fitted": (MLPClassifier(), NotFittedError),
        "its own MLPClassifier, .* got an object of type .*Subclass": (
            Subclass(max_iter=1).fit(X, IRIS),
            TypeError,
        ),
        "RandomState over PCG64": (
            regressor(random_state=np.random.RandomState(np.random.PCG64(0))).fit(D, PROGRESS),
            TypeError,
        ),
        "hidden_layer_sizes=.7,. disagrees": (
            MODELS["integers"]().set_params(hidden_layer_sizes=(7,)),
            ModelFileError,
        ),
        "must be one of 'exp', got 'identity'": (
            MODELS["int"]().set_params(loss="poisson"),
            ModelFileError,
        ),
        "tensor 'coefs.0' holds NaN": (MODELS["integers"](), ModelFileError),
    }
    fitted["tensor 'coefs.0' holds NaN"][0].coefs_[0][0, 0] = np.nan
    for text, (model, kind) in fitted.items():
        with pytest.raises(kind, match=text):
            model.save(path)
        assert path.read_bytes() == before
    assert os.listdir(tmp_path) == ["m"]


def test_new_file_has_ordinary_rights_and_links_stay(tmp_path):
    model = MODELS["int"]()
    old = os.umask(0o027)
    try:
        model.save(tmp_path / "m")
    finally:
        os.umask(old)
    assert stat.S_IMODE((tmp_path / "m").stat().st_mode) == 0o640
    (tmp_path / "link").symlink_to("m")
    MODELS["list"]().save(tmp_path / "link")
    assert (tmp_path / "link").is_symlink()
    assert chainfit.load(tmp_path / "m").hidden_layer_sizes == [3, 2]
    with pytest.raises(IsADirectoryError):
        model.save(tmp_path)
    if os.path.exists("/dev/null"):
        with pytest.raises(OSError, match="not an ordinary file"):
            model.save("/dev/null")


@pytest.mark.parametrize("step", ["fsync", "replace"])
def test_failure_while_saving_keeps_the_old_file(step, tmp_path, monkeypatch):
    MODELS["int"]().save(tmp_path / "m")
    before = (tmp_path / "m").read_bytes()

    def fail(*args, **kwargs):
        raise OSError("no space left")

    monkeypatch.setattr(os, step, fail)
    with pytest.raises(OSError, match="no space left"):
        MODELS["list"]().save(tmp_path / "m")
    assert (tmp_path / "m").read_bytes() == before
    assert os.listdir(tmp_path) == ["m"]


@pytest.mark.slow
def test_kill_while_saving_leaves_a_whole_file(tmp_path):
    path = tmp_path / "m"
    code = (
        "import sys, numpy as np, chainfit\n"
        "X = np.random.RandomState(0).rand(20, 200)\n"
        "m = chainfit.MLPRegressor(hidden_layer_sizes=(400,), max_iter=1).fit(X, X[:, 0])\n"
        "m.save(sys.argv[1]); print('saved', flush=True)\n"
        "while True: m.save(sys.argv[1])\n"
    )
    for delay in (0.0, 0.006, 0.017):
        child = subprocess.Popen(
            [sys.executable, "-W", "ignore", "-c", code, str(path)], stdout=subprocess.PIPE
        )
        try:
            assert child.stdout.readline() == b"saved\n"
            time.sleep(delay)
        finally:
            child.send_signal(signal.SIGKILL if hasattr(signal, "SIGKILL") else signal.SIGTERM)
            child.communicate()
        assert chainfit.load(path).coefs_[0].shape == (200, 400)


def test_saving_does_not_disturb_the_model(tmp_path):
    model, twin = MODELS["nesterov"](), MODELS["nesterov"]()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model.save(Path(tmp_path, "m"))
    model.partial_fit(X, IRIS)
    twin.partial_fit(X, IRIS)
    assert_same(state(model), state(twin))
