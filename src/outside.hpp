// What a long call asks Python: whether to end, and how many threads it may use. Floor: bindings.
#pragma once

#include <pybind11/pybind11.h>

#include <algorithm>
#include <optional>

#include "engine/interrupt.hpp"
#include "engine/plan.hpp"
#include "engine/threads.hpp"
#include "gil.hpp"

namespace chainfit {

// Python's signals: their handlers run, and what one raises ends the call. Used where the GIL is released; raise() once
// it is held again.
class Signals {
   public:
    bool pending() {
        const Gil gil;
        if (in_python([] { return PyErr_CheckSignals(); }) == 0) return false;
        error_.emplace();  // takes the error out of the interpreter; the team of threads must end first
        return true;
    }
    void raise() {
        if (error_) throw std::move(*error_);
    }

   private:
    std::optional<pybind11::error_already_set> error_;
};

// For computations that ask nothing else.
class SignalInterrupt final : public Interrupt {
   public:
    bool interrupted() override { return signals_.pending(); }
    void raise() { signals_.raise(); }

   private:
    Signals signals_;
};

// The upper bound of the threads for a call with `flop` of work between two barriers. `n_threads` is an int or a
// function that returns one; a function costs more than a small step, and is asked only where a second thread would
// pay.
inline int thread_limit(const pybind11::object& n_threads, double flop) {
    if (threads_that_pay(flop, max_threads()) <= 1) return 1;
    if (!PyCallable_Check(n_threads.ptr())) return std::min(n_threads.cast<int>(), max_threads());
    PyObject* answer = in_python([&] { return PyObject_CallNoArgs(n_threads.ptr()); });
    if (!answer) throw pybind11::error_already_set();
    return std::min(pybind11::reinterpret_steal<pybind11::object>(answer).cast<int>(), max_threads());
}

}  // namespace chainfit
