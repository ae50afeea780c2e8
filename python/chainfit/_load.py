"""``load``: a model file of any kind. It stands above all that can be saved.

A further kind of object is one more entry of ``KINDS``; see ``_files.model.Kind``.
"""

from __future__ import annotations

from ._estimators.classifier import MLPClassifier
from ._estimators.model_file import kind_of as kind_of_net
from ._estimators.regressor import MLPRegressor
from ._files.disk import AnyPath
from ._files.model import load as load_kind
from ._tables.classifier import TabularClassifier
from ._tables.model_file import kind_of as kind_of_table
from ._tables.regressor import TabularRegressor
from ._tables.table_model import kind_of_old

#: What a file may hold. A type checker narrows it by `isinstance`.
Model = MLPClassifier | MLPRegressor | TabularClassifier | TabularRegressor

KINDS = {
    kind.name: kind
    for kind in (
        kind_of_net(MLPClassifier),
        kind_of_net(MLPRegressor),
        kind_of_table(TabularClassifier),
        kind_of_table(TabularRegressor),
        kind_of_old(),
    )
}


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
