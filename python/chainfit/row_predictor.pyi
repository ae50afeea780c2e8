from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

class RowPredictor:
    """Predictor of one row at a time, with buffers allocated in advance.

    Parameters
    ----------
    coefs : list of ndarray of shape (n_l, n_{l+1})
        The weights, all float32 or all float64. They are copied, so that later training has no
        effect.
    intercepts : list of ndarray of shape (n_{l+1},)
        The biases.
    activation : str or sequence of str
        Activation of the hidden layers, as the model's `activation`.
    out_activation : str
        Activation of the output layer, as the model's `out_activation_`.

    Attributes
    ----------
    input : ndarray of shape (n_in,)
        The row to predict; write into it.
    output : ndarray of shape (n_out,)
        Activations of the output layer at the last call, in the dtype of the model: for a regressor
        the predictions; for a classifier the probabilities, with two classes that of
        ``classes_[1]`` alone. The bits are those of `predict` and `predict_proba`.
    n_in, n_out : int
        Numbers of features and of outputs.
    is_f64 : bool
        Whether the dtype is float64.

    See Also
    --------
    chainfit.MLPRegressor.row_predictor : Make one from a fitted model.

    Notes
    -----
    A call checks the number of features alone: NaN in gives NaN out. The buffers belong to the
    predictor, which therefore serves one thread. The C functions take the buffers of their caller:
    any thread may call them.

    Examples
    --------
    >>> from chainfit import MLPRegressor
    >>> model = MLPRegressor.from_weights([[[2.0], [-1.0]]], [[1.0]])
    >>> predictor = model.row_predictor()
    >>> predictor([3.0, 1.0])
    array([6.])
    >>> predictor.input[:] = 3.0, 2.0
    >>> predictor()
    array([5.])
    """

    input: npt.NDArray[Any]
    output: npt.NDArray[Any]
    n_in: int
    n_out: int
    is_f64: bool
    def __init__(
        self,
        coefs: list[npt.NDArray[np.float32]] | list[npt.NDArray[np.float64]],
        intercepts: list[npt.NDArray[np.float32]] | list[npt.NDArray[np.float64]],
        activation: str | Sequence[str],
        out_activation: str,
    ) -> None: ...
    def __call__(self, x: npt.ArrayLike | None = None) -> npt.NDArray[Any]:
        """Return the output for a row.

        Parameters
        ----------
        x : array-like of shape (n_in,), default=None
            The row, which is copied into `input`; None means the row that `input` holds.

        Returns
        -------
        output : ndarray of shape (n_out,)
            The attribute `output`, the same array at each call.
        """
