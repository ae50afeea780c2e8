// What Python does within a run: looks at gradients, makes losses, hands out windows of rows. Floor: bindings.
// Another hook of the engine is one more class that calls a Python function with the GIL.
#pragma once

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include "arrays.hpp"
#include "engine/fit.hpp"

namespace chainfit {

// A Python function that is handed the gradient of each step, coefs and intercepts, and may change it in place. Made
// and destroyed with the GIL held, used without.
template <class T>
class PythonHook final : public GradientHook<T> {
   public:
    PythonHook(const Network<T>& network, py::object function) : network_(network), function_(std::move(function)) {}

    void on_gradient(T* gradient) override {
        const Gil gil;
        const py::tuple arrays = unpacked(network_, gradient);
        PyObject* answer = in_python([&] { return PyObject_CallObject(function_.ptr(), arrays.ptr()); });
        if (!answer) throw py::error_already_set();
        Py_DECREF(answer);
        const ParameterArrays<T> changed(network_.layers(), arrays[0], arrays[1], "gradient ");
        network_.pack(changed.coefs, changed.intercepts, gradient);
    }

   private:
    const Network<T>& network_;
    py::object function_;
};

// A Python function that is handed the rows of each batch and their outputs z[L], and returns the mean loss with
// dloss/dz. Made and destroyed with the GIL held, used without.
template <class T>
class PythonLoss final : public LossHook<T> {
   public:
    PythonLoss(py::object function, Index n_out) : function_(std::move(function)), n_out_(n_out) {}

    // Gives rows room for their outputs and derivatives.
    void attach(Samples<T>& samples) {
        outputs_.resize(static_cast<std::size_t>(checked_product(samples.rows, n_out_)));
        slopes_.resize(outputs_.size());
        samples.outputs = outputs_.data();
        samples.Y = slopes_.data();
    }

    double on_outputs(const BatchRows& rows) override {
        const Gil gil;
        const auto count = static_cast<py::ssize_t>(rows.count());
        py::array_t<std::int64_t> numbers(count);
        py::array_t<T> outputs({count, static_cast<py::ssize_t>(n_out_)});
        std::int64_t* number = numbers.mutable_data();
        T* output = outputs.mutable_data();
        for (Index at = rows.range.begin; at < rows.range.end; ++at, output += n_out_) {
            *number++ = rows.row(at);
            std::copy_n(outputs_.data() + rows.row(at) * n_out_, n_out_, output);
        }
        PyObject* answer = in_python(
            [&] { return PyObject_CallFunctionObjArgs(function_.ptr(), numbers.ptr(), outputs.ptr(), nullptr); });
        if (!answer) throw py::error_already_set();
        const auto [loss, slopes] = py::reinterpret_steal<py::object>(answer).cast<std::pair<double, py::object>>();
        const py::array found =
            contiguous(checked_array<T>(slopes, {count, static_cast<py::ssize_t>(n_out_)}, {"slope"}));
        const T* slope = static_cast<const T*>(found.data());
        for (Index at = rows.range.begin; at < rows.range.end; ++at, slope += n_out_)
            std::copy_n(slope, n_out_, slopes_.data() + rows.row(at) * n_out_);
        return loss;
    }

   private:
    py::object function_;
    Index n_out_;
    std::vector<T> outputs_, slopes_;
};

// Windows that a Python function returns: (X, Y, sample_weight) after so many rows of an epoch. Made and destroyed with
// the GIL held, used without.
template <class T>
class PythonWindows final : public Windows<T> {
   public:
    // ranks: whose shares of batches this rank has, or null.
    PythonWindows(py::object function, Index rows, bool sparse, Index batch_size, const Network<T>& network,
                  PythonLoss<T>* loss, const RankSettings* ranks)
        : function_(std::move(function)),
          rows_(rows),
          sparse_(sparse),
          batch_size_(batch_size),
          network_(network),
          loss_(loss),
          ranks_(ranks) {}

    Index rows() const override { return rows_; }
    bool is_sparse() const override { return sparse_; }
    const Samples<T>& after(Index done) override {
        const Gil gil;
        arrays_.reset();
        PyObject* answer = in_python([&] { return PyObject_CallFunction(function_.ptr(), "n", done); });
        if (!answer) throw py::error_already_set();
        const auto window = py::reinterpret_steal<py::object>(answer);
        if (!py::isinstance<py::tuple>(window) || py::len(window) != 3)
            throw py::type_error("a window must be a tuple (X, Y, sample_weight)");
        const auto parts = window.cast<py::tuple>();
        arrays_.emplace(parts[0], parts[1], parts[2], network_.units().front(), network_.units().back());
        const Index count = arrays_->samples.rows, left = rows_ - done;
        const bool whole = ranks_ ? !cuts_batch(done + count) : count % batch_size_ == 0;
        if (arrays_->samples.is_sparse() != sparse_) throw py::value_error("windows must all be sparse, or all dense");
        if (count > left || (count < left && !whole))
            throw py::value_error("a window must have whole batches of " + std::to_string(batch_size_) +
                                  " rows, or all that are left of an epoch: " + std::to_string(left) + ", got " +
                                  std::to_string(count));
        if (loss_) loss_->attach(arrays_->samples);
        return arrays_->samples;
    }

   private:
    // Whether a batch of this rank has rows before and after this one.
    bool cuts_batch(Index row) const {
        const auto found = std::partition_point(ranks_->rows.begin(), ranks_->rows.end(),
                                                [&](const Range& rows) { return rows.end <= row; });
        return found != ranks_->rows.end() && found->begin < row;
    }

    py::object function_;
    Index rows_;
    bool sparse_;
    Index batch_size_;
    const Network<T>& network_;
    PythonLoss<T>* loss_;
    const RankSettings* ranks_;
    std::optional<SampleArrays<T>> arrays_;
};

}  // namespace chainfit
