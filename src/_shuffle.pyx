# cython: language_level=3, freethreading_compatible=True, boundscheck=False, wraparound=False
"""Shuffles drawn from a NumPy bit generator at C speed, in the order in which `numpy.random.RandomState.shuffle` draws.

RandomState's streams are frozen (NEP 19), so this order is a fact that does not change.
"""

from cpython.pycapsule cimport PyCapsule_New
from libc.stdint cimport UINT32_MAX, int64_t, uint64_t
from numpy.random cimport bitgen_t


cdef void shuffle_order(void *bit_generator, int64_t *order, int64_t n) noexcept nogil:
    # Fisher and Yates from the end; swapping `order` in place composes its permutation with the fresh one.
    # A place on 0..i is drawn by masked rejection, with 32-bit draws while they suffice. One draw in four or so is
    # rejected, which no branch predictor foresees: such a draw swaps order[i] with itself instead.
    cdef bitgen_t *generator = <bitgen_t *> bit_generator
    cdef int64_t i = n - 1, j, accepted, swapped
    cdef uint64_t mask = 1, value
    while mask < <uint64_t> n:
        mask = (mask << 1) | 1
    while i > 0:
        while (mask >> 1) >= <uint64_t> i:
            mask >>= 1
        if i <= <int64_t> UINT32_MAX:
            value = generator.next_uint32(generator.state) & mask
        else:
            value = generator.next_uint64(generator.state) & mask
        accepted = value <= <uint64_t> i
        j = i + ((<int64_t> value - i) & -accepted)
        swapped = order[j]
        order[j] = order[i]
        order[i] = swapped
        i -= accepted


#: Capsule of ``void (*)(bitgen_t *, int64_t *order, int64_t n)``, called by `chainfit._core` without the GIL.
function = PyCapsule_New(<void *> &shuffle_order, NULL, NULL)
