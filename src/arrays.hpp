// NumPy arrays seen as the core's plain structs, with their shapes and dtypes checked. Floor: bindings.
#pragma once

#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <initializer_list>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "engine/network.hpp"
#include "gil.hpp"

namespace chainfit {

namespace py = pybind11;

// object.name, or what Python raises.
inline py::object attribute(const py::handle& object, const char* name) {
    PyObject* found = in_python([&] { return PyObject_GetAttrString(object.ptr(), name); });
    if (!found) throw py::error_already_set();
    return py::reinterpret_steal<py::object>(found);
}

// A copy of the array in C order.
inline py::array copied(const py::array& array) {
    PyObject* copy = in_python([&] { return PyObject_CallMethod(array.ptr(), "copy", nullptr); });
    if (!copy) throw py::error_already_set();
    return py::reinterpret_steal<py::array>(copy);
}

// Activations as Python says them: one name for all hidden layers, or a sequence of names.
inline std::vector<std::string> names_of(const py::object& activation) {
    if (py::isinstance<py::str>(activation)) return {activation.cast<std::string>()};
    return activation.cast<std::vector<std::string>>();
}

// Parameters of rules by their names.
inline Settings settings_of(const py::dict& parameters) {
    Settings settings;
    for (const auto& [name, given] : parameters) {
        const double value = PyFloat_AsDouble(given.ptr());
        if (value == -1.0 && PyErr_Occurred()) throw py::error_already_set();
        settings[name.cast<std::string>()] = value;
    }
    return settings;
}

// None, or pairs: a number of neighbouring output units, and their settings of the loss's parameters by name.
inline std::vector<BlockSettings> blocks_of(const py::object& blocks) {
    std::vector<BlockSettings> list;
    if (blocks.is_none()) return list;
    for (const py::handle block : blocks) {
        const auto [units, settings] = block.cast<std::pair<Index, py::dict>>();
        list.push_back({units, settings_of(settings)});
    }
    return list;
}

inline std::string shape_text(const std::vector<py::ssize_t>& shape) {
    std::string text = "(";
    for (std::size_t i = 0; i < shape.size(); ++i) {
        if (i) text += ", ";
        text += std::to_string(shape[i]);
    }
    text += shape.size() == 1 ? ",)" : ")";
    return text;
}

// What an array is called in messages: put together only there, for a step on a few rows would feel it.
struct ArrayName {
    const char* word;
    std::ptrdiff_t index = -1;  // of a list
    const char* before = "";

    std::string text() const {
        const std::string name = std::string(before) + word;
        return index < 0 ? name : name + "[" + std::to_string(index) + "]";
    }
};

// `object` as an array of exactly T and the given shape (-1: any length), or a ValueError that names it. Odd strides
// and misaligned data are copied; everything else is taken as it lies.
template <class T>
py::array checked_array(const py::handle& object, std::initializer_list<py::ssize_t> shape, const ArrayName& name) {
    if (!py::isinstance<py::array>(object)) throw py::type_error(name.text() + " must be a numpy array");
    py::array array = py::reinterpret_borrow<py::array>(object);
    if (!py::isinstance<py::array_t<T>>(object))
        throw py::value_error(name.text() + " must have dtype " + py::str(py::dtype::of<T>()).cast<std::string>() +
                              ", got " + py::str(array.dtype()).cast<std::string>());
    bool fits = array.ndim() == static_cast<py::ssize_t>(shape.size());
    for (py::ssize_t i = 0; fits && i < array.ndim(); ++i)
        fits = shape.begin()[i] < 0 || array.shape(i) == shape.begin()[i];
    if (!fits)
        throw py::value_error(name.text() + " must have shape " + shape_text(shape) + " (-1: any), got " +
                              shape_text({array.shape(), array.shape() + array.ndim()}));
    bool regular = reinterpret_cast<std::uintptr_t>(array.data()) % sizeof(T) == 0;
    for (py::ssize_t i = 0; i < array.ndim(); ++i)
        regular = regular && array.strides(i) % static_cast<py::ssize_t>(sizeof(T)) == 0;
    return regular ? array : copied(array);
}

// The array itself where it is C-contiguous, otherwise a copy; MemoryError where there is no room for one.
inline py::array contiguous(const py::array& array) {
    return array.flags() & py::array::c_style ? array : copied(array);
}

template <class T>
Index stride(const py::array& array, py::ssize_t axis) {
    return array.strides(axis) / static_cast<py::ssize_t>(sizeof(T));
}

// coefs[l] (n_l, n_{l+1}) and intercepts[l] (n_{l+1},), kept alive beside their addresses.
template <class T>
struct ParameterArrays {
    std::vector<py::array> owners;
    std::vector<Matrix<const T>> coefs, intercepts;

