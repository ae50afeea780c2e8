"""The benchmark's machinery: what it counts, that contestants do the same work, what it reports.

No test looks at a time; the processes that are started do the shortest possible rounds.
"""

import importlib.util
import io
import json
import sys
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

import chainfit
from chainfit._bench import bench
from chainfit._bench import fann as bench_fann
from chainfit._bench import peers as bench_peers
from chainfit._bench import report as bench_report
from chainfit._bench import worker as bench_worker
from chainfit._bench.job import PEERS, Job, NotInstalledError, takes_part
from chainfit._bench.workloads import (
    CALLS,
    WORKLOADS,
    encode,
    estimator_settings,
    find_case,
    make_data,
)
from chainfit._cli.main import main

ROOT = Path(__file__).parents[1]
SHORT = 1e-4  # seconds of a round


def script(name):
    """Import a file of benchmarks/, which is no package."""
    path = ROOT / "benchmarks" / name
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    sys.path.insert(0, str(path.parent))
    try:
        spec.loader.exec_module(module)
    finally:
        sys.path.remove(str(path.parent))
    return module


# -- workloads


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


def test_cases_have_names_of_their_own():
    names = [case.name for case in (*WORKLOADS, *CALLS)]
    assert len(set(names)) == len(names)
    assert [find_case(name).name for name in names] == names
    with pytest.raises(ValueError, match="no workload 'sed'; there are seed, "):
        find_case("sed")


def test_job():
    job = Job("chainfit", "seed", 2, "float64", "avx2", 0.25)
    assert Job.from_json(job.to_json()) == job
    assert job.environment()["OMP_NUM_THREADS"] == job.environment()["NPROC"] == "2"
    assert job.environment()["CHAINFIT_ISA"] == "avx2"
    assert "CHAINFIT_ISA" not in Job("jax", "seed").environment()


def test_who_takes_part():
    by_case = {
        case.name: {peer for peer in PEERS if takes_part(peer, case)}
        for case in (*WORKLOADS, *CALLS)
    }
    trains = {"chainfit", "numpy", "sklearn", "torch", "compile", "jax"}
    assert by_case["seed"] == by_case["row64"] == trains | {"fann"}
    assert by_case["tabular"] == by_case["wide"] == by_case["simplechains"] == trains
    assert by_case["predict_bulk"] == trains | {"onnx"}
    assert by_case["predict_row"] == trains | {"onnx", "row_predictor"}
    assert by_case["partial_fit"] == {"chainfit", "sklearn"}


# -- contestants; PyTorch, JAX and onnxruntime where they are installed


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("case", ["seed", "tabular", "simplechains", "predict_row", "proba_bulk"])
@pytest.mark.parametrize("peer", ["chainfit", "sklearn", "torch", "jax", "onnx"])
def test_contestants_do_the_same_work(peer, case):
    if not takes_part(peer, find_case(case)) or (peer, case) == ("sklearn", "seed"):
        pytest.skip("has no such thing, or takes long")
    if bench_peers.missing(peer):
        pytest.skip(bench_peers.missing(peer))
    work, known = bench_worker.prepare(Job(peer, case, seconds=SHORT))
    assert known["check"]["off"] < 5e-3
    assert known["units"] >= 1
    if case in ("seed", "tabular"):
        assert known["check"]["loss"] < 0.5 * known["check"]["loss_before"]
    work(1)


def test_libfann_learns():
    try:
        bench_fann.load()
    except NotInstalledError as error:
        pytest.skip(str(error))
    _, known = bench_worker.prepare(Job("fann", "seed", seconds=SHORT))
    assert set(known["tried"]) == set(bench_fann.ACTIVATIONS)
    assert known["check"]["own_error_last"] < known["check"]["own_error_first"]


def test_the_best_way_is_taken():
    def failing(units):
        raise OSError("no compiler")

    ways = {
        "slow": lambda n: sum(range(300_000 * n)),
        "fast": lambda n: sum(range(300 * n)),
        "broken": failing,
    }
    choice, tried = bench_worker.choose(ways)
    assert choice == "fast"
    assert tried["broken"] == "OSError: no compiler"
    with pytest.raises(RuntimeError, match="no compiler"):
        bench_worker.choose({"broken": failing})


# -- the comparison


def test_processes_take_turns(monkeypatch):
    monkeypatch.setitem(PEERS, "jax", PEERS["jax"]._replace(requires="no_such_library"))
    monkeypatch.setattr(bench_peers, "ROUND_SECONDS", 600)
    case = find_case("predict_row")
    jobs = [Job(peer, case.name, seconds=SHORT) for peer in ("chainfit", "numpy", "jax", "torch")]
    jobs[3] = Job("torch", "no such case")  # dies on it, if it is installed
    measured = bench_peers.measure_case(case, jobs, rounds=3)
    ours, plain, missing, broken = measured["contestants"]
    assert ours["status"] == plain["status"] == "ok"
    assert len(ours["rounds"]) == len(plain["rounds"]) == len(ours["peak_gflops"]) == 3
    assert plain["peak_gflops"] == []
    assert (missing["status"], missing["why"]) == (
        "not installed",
        "no_such_library is not installed",
    )
    assert broken["status"] in ("failed", "not installed")
    json.dumps(measured)
    out = io.StringIO()
    bench_report.print_case(measured, out)
    assert "  JAX lax.scan             not installed: no_such_library" in out.getvalue()


