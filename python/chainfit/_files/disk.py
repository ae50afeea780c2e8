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
    temporary, descriptor = _open_successor(path, target)
    try:
        with os.fdopen(descriptor, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, target)
    except BaseException:
        _remove(temporary)
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
    temporary, descriptor = _open_successor(path, os.path.realpath(path))
    os.close(descriptor)
    _remove(temporary)


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


def _open_successor(path: str, target: str) -> tuple[str, int]:
    """Create the temporary file that may take the name of ``target``: its name and descriptor."""
    temporary = os.path.join(os.path.dirname(target), f".chainfit-{secrets.token_hex(8)}.tmp")
    flags = os.O_WRONLY | getattr(os, "O_BINARY", 0)
    try:
        try:
            old = os.stat(path)
        except FileNotFoundError:
            # Mode 0o666 less the umask, as open() gives a new file.
            return temporary, os.open(temporary, flags | os.O_CREAT | os.O_EXCL, 0o666)
        _require_regular(path, old)
        # Whether the user may write it: what open() says, without harm to the contents.
        os.close(os.open(path, flags))
        descriptor = os.open(temporary, flags | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as error:
        # Nobody knows the temporary file's name.
        error.filename = path
        raise
    try:
        _inherit(path, target, old, temporary)
    except BaseException:
        os.close(descriptor)
        _remove(temporary)
        raise
    return temporary, descriptor


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
