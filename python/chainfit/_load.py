"""``load``: a model file of any kind. It stands above all that can be saved.

A further kind of object is one more entry of ``_Kinds``; see ``_files.model.Kind``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from ._estimators.classifier import MLPClassifier
from ._estimators.model_file import kind_of as kind_of_net
from ._estimators.regressor import MLPRegressor
from ._files.disk import AnyPath
from ._files.model import Kind
from ._files.model import load as load_kind

if TYPE_CHECKING:
    from ._tables.classifier import TabularClassifier
    from ._tables.regressor import TabularRegressor

    #: What a file may hold. A type checker narrows it by `isinstance`.
    Model = MLPClassifier | MLPRegressor | TabularClassifier | TabularRegressor


_OF_NETS = {kind.name: kind for kind in map(kind_of_net, (MLPClassifier, MLPRegressor))}
_OF_TABLES = ("TabularClassifier", "TabularRegressor", "TableModel")


class _Kinds(Mapping[str, Kind]):
    """All kinds by name; what models of tables need is imported when one is met."""

    def __getitem__(self, name: str) -> Kind:
        if name in _OF_NETS:
            return _OF_NETS[name]
        from ._tables.classifier import TabularClassifier
        from ._tables.model_file import kind_of
        from ._tables.regressor import TabularRegressor
        from ._tables.table_model import kind_of_old

        kinds = (kind_of(TabularClassifier), kind_of(TabularRegressor), kind_of_old())
        return {kind.name: kind for kind in kinds}[name]

    def __iter__(self) -> Iterator[str]:
        return iter((*_OF_NETS, *_OF_TABLES))

    def __len__(self) -> int:
        return len(_OF_NETS) + len(_OF_TABLES)


KINDS = _Kinds()


def load(path: AnyPath) -> Model:
    """Load a model from a file written by its method ``save``.

    Nothing in the file is executed, so that files from others are safe to load. Loading takes at
    most 24 times the size of the file plus 16 MB of memory, and little more than its size if it is
    mostly weights. Only regular files are read.

    Parameters
    ----------
    path : str, bytes or path-like
        The file.

    Returns
    -------
    model : MLPClassifier, MLPRegressor, TabularClassifier or TabularRegressor
        A model equal to the saved one: predictions and further training give the same bits. A file
        with a TableModel of 0.1.0 becomes one of the latter two, with the same predictions.

    Raises
    ------
    ModelFileError
        If the file is not a complete and valid model file; the message says what is wrong.
    TypeError
        If `path` is not a path.
    ValueError
        If `path` holds a null character.
    OSError
        As for ``open``: FileNotFoundError, PermissionError, IsADirectoryError; also if `path` is a
        device, a pipe or a socket.

    See Also
    --------
    MLPClassifier.save : Write such a file.

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
    model: Model = load_kind(path, KINDS)
    return model
