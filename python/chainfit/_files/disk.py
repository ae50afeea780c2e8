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


def write_atomically(path: AnyPath, data: bytes) -> None:
    """Replace the file at ``path``: after a crash at any moment it is the old or the new one.

    The bytes go to a temporary file in the same folder, to the disk, and then take the name. A
    symbolic link stays, the file that it names is replaced. The new file has the old one's owner,
    group, mode and access control list; without an old one it has those of any new file.

    Raises
    ------
    OSError
        From the file system, as ``open(path, "wb")`` raises it; also where the folder can't be
        written to, or the file couldn't be given to its owner. The old file is untouched and the
        temporary one removed.
    """
    path = as_path(path)
    target = os.path.realpath(path)
    if not _write(path, target, data, unnamed=True):
        _write(path, target, data, unnamed=False)
    # The rename itself must reach the disk too; not every system or file system can sync a folder.
    with contextlib.suppress(OSError):
        folder = os.open(os.path.dirname(target), os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def _write(path: str, target: str, data: bytes, *, unnamed: bool) -> bool:
    """Replace ``target``; False, and nothing has changed, where no file can be without a name."""
    successor = _open_successor(path, target, unnamed=unnamed)
    if successor is None:
        return False
    temporary, descriptor = successor
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
            if unnamed and not _give_name(descriptor, temporary):
                return False
        os.replace(temporary, target)
    except BaseException:
        _remove(temporary)
        raise
    return True


def check_writable(path: AnyPath) -> None:
    """Raise what ``write_atomically`` would; to be asked before hours of work."""
    path = as_path(path)
    target = os.path.realpath(path)
    successor = _open_successor(path, target, unnamed=True)
    if successor is not None:
        os.close(successor[1])
        return
    successor = _open_successor(path, target, unnamed=False)
    assert successor is not None
    os.close(successor[1])
    _remove(successor[0])


def write_output(path: AnyPath, data: bytes) -> None:
    """Write a file as ``write_atomically`` does; a device or a pipe takes the bytes as they come.

    Raises
    ------
    OSError
        From the file system.
    """
    path = as_path(path)
    if os.path.exists(path) and not os.path.isfile(path):
        with open(path, "wb") as file:
            file.write(data)
    else:
        write_atomically(path, data)


def _open_successor(path: str, target: str, *, unnamed: bool) -> tuple[str, int] | None:
    """Create the temporary file that may replace ``target``: the name it has or gets, descriptor.

    A process that is killed while it writes leaves its temporary file behind, unless the file has
    no name until it is whole. Linux has such files, on most file systems: None where it has not.
    """
    temporary = os.path.join(os.path.dirname(target), f".chainfit-{secrets.token_hex(8)}.tmp")
    flags = os.O_WRONLY | getattr(os, "O_BINARY", 0)
    create = _create_unnamed if unnamed else _create
    try:
        try:
            old = os.stat(path)
        except FileNotFoundError:
            # Mode 0o666 less the umask, as open() gives a new file.
            descriptor = create(temporary, flags, 0o666)
            return None if descriptor is None else (temporary, descriptor)
        _require_regular(path, old)
        # Whether the user may write it: what open() says, without harm to the contents.
        os.close(os.open(path, flags))
        descriptor = create(temporary, flags, 0o600)
    except OSError as error:
        # Nobody knows the temporary file's name.
        error.filename = path
        raise
    if descriptor is None:
        return None
    try:
        _inherit(path, target, old, _of(descriptor) if unnamed else temporary)
    except BaseException:
        os.close(descriptor)
        if not unnamed:
            _remove(temporary)
        raise
    return temporary, descriptor


def _create(temporary: str, flags: int, mode: int) -> int | None:
    return os.open(temporary, flags | os.O_CREAT | os.O_EXCL, mode)


def _create_unnamed(temporary: str, flags: int, mode: int) -> int | None:
    """Create a file without a name in the folder of ``temporary``; None where there are none."""
    if not hasattr(os, "O_TMPFILE"):
        return None
    try:
        descriptor = os.open(os.path.dirname(temporary), flags | os.O_TMPFILE, mode)
    except OSError:  # which a file with a name raises again, if it is about the folder
        return None
    if os.path.exists(_of(descriptor)):
        return descriptor
    os.close(descriptor)
    return None


def _of(descriptor: int) -> str:
    """Return the path of an open file, whatever names it has."""
    return f"/proc/self/fd/{descriptor}"


def _give_name(descriptor: int, name: str) -> bool:
    """Give a file its first name; False where the file system can't."""
    with contextlib.suppress(OSError):
        folder = os.open(os.path.dirname(name), os.O_RDONLY)
        try:
            # with a folder's descriptor Python asks for the file behind the link in /proc
            os.link(_of(descriptor), os.path.basename(name), src_dir_fd=folder, dst_dir_fd=folder)
        finally:
            os.close(folder)
        return True
    return False


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
