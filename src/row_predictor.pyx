# cython: language_level=3, freethreading_compatible=True
"""Predictions one row at a time, in well under a microsecond.

Made by `MLPClassifier.row_predictor` and `MLPRegressor.row_predictor`. From other Cython code::

    from chainfit.row_predictor cimport RowPredictor

    cdef double total(RowPredictor net, const float *rows, Py_ssize_t n) noexcept nogil:
        cdef float y
        cdef double sum = 0
        for r in range(n):
            if net.predict_f32(rows + r * net.n_in, &y) == 0:
                sum += y
        return sum
"""

from cpython.pycapsule cimport PyCapsule_GetPointer

import numpy as np

from chainfit import _core


# The docstring begins with the signature, in the form that inspect reads.
cdef class RowPredictor:
    """RowPredictor(coefs, intercepts, activation, out_activation)\n--\n
    Predictor of one row at a time, with buffers allocated in advance.

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

    def __init__(self, coefs, intercepts, activation, out_activation):
        if len(coefs) == 0:
            raise ValueError("coefs must have at least one array, got none")
        dtype = np.asarray(coefs[0]).dtype
        make = _core.RowNetF32 if dtype == np.float32 else _core.RowNetF64
        net = make(coefs, intercepts, activation, out_activation)
        # views, for an array that owns its memory can be given other memory
        x = np.zeros(net.n_in, dtype)[:]
        out = np.zeros(net.n_out, dtype)[:]
        cdef size_t x_address = x.ctypes.data
        cdef size_t out_address = out.ctypes.data
        cdef const void *predictor = PyCapsule_GetPointer(net.predictor, "chainfit.row_net")
        cdef row_function function = <row_function> PyCapsule_GetPointer(net.function, "chainfit.row_function")
        self._owner = net
        self.is_f64 = dtype != np.float32
        self.n_in = net.n_in
        self.n_out = net.n_out
        self.input = x
        self.output = out
        self._x = <const void *> x_address
        self._out = <void *> out_address
        self._net = predictor
        self._function = function

    def __call__(self, x=None):
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
        if self._function == NULL:
            raise ValueError("this RowPredictor has no net: its __init__ was not called")
        if x is not None:
            if self.n_in != 1 and len(x) != self.n_in:  # NumPy would spread a single one
                raise ValueError(
                    f"x has {len(x)} features, but RowPredictor is expecting {self.n_in} features as input"
                )
            self.input[...] = x
        if self._function(self._net, self._x, self._out) != 0:
            raise MemoryError("no memory for the activations of one row")
        return self.output

    def __reduce__(self):
        raise TypeError("a RowPredictor can't be pickled; pickle the model, and ask it for another")

    cdef int predict_f32(self, const float *x, float *out) noexcept nogil:
        if self.is_f64 or self._function == NULL:
            return -2
        return self._function(self._net, x, out)

    cdef int predict_f64(self, const double *x, double *out) noexcept nogil:
        if not self.is_f64 or self._function == NULL:
            return -2
        return self._function(self._net, x, out)
