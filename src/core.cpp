// The module chainfit._core. Floor: bindings.
#include <pybind11/pybind11.h>

#include "bindings.hpp"
#include "dispatch.hpp"
#include "docs.hpp"
#include "engine/threads.hpp"

#if defined(_WIN32)
#define CHAINFIT_EXPORT extern "C" __declspec(dllexport)
#else
#define CHAINFIT_EXPORT extern "C" __attribute__((visibility("default")))
#endif

// Found by threadpoolctl (chainfit/_threads.py).
CHAINFIT_EXPORT int chainfit_get_num_threads() { return chainfit::max_threads(); }
CHAINFIT_EXPORT void chainfit_set_num_threads(int n) { chainfit::set_max_threads(n); }
CHAINFIT_EXPORT const char* chainfit_version() { return CHAINFIT_VERSION; }

// Without a GIL from CPython 3.14 on. Models publish what came of a fit by replacing their __dict__ while other threads
// read it: the free-threaded 3.13 doesn't survive that (python/cpython#124470), and switches its GIL on.
#if PY_VERSION_HEX >= 0x030E0000
PYBIND11_MODULE(_core, m, pybind11::mod_gil_not_used()) {
#else
PYBIND11_MODULE(_core, m) {
#endif
    m.doc() = chainfit::doc::module;
    m.attr("__version__") = CHAINFIT_VERSION;
    chainfit::isa();  // an impossible CHAINFIT_ISA is said at import
    m.def(
        "set_num_threads",
        [](int n) {
            if (n < 1)
                throw pybind11::value_error("the number of threads must be at least 1, got " + std::to_string(n));
            chainfit::set_max_threads(n);
        },
        chainfit::doc::set_num_threads);
    m.def("get_num_threads", &chainfit::max_threads, chainfit::doc::get_num_threads);
    chainfit::bind_kernels(m);
    chainfit::bind_prediction(m);
    chainfit::bind_run(m);
    chainfit::bind_training(m);
}
