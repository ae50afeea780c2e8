// predict() as Python sees it. Floor: bindings.
#include "engine/predictor.hpp"

#include <algorithm>

#include "arrays.hpp"
#include "bindings.hpp"
#include "engine/threads.hpp"

namespace chainfit {

namespace {

template <class T>
py::array predict_as(const py::object& x, const py::sequence& coefs, const py::sequence& intercepts,
                     const std::string& activation, const std::string& out_activation, int n_threads) {
    if (coefs.size() == 0 || coefs.size() != intercepts.size())
        throw py::value_error("coefs and intercepts must be as many, at least one, got " +
                              std::to_string(coefs.size()) + " and " + std::to_string(intercepts.size()));
    std::vector<py::array> owners;
    std::vector<PlainLayer<T>> layers;
    if (!py::hasattr(coefs[0], "shape") || py::len(coefs[0].attr("shape")) != 2)
        throw py::value_error("coefs[0] must have shape (n_features, n_units)");
    Index n_in = coefs[0].attr("shape").cast<std::pair<Index, Index>>().first;
    const SampleArrays<T> arrays(x, n_in);
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
    const Samples<T>& samples = arrays.samples;
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
        [](const py::object& X, const py::sequence& coefs, const py::sequence& intercepts,
           const std::string& activation, const std::string& out_activation, int n_threads) {
            return py::dtype::from_args(X.attr("dtype")).equal(py::dtype::of<float>())
                       ? predict_as<float>(X, coefs, intercepts, activation, out_activation, n_threads)
                       : predict_as<double>(X, coefs, intercepts, activation, out_activation, n_threads);
        },
        py::arg("X"), py::arg("coefs"), py::arg("intercepts"), py::arg("activation"), py::arg("out_activation"),
        py::arg("n_threads"));
}

}  // namespace chainfit
