"""Paths of files: every kind of path, and pipes, devices and folders in place of files."""

from __future__ import annotations

import io
import os
import socket
import stat
from pathlib import Path

import pytest
from written_files import FRAME, WRITERS, X, explored, with_folder, with_old

import chainfit

pytestmark = pytest.mark.skipif(os.name != "posix", reason="modes and owners of POSIX")


@pytest.fixture(scope="module")
def folder():
    yield from with_folder()


@pytest.fixture
def old(folder):
    yield from with_old(folder)


# --- what is no regular file ---------------------------------------------------------------------


@pytest.fixture
def pipe(folder):
    os.mkfifo(folder / "pipe")
    yield folder / "pipe"
    (folder / "pipe").unlink()


COMMANDS = [
    ["info", "pipe"],
    ["predict", "pipe", "table.csv"],
    ["explain", "pipe", "table.csv", "--weight", "w_11^(1)"],
    ["train", "table.csv", "--target", "y", "--model", "pipe"],
]


def test_no_pipe_is_waited_for(pipe, python):
    # In a process of its own: what waits there would wait for ever.
    script = "import sys; from chainfit._cli.main import main; print([main(c) for c in COMMANDS])"
    done = python(script.replace("COMMANDS", repr(COMMANDS)))
    assert done.stdout == "[1, 1, 1, 1]\n"
    expected = "chainfit: error: pipe: Is a device, pipe or socket, not an ordinary file\n"
    assert done.stderr == 4 * expected


def test_only_regular_files_are_loaded_and_replaced(folder, pipe):
    model = chainfit.load("model")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("socket")
        for path in ("socket", "/dev/null", "/dev/zero"):
            with pytest.raises(OSError, match=r"not an ordinary file|No such device"):
                chainfit.load(path)
        for path in ("socket", "/dev/null", pipe):
            with pytest.raises(OSError, match="Is a device, pipe or socket, not an ordinary file"):
                model.save(path)
    os.unlink("socket")
    for use in (chainfit.load, model.save):
        with pytest.raises(IsADirectoryError, match="Is a directory, not a file"):
            use(folder)


def test_pages_and_tables_can_go_to_a_device(folder):
    for name in ("page.save", "explain --html", "explore --html", "predict --out"):
        WRITERS[name]("/dev/null")
    assert stat.S_ISCHR(os.stat("/dev/null").st_mode)


# --- paths ---------------------------------------------------------------------------------------


def entry(path: Path) -> os.DirEntry:
    with os.scandir(path.parent) as entries:
        return next(found for found in entries if found.name == path.name)


@pytest.mark.parametrize("name", ["model.save", "net.save", "explore", "page.save"])
@pytest.mark.parametrize("kind", [str, os.fsencode, Path, entry])
def test_every_kind_of_path_is_one(name, kind, old):
    path = kind(old)
    old.unlink()
    WRITERS[name](path)
    assert old.stat().st_size
    if name.endswith("save") and "page" not in name:
        assert type(chainfit.load(path)) is type(chainfit.load(str(old)))
    else:
        assert explored(path).path == str(old)


def test_a_path_that_is_no_text(folder):
    name = b"model \xff\xfe"
    chainfit.load("model").save(name)
    assert name in os.listdir(b".")
    assert chainfit.load(name).target_.name == "y"
    assert explored(name).path == os.fsdecode(name)
    with pytest.raises(chainfit.ModelFileError, match=r"model .*: not a safetensors file"):
        chainfit.load(name)
    os.unlink(name)


@pytest.mark.parametrize("name", ["load", "model.save", "net.save", "explore", "page.save"])
def test_what_is_no_path_is_refused(name, folder):
    use = chainfit.load if name == "load" else WRITERS[name]
    model = chainfit.load("model")
    before = os.listdir(folder)
    for path, kind, text in (
        (
            model,
            TypeError,
            "path must be the name of a file, .* got an object of type .*Tabular",
        ),
        (X, TypeError, "path must be the name of a file, .*type numpy.ndarray"),
        (FRAME, TypeError, "path must be the name of a file, .*DataFrame"),
        (3, TypeError, "path must be the name of a file, .*type builtins.int"),
        (io.BytesIO(), TypeError, "path must be the name of a file, .*BytesIO"),
        (b"", ValueError, "path must be the name of a file, got an empty one"),
        ("", ValueError, "path must be the name of a file, got an empty one"),
        (Path("model").read_bytes(), ValueError, "the contents of a file are no path"),
    ):
        with pytest.raises(kind, match=text):
            use(path)
    if name != "explore":  # where None is no path on purpose
        with pytest.raises(TypeError, match=r"path must be the name of a file, .*NoneType"):
            use(None)
    assert os.listdir(folder) == before
