"""Files that chainfit writes: they have the owner, the group and the mode of the old file.

What another user may do is tried as that user, in a forked child, where the tests run as root.
"""

from __future__ import annotations

import os
import pickle
import shutil
import signal
import stat
import struct
from pathlib import Path

import pytest
from written_files import WRITERS, with_folder, with_old

import chainfit
from chainfit._files.disk import _open_successor, check_writable, write_atomically

pytestmark = pytest.mark.skipif(os.name != "posix", reason="modes and owners of POSIX")

ROOT = hasattr(os, "geteuid") and os.geteuid() == 0
SOMEBODY, OTHERS = 23_456, 34_567


@pytest.fixture(scope="module")
def folder():
    yield from with_folder()


@pytest.fixture
def old(folder):
    yield from with_old(folder)


writers = pytest.mark.parametrize("write", WRITERS.values(), ids=WRITERS)


def as_somebody(job) -> BaseException | None:
    """Do a job as a user who is nobody in particular; return the exception that it raised."""
    if not ROOT:
        try:
            job()
        except OSError as error:
            return error
        return None
    read, written = os.pipe()
    child = os.fork()
    if child == 0:
        raised = None
        try:
            os.setgroups([])
            os.setgid(SOMEBODY)
            os.setuid(SOMEBODY)
            job()
        except BaseException as error:
            raised = error
        os.write(written, pickle.dumps(raised))
        os._exit(0)
    os.close(written)
    with os.fdopen(read, "rb") as pipe:
        raised = pickle.load(pipe)
    os.waitpid(child, 0)
    return raised


def leftovers(folder: Path) -> list[str]:
    return [name for name in os.listdir(folder) if name.endswith(".tmp")]


@writers
@pytest.mark.parametrize("mode", [0o600, 0o640, 0o664, 0o755])
def test_the_mode_is_kept(write, mode, old, folder):
    old.chmod(mode)
    inode = old.stat().st_ino
    write(str(old))
    assert stat.S_IMODE(old.stat().st_mode) == mode
    assert old.stat().st_ino != inode and not leftovers(folder)


@writers
@pytest.mark.skipif(not ROOT, reason="only root can give a file away")
def test_owner_and_group_are_kept(write, old):
    old.chmod(0o640)
    os.chown(old, SOMEBODY, OTHERS)
    write(str(old))
    found = old.stat()
    assert (found.st_uid, found.st_gid, stat.S_IMODE(found.st_mode)) == (SOMEBODY, OTHERS, 0o640)


@writers
def test_a_file_that_the_user_cannot_write_is_refused(write, old, folder):
    """As open(path, 'wb') does, though the folder would let it be replaced."""
    old.chmod(0o444)
    if ROOT:
        os.chown(old, SOMEBODY, SOMEBODY)
    before = old.read_bytes()
    error = as_somebody(lambda: write(str(old)))
    assert type(error) is PermissionError and error.filename == str(old)
    assert type(as_somebody(lambda: open(old, "wb"))) is PermissionError
    assert old.read_bytes() == before and stat.S_IMODE(old.stat().st_mode) == 0o444
    assert not leftovers(folder)


@writers
@pytest.mark.skipif(not ROOT, reason="needs a file of another user")
def test_a_file_that_cannot_be_given_to_its_owner_is_refused(write, old, folder):
    old.chmod(0o666)
    before = old.read_bytes()
    error = as_somebody(lambda: write(str(old)))
    assert type(error) is PermissionError and error.filename == str(old)
    assert "Belongs to another user or group" in error.strerror
    assert old.read_bytes() == before and old.stat().st_uid == 0 and not leftovers(folder)


@writers
@pytest.mark.skipif(not ROOT, reason="needs a folder of another user")
def test_a_folder_that_cannot_be_written_is_named(write, folder):
    closed = folder / "closed"
    closed.mkdir(mode=0o755)
    try:
        error = as_somebody(lambda: write(str(closed / "new")))
        assert type(error) is PermissionError and error.filename == str(closed / "new")
        assert os.listdir(closed) == []
    finally:
        shutil.rmtree(closed)


def test_the_user_of_a_file_can_replace_it(old):
    if ROOT:
        os.chown(old, SOMEBODY, SOMEBODY)
    old.chmod(0o600)
    assert as_somebody(lambda: WRITERS["model.save"](old)) is None
    assert stat.S_IMODE(old.stat().st_mode) == 0o600
    assert old.stat().st_uid == (SOMEBODY if ROOT else os.geteuid())


@pytest.fixture(params=["unnamed", "named", "unnamed, no link"])
def road(request, monkeypatch):
    """Write to a file that has no name yet, or to one that has, as not every system has these."""
    if request.param == "named":
        monkeypatch.delattr(os, "O_TMPFILE", raising=False)
    elif not hasattr(os, "O_TMPFILE"):
        pytest.skip("files without a name are Linux's")
    elif request.param != "unnamed":

        def link(*args, **kwargs):
            raise PermissionError

        monkeypatch.setattr(os, "link", link)
    return request.param


