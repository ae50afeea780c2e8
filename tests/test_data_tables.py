"""Sources of tables: files and Arrow, for nets on numbers and for tabular estimators."""

import warnings

import numpy as np
import pytest

from chainfit import MLPClassifier, MLPRegressor, TabularClassifier, TabularRegressor, data, load
from chainfit._estimators.checkpoint import Checkpointer

pa = pytest.importorskip("pyarrow")
ds = pytest.importorskip("pyarrow.dataset")
pq = pytest.importorskip("pyarrow.parquet")
csv = pytest.importorskip("pyarrow.csv")

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

ROWS = 1200
rng = np.random.default_rng(3)
NUMBERS = pa.table({"a": rng.standard_normal(ROWS), "b": rng.integers(0, 9, ROWS)})
a, b = (NUMBERS[name].to_numpy() for name in "ab")
TABLE = NUMBERS.append_column(
    "town", pa.array(rng.choice(["Bonn", "Köln", None], ROWS, p=[0.5, 0.4, 0.1]))
)
PRICE = a + 0.3 * b + 0.5 * (np.array(TABLE["town"].to_pylist()) == "Bonn")
LABEL = np.where(PRICE > 1.5, "high", "low")
WEIGHT = np.where(np.arange(ROWS) % 7 == 0, 0.0, 1.5)


def written(folder, table):
    """The same table as every kind of source."""
    pq.write_table(table, folder / "all.parquet", row_group_size=100)
    for i in range(3):
        part = table.slice(i * 400, 400)
        pq.write_table(part, folder / f"part{i}.parquet", row_group_size=90)
        csv.write_csv(part, folder / f"part{i}.csv")
    return {
        "parquet": folder / "all.parquet",
        "several": folder / "part*.parquet",
        "text": folder / "part*.csv",
    }


def sources(folder, table, target, **settings):
    found = {
        name: data.Files(path, target, **settings) for name, path in written(folder, table).items()
    }
    read = ds.dataset([folder / f"part{i}.parquet" for i in range(3)])
    found["dataset"] = data.Batches(read, target, **settings)
    found["batches"] = data.Batches(table.to_batches(max_chunksize=77), target, **settings)
    found["table"] = data.Batches(table, target, **settings)

    def reader():
        return pa.RecordBatchReader.from_batches(table.schema, table.to_batches(max_chunksize=77))

    found["reader"] = data.Batches(reader, target, **settings)
    return found


def bits(model):
    nets = getattr(model, "nets_", (model,))
    return [w.tobytes() for net in nets for w in (*net.coefs_, *net.intercepts_)]


def test_numbers_are_the_fit_in_memory(tmp_path):
    settings = {"max_iter": 4, "random_state": 0, "batch_size": 50}
    X = np.column_stack([a, b])
    table = NUMBERS.append_column("y", pa.array(PRICE)).append_column("w", pa.array(WEIGHT))
    whole = MLPRegressor(**settings).fit(X, PRICE, WEIGHT)
    for name, source in sources(tmp_path, table, "y", sample_weight="w").items():
        assert bits(MLPRegressor(**settings).fit(source)) == bits(whole), name
    frame = NUMBERS.to_pandas()
    with warnings.catch_warnings():
        warnings.filterwarnings("error", message=".*feature names")
        for buffer_rows in (None, 300):
            source = data.Batches(
                table.to_batches(max_chunksize=77), "y", sample_weight="w", buffer_rows=buffer_rows
            )
            model = MLPRegressor(early_stopping=True, **settings).fit(source, X_val=source)
            assert model.feature_names_in_.tolist() == ["a", "b"]
            assert model.predict(frame).shape == (ROWS,)
    table = NUMBERS.append_column("y", pa.array(LABEL))
    whole = MLPClassifier(**settings).fit(X, LABEL)
    for name, source in sources(tmp_path, table, "y").items():
        model = MLPClassifier(**settings).fit(source)
        assert bits(model) == bits(whole), name
        assert model.classes_.tolist() == ["high", "low"]


