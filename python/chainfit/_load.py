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
    MLPClassifier, MLPRegressor, TabularClassifier or TabularRegressor
        Equal to the saved model: it predicts the same bits and goes on training to the same bits.
        A file of 0.1.0's TableModel becomes one of the latter two, which predicts what it did.

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
    model: Model = load_kind(path, KINDS)
    return model