    ParameterArrays(const std::vector<Layer>& layers, const py::sequence& coef_list, const py::sequence& intercept_list,
                    const char* what = "") {
        if (coef_list.size() != layers.size() || intercept_list.size() != layers.size())
            throw py::value_error("expected " + std::to_string(layers.size()) +
                                  " arrays of coefs and of intercepts, got " + std::to_string(coef_list.size()) +
                                  " and " + std::to_string(intercept_list.size()));
        owners.reserve(2 * layers.size());
        coefs.reserve(layers.size());
        intercepts.reserve(layers.size());
        for (std::size_t l = 0; l < layers.size(); ++l) {
            const auto index = static_cast<std::ptrdiff_t>(l);
            owners.push_back(checked_array<T>(coef_list[l], {layers[l].n_in, layers[l].n_out}, {"coefs", index, what}));
            coefs.push_back({static_cast<const T*>(owners.back().data()), stride<T>(owners.back(), 0),
                             stride<T>(owners.back(), 1)});
            owners.push_back(checked_array<T>(intercept_list[l], {layers[l].n_out}, {"intercepts", index, what}));
            intercepts.push_back({static_cast<const T*>(owners.back().data()), 0, stride<T>(owners.back(), 0)});
        }
    }
};

// A packed array of parameters as two lists of fresh NumPy arrays.
template <class T>
py::tuple unpacked(const Network<T>& network, const T* packed) {
    py::list coef_list, intercept_list;
    std::vector<Matrix<T>> coefs, intercepts;
    for (const Layer& layer : network.layers()) {
        py::array_t<T> w({layer.n_in, layer.n_out}), b(layer.n_out);
        coefs.push_back({w.mutable_data(), layer.n_out, 1});
        intercepts.push_back({b.mutable_data(), 0, 1});
        coef_list.append(std::move(w));
        intercept_list.append(std::move(b));
    }
    network.unpack(packed, coefs, intercepts);
    return py::make_tuple(std::move(coef_list), std::move(intercept_list));
}

// A scipy CSR matrix (rows, n_in) of T. Kernels trust the indices, and whoever holds the matrix may change them while
// they run: they are checked as they are copied. The values stay where they are.
template <class T>
struct SparseArrays {
    std::vector<std::int64_t> start;
    std::vector<std::int32_t> column;
    py::array value;
    Index rows = 0;

    SparseArrays() = default;
    SparseArrays(const py::object& x, Index n_in) {
        if (attribute(x, "format").template cast<std::string>() != "csr")
            throw py::value_error("a sparse X must be in CSR format");
        const auto shape = attribute(x, "shape").template cast<std::pair<Index, Index>>();
        rows = shape.first;
        if (shape.second != n_in)
            throw py::value_error("X must have shape (-1, " + std::to_string(n_in) + ") (-1: any), got " +
                                  shape_text({shape.first, shape.second}));
        if (n_in > std::numeric_limits<std::int32_t>::max())
            throw py::value_error("a sparse X may have 2^31 - 1 columns at most");
        value = contiguous(checked_array<T>(attribute(x, "data"), {-1}, {"X.data"}));
        const py::array starts = index_array(attribute(x, "indptr"), {"X.indptr"});
        const py::array columns = index_array(attribute(x, "indices"), {"X.indices"});
        if (rows < 0 || starts.size() != rows + 1 || columns.size() != value.size())
            throw py::value_error("X is not a whole CSR matrix");
        is_wide(starts) ? copy_starts<std::int64_t>(starts) : copy_starts<std::int32_t>(starts);
        is_wide(columns) ? copy_columns<std::int64_t>(columns, n_in) : copy_columns<std::int32_t>(columns, n_in);
    }
    SparseRows<T> view() const { return {start.data(), column.data(), static_cast<const T*>(value.data())}; }

