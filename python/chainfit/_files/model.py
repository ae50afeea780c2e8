"""Model files: ``save`` and ``load``.

A model file is a safetensors file whose metadata has one entry, ``chainfit``: JSON with the format
version, the kind of object, the library's version, the settings and a digest of everything. A
further kind of object is one more row of ``KINDS`` and a module with ``pack`` and ``unpack``.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import numpy as np

from .._common.printable import printable
from . import safetensors
from .disk import AnyPath, as_path, open_regular, write_atomically
from .fields import Fields, ModelFileError, Tensors, shorten
from .strict_json import parse_json

__all__ = ["ModelFileError", "load", "save"]

#: The metadata's one entry. One, because safetensors writes several in random order, and equal
#: models shall give equal files.
ENTRY = "chainfit"

#: Raise it when a file written from now on could be misread by the code of before.
FORMAT_VERSION = 1


@dataclass(frozen=True)
class Kind:
    """A kind of object that files can hold.

    Attributes
    ----------
    name : str
        The class's name, and the file's word for it.
    home : str
        Module of the class, as seen from here.
    codec : str
        Module with ``pack(model) -> (settings, tensors)`` and
        ``unpack(cls, fields, tensors) -> model``.
    """

    name: str
    home: str
    codec: str

    def cls(self) -> type:
        """Return the class itself; nothing is imported before it is needed."""
        found: type = getattr(import_module(self.home, __package__), self.name)
        return found

    def pack(self, model: Any) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
        """Take a model apart into settings (JSON types only) and tensors."""
        packed: tuple[dict[str, Any], dict[str, np.ndarray]]
        packed = import_module(self.codec, __package__).pack(model)
        return packed

    def unpack(self, fields: Fields, tensors: Tensors) -> Any:
        """Build the model from settings and tensors; ModelFileError if they are not sane."""
        model = import_module(self.codec, __package__).unpack(self.cls(), fields, tensors)
        fields.done()
        tensors.done()
        return model


KINDS = {
    kind.name: kind
    for kind in (
        Kind("MLPClassifier", "..", ".estimator"),
        Kind("MLPRegressor", "..", ".estimator"),
        Kind("TableModel", ".._tables.table", ".._tables.file"),
    )
}


def kind_of(model: object) -> Kind:
    """Find the kind of a model.

    Raises
    ------
    TypeError
        For any other object; a subclass too, since loading would not give it back.
    """
    kind = KINDS.get(type(model).__name__)
    if kind is None or type(model) is not kind.cls():
        names = ", ".join(KINDS)
        hint = ": the model comes first, then the path" if isinstance(model, AnyPath) else ""
        raise TypeError(
            f"chainfit can save its own {names}, got an object of type "
            f"{type(model).__module__}.{type(model).__qualname__}{hint}"
        )
    return kind


def save(model: Any, path: AnyPath) -> None:
    """Write a fitted model to a file.

    The file is replaced atomically: whatever happens, ``path`` names the old file or the new one.
    A file that is replaced hands down its owner, group and mode; a symbolic link stays.
    It holds the whole fitted state, the optimizer's too, so that the loaded model predicts the
    same bits and goes on training to the same bits.

    Parameters
    ----------
    model : MLPClassifier, MLPRegressor or TableModel
        A fitted one.
    path : str, bytes or path-like
        The file; its folder must exist. Any suffix will do, ``.safetensors`` tells what it is.

    Raises
    ------
    sklearn.exceptions.NotFittedError
        If the model is not fitted.
    TypeError
        If the model, or a parameter of it, is of a type that a file cannot hold, or if `path` is
        no path.
    ModelFileError
        If the model's state would not be accepted by ``load``: non-finite weights, or parameters
        changed after ``fit`` so that they disagree with the weights.
    OSError
        From the file system, a PermissionError wherever ``open(path, "wb")`` raises it; also if
        `path` is no regular file, or if it belongs to somebody to whom a new file can't be given.
    """
    kind = kind_of(model)
    path = as_path(path)
    settings, tensors = kind.pack(model)
    document = {
        "format_version": FORMAT_VERSION,
        "kind": kind.name,
        "library_version": _library_version(),
        "settings": settings,
    }
    document["digest"] = digest(document, tensors)
    text = json.dumps(document, allow_nan=False, separators=(",", ":"))
    try:
        # What could not be loaded again must not replace a good file.
        _build({ENTRY: text}, tensors)
        data = safetensors.encode({ENTRY: text}, tensors)
    except ModelFileError as error:
        raise ModelFileError(f"cannot save this {kind.name}: {error}") from None
    write_atomically(path, data)


def load(path: AnyPath) -> Any:
    """Read a model that ``save`` wrote.

    Nothing in the file is executed. Whatever it holds, the memory taken is at most 24 times the
    file's size and 16 MB more; for a file that is mostly weights it is little more than its size.
    Nothing but a regular file is read, so that no pipe is waited for.

    Parameters
    ----------
    path : str, bytes or path-like
        The file.

    Returns
    -------
    MLPClassifier, MLPRegressor or TableModel
        Equal to the saved model: it predicts the same bits and goes on training to the same bits.

    Raises
    ------
    ModelFileError
        If the file is not a whole, sane chainfit model file; the text says what is wrong.
    TypeError, ValueError
        If `path` is no path.
    OSError
        As ``open`` raises it: FileNotFoundError, PermissionError, IsADirectoryError; also if `path`
        is a device, a pipe or a socket.

    Examples
    --------
    >>> import os, tempfile
    >>> import chainfit
    >>> from sklearn.datasets import load_iris
    >>> X, y = load_iris(return_X_y=True)
    >>> model = chainfit.MLPClassifier(random_state=0, early_stopping=True).fit(X, y)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = os.path.join(folder, "iris.safetensors")
    ...     model.save(path)
    ...     loaded = chainfit.load(path)
    >>> bool((loaded.predict_proba(X) == model.predict_proba(X)).all())
    True
    """
    path = as_path(path)
    with open_regular(path) as file:
        try:
            metadata, tensors = safetensors.read(file)
            return _build(metadata, tensors)
        except ModelFileError as error:
            raise ModelFileError(f"{printable(path)}: {error}") from None


def is_model(path: AnyPath) -> bool:
    """Say whether a file begins as a model file does; false for one that can't be read."""
    try:
        with open_regular(as_path(path)) as file:
            return f'"{ENTRY}"'.encode() in file.read(4096)
    except OSError:
        return False


