"""Sources as the X of predict: the bits of the rows in memory; and from files to a file."""

import os
import warnings

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from in_blocks import SETTINGS, TARGETS, X, kinds, labels, y

from chainfit import MLPClassifier, MLPRegressor, TabularClassifier, TabularRegressor, data
from chainfit._cli.main import main

pa = pytest.importorskip("pyarrow")

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

FRAME = pd.DataFrame(X, columns=["a", "b", "c", "d"])
TOWNS = np.array(["Bonn", "Rome", None])[np.arange(500) % 3]
TABLE = FRAME[["a", "b"]].assign(town=TOWNS)


def same(ours, theirs):
    if isinstance(ours, list):
        return all(map(same, ours, theirs))
    return ours.dtype == theirs.dtype and np.array_equal(ours, theirs)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("sparse", [False, True])
def test_predictions_are_those_of_memory(dtype, sparse):
    inputs = X.astype(dtype)
    inputs = sp.csr_matrix(inputs) if sparse else inputs
    model = MLPRegressor(**SETTINGS).fit(inputs, np.c_[y, -y])
    for source in kinds(inputs, y).values():
        assert same(model.predict(source), model.predict(inputs))
    assert same(model.predict(data.Arrays(inputs, block_rows=70)), model.predict(inputs))


@pytest.mark.parametrize("name", TARGETS)
def test_classes_and_probabilities_are_those_of_memory(name):
    model = MLPClassifier(**SETTINGS).fit(X, TARGETS[name])
    source = data.Chunks([(X[:0], None), (X[:300], None), (X[300:], None)])
    for method in ("predict", "predict_proba", "predict_log_proba", "decision_function"):
        assert same(getattr(model, method)(source), getattr(model, method)(X))
    assert model.score(source, TARGETS[name]) == model.score(X, TARGETS[name])


def test_standard_deviations_are_those_of_memory():
    model = MLPRegressor("gaussian_nll", **SETTINGS).fit(X, y)
    source = data.Arrays(X, block_rows=70)
    for ours, theirs in zip(
        model.predict(source, return_std=True), model.predict(X, return_std=True), strict=True
    ):
        assert same(ours, theirs)


def in_files(folder, frame):
    frame.to_parquet(folder / "all.parquet", row_group_size=90)
    for i in range(2):
        part = frame[i * 250 : i * 250 + 250]
        part[part.columns[:: 1 - 2 * i]].to_csv(folder / f"part{i}.csv", index=False)
    return [folder / "all.parquet", folder / "part*.csv"]


def test_features_are_found_by_their_names(tmp_path):
    model = MLPRegressor(**SETTINGS).fit(FRAME, y)
    others = FRAME[["d", "b", "a", "c"]].assign(y=y, note="none")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for path in in_files(tmp_path, others):
            for target in (None, "y"):
                assert same(model.predict(data.Files(path, target)), model.predict(FRAME))
        batches = pa.Table.from_pandas(others).to_batches(max_chunksize=90)
        assert same(model.predict(data.Batches(batches)), model.predict(FRAME))
        assert same(model.predict(data.Arrays(FRAME, block_rows=90)), model.predict(FRAME))
    with pytest.raises(
        ValueError, match=r"block 0: There is no column 'b'; the table has 'd', 'a'"
    ):
        model.predict(data.Batches(pa.Table.from_pandas(others.drop(columns="b"))))
    with pytest.raises(ValueError, match="feature names should match"):
        model.predict(data.Arrays(FRAME[["d", "b", "a", "c"]]))


def test_what_cannot_be_predicted():
    model = MLPRegressor(**SETTINGS).fit(X, y)
    bad = X[:50].copy()
    bad[3, 1] = np.nan
    for chunks, why in (
        ([], "no rows"),
        ([(X[:0], None)], "no rows"),
        ([(X, None), (bad, None)], "block 1: Input X contains NaN"),
        ([(X, None), (X[:, :2], None)], "block 1: X has 2 features"),
    ):
        with pytest.raises(ValueError, match=why):
            model.predict(data.Chunks(chunks))
    with pytest.raises(ValueError, match="requires y to be passed"):
        MLPRegressor().fit(data.Arrays(X))
    with pytest.raises(ValueError, match="no target"):
        TabularRegressor().fit(data.Chunks([(TABLE, None)]))


# --- tables --------------------------------------------------------------------------------------

SMALL = {"preset": "fast", "max_iter": 4, "random_state": 0}


def test_tables_are_predicted_as_in_memory(tmp_path):
    classes = TabularClassifier(**SMALL).fit(TABLE, labels)
    numbers = TabularRegressor("fast", loss="gaussian_nll", max_iter=4, random_state=0)
    numbers.fit(TABLE, y)
    for path in in_files(tmp_path, TABLE.assign(y=y)):
        source = data.Files(path)
        assert same(classes.predict(source), classes.predict(TABLE))
        assert same(classes.predict_proba(source), classes.predict_proba(TABLE))
        for ours, theirs in zip(
            numbers.predict(source, return_std=True),
            numbers.predict(TABLE, return_std=True),
            strict=True,
        ):
            assert same(ours, theirs)
    source = data.Chunks([(TABLE[:100], None), (TABLE[100:100], None), (TABLE[100:], None)])
    assert same(classes.predict(source), classes.predict(TABLE))
    with pytest.raises(ValueError, match="no rows"):
        classes.predict(data.Chunks([]))
    with pytest.raises(ValueError, match="town"):
        classes.predict(data.Chunks([(TABLE[["a", "b"]], None)]))


