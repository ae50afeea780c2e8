"""Files on disk: paths of any type, reading regular files, replacing a file as a whole.

Whatever writes a file for the user goes through here, so that all of it keeps the same
promises: the old file or the new one after a crash, the old one's owner and mode, and no wider
rights on the way.
"""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
import shutil
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

#: What stands for a path, for annotations and for isinstance.
AnyPath = str | bytes | os.PathLike


def as_path(path: AnyPath) -> str:
    """Return a path as a str.

    Raises
    ------
    TypeError
        If it is no str, bytes or path-like object.
    ValueError
        If it is empty, or holds a null character as the contents of a file do.
    """
    if not isinstance(path, AnyPath):
        raise TypeError(
            "path must be the name of a file, a str, bytes or path-like object; "
            f"got an object of type {type(path).__module__}.{type(path).__qualname__}"
        )
    text = os.fsdecode(path)
    if not text:
        raise ValueError("path must be the name of a file, got an empty one")
    if "\0" in text:
        raise ValueError(
            "path must be the name of a file, got one with a null character; the contents of a "
            "file are no path"
        )
    return text


def open_regular(path: str) -> BinaryIO:
    """Open a regular file for reading.

    Raises
    ------
    OSError
        From the file system, and for anything but a regular file; a pipe is not waited for.
    """

    def opener(name: str, flags: int) -> int:
        descriptor = os.open(name, flags | getattr(os, "O_NONBLOCK", 0))
        try:
            _require_regular(name, os.fstat(descriptor))
        except BaseException:
            os.close(descriptor)
            raise
        return descriptor

    return open(path, "rb", opener=opener)


def _require_regular(path: str, found: os.stat_result) -> None:
    """Refuse what is there under the name if it is a directory, a device, a pipe or a socket."""
    if stat.S_ISDIR(found.st_mode):
        raise IsADirectoryError(errno.EISDIR, "Is a directory, not a file", path)
    if not stat.S_ISREG(found.st_mode):
        raise OSError(errno.EINVAL, "Is a device, pipe or socket, not an ordinary file", path)