def _build(metadata: dict[str, str], tensors: dict[str, np.ndarray]) -> Any:
    """Check the metadata and build the model."""
    if ENTRY not in metadata:
        raise ModelFileError(
            f"a safetensors file, but not a chainfit model: its metadata lacks {ENTRY!r}, "
            f"it has {shorten(sorted(metadata))}"
        )
    document = parse_json(metadata.pop(ENTRY).encode("utf-8", errors="surrogatepass"), "settings")
    if metadata:
        raise ModelFileError(f"metadata: unknown entries {shorten(sorted(metadata))}")
    fields = Fields(document, "metadata")
    version = fields.integer("format_version", low=1)
    if version > FORMAT_VERSION:
        # Nothing else can be relied on in a file of the future.
        raise ModelFileError(
            f"written in format version {version}; this chainfit {_library_version()} reads "
            f"versions up to {FORMAT_VERSION}: upgrade chainfit"
        )
    kind = KINDS[fields.text("kind", tuple(KINDS))]
    fields.text("library_version")
    settings = fields.fields("settings")
    if fields.text("digest") != digest(document, tensors):
        raise ModelFileError(
            "the contents do not match their digest: the file was damaged or edited after it "
            "was saved"
        )
    fields.done()
    settings.where = "settings"
    return kind.unpack(settings, Tensors(tensors))


def digest(document: Mapping[str, Any], tensors: Mapping[str, np.ndarray]) -> str:
    """SHA-256 over the metadata's document (the digest itself left out) and every tensor.

    It is no signature: it tells damage, not malice.
    """
    described = {
        "document": {key: value for key, value in document.items() if key != "digest"},
        "tensors": {name: [str(a.dtype), list(a.shape)] for name, a in tensors.items()},
    }
    total = hashlib.sha256(json.dumps(described, sort_keys=True).encode())
    for name in sorted(tensors):
        array = np.ascontiguousarray(tensors[name])
        little = array.astype(array.dtype.newbyteorder("<"), copy=False)
        total.update(little.reshape(-1).view(np.uint8).data)
    return total.hexdigest()


def _library_version() -> str:
    from .. import __version__

    return str(__version__)
