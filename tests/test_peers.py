"""The comparison with other libraries: that contestants do the same work, and what it reports.

No test looks at a time; the processes that are started do the shortest possible rounds.
"""

import io
import json
import runpy
from pathlib import Path

import pytest
from peers import compare, fann, figures, worker
from peers.cases import CALLS, find_case
from peers.job import PEERS, Job, NotInstalledError, takes_part

from chainfit._bench.workloads import WORKLOADS

ROOT = Path(__file__).parents[1]
SHORT = 1e-4  # seconds of a round


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


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("case", ["seed", "tabular", "simplechains", "predict_row", "proba_bulk"])
@pytest.mark.parametrize("peer", ["chainfit", "sklearn", "torch", "jax", "onnx"])
def test_contestants_do_the_same_work(peer, case):
    if not takes_part(peer, find_case(case)) or (peer, case) == ("sklearn", "seed"):
        pytest.skip("has no such thing, or takes long")
    if compare.missing(peer):
        pytest.skip(compare.missing(peer))
    work, known = worker.prepare(Job(peer, case, seconds=SHORT))
    assert known["check"]["off"] < 5e-3
    assert known["units"] >= 1
    if case in ("seed", "tabular"):
        assert known["check"]["loss"] < 0.5 * known["check"]["loss_before"]
    work(1)


def test_libfann_learns():
    try:
        fann.load()
    except NotInstalledError as error:
        pytest.skip(str(error))
    _, known = worker.prepare(Job("fann", "seed", seconds=SHORT))
    assert set(known["tried"]) == set(fann.ACTIVATIONS)
    assert known["check"]["own_error_last"] < known["check"]["own_error_first"]


def test_the_best_way_is_taken():
    def failing(units):
        raise OSError("no compiler")

    ways = {
        "slow": lambda n: sum(range(300_000 * n)),
        "fast": lambda n: sum(range(300 * n)),
        "broken": failing,
    }
    choice, tried = worker.choose(ways)
    assert choice == "fast"
    assert tried["broken"] == "OSError: no compiler"
    with pytest.raises(RuntimeError, match="no compiler"):
        worker.choose({"broken": failing})


# -- the comparison


@pytest.mark.slow
def test_processes_take_turns(monkeypatch):
    monkeypatch.setitem(PEERS, "jax", PEERS["jax"]._replace(requires="no_such_library"))
    monkeypatch.setattr(compare, "ROUND_SECONDS", 600)
    case = find_case("predict_row")
    jobs = [Job(peer, case.name, seconds=SHORT) for peer in ("chainfit", "numpy", "jax", "torch")]
    jobs[3] = Job("torch", "no such case")  # dies on it, if it is installed
    measured = compare.measure_case(case, jobs, rounds=3)
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
    figures.print_case(measured, out)
    assert "  JAX lax.scan             not installed: no_such_library" in out.getvalue()


def test_a_process_that_dies_is_reported():
    process = compare._Process(Job("numpy", "no such case"))
    try:
        answer = process.answer(600)
    finally:
        process.close()
    assert answer["status"] == "failed"
    assert "no workload 'no such case'" in answer["why"]

    process = compare._Process(Job("numpy", "predict_row"))
    process.process.kill()
    with pytest.raises(RuntimeError, match="the process died"):
        process.answer(600)
    process.close()


def test_command_line(monkeypatch, capsys):
    main = runpy.run_path(str(ROOT / "benchmarks/peers.py"))["main"]
    calls = []
    monkeypatch.setattr(compare, "run", lambda **settings: calls.append(settings) or 0)
    words = "--cases seed,wide --against jax --threads 1,4 --rounds 3 --json f"
    assert main(words.split()) == 0
    expected = {"quick": False, "cases": ["seed", "wide"], "peers": ["jax"], "threads": (1, 4)}
    assert calls == [{**expected, "rounds": 3, "json_file": "f"}]
    monkeypatch.undo()
    for words, error in (
        (["--cases", "sed"], "there is no workload 'sed'; there are seed, "),
        (["--against", "tensorflow"], "there is no library 'tensorflow'; there are chainfit"),
        (["--rounds", "0"], "invalid count value: '0'"),
    ):
        with pytest.raises(SystemExit, match="2"):
            main(words)
        assert error in capsys.readouterr().err


def test_a_file_keeps_what_is_not_measured_again(monkeypatch, tmp_path):
    monkeypatch.setattr(compare, "measure_case", lambda case, *_: {"title": case.title})
    monkeypatch.setattr(compare, "print_case", lambda *_: None)
    path = tmp_path / "new" / "peers.json"
    for names in (["wide"], ["seed", "wide"], ["tabular"]):
        assert compare.run(cases=names, json_file=str(path)) == 0
    report = json.loads(path.read_text(encoding="utf-8"))
    assert set(report["cases"]) == {"seed", "tabular", "wide"}
    assert set(report["cases"]["seed"]) == {"title", "date"}
    assert report["settings"]["rounds"] == 7


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
    first, *_ = found = figures.lines(case)
    assert [line.title for line in found] == [
        "chainfit", "chainfit float64", "JAX lax.scan", "chainfit avx2", "libfann",
    ]  # fmt: skip
    assert (first.seconds, first.ratio, first.threads, first.share) == (1.0, 1.0, 2, 0.5)
    assert found[2].ratio == 3.0
    assert found[2].note == "NOT THE SAME: off by 0.5"
    assert found[4].note == "not installed: no libfann"
    assert figures.thread_speedup(case) == {2: 2.0}


def test_page(case, tmp_path):
    pytest.importorskip("matplotlib")
    import report

    page = (ROOT / "docs/performance.md").read_text(encoding="utf-8")
    measured = {
        "machine": {"threads": 2, "cpu": "a processor", "caches": {"L2": "2M"},
                    "isa": "avx512", "versions": {"python": "3"}},
        "settings": {"rounds": 3, "seconds": 0.5}, "cases": {"seed": case},
    }  # fmt: skip
    for name, make in report.TABLES["peers"].items():
        page = report.fill(page, name, make(measured))
    page = " ".join(page.split())
    assert "Measured today on 2 cores of a processor (L2 2M; avx512)" in page
    assert "| seed: a net | **1,000,000** | 50% | 3,000,000 (3x) |" in page
    assert "| seed | JAX lax.scan | at least 20 | 3 | missed |" in page
    assert "1 disagreed; the farthest, JAX lax.scan on seed, was off by 0.5" in page
    assert all(f"<!-- end {name} -->" in page for name in report.TABLES["shapes"])
    with pytest.raises(ValueError, match="must have <!-- begin tables -->"):
        report.fill(page, "tables", "")
    report.draw_peers(measured, tmp_path)
    assert (tmp_path / "peers.svg").read_text(encoding="utf-8").startswith("<?xml")
