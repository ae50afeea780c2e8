# Predictions one row at a time, for other Cython code: no GIL, no allocation for nets up to some
# 1,900 units wide. See row_predictor.pyx for an example.

ctypedef int (*row_function)(const void *net, const void *x, void *out) noexcept nogil


cdef class RowPredictor:
    cdef object _owner
    cdef const void *_net
    cdef row_function _function
    cdef const void *_x
    cdef void *_out
    cdef readonly object input
    cdef readonly object output
    cdef readonly Py_ssize_t n_in
    cdef readonly Py_ssize_t n_out
    cdef readonly bint is_f64

    # x (n_in) -> out (n_out). 0: done; -1: no memory; -2: the model is of the other dtype, out is
    # untouched. Any thread may call.
    cdef int predict_f32(self, const float *x, float *out) noexcept nogil
    cdef int predict_f64(self, const double *x, double *out) noexcept nogil
