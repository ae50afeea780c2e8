// predict() as Python sees it. Floor: bindings.
#include "engine/predictor.hpp"

#include <algorithm>

#include "arrays.hpp"
#include "bindings.hpp"
#include "engine/threads.hpp"

namespace chainfit {

namespace {

template <class T>
py::array predict_as(const py::array& x, const py::sequence& coefs, const py::sequence& intercepts,
                     const std::string& activation, const std::string& out_activation, int n_threads) {
    if (coefs.size() == 0 || coefs.size() != intercepts.size())
        throw py::value_error("coefs and intercepts must be as many, at least one, got " +
                              std::to_string(coefs.size()) + " and " + std::to_string(intercepts.size()));
    std::vector<py::array> owners;
    std::vector<PlainLayer<T>> layers;
    const py::array X = checked_array<T>(x, {-1, -1}, "X");
    Index n_in = X.shape(1);
    for (std::size_t l = 0; l < coefs.size(); ++l) {
        const std::string index = "[" + std::to_string(l) + "]";
        const py::array w = contiguous<T>(checked_array<T>(coefs[l], {n_in, -1}, "coefs" + index));
        const Index n_out = w.shape(1);
        const py::array b = contiguous<T>(checked_array<T>(intercepts[l], {n_out}, "intercepts" + index));
        if (n_in < 1 || n_out < 1) throw py::value_error("coefs" + index + " must not be empty");
        layers.push_back({n_in, n_out, static_cast<const T*>(w.data()), static_cast<const T*>(b.data())});
        owners.push_back(w);
        owners.push_back(b);
        n_in = n_out;
    }
    Samples<T> samples;
    samples.X = static_cast<const T*>(X.data());
    samples.x_row = stride<T>(X, 0);
    samples.x_column = stride<T>(X, 1);
    samples.rows = X.shape(0);
    py::array_t<T> out({samples.rows, n_in});
    if (samples.rows == 0) return out;
    T* to = out.mutable_data();
    {
        const py::gil_scoped_release no_gil;
        predict(samples, layers, activation, out_activation, to, std::min(n_threads, max_threads()));
    }
    return out;
}

}  // namespace

void bind_prediction(py::module_& m) {
    m.def(
        "predict",
        [](const py::array& X, const py::sequence& coefs, const py::sequence& intercepts, const std::string& activation,
           const std::string& out_activation, int n_threads) {
            return X.dtype().equal(py::dtype::of<float>())
                       ? predict_as<float>(X, coefs, intercepts, activation, out_activation, n_threads)
                       : predict_as<double>(X, coefs, intercepts, activation, out_activation, n_threads);
        },
        py::arg("X"), py::arg("coefs"), py::arg("intercepts"), py::arg("activation"), py::arg("out_activation"),
        py::arg("n_threads"));
}

}  // namespace chainfit