   private:
    static bool is_wide(const py::array& indices) { return indices.itemsize() == 8; }

    static py::array index_array(const py::object& indices, const ArrayName& name) {
        return py::isinstance<py::array_t<std::int64_t>>(indices)
                   ? contiguous(checked_array<std::int64_t>(indices, {-1}, name))
                   : contiguous(checked_array<std::int32_t>(indices, {-1}, name));
    }

    template <class I>
    void copy_starts(const py::array& starts) {
        const auto* from = static_cast<const I*>(starts.data());
        start.assign(from, from + rows + 1);
        if (start.front() != 0 || start.back() > value.size()) throw py::value_error("X is not a whole CSR matrix");
        for (Index r = 0; r < rows; ++r)
            if (start[static_cast<std::size_t>(r)] > start[static_cast<std::size_t>(r) + 1])
                throw py::value_error("X.indptr must not decrease");
    }

    template <class I>
    void copy_columns(const py::array& columns, Index n_in) {
        const auto* from = static_cast<const I*>(columns.data());
        const auto count = static_cast<std::size_t>(start.back());
        if constexpr (sizeof(I) == sizeof(std::int32_t)) {
            column.assign(from, from + count);
        } else {  // one too large could wrap around into range
            column.reserve(count);
            for (std::size_t n = 0; n < count; ++n)
                column.push_back(from[n] < 0 || from[n] >= n_in ? -1 : static_cast<std::int32_t>(from[n]));
        }
        for (Index r = 0; r < rows; ++r) {
            const std::int32_t* first = column.data() + start[static_cast<std::size_t>(r)];
            const std::int32_t* end = column.data() + start[static_cast<std::size_t>(r) + 1];
            if (first == end) continue;
            bool wrong = *first < 0 || end[-1] >= n_in;
            for (const std::int32_t* next = first + 1; next < end; ++next) wrong |= *next <= next[-1];
            if (wrong)
                throw py::value_error("the columns of a row of X must be ascending, without duplicates and below " +
                                      std::to_string(n_in) + ", see row " + std::to_string(r));
        }
    }
};

inline bool is_sparse(const py::object& x) { return !py::isinstance<py::array>(x) && py::hasattr(x, "indptr"); }

// X (rows, n_0) with Y (rows, n_L) and weights, kept alive beside their addresses.
template <class T>
struct SampleArrays {
    py::array X, Y, weight;
    SparseArrays<T> sparse;
    Samples<T> samples;

    // X alone: what prediction needs
    SampleArrays(const py::object& x, Index n_in) {
        if (is_sparse(x)) {
            sparse = SparseArrays<T>(x, n_in);
            samples.sparse = sparse.view();
            samples.rows = sparse.rows;
            return;
        }
        X = checked_array<T>(x, {-1, n_in}, {"X"});
        samples.rows = X.shape(0);
        samples.X = static_cast<const T*>(X.data());
        samples.x_row = stride<T>(X, 0);
        samples.x_column = stride<T>(X, 1);
    }

    SampleArrays(const py::object& x, const py::object& y, const py::object& w, Index n_in, Index n_out)
        : SampleArrays(x, n_in) {
        if (samples.rows == 0) throw py::value_error("X must have at least one row");
        Y = contiguous(checked_array<T>(y, {samples.rows, n_out}, {"Y"}));
        samples.Y = static_cast<const T*>(Y.data());
        if (!w.is_none()) {
            weight = contiguous(checked_array<T>(w, {samples.rows}, {"sample_weight"}));
            samples.weight = static_cast<const T*>(weight.data());
        }
    }
};

}  // namespace chainfit
