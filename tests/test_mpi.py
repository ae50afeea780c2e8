"""Fits by processes of MPI: that they end alike, end in time, and go on where they were killed.

What they come to is test_ranks' matter. MPI is that of the extra `mpi-test`: mpich from PyPI.
"""

import functools
import importlib.util
import os
import pickle
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import chainfit
from chainfit import MLPClassifier

TESTS = Path(__file__).parent
# The one of PyPI's mpich lies beside Python.
MPIEXEC = shutil.which("mpiexec", path=f"{Path(sys.executable).parent}{os.pathsep}{os.defpath}")

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        MPIEXEC is None or importlib.util.find_spec("mpi4py") is None,
        reason="needs the extra mpi-test",
    ),
]


def mpi(work, ranks, folder, *, fails=False, patience=300, python=()):
    """Return what each rank came to; if it is to fail, what the job has said."""
    assert MPIEXEC is not None
    command = [MPIEXEC, "-n", str(ranks), sys.executable, *python, str(TESTS / "ranks_job.py")]
    done = subprocess.run(
        [*command, work, str(folder)],
        capture_output=True,
        text=True,
        timeout=patience,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    if fails:
        assert done.returncode != 0
        return done.stdout + done.stderr
    assert done.returncode == 0, done.stdout + done.stderr
    return [pickle.loads((folder / str(rank)).read_bytes()) for rank in range(ranks)]


@pytest.mark.parametrize("ranks", [2, 4])
def test_all_ranks_end_with_the_model_of_one_process(ranks, tmp_path):
    found = mpi("sums", ranks, tmp_path)
    for outcomes in zip(*found, strict=True):
        assert len({weights for weights, _, _ in outcomes}) == 1
        assert all(curve == outcomes[0][2] for _, _, curve in outcomes)
    again = mpi("sums", ranks, tmp_path, python=["-m", "mpi4py"])
    assert [w for w, _, _ in again[0]] == [w for w, _, _ in found[0]]
    rng = np.random.RandomState(0)
    X = rng.normal(size=(240, 5))
    y = (X[:, 0] + X[:, 1] ** 2 > 0.7).astype(int)
    # rows dealt in turn: batches of as many ranks are those of one process
    one = MLPClassifier((40, 20), random_state=0, max_iter=3, batch_size=24, shuffle=False)
    for at in (0, 6, 9):
        for mine, theirs in zip(found[0][at][1], one.fit(X, y).coefs_, strict=True):
            np.testing.assert_allclose(mine, theirs, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("ranks", [2, 4])
def test_what_does_not_fit_is_one_error_on_all_ranks(ranks, tmp_path):
    found = mpi("errors", ranks, tmp_path)
    for texts, weights in found:
        assert weights == found[0][1]
        for name, text in texts.items():
            assert text == found[0][0][name] or name == "empty"
    texts = found[0][0]
    assert texts["empty"].startswith(f"Rank {ranks - 1} of {ranks}: Found array with 0 sample(s)")
    assert f"5 on rank 0, 4 on rank {ranks - 1}" in texts["columns"]
    assert f"float64 on rank 0, float32 on rank {ranks - 1}" in texts["dtype"]
    assert "classes" in texts["classes"]


@pytest.mark.parametrize("python", [(), ("-m", "mpi4py")])
@pytest.mark.parametrize(
    ("work", "words"),
    [
        ("callback_fails", "OSError: the disk is full"),
        ("fails_between", "LookupError: no such file"),
    ],
)
def test_an_error_of_one_rank_ends_the_job(work, words, python, tmp_path):
    assert words in mpi(work, 3, tmp_path, fails=True, python=python)


def test_a_rank_that_does_not_come_is_waited_for_as_long_as_asked(tmp_path):
    said = mpi("sleeps", 2, tmp_path, fails=True, patience=60)
    assert "Rank 0 of 2 has waited" in said


@pytest.fixture(scope="module")
def whole_fits(tmp_path_factory):
    """Return a function that says what ranks come to that nobody kills."""

    @functools.cache
    def fits(ranks):
        return mpi("checkpointed", ranks, tmp_path_factory.mktemp("whole"))

    return fits


def test_the_command_line_trains_with_all_processes(tmp_path):
    rng = np.random.RandomState(0)
    table = np.round(rng.normal(size=(120, 3)), 3)
    lines = [",".join(map(str, row)) for row in table]
    (tmp_path / "t.csv").write_text("\n".join(["a,b,y", *lines]) + "\n")
    options = ["t.csv", "--target", "y", "--max-iter", "3", "--precision", "float64"]

    def train(ranks, name, *more):
        command = [MPIEXEC, "-n", str(ranks), sys.executable, "-m", "chainfit", "train", *options]
        done = subprocess.run(
            [*command, "--mpi", "--model", name, *more],
            capture_output=True, text=True, timeout=120, cwd=tmp_path,
        )  # fmt: skip
        return done.returncode, done.stdout + done.stderr

    for ranks in (1, 2):  # of 8 nets
        code, said = train(ranks, f"{ranks}.safetensors")
        assert code == 0, said
        assert said.count("saved to") == 1
    one, two = (chainfit.load(tmp_path / f"{n}.safetensors") for n in (1, 2))
    X = {"a": table[:, 0], "b": table[:, 1]}
    assert one.predict(X).tobytes() == two.predict(X).tobytes()
    code, said = train(2, "shared.safetensors", "--n-nets", "1")
    assert code == 0, said
    code, said = train(2, "x.safetensors", "--drop", "y")
    assert code != 0
    assert said.count("--drop y: that is the target") == 1
    (tmp_path / "t.csv").unlink()
    code, said = train(2, "x.safetensors")
    assert code != 0
    assert "t.csv" in said


KILLS = [(2, 1, 5)]
KILLS += [
    pytest.param(int(n), int(rank) % n, int(at), marks=pytest.mark.slow)
    for n, rank, at in np.random.RandomState(0).randint((2, 0, 1), (5, 12, 30), (20, 3))
]


@pytest.mark.parametrize(("ranks", "victim", "epoch"), KILLS)
def test_a_job_whose_rank_was_killed_goes_on_to_the_same_bits(
    ranks, victim, epoch, tmp_path, whole_fits
):
    whole = whole_fits(ranks)
    (tmp_path / "kill").write_text(f"{victim} {epoch}")
    said = mpi("checkpointed", ranks, tmp_path, fails=True)
    assert "KILLED BY SIGNAL: 9" in said.upper() or "Killed (signal 9)" in said
    (tmp_path / "kill").unlink()
    resumed = mpi("checkpointed", ranks, tmp_path)
    assert resumed == whole
    assert len({weights for weights, _ in resumed}) == 1
