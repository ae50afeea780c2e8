// NumPy arrays seen as the core's plain structs, with their shapes and dtypes checked. Floor: bindings.
#pragma once

#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <string>
#include <vector>

#include "engine/network.hpp"

namespace chainfit {

namespace py = pybind11;

inline std::string shape_text(const std::vector<py::ssize_t>& shape) {
    std::string text = "(";
    for (const py::ssize_t n : shape) text += (text.size() > 1 ? ", " : "") + std::to_string(n);
    return text + (shape.size() == 1 ? ",)" : ")");
}

// `object` as an array of exactly T and the given shape (-1: any length), or a ValueError that names it. Odd strides and
// misaligned data are copied; everything else is taken as it lies.
template <class T>
py::array checked_array(const py::handle& object, const std::vector<py::ssize_t>& shape, const std::string& name) {
    if (!py::isinstance<py::array>(object)) throw py::type_error(name + " must be a numpy array");
    py::array array = py::reinterpret_borrow<py::array>(object);
    if (!array.dtype().is(py::dtype::of<T>()) && !array.dtype().equal(py::dtype::of<T>()))
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
    return regular ? array : py::array_t<T, py::array::c_style | py::array::forcecast>(array);
}

template <class T>
py::array_t<T, py::array::c_style> contiguous(const py::array& array) {
    return py::array_t<T, py::array::c_style>::ensure(array);
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

    ParameterArrays(const std::vector<Layer>& layers, const py::sequence& coef_list,
                    const py::sequence& intercept_list, const std::string& what = "") {
        if (coef_list.size() != layers.size() || intercept_list.size() != layers.size())
            throw py::value_error("expected " + std::to_string(layers.size()) + " arrays of coefs and of intercepts, got " +
                                  std::to_string(coef_list.size()) + " and " + std::to_string(intercept_list.size()));
        for (std::size_t l = 0; l < layers.size(); ++l) {
            const std::string index = "[" + std::to_string(l) + "]";
            owners.push_back(
                checked_array<T>(coef_list[l], {layers[l].n_in, layers[l].n_out}, what + "coefs" + index));
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

// X (rows, n_0) with Y (rows, n_L) and weights, kept alive beside their addresses.
template <class T>
struct SampleArrays {
    py::array X, Y, weight;
    Samples<T> samples;

    SampleArrays(const py::object& x, const py::object& y, const py::object& w, Index n_in, Index n_out)
        : X(checked_array<T>(x, {-1, n_in}, "X")) {
        samples.rows = X.shape(0);
        if (samples.rows == 0) throw py::value_error("X must have at least one row");
        samples.X = static_cast<const T*>(X.data());
        samples.x_row = stride<T>(X, 0);
        samples.x_column = stride<T>(X, 1);
        Y = contiguous<T>(checked_array<T>(y, {samples.rows, n_out}, "Y"));
        samples.Y = static_cast<const T*>(Y.data());
        if (!w.is_none()) {
            weight = contiguous<T>(checked_array<T>(w, {samples.rows}, "sample_weight"));
            samples.weight = static_cast<const T*>(weight.data());
        }
    }
};

}  // namespace chainfit