def test_numbers_by_windows(tmp_path):
    settings = {"max_iter": 40, "random_state": 0, "batch_size": 50, "learning_rate_init": 0.01}
    table = NUMBERS.append_column("y", pa.array(PRICE))
    for name, source in sources(tmp_path, table, "y", buffer_rows=300).items():
        model = MLPRegressor(**settings).fit(source)
        assert model.score(NUMBERS.to_pandas(), PRICE) > 0.9, name


SMALL = {"max_iter": 6, "random_state": 0, "hidden_layer_sizes": (8,), "n_nets": 2}


@pytest.mark.parametrize("weighted", [False, True])
def test_tables_in_one_window_are_the_fit_in_memory(tmp_path, weighted):
    extra = {"sample_weight": "w"} if weighted else {}
    weight = WEIGHT if weighted else None
    for cls, y in ((TabularRegressor, PRICE), (TabularClassifier, LABEL)):
        whole = cls(**SMALL).fit(TABLE, y, weight)
        table = TABLE.append_column("y", pa.array(y))
        table = table.append_column("w", pa.array(WEIGHT)) if weighted else table
        for name, source in sources(tmp_path, table, "y", **extra).items():
            if name != "text":  # where types are those that text is read as
                model = cls(**SMALL).fit(source)
                assert bits(model) == bits(whole), name
                assert model.temperature_ == whole.temperature_
                assert model.n_rows_ == whole.n_rows_


@pytest.mark.parametrize("cls, y", [(TabularRegressor, PRICE), (TabularClassifier, LABEL)])
def test_tables_by_windows(tmp_path, cls, y):
    settings = {**SMALL, "max_iter": 12, "learning_rate_init": 0.01, "batch_size": 50}
    table = TABLE.append_column("y", pa.array(y))
    whole = cls(**settings).fit(TABLE, y).score(TABLE, y)
    for name, source in sources(tmp_path, table, "y", buffer_rows=300).items():
        if name == "table":
            continue  # of a single batch
        model = cls(**settings).fit(source)
        assert model.score(TABLE, y) > whole - 0.1, name
        assert model.n_rows_ == ROWS
        assert model.feature_names_in_.tolist() == ["a", "b", "town"]
        if cls is TabularRegressor:
            assert model.target_range_ == (PRICE.min(), PRICE.max())
        assert bits(cls(**settings).fit(source)) == bits(model)
        model.save(tmp_path / "model")
        assert np.array_equal(load(tmp_path / "model").predict(TABLE), model.predict(TABLE))


def test_rows_of_no_weight_are_left_out_of_windows(tmp_path):
    table = TABLE.append_column("y", pa.array(PRICE)).append_column("w", pa.array(WEIGHT))
    source = sources(tmp_path, table, "y", sample_weight="w", buffer_rows=300)["parquet"]
    assert TabularRegressor(**SMALL).fit(source).n_rows_ == np.count_nonzero(WEIGHT)


def test_rows_to_validate_on(tmp_path):
    table = TABLE.append_column("y", pa.array(LABEL))
    source = sources(tmp_path, table, "y", buffer_rows=300)["parquet"]
    first = TabularClassifier(**SMALL).fit(source, X_val=TABLE[:200], y_val=LABEL[:200])
    own = data.Batches(table[:200].to_batches(max_chunksize=30), "y")
    second = TabularClassifier(**SMALL).fit(source, X_val=own)
    assert bits(first) == bits(second)
    assert first.temperature_ == second.temperature_