def test_what_was_not_read_is_told_once():
    model = TabularClassifier(**SMALL).fit(TABLE, labels)
    other = TABLE.assign(town="Ulm")
    with pytest.warns(UserWarning, match="not seen in training") as caught:
        model.predict(data.Arrays(other, block_rows=90))
    assert len(caught) == 1
    assert "500" in str(caught[0].message)


# --- from files to a file ------------------------------------------------------------------------


@pytest.mark.parametrize("proba", [False, True])
def test_files_are_predicted_to_a_file(tmp_path, proba, capsys):
    classes = TabularClassifier(**SMALL).fit(TABLE, labels)
    classes.save(tmp_path / "model")
    added = [*(f"proba_{label}" for label in classes.classes_)] if proba else []
    for path in in_files(tmp_path, TABLE):
        data.predict_file(classes, path, tmp_path / "out.csv", proba=proba)
        written = pd.read_csv(tmp_path / "out.csv")
        assert written.columns.tolist() == [*TABLE.columns, *added, "prediction"]
        assert written["prediction"].tolist() == classes.predict(TABLE).tolist()
        assert np.array_equal(
            written[added].to_numpy(), classes.predict_proba(TABLE)[:, : len(added)]
        )
        options = ["--proba"] if proba else []
        command = [
            "predict",
            str(tmp_path / "model"),
            str(path),
            "--out",
            str(tmp_path / "cli.csv"),
        ]
        assert main([*command, *options]) == 0
        assert (tmp_path / "cli.csv").read_bytes() == (tmp_path / "out.csv").read_bytes()


def test_numbers_in_files_are_predicted_by_plain_nets(tmp_path):
    path = in_files(tmp_path, FRAME)[1]
    out = tmp_path / "out.csv"
    settings = {**SETTINGS, "precision": "float64"}
    for inputs in (X, FRAME):
        net = MLPRegressor(**settings).fit(inputs, np.c_[y, -y])
        if inputs is FRAME:
            data.predict_file(net, path, out)
            written = pd.read_csv(out)
            assert written.columns.tolist() == [*FRAME, "prediction_0", "prediction_1"]
            assert np.array_equal(written.to_numpy()[:, 4:], net.predict(FRAME))
    net = MLPClassifier(**settings).fit(X, TARGETS["multilabel"])
    data.predict_file(net, tmp_path / "all.parquet", out, proba=True)
    written = pd.read_csv(out).to_numpy()[:, 4:]
    assert np.array_equal(written, np.c_[net.predict_proba(X), net.predict(X)])
    net = MLPRegressor("quantile", quantile=(0.1, 0.9), **settings).fit(X, y)
    data.predict_file(net, tmp_path / "all.parquet", out)
    assert pd.read_csv(out).columns.tolist()[4:] == ["prediction_0.1", "prediction_0.9"]


def test_a_file_that_cannot_be_predicted_leaves_none(tmp_path):
    from sklearn.exceptions import NotFittedError

    parquet, text = in_files(tmp_path, TABLE)
    out = tmp_path / "out.csv"
    classes = TabularClassifier(**SMALL).fit(TABLE, labels)
    numbers = TabularRegressor(**SMALL).fit(TABLE, y)
    several = MLPClassifier(**SETTINGS).fit(X, TARGETS["several"])
    lacking = tmp_path / "lacking.csv"
    TABLE[["a"]].to_csv(lacking, index=False)
    for model, path, settings, error, why in (
        (TabularClassifier(), text, {}, NotFittedError, "not fitted"),
        (numbers, text, {"proba": True}, ValueError, "no probabilities"),
        (several, text, {"proba": True}, ValueError, "one classification"),
        (classes, lacking, {}, ValueError, "'b'"),
        (MLPRegressor(**SETTINGS).fit(FRAME, y), text, {}, ValueError, "no column 'c'"),
        (several, parquet, {}, ValueError, "column 'town' does not hold numbers"),
        (classes, tmp_path / "none.csv", {}, FileNotFoundError, "none.csv"),
    ):
        with pytest.raises(error, match=why):
            data.predict_file(model, path, out, **settings)
        assert not out.exists()
    with pytest.raises(ValueError, match="is read; choose another"):
        data.predict_file(classes, text, tmp_path / "part0.csv")
    for name in ("out.parquet", "out.csv.gz", b"out.PQ"):
        name = tmp_path / name if isinstance(name, str) else bytes(tmp_path / "a") + name
        with pytest.raises(ValueError, match=r"written as text, which no \.(parquet|gz|pq) file"):
            data.predict_file(classes, text, name)
        assert not os.path.exists(name)
