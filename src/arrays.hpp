// NumPy arrays seen as the core's plain structs, with their shapes and dtypes checked. Floor: bindings.
#pragma once

#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "engine/network.hpp"

namespace chainfit {

namespace py = pybind11;

inline std::string shape_text(const std::vector<py::ssize_t>& shape) {
    std::string text = "(";
    for (std::size_t i = 0; i < shape.size(); ++i) {
        if (i) text += ", ";
        text += std::to_string(shape[i]);
    }
    text += shape.size() == 1 ? ",)" : ")";
    return text;
}

// `object` as an array of exactly T and the given shape (-1: any length), or a ValueError that names it. Odd strides
// and misaligned data are copied; everything else is taken as it lies.
template <class T>
py::array checked_array(const py::handle& object, const std::vector<py::ssize_t>& shape, const std::string& name) {
    if (!py::isinstance<py::array>(object)) throw py::type_error(name + " must be a numpy array");
    py::array array = py::reinterpret_borrow<py::array>(object);
    if (!py::isinstance<py::array_t<T>>(object))
        throw py::value_error(name + " must have dtype " + py::str(py::dtype::of<T>()).cast<std::string>() + ", got " +
                              py::str(array.dtype()).cast<std::string>());
    bool fits = array.ndim() == static_cast<py::ssize_t>(shape.size());
    for (py::ssize_t i = 0; fits && i < array.ndim(); ++i)
        fits = shape[static_cast<std::size_t>(i)] < 0 || array.shape(i) == shape[static_cast<std::size_t>(i)];
    if (!fits)
        throw py::value_error(name + " must have shape " + shape_text(shape) + " (-1: any), got " +
                              shape_text({array.shape(), array.shape() + array.ndim()}));
    bool regular = reinterpret_cast<std::uintptr_t>(array.data()) % sizeof(T) == 0;
    for (py::ssize_t i = 0; i < array.ndim(); ++i)
        regular = regular && array.strides(i) % static_cast<py::ssize_t>(sizeof(T)) == 0;
    return regular ? array : py::array(array.attr("copy")());
}

// The array itself where it is C-contiguous, otherwise a copy; MemoryError where there is no room for one.
template <class T>
py::array contiguous(const py::array& array) {
    if (array.flags() & py::array::c_style) return array;
    return py::array_t<T, py::array::c_style | py::array::forcecast>(array);
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
                    const std::string& what = "") {
        if (coef_list.size() != layers.size() || intercept_list.size() != layers.size())
            throw py::value_error("expected " + std::to_string(layers.size()) +
                                  " arrays of coefs and of intercepts, got " + std::to_string(coef_list.size()) +
                                  " and " + std::to_string(intercept_list.size()));
        for (std::size_t l = 0; l < layers.size(); ++l) {
            const std::string index = "[" + std::to_string(l) + "]";
            owners.push_back(checked_array<T>(coef_list[l], {layers[l].n_in, layers[l].n_out}, what + "coefs" + index));
            coefs.push_back({static_cast<const T*>(owners.back().data()), stride<T>(owners.back(), 0),
                             stride<T>(owners.back(), 1)});
            owners.push_back(checked_array<T>(intercept_list[l], {layers[l].n_out}, what + "intercepts" + index));
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

// A scipy CSR matrix (rows, n_in) of T, kept alive beside its addresses. Every index is checked: kernels trust them.
template <class T>
struct SparseArrays {
    py::array_t<std::int64_t, py::array::c_style | py::array::forcecast> start;
    py::array_t<std::int32_t, py::array::c_style | py::array::forcecast> column;
    py::array_t<T, py::array::c_style | py::array::forcecast> value;
    Index rows = 0;

    SparseArrays() = default;
    SparseArrays(const py::object& x, Index n_in) {
        if (x.attr("format").cast<std::string>() != "csr") throw py::value_error("a sparse X must be in CSR format");
        const auto shape = x.attr("shape").cast<std::pair<Index, Index>>();
        rows = shape.first;
        if (shape.second != n_in)
            throw py::value_error("X must have shape (-1, " + std::to_string(n_in) + ") (-1: any), got " +
                                  shape_text({shape.first, shape.second}));
        if (n_in > std::numeric_limits<std::int32_t>::max())
            throw py::value_error("a sparse X may have 2^31 - 1 columns at most");
        value = contiguous<T>(checked_array<T>(x.attr("data"), {-1}, "X.data"));
        start = decltype(start)(x.attr("indptr"));
        column = columns_of(x.attr("indices"), n_in);
        if (start.ndim() != 1 || column.ndim() != 1 || start.size() != rows + 1 || column.size() != value.size() ||
            start.data()[0] != 0 || start.data()[rows] > value.size())
            throw py::value_error("X is not a whole CSR matrix");
        for (Index r = 0; r < rows; ++r) {
            const std::int64_t begin = start.data()[r], end = start.data()[r + 1];
            if (begin > end || end > value.size()) throw py::value_error("X.indptr must not decrease");
            std::int32_t before = -1;
            for (std::int64_t n = begin; n < end; ++n) {
                const std::int32_t here = column.data()[n];
                if (here <= before || here >= n_in)
                    throw py::value_error("the columns of a row of X must be ascending, without duplicates and below " +
                                          std::to_string(n_in) + ", see row " + std::to_string(r));
                before = here;
            }
        }
    }
    // 64-bit indices are narrowed only after a look at each: one too large could wrap around into range.
    static decltype(column) columns_of(const py::array& indices, Index n_in) {
        if (!indices.dtype().equal(py::dtype::of<std::int32_t>())) {
            const py::array_t<std::int64_t, py::array::c_style | py::array::forcecast> wide(indices);
            for (py::ssize_t n = 0; n < wide.size(); ++n)
                if (wide.data()[n] < 0 || wide.data()[n] >= n_in)
                    throw py::value_error("X has a column index outside of 0.." + std::to_string(n_in - 1) + ": " +
                                          std::to_string(wide.data()[n]));
        }
        return decltype(column)(indices);
    }
    SparseRows<T> view() const { return {start.data(), column.data(), value.data()}; }
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
        X = checked_array<T>(x, {-1, n_in}, "X");
        samples.rows = X.shape(0);
        samples.X = static_cast<const T*>(X.data());
        samples.x_row = stride<T>(X, 0);
        samples.x_column = stride<T>(X, 1);
    }

    SampleArrays(const py::object& x, const py::object& y, const py::object& w, Index n_in, Index n_out)
        : SampleArrays(x, n_in) {
        if (samples.rows == 0) throw py::value_error("X must have at least one row");
        Y = contiguous<T>(checked_array<T>(y, {samples.rows, n_out}, "Y"));
        samples.Y = static_cast<const T*>(Y.data());
        if (!w.is_none()) {
            weight = contiguous<T>(checked_array<T>(w, {samples.rows}, "sample_weight"));
            samples.weight = static_cast<const T*>(weight.data());
        }
    }
};

}  // namespace chainfit
