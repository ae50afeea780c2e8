// A run as Python follows it: listener, random numbers, signals. Floor: bindings.
// A new event is a function of the core's Observer, and here the words that it calls the listener with.
#pragma once

#include <pybind11/gil_safe_call_once.h>

#include "arrays.hpp"
#include "engine/fit.hpp"
#include "outside.hpp"

namespace chainfit {

// Draws from a NumPy bit generator in RandomState.shuffle's order; handed over by the Cython module chainfit._shuffle.
using ShuffleFunction = void (*)(void* bit_generator, std::int64_t* order, std::int64_t n);

inline ShuffleFunction shuffle_function() {
    // A plain static would keep its lock while the import lets go of the GIL, and a thread that then takes the GIL and
    // wants the lock would wait for ever.
    PYBIND11_CONSTINIT static py::gil_safe_call_once_and_store<ShuffleFunction> function;
    return function
        .call_once_and_store_result([] {
            const py::object capsule = py::module_::import("chainfit._shuffle").attr("function");
            return reinterpret_cast<ShuffleFunction>(capsule.cast<py::capsule>().get_pointer<void>());
        })
        .get_stored();
}

// A Python listener, NumPy's random numbers and Python's signals behind the core's Observer. Made and destroyed with
// the GIL held, used without.
class PythonObserver final : public Observer {
   public:
    // `shown` is the Python object's: it follows `run`, which belongs to the running thread, whenever Python looks.
    PythonObserver(py::object listener, const py::object& bit_generator, const Run& run, Run& shown)
        : listener_(std::move(listener)), run_(run), shown_(shown) {
        if (bit_generator.is_none()) return;
        capsule_ = attribute(bit_generator, "capsule");
        lock_ = attribute(bit_generator, "lock");
        bit_generator_ = PyCapsule_GetPointer(capsule_.ptr(), "BitGenerator");
        if (!bit_generator_) throw py::error_already_set();
        shuffle_ = shuffle_function();
    }
    void shuffle(std::int64_t* order, Index n) override {
        // the generator may be shared, NumPy's global one for instance: locked, but only while numbers are drawn
        set_locked(true);
        shuffle_(bit_generator_, order, n);
        set_locked(false);
    }
    void on_window() override { tell("window", static_cast<double>(run_.so_far.rows)); }
    void on_epoch(double loss) override { tell("epoch", loss); }
    void on_learning_rate(double eta) override { tell("learning_rate", eta); }
    bool epoch_ended(double loss) override {
        if (listener_.is_none()) return false;
        const Gil gil;
        return call("end", loss).ptr() == Py_True;
    }
    Validation validate() override {
        const Gil gil;
        const py::object found = call("validate", EpochRecord::kNone);
        if (!py::isinstance<py::tuple>(found)) return {number(found), EpochRecord::kNone};
        const auto pair = found.cast<py::tuple>();
        if (pair.size() != 2) throw py::type_error("the listener must return a score, or a score and a loss");
        return {number(pair[0]), number(pair[1])};
    }
    std::vector<double> step_sizes(Index first, Index count) override {
        const Gil gil;
        PyObject* answer =
            in_python([&] { return PyObject_CallFunction(listener_.ptr(), "snn", "step_sizes", first, count); });
        if (!answer) throw py::error_already_set();
        const auto sizes = py::reinterpret_steal<py::object>(answer);
        const py::array given = contiguous(checked_array<double>(sizes, {count}, {"step_sizes"}));
        const auto* begin = static_cast<const double*>(given.data());
        return {begin, begin + count};
    }
    bool interrupted() override { return signals_.pending(); }

    // With the GIL, after the run.
    void finish() {
        show();
        signals_.raise();
    }
    void show() {
        const auto known = static_cast<std::ptrdiff_t>(shown_losses_);
        shown_.loss_curve.insert(shown_.loss_curve.end(), run_.loss_curve.begin() + known, run_.loss_curve.end());
        shown_losses_ = run_.loss_curve.size();
        const auto recorded = static_cast<std::ptrdiff_t>(shown_epochs_);
        shown_.epochs.insert(shown_.epochs.end(), run_.epochs.begin() + recorded, run_.epochs.end());
        shown_epochs_ = run_.epochs.size();
        shown_.t = run_.t;
        shown_.n_iter = run_.n_iter;
        shown_.so_far = run_.so_far;
        shown_.best_loss = run_.best_loss;
        shown_.best_validation_score = run_.best_validation_score;
        shown_.no_improvement_count = run_.no_improvement_count;
        shown_.stopped = run_.stopped;
    }

   private:
    static double number(const py::object& found) {
        const double value = PyFloat_AsDouble(found.ptr());
        if (value == -1.0 && PyErr_Occurred()) {
            PyErr_Clear();
            throw py::type_error("the listener must return the validation score as a number, got " +
                                 py::str(py::type::of(found)).cast<std::string>());
        }
        return value;
    }
    void set_locked(bool locked) {
        const Gil gil;
        PyObject* done =
            in_python([&] { return PyObject_CallMethod(lock_.ptr(), locked ? "acquire" : "release", nullptr); });
        if (!done) throw py::error_already_set();
        Py_DECREF(done);
    }
    void tell(const char* event, double value) {
        if (listener_.is_none()) return;
        const Gil gil;
        call(event, value);
    }
    py::object call(const char* event, double value) {
        show();
        PyObject* answer = in_python([&] { return PyObject_CallFunction(listener_.ptr(), "sd", event, value); });
        if (!answer) throw py::error_already_set();
        return py::reinterpret_steal<py::object>(answer);
    }

    py::object listener_, capsule_, lock_;
    const Run& run_;
    Run& shown_;
    std::size_t shown_losses_ = run_.loss_curve.size();
    std::size_t shown_epochs_ = run_.epochs.size();
    void* bit_generator_ = nullptr;
    ShuffleFunction shuffle_ = nullptr;
    Signals signals_;
};

}  // namespace chainfit