@pytest.mark.parametrize("mode", [0o600, 0o644, None])
def test_every_road_writes_the_same_file(road, mode, old, folder):
    if mode is None:
        old.unlink()
    else:
        old.chmod(mode)
        if ROOT:
            os.chown(old, SOMEBODY, OTHERS)
    WRITERS["net.save"](str(old))
    found = old.stat()
    before = os.umask(0)
    os.umask(before)
    assert stat.S_IMODE(found.st_mode) == (mode if mode else 0o666 & ~before)
    if ROOT:
        assert (found.st_uid, found.st_gid) == ((SOMEBODY, OTHERS) if mode else (0, 0))
    assert found.st_nlink == 1
    assert type(chainfit.load(old)) is chainfit.MLPRegressor
    check_writable(old)
    assert not leftovers(folder)


def test_a_kill_while_writing_leaves_the_old_file_and_no_other(old, folder):
    before, inode = old.read_bytes(), old.stat().st_ino
    child = os.fork()
    if child == 0:
        os.fsync = lambda descriptor: os.kill(os.getpid(), signal.SIGKILL)
        write_atomically(old, b"new")
        os._exit(0)
    assert os.WTERMSIG(os.waitpid(child, 0)[1]) == signal.SIGKILL
    assert (old.read_bytes(), old.stat().st_ino) == (before, inode)
    left = leftovers(folder)
    for name in left:
        (folder / name).unlink()
    successor = _open_successor(str(old), str(old))
    os.close(successor.descriptor)
    if successor.named:
        os.unlink(successor.name)
        pytest.skip("the file system has no files without a name")
    assert not left


@pytest.mark.parametrize("mode", [0o600, 0o444, 0o660, None])
def test_the_temporary_file_is_never_wider_than_the_final_one(road, mode, old, monkeypatch):
    """Looked at after each call that touches a file, with no umask to help."""
    if mode is None:
        old.unlink()
    else:
        old.chmod(mode)
    seen = []

    def watched(function):
        def call(*args, **kwargs):
            result = function(*args, **kwargs)
            for path in old.parent.glob(".chainfit-*"):
                seen.append(stat.S_IMODE(os.lstat(path).st_mode))
            return result

        return call

    for module, name in (
        *((os, name) for name in ("open", "chown", "fsync", "link")),
        (shutil, "copystat"),
    ):
        monkeypatch.setattr(module, name, watched(getattr(module, name)))
    if mode == 0o444 and not ROOT:
        pytest.skip("only root can write it")
    before = os.umask(0o027 if mode is None else 0)
    try:
        WRITERS["model.save"](old)
    finally:
        os.umask(before)
    final = stat.S_IMODE(old.stat().st_mode)
    assert final == (0o640 if mode is None else mode)
    # The owner may write a file that is not finished, whatever its mode will be.
    assert len(seen) >= (1 if road == "unnamed" else 2)
    assert not any(found & ~final & ~0o600 for found in seen)


def access_list(path) -> bytes:
    """Let one more user read a file: the mode's group bits are then the mask of the list."""
    entries = [(1, 6, -1), (2, 4, SOMEBODY), (4, 0, -1), (16, 4, -1), (32, 0, -1)]
    packed = b"".join(struct.pack("<HHi", *entry) for entry in entries)
    acl = struct.pack("<I", 2) + packed
    os.setxattr(path, "system.posix_acl_access", acl)
    return acl


@pytest.mark.skipif(not hasattr(os, "setxattr"), reason="access control lists of Linux")
def test_an_access_control_list_is_kept(old):
    old.chmod(0o600)
    try:
        acl = access_list(old)
    except OSError:
        pytest.skip("the file system has no access control lists")
    WRITERS["model.save"](old)
    assert os.getxattr(old, "system.posix_acl_access") == acl


def test_a_link_stays_and_the_mode_is_that_of_its_file(old, folder):
    old.chmod(0o600)
    link = folder / "link"
    link.symlink_to("old")
    WRITERS["net.save"](link)
    assert link.is_symlink() and stat.S_IMODE(old.stat().st_mode) == 0o600
    assert type(chainfit.load(old)) is chainfit.MLPRegressor
    link.unlink()
    link.symlink_to(link)
    with pytest.raises(OSError, match="symbolic links"):
        WRITERS["net.save"](link)
    assert link.is_symlink()
    link.unlink()


def test_training_is_not_begun_for_a_file_that_cannot_be_written(old, capsys):
    old.chmod(0o444)
    if ROOT:
        os.chown(old, SOMEBODY, SOMEBODY)
    capsys.readouterr()
    assert type(as_somebody(lambda: WRITERS["train --model"](str(old)))) is PermissionError
    assert capsys.readouterr().out == ""
