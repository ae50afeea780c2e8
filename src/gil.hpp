// The GIL given up and taken back, on threads that may outlive the interpreter. Floor: bindings.
// Once Python finalizes, CPython before 3.14 ends a daemon thread that asks for the GIL by unwinding its stack, which
// no destructor survives: std::terminate. Such a thread sleeps here instead, as CPython 3.14 lets it, until the process
// is gone. Whatever may ask for the GIL from C++ goes through these.
#pragma once

#include <pybind11/pybind11.h>

#include <chrono>
#include <thread>

namespace chainfit {

// call(), which may run Python code or wait for the GIL. Exceptions of C++ must not leave it.
template <class Call>
auto in_python(const Call& call) noexcept {
    try {
        return call();
    } catch (...) {  // the forced unwinding: not to be left, and nothing below may be destroyed
        while (true) std::this_thread::sleep_for(std::chrono::hours(1));
    }
}

// Without the GIL for as long as it lives.
class NoGil {
   public:
    NoGil() : thread_(PyEval_SaveThread()) {}
    ~NoGil() {
        in_python([this] { PyEval_RestoreThread(thread_); });
    }
    NoGil(const NoGil&) = delete;
    NoGil& operator=(const NoGil&) = delete;

   private:
    PyThreadState* thread_;
};

// With the GIL for as long as it lives, inside of a NoGil.
class Gil {
   public:
    Gil() : state_(in_python([] { return PyGILState_Ensure(); })) {}
    ~Gil() { PyGILState_Release(state_); }
    Gil(const Gil&) = delete;
    Gil& operator=(const Gil&) = delete;

   private:
    PyGILState_STATE state_;
};

}  // namespace chainfit