def test_a_process_that_dies_is_reported():
    process = bench_peers._Process(Job("numpy", "no such case"))
    try:
        answer = process.answer(600)
    finally:
        process.close()
    assert answer["status"] == "failed"
    assert "no workload 'no such case'" in answer["why"]

    process = bench_peers._Process(Job("numpy", "predict_row"))
    process.process.kill()
    with pytest.raises(RuntimeError, match="the process died"):
        process.answer(600)
    process.close()


def test_command_line(monkeypatch, capsys):
    calls = []
    monkeypatch.setattr(bench_peers, "run", lambda **settings: calls.append(settings) or 0)
    words = "bench --peers --cases seed,wide --against jax --threads 1,4 --rounds 3 --json f"
    assert main(words.split()) == 0
    expected = {"quick": False, "cases": ["seed", "wide"], "peers": ["jax"], "threads": (1, 4)}
    assert calls == [{**expected, "rounds": 3, "json_file": "f"}]
    monkeypatch.undo()
    assert main(["bench", "--peers", "--cases", "sed"]) == 1
    assert main(["bench", "--peers", "--against", "tensorflow"]) == 1
    assert "there is no library 'tensorflow'; there are chainfit" in capsys.readouterr().err


def test_a_file_keeps_what_is_not_measured_again(monkeypatch, tmp_path):
    monkeypatch.setattr(bench_peers, "measure_case", lambda case, *_: {"title": case.title})
    monkeypatch.setattr(bench_peers, "print_case", lambda *_: None)
    path = tmp_path / "new" / "peers.json"
    for names in (["wide"], ["seed", "wide"], ["tabular"]):
        assert bench_peers.run(cases=names, json_file=str(path)) == 0
    report = json.loads(path.read_text(encoding="utf-8"))
    assert set(report["cases"]) == {"seed", "tabular", "wide"}
    assert set(report["cases"]["seed"]) == {"title", "date"}
    assert report["settings"]["rounds"] == 7


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


# -- the report


def contestant(peer, rounds, threads=1, **more):
    return {
        "title": PEERS[peer].title, "peer": peer, "dtype": "float32", "threads": threads,
        "status": "ok", "isa": "avx512" if peer == "chainfit" else None, "choice": "fit",
        "rounds": rounds, "cpu_seconds": rounds, "peak_gflops": [], "check": {}, "version": "1",
        **more,
    }  # fmt: skip


@pytest.fixture
def case():
    contestants = [
        contestant("chainfit", [2.0, 4.0, 2.0], peak_gflops=[1e-9, 0.5e-9, 1e-9]),
        contestant("chainfit", [1.0, 2.0, 1.0], threads=2, peak_gflops=[2e-9, 1e-9, 2e-9]),
        contestant("chainfit", [3.0, 6.0, 3.0], dtype="float64"),
        contestant("chainfit", [4.0, 4.0, 4.0], isa="avx2", peak_gflops=[1e-9] * 3),
        contestant("jax", [3.0, 6.0, 1.0], check={"off": 0.5}),
        contestant("jax", [30.0, 30.0, 30.0], threads=2),
        contestant("fann", [], status="not installed", why="no libfann"),
    ]
    about = {"title": "seed: a net", "unit": "step", "flop": 1.0, "date": "today"}
    return {**about, "contestants": contestants}


def test_lines_are_ratios_within_rounds(case):
    first, *_ = found = bench_report.lines(case)
    assert [line.title for line in found] == [
        "chainfit", "chainfit float64", "JAX lax.scan", "chainfit avx2", "libfann",
    ]  # fmt: skip
    assert (first.seconds, first.ratio, first.threads, first.share) == (1.0, 1.0, 2, 0.5)
    assert found[2].ratio == 3.0
    assert found[2].note == "NOT THE SAME: off by 0.5"
    assert found[4].note == "not installed: no libfann"
    assert bench_report.thread_speedup(case) == {2: 2.0}


def test_page(case, tmp_path):
    pytest.importorskip("matplotlib")
    report = script("report.py")
    page = (ROOT / "docs/performance.md").read_text(encoding="utf-8")
    figures = {
        "machine": {"threads": 2, "cpu": "a processor", "caches": {"L2": "2M"},
                    "isa": "avx512", "versions": {"python": "3"}},
        "settings": {"rounds": 3, "seconds": 0.5}, "cases": {"seed": case},
    }  # fmt: skip
    for name, make in report.TABLES["peers"].items():
        page = report.fill(page, name, make(figures))
    assert "Measured today on 2 cores of a processor (L2 2M; avx512)" in page
    assert "| seed: a net | **1,000,000** | 50% | 3,000,000 (3x) |" in page
    assert "| seed | JAX lax.scan | at least 20 | 3 | missed |" in page
    assert "1 disagreed; the farthest, JAX lax.scan on seed, was off by 0.5" in page
    assert all(f"<!-- end {name} -->" in page for name in report.TABLES["shapes"])
    with pytest.raises(ValueError, match="must have <!-- begin tables -->"):
        report.fill(page, "tables", "")
    report.draw_peers(figures, tmp_path)
    assert (tmp_path / "peers.svg").read_text(encoding="utf-8").startswith("<?xml")


def test_shapes_and_their_pictures(tmp_path):
    pytest.importorskip("matplotlib")
    shapes, report = script("shapes.py"), script("report.py")
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
    assert {path.stem for path in tmp_path.glob("*.svg")} == set(script("plots.py").PICTURES)
    page = (ROOT / "docs/performance.md").read_text(encoding="utf-8")
    assert all(f"(img/{name}.svg)" in page for name in [*script("plots.py").PICTURES, "peers"])


def test_instruction_counts_are_compared():
    check = script("instructions/check.py")
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
    assert all(set(each) == set(recorded) for each in counts.values())
