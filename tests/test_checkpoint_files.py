"""Checkpoints as files: what is refused and left alone; of tables, and on the command line."""

from functools import partial

import numpy as np
import pytest
from cut_short import crash, model_of
from sklearn.base import clone
from sklearn.metrics import fbeta_score, make_scorer

import chainfit
from chainfit import ModelFileError

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


# -- what is refused


@pytest.fixture
def begun(tmp_path):
    """The path of a checkpoint."""
    path = tmp_path / "begun"
    model, rows, targets = model_of("adam", path)
    crash(model, rows, targets, 4)
    return path


@pytest.mark.parametrize(
    ("parameters", "difference"),
    [
        ({"alpha": 0.5}, r"alpha \(0.0001 there, 0.5 here\)"),
        ({"learning_rate": "cosine", "max_iter": 50}, r"learning_rate \('constant' there, 'cos"),
        ({"batch_size": 10}, r"batch_size \('auto' there, 10 here\)"),
        ({"random_state": 4}, r"random_state \(3 there, 4 here\)\."),
        (
            {"hidden_layer_sizes": (6, 4)},
            r"hidden_layer_sizes \(\(6, 5\) there, \(6, 4\) here\)\.",
        ),
        ({"init": "he_normal"}, "init"),
        ({"solver": "adamw", "beta_1": 0.5}, r"beta_1 \(0.9 there, 0.5 here\), solver"),
        ({"precision": "float32"}, "precision .* X, y, dtype"),
    ],
)
def test_other_parameters_are_refused_by_name(begun, parameters, difference):
    before = begun.read_bytes()
    model, rows, targets = model_of("adam", begun, **parameters)
    with pytest.raises(ValueError, match=f"is of another fit, with other {difference}"):
        model.fit(rows, targets)
    assert begun.read_bytes() == before
    assert not hasattr(model, "coefs_")


def _rate(factor):
    return lambda step, total: factor / (step + 1)


def _alike():
    """Return functions that differ in nothing but in what they call."""
    return [
        lambda step, total: 0.01 * np.cos(-step) ** 2,
        lambda step, total: 0.01 * np.sin(-step) ** 2,
    ]


def _of(factor, step, total):
    return factor if total in {12, 24} else 0.0


def _other(step, total):
    return 0.02 / (step + 1)


@pytest.mark.parametrize(
    ("name", "there", "same", "other"),
    [
        ("learning_rate", _rate(0.01), _rate(0.01), _rate(0.02)),
        ("learning_rate", _rate(0.01), _rate(0.01), lambda step, total: 0.01 / (step + 2)),
        ("learning_rate", _alike()[0], _alike()[0], _alike()[1]),
        ("learning_rate", partial(_of, 1e-2), partial(_of, 1e-2), partial(_of, 2e-2)),
        ("learning_rate", _other, _other, _rate(0.02)),
        (
            "scoring",
            make_scorer(fbeta_score, beta=2, average="macro"),
            make_scorer(fbeta_score, beta=2, average="macro"),
            make_scorer(fbeta_score, beta=3, average="macro"),
        ),
    ],
)
def test_other_functions_are_refused(name, there, same, other, tmp_path):
    path = tmp_path / "c"
    model, rows, targets = model_of("adam", path, **{name: there})
    crash(model, rows, targets, 4)
    with pytest.raises(ValueError, match=f"is of another fit, with other {name}"):
        model_of("adam", path, **{name: other})[0].fit(rows, targets)
    model_of("adam", path, **{name: same})[0].fit(rows, targets)


def test_other_data_are_refused_by_name(begun):
    model, rows, targets = model_of("adam", begun)
    other = rows.copy()
    other[7, 1] += 1e-15
    for given, difference in (
        ((other, targets), r"X\."),
        ((rows, targets[::-1]), r"y\."),
        ((rows[1:], targets[1:]), r"X, y\."),
        ((rows, targets, np.ones(len(rows))), r"sample_weight\."),
        ((rows[:, :2], targets), r"X\."),
        ((rows.astype(np.float32), targets), r"X, y, dtype \(float64 there, float32 here\)\."),
    ):
        with pytest.raises(ValueError, match=f"is of another fit, with other {difference}"):
            model.fit(*given)
    # the same numbers in another layout are the same data
    model.fit(np.asfortranarray(rows), targets.tolist())


def test_what_is_no_checkpoint_is_left_alone(tmp_path):
    model, rows, targets = model_of("adam")
    model.fit(rows, targets).save(tmp_path / "model")
    (tmp_path / "table.csv").write_text("a,b\n1,2\n")
    (tmp_path / "empty").touch()
    for name in ("model", "table.csv", "empty"):
        path = tmp_path / name
        before = path.read_bytes()
        with pytest.raises(ModelFileError, match=name):
            model_of("adam", path)[0].fit(rows, targets)
        assert path.read_bytes() == before
    with pytest.raises(ModelFileError, match="kind"):
        model_of("adam", tmp_path / "c")[0].fit(rows, targets)
        chainfit.load(tmp_path / "c")


def test_a_damaged_checkpoint_is_refused(begun):
    whole = begun.read_bytes()
    model, rows, targets = model_of("adam", begun)
    for damaged in (whole[:-1], whole[:100], whole[:-9] + bytes(9), whole + b"0"):
        begun.write_bytes(damaged)
        with pytest.raises(ModelFileError, match="begun"):
            model.fit(rows, targets)


def test_what_can_not_be_checkpointed(tmp_path):
    path = tmp_path / "c"
    for parameters, message in (
        ({"solver": "lbfgs"}, "'lbfgs' can't be resumed"),
        ({"random_state": None}, "checkpoint needs a random_state"),
        ({"checkpoint": 3}, "'checkpoint' parameter"),
        ({"checkpoint": ""}, "path must be the name of a file"),
    ):
        model, rows, targets = model_of("adam", path, **parameters)
        with pytest.raises(ValueError, match=message):
            model.fit(rows, targets)
    for where in (tmp_path, tmp_path / "no" / "folder"):
        with pytest.raises(OSError):
            model_of("adam", where)[0].fit(rows, targets)
    assert not path.exists()


def test_partial_fit_writes_none(tmp_path):
    model, rows, targets = model_of("adam", tmp_path / "c")
    model.partial_fit(rows, targets, classes=[0, 1, 2])
    assert not (tmp_path / "c").exists()


def test_a_model_with_a_checkpoint_is_cloned_and_saved(tmp_path):
    model, rows, targets = model_of("adam", tmp_path / "c")
    assert clone(model).checkpoint == tmp_path / "c"
    model.fit(rows, targets).save(tmp_path / "model")
    assert chainfit.load(tmp_path / "model").checkpoint == str(tmp_path / "c")
