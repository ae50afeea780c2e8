"""Files of tabular estimators: the same bits when loaded; those of 0.1.0's TableModel go on."""

import pickle
import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from old_tables import ODD, rows
from sklearn.base import clone
from sklearn.exceptions import NotFittedError

import chainfit
from chainfit import TabularClassifier, TabularRegressor
from chainfit._tables.cells.target import Target
from chainfit._tables.files.dialect import Dialect

OLD = Path(__file__).with_name("files")
SMALL = {"n_nets": 2, "hidden_layer_sizes": (4,), "max_iter": 3, "random_state": 0}
FRAME = rows(120, 3).drop(columns=["price", "grade"])
PRICE, GRADE = rows(120, 3)["price"].to_numpy(), rows(120, 3)["grade"].to_numpy()
TEXT = FRAME.assign(at="10:30", price="1.234,5 €").astype(str)

KINDS = {
    "classifier": lambda: TabularClassifier(**SMALL).fit(FRAME, GRADE),
    "words": lambda: TabularClassifier(**SMALL).fit(FRAME, np.where(GRADE > 3, "007", "None")),
    "three classes": lambda: TabularClassifier(**SMALL).fit(FRAME, GRADE + (PRICE > 90)),
    "booleans": lambda: TabularClassifier(**SMALL).fit(FRAME, GRADE > 3),
    "float64": lambda: TabularClassifier(**SMALL, precision="float64").fit(FRAME, GRADE),
    "regressor": lambda: TabularRegressor(**SMALL).fit(FRAME, PRICE),
    "quantiles": lambda: TabularRegressor(**SMALL, loss="quantile", quantile=(0.1, 0.9)).fit(
        FRAME, PRICE
    ),
    "mean and variance": lambda: TabularRegressor(**SMALL, loss="gaussian_nll").fit(FRAME, PRICE),
    "gamma": lambda: TabularRegressor(**SMALL, loss="gamma").fit(FRAME, PRICE),
    "lbfgs": lambda: TabularRegressor(**SMALL, solver="lbfgs").fit(FRAME, PRICE),
    "text": lambda: TabularRegressor(
        **SMALL, na_values=["None"], drop=["id"], date_format="%Y-%m-%d", decimal=",", thousands="."
    ).fit(TEXT, PRICE),
    "array": lambda: TabularRegressor(**SMALL).fit(FRAME[["count"]].to_numpy(), PRICE),
}


@pytest.fixture(autouse=True)
def _quiet():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


@pytest.mark.parametrize("kind", KINDS)
def test_a_loaded_model_is_whole(kind, tmp_path):
    model = KINDS[kind]()
    model.save(tmp_path / "m")
    loaded = chainfit.load(tmp_path / "m")
    assert type(loaded) is type(model)
    table = {"text": TEXT, "array": FRAME[["count"]].to_numpy()}.get(kind, FRAME)
    assert_array_equal(loaded.predict(table), model.predict(table))
    if hasattr(model, "classes_"):
        assert_array_equal(loaded.predict_proba(table), model.predict_proba(table))
        assert loaded.classes_.dtype == model.classes_.dtype
    parameters = {name: value for name, value in model.get_params().items()}
    assert loaded.get_params() == parameters
    for name in ("schema_", "encoding_", "n_rows_", "temperature_", "n_iter_", "n_features_in_"):
        assert getattr(loaded, name) == getattr(model, name), name
    assert vars(loaded).keys() == vars(model).keys()
    loaded.save(tmp_path / "again")
    assert (tmp_path / "m").read_bytes() == (tmp_path / "again").read_bytes()


def test_a_loaded_model_is_fitted_again_to_the_same_bits(tmp_path):
    model = TabularClassifier(**{**SMALL, "random_state": np.random.RandomState(5)})
    model.fit(FRAME, GRADE).save(tmp_path / "m")
    loaded = chainfit.load(tmp_path / "m")
    assert_array_equal(
        model.fit(FRAME, GRADE).predict_proba(FRAME), loaded.fit(FRAME, GRADE).predict_proba(FRAME)
    )