def test_a_checkpoint_goes_on(tmp_path, monkeypatch):
    table = TABLE.append_column("y", pa.array(LABEL))
    source = sources(tmp_path, table, "y", buffer_rows=300)["parquet"]
    settings = {**SMALL, "learning_rate": "constant"}
    whole = TabularClassifier(**settings).fit(source)
    settings["checkpoint"] = tmp_path / "state"
    TabularClassifier(**{**settings, "max_iter": 3}).fit(source)
    assert bits(TabularClassifier(**settings).fit(source)) == bits(whole)
    settings |= {"checkpoint": tmp_path / "windows", "checkpoint_interval": "0s"}
    written, left = Checkpointer.window, [9]

    def crash(self, rows):
        written(self, rows)
        left[0] -= 1
        if left[0] == 0:
            raise RuntimeError("crash")

    with monkeypatch.context() as patch, pytest.raises(RuntimeError, match="crash"):
        patch.setattr(Checkpointer, "window", crash)
        TabularClassifier(**settings).fit(source)
    assert bits(TabularClassifier(**settings).fit(source)) == bits(whole)
    other = TABLE.append_column("y", pa.array(LABEL[::-1]))
    other = data.Batches(other.to_batches(max_chunksize=100), "y", buffer_rows=300)
    with pytest.raises(ValueError, match="of another fit"):
        TabularClassifier(**settings).fit(other)


def test_columns_that_folders_stand_for(tmp_path):
    ds.write_dataset(
        NUMBERS.append_column("y", pa.array(PRICE)),
        tmp_path,
        format="parquet",
        partitioning=["b"],
        partitioning_flavor="hive",
    )
    dataset = ds.dataset(tmp_path, partitioning="hive")
    model = MLPRegressor(max_iter=2).fit(data.Batches(dataset, "y", buffer_rows=300))
    assert model.feature_names_in_.tolist() == ["a", "b"]
    assert model.t_ == 2 * ROWS


def test_what_exports_an_arrow_stream():
    frame = NUMBERS.to_pandas().assign(y=PRICE)
    relation = pytest.importorskip("duckdb").from_arrow(pa.Table.from_pandas(frame))
    settings = {"max_iter": 2, "random_state": 0}
    whole = MLPRegressor(**settings).fit(np.column_stack([a, b]), PRICE)
    for given in (frame, relation):
        for buffer_rows in (None, 300):
            model = MLPRegressor(**settings, shuffle=buffer_rows is None)
            model.fit(data.Batches(given, "y", buffer_rows=buffer_rows))
            assert bits(model) == bits(whole) or buffer_rows
            assert model.t_ == 2 * ROWS


# --- what is learned from a sample ---------------------------------------------------------------


