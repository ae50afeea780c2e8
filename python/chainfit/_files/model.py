"""Model files of any kind of object: ``save`` and ``load``.

A model file is a safetensors file whose metadata has one entry, ``chainfit``: JSON with the format
version, the kind of object, the library's version, the settings and a digest of everything. What
settings and tensors hold is the business of the kind (see Kind), beside whose class it is defined.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from .._common.printable import printable
from .._common.version import __version__
from . import safetensors
from .disk import AnyPath, as_path, open_regular, write_atomically
from .fields import Fields, ModelFileError, Tensors, shorten
from .strict_json import parse_json

__all__ = ["ModelFileError", "load", "save"]

#: The metadata's one entry. One, because safetensors writes several in random order, and equal
#: models shall give equal files.
ENTRY = "chainfit"

#: Raise it when a file written from now on could be misread by the code of before.
FORMAT_VERSION = 2


Packed = tuple[dict[str, Any], dict[str, np.ndarray]]


@dataclass(frozen=True)
class Kind:
    """A kind of object that files can hold.

    Attributes
    ----------
    cls : type
        Its class, whose name is the file's word for the kind. Not a subclass, since loading would
        not give it back.
    pack : callable
        ``pack(model) -> (settings, tensors)``: settings of JSON types only.
    build : callable
        ``build(cls, fields, tensors) -> model``; ModelFileError if these are not sane.
    """

    cls: type
    pack: Callable[[Any], Packed]
    build: Callable[[type, Fields, Tensors], Any]

    @property
    def name(self) -> str:
        """The file's word for it."""
        return self.cls.__name__

    def unpack(self, fields: Fields, tensors: Tensors) -> Any:
        """Build the model from settings and tensors, all of which must be used."""
        model = self.build(self.cls, fields, tensors)
        fields.done()
        tensors.done()
        return model


def save(kind: Kind, model: Any, path: AnyPath) -> None:
    """Write a fitted model to a file.

    The file is replaced atomically: whatever happens, ``path`` names the old file or the new one.
    A file that is replaced hands down its owner, group and mode; a symbolic link stays.
    It holds the whole fitted state, the optimizer's too, so that the loaded model predicts the
    same bits and goes on training to the same bits.

    Parameters
    ----------
    kind : Kind
    model : object
        A fitted one of this kind.
    path : str, bytes or path-like
        The file; its folder must exist. Any suffix will do, ``.safetensors`` tells what it is.

    Raises
    ------
    sklearn.exceptions.NotFittedError
        If the model is not fitted.
    TypeError
        If the model is of a subclass, if a parameter of it is of a type that a file cannot hold,
        or if `path` is no path.
    ModelFileError
        If the model's state would not be accepted by ``load``: non-finite weights, or parameters
        changed after ``fit`` so that they disagree with the weights.
    OSError
        From the file system, a PermissionError wherever ``open(path, "wb")`` raises it; also if
        `path` is no regular file, or if it belongs to somebody to whom a new file can't be given.
    """
    if type(model) is not kind.cls:
        raise TypeError(
            f"chainfit can save its own {kind.name}, which `load` gives back, got an object of "
            f"type {type(model).__module__}.{type(model).__qualname__}"
        )
    path = as_path(path)
    settings, tensors = kind.pack(model)
    document = {
        "format_version": FORMAT_VERSION,
        "kind": kind.name,
        "library_version": __version__,
        "settings": settings,
    }
    document["digest"] = digest(document, tensors)
    text = json.dumps(document, allow_nan=False, separators=(",", ":"))
    try:
        # What could not be loaded again must not replace a good file.
        _build({ENTRY: text}, tensors, {kind.name: kind})
        data = safetensors.encode({ENTRY: text}, tensors)
    except ModelFileError as error:
        raise ModelFileError(f"cannot save this {kind.name}: {error}") from None
    write_atomically(path, data)


def load(path: AnyPath, kinds: Mapping[str, Kind]) -> Any:
    """Read a model of one of these kinds, by name; documented as ``chainfit.load``."""
    path = as_path(path)
    with open_regular(path) as file:
        try:
            metadata, tensors = safetensors.read(file)
            return _build(metadata, tensors, kinds)
        except ModelFileError as error:
            raise ModelFileError(f"{printable(path)}: {error}") from None


def is_model(path: AnyPath) -> bool:
    """Say whether a file begins as a model file does; false for one that can't be read."""
    try:
        with open_regular(as_path(path)) as file:
            return f'"{ENTRY}"'.encode() in file.read(4096)
    except OSError:
        return False


def _build(
    metadata: dict[str, str], tensors: dict[str, np.ndarray], kinds: Mapping[str, Kind]
) -> Any:
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
            f"written in format version {version}; this chainfit {__version__} reads "
            f"versions up to {FORMAT_VERSION}: upgrade chainfit"
        )
    kind = kinds[fields.text("kind", tuple(kinds))]
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

    It is no signature: it shows damage, not malice.
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