@contextlib.contextmanager
def replacing(path: AnyPath) -> Iterator[BinaryIO]:
    """Lend a file that replaces the one at ``path`` at the end, unless an error ends it.

    After a crash at any moment ``path`` is the old or the new file. The bytes go to a temporary
    file in the same folder, to the disk, and then take the name. A symbolic link stays, the file
    that it names is replaced. The new file has the old one's owner, group, mode and access control
    list; without an old one it has those of any new file.

    Raises
    ------
    OSError
        From the file system, as ``open(path, "wb")`` raises it; also where the folder can't be
        written to, or the file couldn't be given to its owner. The old file is untouched and the
        temporary one removed.
    """
    path = as_path(path)
    target = os.path.realpath(path)
    successor = _open_successor(path, target)
    try:
        with os.fdopen(successor.descriptor, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
            if not successor.named and not _give_name(successor):
                successor = _copied(successor, path, target)
        os.replace(successor.name, target)
    except BaseException:
        _remove(successor.name)
        raise
    # The rename itself must reach the disk too; not every system or file system can sync a folder.
    with contextlib.suppress(OSError):
        folder = os.open(os.path.dirname(target), os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def write_atomically(path: AnyPath, data: bytes) -> None:
    """Replace the file at ``path`` by these bytes, as `replacing` does."""
    with replacing(path) as file:
        file.write(data)


def check_writable(path: AnyPath) -> None:
    """Raise what ``write_atomically`` would; to be asked before hours of work."""
    path = as_path(path)
    successor = _open_successor(path, os.path.realpath(path))
    os.close(successor.descriptor)
    if successor.named:
        _remove(successor.name)


def open_output(path: AnyPath) -> contextlib.AbstractContextManager[BinaryIO]:
    """Lend a file as `replacing` does; a device or a pipe takes the bytes as they come."""
    path = as_path(path)
    if os.path.exists(path) and not os.path.isfile(path):
        return open(path, "wb")
    return replacing(path)


def write_output(path: AnyPath, data: bytes) -> None:
    """Write a file, or to a device or a pipe, as `open_output` does.

    Raises
    ------
    OSError
        From the file system.
    """
    with open_output(path) as file:
        file.write(data)


@dataclass(frozen=True)
class _Successor:
    """The open temporary file that may replace another one, and the name it has or will get."""

    name: str
    descriptor: int
    named: bool


def _open_successor(path: str, target: str, *, named: bool = False) -> _Successor:
    """Create the temporary file that may replace ``target``.

    A process that is killed while it writes leaves its temporary file behind, unless the file has
    no name until it is whole. Linux has such files, on most file systems.
    """
    name = os.path.join(os.path.dirname(target), f".chainfit-{secrets.token_hex(8)}.tmp")
    try:
        try:
            old = os.stat(path)
        except FileNotFoundError:
            # Mode 0o666 less the umask, as open() gives a new file.
            return _create(name, 0o666, named)
        _require_regular(path, old)
        # Whether the user may write it: what open() says, without harm to the contents.
        os.close(os.open(path, _FLAGS))
        successor = _create(name, 0o600, named)
    except OSError as error:
        # Nobody knows the temporary file's name.
        error.filename = path
        raise
    try:
        _inherit(path, target, old, name if successor.named else _of(successor.descriptor))
    except BaseException:
        os.close(successor.descriptor)
        if successor.named:
            _remove(name)
        raise
    return successor


_FLAGS = os.O_WRONLY | getattr(os, "O_BINARY", 0)


def _create(name: str, mode: int, named: bool) -> _Successor:
    if not named and hasattr(os, "O_TMPFILE"):
        # An error that is about the folder is raised again by a file with a name.
        with contextlib.suppress(OSError):
            descriptor = os.open(os.path.dirname(name), _FLAGS | os.O_TMPFILE, mode)
            if os.path.exists(_of(descriptor)):
                return _Successor(name, descriptor, False)
            os.close(descriptor)
    return _Successor(name, os.open(name, _FLAGS | os.O_CREAT | os.O_EXCL, mode), True)


def _of(descriptor: int) -> str:
    """Return the path of an open file, whatever names it has."""
    return f"/proc/self/fd/{descriptor}"


def _give_name(successor: _Successor) -> bool:
    """Give a file its first name; False where the file system can't."""
    with contextlib.suppress(OSError):
        folder = os.open(os.path.dirname(successor.name), os.O_RDONLY)
        try:
            # with a folder's descriptor Python asks for the file behind the link in /proc
            os.link(
                _of(successor.descriptor),
                os.path.basename(successor.name),
                src_dir_fd=folder,
                dst_dir_fd=folder,
            )
        finally:
            os.close(folder)
        return True
    return False


def _copied(successor: _Successor, path: str, target: str) -> _Successor:
    """Copy a file that can't get a name to one that has one from the start."""
    named = _open_successor(path, target, named=True)
    try:
        with os.fdopen(named.descriptor, "wb") as copy:
            with open(_of(successor.descriptor), "rb") as whole:
                shutil.copyfileobj(whole, copy)
            copy.flush()
            os.fsync(copy.fileno())
    except BaseException:
        _remove(named.name)
        raise
    return named


def _inherit(path: str, target: str, old: os.stat_result, temporary: str) -> None:
    """Give the temporary file the owner, and only then the mode and the ACL, of the old one."""
    new = os.stat(temporary)
    if (new.st_uid, new.st_gid) != (old.st_uid, old.st_gid):
        try:
            os.chown(temporary, old.st_uid, old.st_gid)
        except PermissionError:
            raise PermissionError(
                errno.EPERM,
                "Belongs to another user or group, to whom a new file can't be given; "
                "choose another name or delete it first",
                path,
            ) from None
    shutil.copystat(target, temporary)


def _remove(temporary: str) -> None:
    with contextlib.suppress(OSError):
        os.unlink(temporary)
