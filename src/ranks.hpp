// Other processes that train the same net, as Python knows them. Floor: bindings.
#pragma once

#include "arrays.hpp"
#include "engine/ranks.hpp"

namespace chainfit {

// A Python object that sums arrays over all ranks, in place, and says which rows are whose. Made and destroyed with the
// GIL held, used without.
template <class T>
class PythonRanks final : public Ranks<T> {
   public:
    // rows: those of this rank in an epoch.
    PythonRanks(py::object ranks, Index rows) : ranks_(std::move(ranks)) {
        const py::array given =
            contiguous(checked_array<std::int64_t>(attribute(ranks_, "shares"), {-1, 3}, {"shares"}));
        const auto* share = static_cast<const std::int64_t*>(given.data());
        for (py::ssize_t k = 0; k < given.shape(0); ++k, share += 3) {
            if (!(0 <= share[0] && share[0] <= share[1] && share[1] <= rows))
                throw py::value_error("shares has rows that are not there: " + std::to_string(share[0]) + " to " +
                                      std::to_string(share[1]));
            settings_.rows.push_back({share[0], share[1]});
            settings_.first_rows.push_back(share[2]);
        }
        settings_.all_rows = attribute(ranks_, "all_rows").template cast<Index>();
        settings_.batch_size = attribute(ranks_, "batch_size").template cast<Index>();
        if (settings_.batch_size < 1 || settings_.all_rows < 1 ||
            given.shape(0) != (settings_.all_rows + settings_.batch_size - 1) / settings_.batch_size)
            throw py::value_error("shares must have a row for each batch");
        settings_.first = attribute(ranks_, "first").template cast<bool>();
        settings_.weighted = attribute(ranks_, "weighted").template cast<bool>();
        settings_.in_windows = attribute(ranks_, "in_windows").template cast<bool>();
        settings_.sync_every = attribute(ranks_, "sync_every").template cast<Index>();
        settings_.outer_rate = attribute(ranks_, "outer_rate").template cast<double>();
        settings_.outer_momentum = attribute(ranks_, "outer_momentum").template cast<double>();
    }
    const RankSettings& settings() const { return settings_; }

    void sum(double* values, Index count) override { call("sum", values, count); }
    void begin_sum(T* values, Index count) override { call("begin_sum", values, count); }
    void finish_sums() override { call("finish_sums"); }
    void poke() override { call("poke"); }

   private:
    void call(const char* method) {
        const Gil gil;
        finish(in_python([&] { return PyObject_CallMethod(ranks_.ptr(), method, nullptr); }));
    }
    template <class Number>
    void call(const char* method, Number* values, Index count) {
        const Gil gil;
        const py::array_t<Number> view(count, values, py::none());  // the memory itself
        finish(in_python([&] { return PyObject_CallMethod(ranks_.ptr(), method, "O", view.ptr()); }));
    }
    static void finish(PyObject* answer) {
        if (!answer) throw py::error_already_set();
        Py_DECREF(answer);
    }

    py::object ranks_;
    RankSettings settings_;
};

}  // namespace chainfit