def test_the_same_bits_in_a_new_process_and_from_a_pickle(tmp_path):
    model = KINDS["words"]()
    model.save(tmp_path / "m")
    FRAME.to_parquet(tmp_path / "frame")
    code = (
        "import sys, pyarrow.parquet, chainfit\n"
        "model = chainfit.load(sys.argv[1])\n"
        "out = model.predict_proba(pyarrow.parquet.read_table(sys.argv[2]))\n"
        "sys.stdout.write(out.tobytes().hex())"
    )
    command = [sys.executable, "-W", "ignore", "-c", code, str(tmp_path / "m")]
    run = subprocess.run([*command, tmp_path / "frame"], capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    assert run.stdout == model.predict_proba(FRAME).tobytes().hex()
    twin = pickle.loads(pickle.dumps(model))
    assert_array_equal(twin.predict_proba(FRAME), model.predict_proba(FRAME))


def test_what_the_command_line_knows_is_kept(tmp_path):
    model = KINDS["words"]()
    model.target_ = Target("grade", "classification", ("007", "None"), notes=("because",))
    model.dialect_ = Dialect(delimiter=";", encoding="cp1252", row_names=True)
    model.save(tmp_path / "m")
    loaded = chainfit.load(tmp_path / "m")
    assert (loaded.target_, loaded.dialect_) == (model.target_, model.dialect_)


def test_what_cannot_be_saved(tmp_path):
    with pytest.raises(NotFittedError):
        TabularClassifier().save(tmp_path / "m")

    class Mine(TabularClassifier):
        pass

    with pytest.raises(TypeError, match=r"can save its own \w+, which `load` gives back"):
        Mine(**SMALL).fit(FRAME, GRADE).save(tmp_path / "m")
    model = KINDS["classifier"]()
    model.temperature_ = 0.0
    with pytest.raises(chainfit.ModelFileError, match="cannot save this TabularClassifier: "):
        model.save(tmp_path / "m")
    assert not list(tmp_path.iterdir())


# -- 0.1.0


def old_models():
    """Return the classifier as a file and a pickle hold it, and the regressor."""
    pickled = Path(__file__).with_name("pickles") / "table_classes.pickle"
    return [
        chainfit.load(OLD / "table_classes.safetensors"),
        pickle.loads(pickled.read_bytes()),
        chainfit.load(OLD / "table_numbers.safetensors"),
    ]


def test_models_of_0_1_0_predict_what_they_did():
    *classifiers, regressor = old_models()
    # of a level that it has no feature for it does not matter which one it is
    unknown = rows(6, 1).replace({"colour": {"None": "violet"}})
    for model in classifiers:
        assert type(model) is TabularClassifier and model.classes_.tolist() == [3, 8]
        found = model.predict_proba(unknown)[:, 1]
        assert_allclose(found, [0.9798314, 0.9789364, *[0.2507046] * 4], rtol=1e-6)
        found = model.predict_proba(ODD)[:, 1]
        assert_allclose(found, [0.2507046, 0.5478364, 0.960888, 1.0, 0.9639091], rtol=1e-6)
        assert model.predict(ODD).tolist() == [3, 8, 8, 8, 8]
    assert type(regressor) is TabularRegressor
    found = regressor.predict(rows(6, 1))
    assert_allclose(found, [66.6022, 88.503, 27.6784, 42.2111, 28.2336, 26.3019], rtol=2e-6)
    found = regressor.predict(ODD)
    assert_allclose(found, [36.4721, 60.578, 63.4181, 1529.7798, 6.178], rtol=1e-5)


def test_models_of_0_1_0_are_as_their_nets_were_trained():
    for model in old_models():
        parameters = model.get_params()
        assert parameters["hidden_layer_sizes"] == (3,) and parameters["max_iter"] == 30
        assert parameters["alpha"] == 0.3 and parameters["batch_size"] == 32
        assert (parameters["n_nets"], parameters["n_bins"], parameters["random_state"]) == (1, 0, 0)
        assert model.target_.name in ("price", "grade") and model.n_rows_ == 80
        assert any("distinct" in note for note in model.target_.notes)
        table = rows(80, 0).drop(columns=["price", "grade"])
        again = clone(model).fit(table, rows(80, 0)[model.target_.name])
        assert again.score(table, rows(80, 0)[model.target_.name]) > 0.75


def test_models_of_0_1_0_are_saved_as_what_they_are_now(tmp_path):
    for model in old_models():
        model.save(tmp_path / "m")
        loaded = chainfit.load(tmp_path / "m")
        assert_array_equal(loaded.predict(ODD), model.predict(ODD))
        loaded.save(tmp_path / "again")
        assert (tmp_path / "m").read_bytes() == (tmp_path / "again").read_bytes()


def test_what_0_1_0_pickled_unfitted():
    from chainfit._tables.table_model import TableModel

    for task, cls in (("auto", TabularClassifier), ("regression", TabularRegressor)):
        model = TableModel.__new__(TableModel)
        model.__setstate__({"task": task, "max_levels": 7, "parameters": {"alpha": 0.5}})
        assert type(model) is cls and (model.alpha, model.max_levels) == (0.5, 7)
