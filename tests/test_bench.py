"""``chainfit bench`` and the repository's own benchmarks: what they count and report.

No test looks at a time.
"""

import importlib.util
import io
import json
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

import chainfit
from chainfit._bench import bench
from chainfit._bench.workloads import WORKLOADS, encode, estimator_settings, make_data

ROOT = Path(__file__).parents[1]
SHORT = 1e-4  # seconds of a round


@pytest.mark.parametrize("workload", WORKLOADS, ids=lambda workload: workload.name)
def test_workload(workload):
    X, y = make_data(workload)
    Y = encode(workload, y)
    assert X.shape == (workload.rows, workload.units[0])
    assert X.dtype == Y.dtype == np.float32
    assert Y.shape == (workload.rows, workload.units[-1])
    assert workload.rows % workload.batch_size == 0
    assert workload.steps * workload.batch_size == workload.rows
    assert estimator_settings(workload, 3)["shuffle"] == (workload.steps > 1)
    products = [2 * workload.batch_size * n * m for n, m in pairwise(workload.units)]
    assert workload.flop == 3 * sum(products) - products[0]


def test_the_short_table(monkeypatch):
    """chainfit bench, on the first workload alone."""
    monkeypatch.setattr(bench, "SHORT", WORKLOADS[:1])
    out = io.StringIO()
    assert bench.run(quick=True, out=out) == 0
    head, kernels, training = out.getvalue().split("\n\n")
    assert head.startswith(f"chainfit {chainfit.__version__}, ")
    assert [line.split("  ")[0] for line in kernels.splitlines()[2:]] == [
        "32, 64, 64", "128, 784, 128", "128, 512, 512", "512, 2048, 2048",
    ]  # fmt: skip
    assert training.splitlines()[1] == WORKLOADS[0].title
    rows = [line.split() for line in training.splitlines()[2:]]
    assert [row[0] for row in rows] == ["chainfit", "NumPy", "scikit-learn"]
    assert rows[0][-1] == "1.0" and all(float(row[-2].replace(",", "")) > 0 for row in rows)


def test_shapes_and_their_pictures(tmp_path):
    pytest.importorskip("matplotlib")
    import plots
    import report
    import shapes

    groups = shapes.groups([1, 2])
    assert {point.threads for points in groups.values() for point in points} == {1, 2}
    few = [shapes.Point((4, 3, 2), 5), shapes.Point((4, 3, 2), 5, predict=True)]
    for point, measured in zip(few, shapes.measure(few, 2, SHORT), strict=True):
        assert len(measured["seconds"]) == 2
        assert measured["flop"] == 2 * 5 * (18 if point.predict else 3 * 18 - 12)
    random = np.random.RandomState(0)
    figures = {"threads": [1, 2], "groups": {
        name: [{**point._asdict(), "units": list(point.units), "flop": point.flop,
                "seconds": list(random.uniform(1, 2, 3)), "peak_gflops": 1.0} for point in points]
        for name, points in groups.items()
    }}  # fmt: skip
    for make in report.TABLES["shapes"].values():
        assert make(figures).count("\n") > 2
    report.draw_shapes(figures, tmp_path)
    assert {path.stem for path in tmp_path.glob("*.svg")} == set(plots.PICTURES)
    page = (ROOT / "docs/performance.md").read_text(encoding="utf-8")
    assert all(f"(img/{name}.svg)" in page for name in [*plots.PICTURES, "peers"])


def test_instruction_counts_are_compared():
    path = ROOT / "benchmarks/instructions/check.py"
    spec = importlib.util.spec_from_file_location("check", path)
    check = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(check)
    recorded = {"seed": 1000, "tabular": 1000, "mnist": 1000}
    lines, failed = check.compare({"seed": 1049, "tabular": 951, "mnist": 900}, recorded)
    assert not failed
    assert [line.split(": ")[1].split(",")[0] for line in lines] == [
        "+4.9% ok",
        "-4.9% ok",
        "-10.0% ok",
    ]
    assert "recorded" in lines[2].split("-10.0%")[1]
    lines, failed = check.compare({"seed": 1051}, recorded)
    assert failed
    assert "FAILED: more than 5% above" in lines[0]
    assert check.compare({"new": 7}, recorded)[1]
    counts = json.loads(check.COUNTS.read_text(encoding="utf-8"))
    assert all(set(each) >= set(recorded) for each in counts.values())