def test_the_sample_is_even_and_knows_no_blocks():
    from chainfit._tables.streaming import Sample

    rows = np.arange(20_000)
    table = pa.table({"x": rows})
    drawn = []
    for size in (70, 999, 20_000):
        sample = Sample(2000)
        for start in range(0, 20_000, size):
            part = rows[start : start + size]
            sample.add((table[start : start + size], part), len(part))
        found, y = sample.rows()
        assert found["x"].to_pylist() == y.tolist() == sorted(set(y.tolist()))
        drawn.append(y.tolist())
    assert drawn[0] == drawn[1] == drawn[2]
    assert len(y) == 2000
    # of each half, quarter ... as many as of an even draw: 6 standard deviations
    for part in range(8):
        share = np.mean(y // 2500 == part)
        assert abs(share - 1 / 8) < 6 * np.sqrt(1 / 8 * 7 / 8 / 2000)


def test_quantiles_are_as_near_as_the_docs_say():
    """All edges of bins within the distance that one fit of a million has in its largest share."""
    rows, size = 200_000, 20_000
    values = np.random.default_rng(0).lognormal(size=rows)
    table = pa.table({"x": values, "y": values})
    source = data.Batches(table.to_batches(max_chunksize=9000), "y", buffer_rows=size)
    settings = {**SMALL, "preset": "fast", "n_nets": 1, "max_iter": 1}
    edges = np.array(TabularRegressor(**settings).fit(source).encoding_.columns[0].edges)
    shares = np.searchsorted(np.sort(values), edges[1:-1]) / rows
    bound = np.sqrt(np.log(2 / 1e-6) / (2 * size))
    assert np.abs(shares - np.arange(1, 16) / 16).max() < bound < 0.02


def test_levels_that_the_sample_has_not_are_none():
    towns = np.array(["Bonn"] * 3000, dtype=object)
    towns[::1000] = "Ulm"
    table = pa.table({"town": towns.tolist(), "x": np.arange(3000), "y": np.arange(3000.0)})
    source = data.Batches(table.to_batches(max_chunksize=100), "y", buffer_rows=100)
    model = TabularRegressor(**SMALL).fit(source)
    assert np.isfinite(model.predict(table.select(["town", "x"]))).all()


# --- what is refused -----------------------------------------------------------------------------


def test_what_is_no_source_of_tables(tmp_path):
    table = TABLE.append_column("y", pa.array(PRICE))
    paths = written(tmp_path, table)
    with pytest.raises(ValueError, match="no column 'z'; the table has 'a', 'b', 'town', 'y'"):
        data.Files(paths["parquet"], "z")
    with pytest.raises(ValueError, match="the same column, 'y'"):
        data.Files(paths["text"], "y", sample_weight="y")
    with pytest.raises(ValueError, match="no column 'w'"):
        data.Files(paths["text"], "y", sample_weight="w")
    with pytest.raises(FileNotFoundError):
        data.Files(tmp_path / "none.parquet", "y")
    with pytest.raises(TypeError, match="gives its rows only once"):
        data.Batches(pa.RecordBatchReader.from_batches(table.schema, table.to_batches()), "y")
    with pytest.raises(TypeError, match="iterable or callable"):
        data.Batches(3, "y")
    with pytest.raises(ValueError, match="block 0: column 'town' does not hold numbers"):
        MLPRegressor().fit(data.Files(paths["parquet"], "y"))
    with pytest.raises(ValueError, match="no rows"):
        TabularRegressor().fit(data.Batches(table[:0].to_batches(), "y"))
    with pytest.raises(ValueError, match="only one"):
        TabularRegressor(**SMALL).fit(data.Batches(table, "y", buffer_rows=100))
    with pytest.raises(ValueError, match="lbfgs"):
        TabularRegressor(solver="lbfgs").fit(data.Files(paths["parquet"], "y", buffer_rows=100))
    with pytest.raises(ValueError, match="must be None"):
        TabularRegressor().fit(data.Files(paths["parquet"], "y"), PRICE)


def test_a_block_with_another_column_or_no_target():
    table = TABLE.append_column("y", pa.array(PRICE))
    other = table[:100].rename_columns(["a", "c", "town", "y"])
    lacking = table.set_column(3, "y", pa.array([None, *PRICE[1:]]))
    for batches, why in (([table, other], "block 1: its columns"), ([table, lacking], "block 1: ")):
        with pytest.raises(ValueError, match=why):
            TabularRegressor(**SMALL).fit(data.Batches(batches, "y"))


# --- the command line ----------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["parquet", "several", "text"])
@pytest.mark.parametrize("target", [PRICE, LABEL])
def test_the_command_line_trains_by_windows(tmp_path, capsys, monkeypatch, kind, target):
    from chainfit._cli.main import main

    monkeypatch.chdir(tmp_path)
    path = written(tmp_path, TABLE.append_column("y", pa.array(target)))[kind]
    options = ["--target", "y", "--model", "m.safetensors", "--preset", "fast", "--max-iter", "8"]
    for buffer_rows in (1000, 2000):
        given = [*options, "--buffer-rows", str(buffer_rows), "--batch-size", "50"]
        assert main(["train", str(path), *given]) == 0
        said = " ".join(capsys.readouterr().out.split())
        assert "1,200 rows, 4 columns" in said
        assert ("looked at 1,000 rows" in said) == (buffer_rows == 1000)
        assert "on 200 rows held out" in said or "on 240 rows held out" in said
        model = load("m.safetensors")
        assert model.n_rows_ == (1000 if buffer_rows == 1000 else 960)
        assert model.score(TABLE, target) > 0.6
    one = next(tmp_path.glob("part0.csv"))
    assert main(["predict", "m.safetensors", str(one), "--out", "out.csv"]) == 0
