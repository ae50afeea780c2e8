"""Tables in files that are unlike each other, or no longer what they were."""

import os

import numpy as np
import pandas as pd
import pytest

from chainfit import MLPRegressor, TabularClassifier, TabularRegressor, data

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
rng = np.random.default_rng(0)
TABLE = pd.DataFrame({"a": rng.standard_normal(400), "b": rng.integers(0, 9, 400)})
TABLE["y"] = TABLE["a"] + 0.3 * TABLE["b"]
NETS = {"n_nets": 2, "max_iter": 2, "random_state": 0}
MODELS = {
    "net": MLPRegressor(hidden_layer_sizes=(4,), max_iter=2, batch_size=16, random_state=0),
    "nets": TabularRegressor(**NETS),
}


def write(table, path):
    if path.suffix == ".csv":
        table.to_csv(path, index=False)
    else:
        table.to_parquet(path, row_group_size=50, index=False)


CHANGES = {
    "fewer rows": lambda path: write(TABLE[:300], path),
    "more rows": lambda path: write(pd.concat([TABLE, TABLE]), path),
    "other names": lambda path: write(TABLE.rename(columns={"a": "c"}), path),
    "another order": lambda path: write(TABLE[["y", "b", "a"]], path),
    "cut off": lambda path: os.truncate(path, path.stat().st_size // 2),
    "gone": os.remove,
}


@pytest.mark.parametrize("kind", ["csv", "parquet"])
@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("change", CHANGES)
def test_files_that_change_between_passes(change, model, kind, tmp_path):
    path = tmp_path / f"rows.{kind}"
    write(TABLE, path)
    os.utime(path, (1e9, 1e9))  # clocks of files are coarse
    source = data.Files(path, "y", buffer_rows=100)
    passes, given = [], source.blocks

    def blocks(numbers=None):
        passes.append(1)
        if len(passes) == 2:
            CHANGES[change](path)
        return given(numbers)

    source.blocks = blocks
    error, why = ValueError, "rows.*has changed since the source was made"
    if change == "gone":
        error, why = FileNotFoundError, "rows"
    with pytest.raises(error, match=why):
        MODELS[model].fit(source)


def test_a_dataset_whose_files_change(tmp_path):
    dataset = pytest.importorskip("pyarrow.dataset").dataset
    write(TABLE, tmp_path / "rows.parquet")
    os.utime(tmp_path / "rows.parquet", (1e9, 1e9))
    source = data.Batches(dataset(tmp_path / "rows.parquet"), "y", buffer_rows=100)
    MODELS["net"].fit(source)
    CHANGES["another order"](tmp_path / "rows.parquet")
    with pytest.raises(ValueError, match=r"rows\.parquet: has changed since the source was made"):
        MODELS["net"].fit(source)


@pytest.mark.parametrize("buffer_rows", [100, None])
@pytest.mark.parametrize("model", MODELS)
def test_files_without_rows(model, buffer_rows, tmp_path):
    for number, rows in enumerate([0, 400, 0]):
        write(TABLE[:rows], tmp_path / f"{number}.parquet")
    source = data.Files(tmp_path / "*.parquet", "y", buffer_rows=buffer_rows)
    only = data.Files(tmp_path / "1.parquet", "y", buffer_rows=buffer_rows)
    first, second = (MODELS[model].fit(one).predict(TABLE[["a", "b"]]) for one in (source, only))
    assert np.array_equal(first, second) or buffer_rows  # else blocks have other numbers
    with pytest.raises(ValueError, match=r"The source has no rows"):
        MODELS[model].fit(data.Files(tmp_path / "0.parquet", "y"))


@pytest.mark.parametrize("classes", [False, True])
def test_chunks_without_rows_of_tables_and_arrays(classes):
    target = (TABLE["y"] > 1).to_numpy() if classes else TABLE["y"].to_numpy()
    cls = TabularClassifier if classes else TabularRegressor
    for X in (TABLE[["a", "b"]], TABLE[["a", "b"]].to_numpy()):
        parts = [slice(0, 0), slice(0, 200), slice(0, 0), slice(200, 400)]
        source = data.Chunks([(X[part], target[part]) for part in parts], buffer_rows=100)
        assert cls(**NETS).fit(source).n_rows_ == 400


@pytest.mark.parametrize("buffer_rows", [100, None])
def test_columns_of_other_types_are_named(buffer_rows, tmp_path):
    write(TABLE[:200], tmp_path / "1.parquet")
    write(TABLE[200:].assign(b=TABLE["b"].astype(str)), tmp_path / "2.parquet")
    source = data.Files(tmp_path / "*.parquet", "y", buffer_rows=buffer_rows)
    with pytest.raises(ValueError, match=r"block 4: its columns do not go .* Field b has incomp"):
        TabularRegressor(**NETS).fit(source)
    write(TABLE[200:].assign(b=TABLE["b"].astype("float32")), tmp_path / "2.parquet")
    source = data.Files(tmp_path / "*.parquet", "y", buffer_rows=buffer_rows)
    assert TabularRegressor(**NETS).fit(source).n_rows_ == 400


def test_weights_of_tables_are_there_or_not():
    parts = [(TABLE[["a"]], TABLE["y"]), (TABLE[["a"]], TABLE["y"], np.ones(400))]
    for listed in (parts, parts[::-1]):
        with pytest.raises(ValueError, match="block 1: sample_weight must be there in all blocks"):
            TabularRegressor(**NETS).fit(data.Chunks(listed))


def test_windows_of_few_rows_of_text_have_blocks_to_hold_out(tmp_path):
    write(TABLE, tmp_path / "rows.csv")
    source = data.Files(tmp_path / "rows.csv", "y", buffer_rows=100)
    assert [len(y) for _, y, _ in source.blocks()] == [100] * 4
    model = MLPRegressor(early_stopping=True, max_iter=2, batch_size=16).fit(source)
    assert len(model.validation_scores_) == 2


def test_tables_in_columns_that_are_filled_anew():
    class Refilled(data.Source):
        def blocks(self, numbers=None):
            table = {"a": np.empty(100), "b": np.empty(100)}
            targets, weights = np.empty(100, dtype="U4"), np.empty(100)
            for start in range(0, 400, 100):
                rows = TABLE[start : start + 100]
                table["a"][:], table["b"][:] = rows["a"], rows["b"]
                targets[:], weights[:] = np.where(rows["y"] > 1, "high", "low"), rows["b"] + 1
                yield table, targets, weights

    given = TABLE[["a", "b"]].astype(float), np.where(TABLE["y"] > 1, "high", "low")
    whole = TabularClassifier(**NETS).fit(*given, TABLE["b"] + 1)
    model = TabularClassifier(**NETS).fit(Refilled())
    assert np.array_equal(model.predict_proba(given[0]), whole.predict_proba(given[0]))
