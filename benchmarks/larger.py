"""Data larger than memory: a Parquet table of many gigabytes, trained in a bounded memory.

Writes --gigabytes (as float32 in memory; the files are smaller) to --folder, fits one epoch by
windows and says what it took; then the same rows of one file, in memory and by windows, in turns.
Each fit is a process of its own, so that its largest resident memory is its own:

    python benchmarks/larger.py --gigabytes 20 --folder /tmp/larger
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

COLUMNS = 50
GROUP = 1 << 18  # rows of a group: 50 MB
ROWS = 20 * GROUP  # of a file: 1 GB


def write(folder, gigabytes, distinct):
    """Write files of 1 GB each, those after the first so many as links; return their bytes."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    folder.mkdir(parents=True, exist_ok=True)
    names = [f"x{i}" for i in range(COLUMNS)]
    weights = np.random.default_rng(0).standard_normal(COLUMNS).astype(np.float32)
    schema = pa.schema([(name, pa.float32()) for name in [*names, "y"]])
    # of so few values that Parquet keeps a byte for each
    levels = np.random.default_rng(1).standard_normal(256).astype(np.float32)
    for number in range(gigabytes):
        path = folder / f"part{number:03}.parquet"
        if path.exists():
            continue
        if number >= distinct:
            path.hardlink_to(folder / f"part{number % distinct:03}.parquet")
            continue
        draws = np.random.default_rng(number)
        with pq.ParquetWriter(path, schema) as out:
            for _ in range(ROWS // GROUP):
                X = levels[draws.integers(0, 256, (GROUP, COLUMNS), np.uint8)]
                columns = [*np.ascontiguousarray(X.T), np.tanh(X @ weights / 4)]
                out.write_table(pa.table(dict(zip([*names, "y"], columns, strict=True)), schema))
    return sum(path.stat().st_size for path in folder.glob("*.parquet"))


def fit(pattern, epochs, *, in_memory, buffer_rows=None):
    """Fit in this process; print what it took as JSON."""
    from chainfit import MLPRegressor, data

    settings = {"hidden_layer_sizes": (128, 128), "batch_size": 1024, "learning_rate_init": 0.001}
    ends = []
    model = MLPRegressor(
        **settings,
        max_iter=epochs,
        n_iter_no_change=epochs + 1,
        random_state=0,
        callbacks=[lambda event: ends.append(time.perf_counter())],
    )
    source = data.Files(pattern, target="y", buffer_rows=buffer_rows)
    begin = time.perf_counter()
    if in_memory:
        import pyarrow as pa

        blocks = [table.drop_columns(["y"]) for table in source._file.blocks()]
        y = np.concatenate([table.column("y").to_numpy() for table in source._file.blocks()])
        table = pa.concat_tables(blocks)
        X = np.empty((len(y), COLUMNS), np.float32)
        for i, name in enumerate(table.column_names):
            X[:, i] = table.column(name).to_numpy()
        del table, blocks
        read = time.perf_counter()
        model.fit(X, y)
    else:
        read = begin
        model.fit(source)
    end = time.perf_counter()
    print(
        json.dumps(
            {
                "rows": model.t_ // epochs,
                "seconds": round(end - begin, 1),
                "epochs": [round(b - a, 2) for a, b in zip([read, *ends], ends, strict=False)],
                "loss": model.loss_,
                "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
                "cpu_seconds": round(sum(os.times()[:2]), 1),
            }
        )
    )


def in_a_process(*arguments):
    command = [sys.executable, "-W", "ignore", __file__, *map(str, arguments)]
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--gigabytes", type=int, default=20)
    parser.add_argument("--distinct", type=int, default=1000, help="files; the others are links")
    parser.add_argument("--folder", type=Path, default=Path("larger"))
    parser.add_argument("--turns", type=int, default=2, help="of the comparison with memory")
    parser.add_argument("--fit", nargs=3, metavar=("PATTERN", "EPOCHS", "HOW"), help="internal")
    args = parser.parse_args()
    if args.fit:
        pattern, epochs, how = args.fit
        buffer_rows = 1 << 19 if how == "windows" else None
        fit(pattern, int(epochs), in_memory=how == "memory", buffer_rows=buffer_rows)
        return
    begin = time.perf_counter()
    size = write(args.folder, args.gigabytes, args.distinct)
    print(f"written in {time.perf_counter() - begin:.0f} s: {size / 1e9:.1f} GB in files")
    print("all by windows:", in_a_process("--fit", args.folder / "*.parquet", 1, "windows"))
    for _ in range(args.turns):
        for how in ("memory", "windows"):
            print(f"{how}:", in_a_process("--fit", args.folder / "part000.parquet", 3, how))


if __name__ == "__main__":
    main()
