// predict() as Python sees it. Floor: bindings.
#include "engine/evaluation.hpp"
#include "engine/predictor.hpp"

#include <algorithm>

#include "arrays.hpp"
#include "bindings.hpp"
#include "docs.hpp"
#include "outside.hpp"

namespace chainfit {

namespace {

// coefs[l] (n_l, n_{l+1}) and intercepts[l] (n_{l+1},) as plain layers, kept alive beside their addresses.
template <class T>
struct PlainLayers {
    std::vector<py::array> owners;
    std::vector<PlainLayer<T>> layers;

    PlainLayers(const py::sequence& coefs, const py::sequence& intercepts) {
        if (coefs.size() == 0 || coefs.size() != intercepts.size())
            throw py::value_error("coefs and intercepts must be as many, at least one, got " +
                                  std::to_string(coefs.size()) + " and " + std::to_string(intercepts.size()));
        owners.reserve(2 * coefs.size());
        layers.reserve(coefs.size());
        for (std::size_t l = 0; l < coefs.size(); ++l) {
            const auto index = static_cast<std::ptrdiff_t>(l);
            const py::array w = contiguous(checked_array<T>(coefs[l], {l ? n_out() : -1, -1}, {"coefs", index}));
            const py::array b = contiguous(checked_array<T>(intercepts[l], {w.shape(1)}, {"intercepts", index}));
            if (w.size() < 1) throw py::value_error(ArrayName{"coefs", index}.text() + " must not be empty");
            layers.push_back(
                {w.shape(0), w.shape(1), static_cast<const T*>(w.data()), static_cast<const T*>(b.data())});
            owners.push_back(w);
            owners.push_back(b);
        }
    }
    Index n_in() const { return layers.front().n_in; }
    Index n_out() const { return layers.back().n_out; }
};

template <class T>
py::array predict_as(const py::object& x, const py::sequence& coefs, const py::sequence& intercepts,
                     const py::object& activation, const LinkSettings& link, const py::object& n_threads) {
    const PlainLayers<T> net(coefs, intercepts);
    const std::vector<std::string> activations = names_of(activation);
    const SampleArrays<T> arrays(x, net.n_in());
    const Samples<T>& samples = arrays.samples;
    py::array_t<T> out({samples.rows, net.n_out()});
    if (samples.rows == 0) return out;
    T* to = out.mutable_data();
    const int threads = thread_limit(n_threads, prediction_flop(net.layers, samples.rows));
    SignalInterrupt signals;
    {
        const NoGil no_gil;
        predict(samples, net.layers, activations, link, to, signals, threads);
    }
    signals.raise();
    return out;
}

template <class T>
double loss_as(const py::object& outputs, const py::object& Y, const py::object& sample_weight,
               const OutputSettings& output, Settings settings) {
    const py::array a = checked_array<T>(outputs, {-1, -1}, {"output"});
    const SampleArrays<T> arrays(a, Y, sample_weight, a.shape(1), a.shape(1));
    const NoGil no_gil;
    return mean_loss(arrays.samples, a.shape(1), output, std::move(settings));
}

// A net for one row at a time, for chainfit.row_predictor: what that calls goes by address.
template <class T>
class PyRowNet {
   public:
    PyRowNet(const py::sequence& coefs, const py::sequence& intercepts, const py::object& activation,
             const std::string& out_activation, std::vector<Index> blocks)
        : net_(copies(coefs), copies(intercepts)),
          predictor_(net_.layers, names_of(activation), {out_activation, std::move(blocks)}) {}

    Index n_in() const { return net_.n_in(); }
    Index n_out() const { return net_.n_out(); }
    py::capsule predictor() const { return py::capsule(&predictor_, "chainfit.row_net"); }
    static py::capsule function() {
        return py::capsule(reinterpret_cast<void*>(&predict_row), "chainfit.row_function");
    }

   private:
    // W may change under the user's hands; the net must not
    static py::list copies(const py::sequence& arrays) {
        py::list list;
        for (const py::handle& array : arrays) {
            if (!py::isinstance<py::array>(array)) throw py::type_error("coefs and intercepts must be numpy arrays");
            list.append(copied(py::reinterpret_borrow<py::array>(array)));
        }
        return list;
    }

    // 0, or -1 where there is no memory for a wide net's activations
    static int predict_row(const void* predictor, const void* x, void* out) noexcept {
        try {
            (*static_cast<const RowPredictor<T>*>(predictor))(static_cast<const T*>(x), static_cast<T*>(out));
            return 0;
        } catch (const std::bad_alloc&) {
            return -1;
        }
    }

    PlainLayers<T> net_;
    RowPredictor<T> predictor_;
};

template <class T>
void bind_row_net(py::module_& m, const char* name) {
    using Net = PyRowNet<T>;
    py::class_<Net>(m, name, doc::row_net)
        .def(py::init<const py::sequence&, const py::sequence&, const py::object&, const std::string&,
                      std::vector<Index>>(),
             py::arg("coefs"), py::arg("intercepts"), py::arg("activation"), py::arg("out_activation"),
             py::arg("blocks") = std::vector<Index>())
        .def_property_readonly("n_in", &Net::n_in)
        .def_property_readonly("n_out", &Net::n_out)
        .def_property_readonly("predictor", &Net::predictor)
        .def_property_readonly("function", [](const Net&) { return Net::function(); });
}

}  // namespace

void bind_prediction(py::module_& m) {
    m.def(
        "predict",
        [](const py::object& X, const py::sequence& coefs, const py::sequence& intercepts, const py::object& activation,
           const std::string& out_activation, const py::object& n_threads, const py::object& blocks) {
            LinkSettings link{out_activation, {}};
            if (!blocks.is_none()) link.blocks = blocks.cast<std::vector<Index>>();
            return py::isinstance<py::array_t<float>>(X) ||
                           (is_sparse(X) && py::isinstance<py::array_t<float>>(attribute(X, "data")))
                       ? predict_as<float>(X, coefs, intercepts, activation, link, n_threads)
                       : predict_as<double>(X, coefs, intercepts, activation, link, n_threads);
        },
        py::arg("X"), py::arg("coefs"), py::arg("intercepts"), py::arg("activation"), py::arg("out_activation"),
        py::arg("n_threads"), py::arg("blocks") = py::none(), doc::predict);
    m.def(
        "loss",
        [](const py::object& output, const py::object& Y, const py::object& sample_weight, const std::string& loss,
           const py::object& blocks, const py::kwargs& parameters) {
            const OutputSettings settings_of_output{loss, "", blocks_of(blocks)};
            Settings settings = settings_of(parameters);
            return py::isinstance<py::array_t<float>>(output)
                       ? loss_as<float>(output, Y, sample_weight, settings_of_output, std::move(settings))
                       : loss_as<double>(output, Y, sample_weight, settings_of_output, std::move(settings));
        },
        py::arg("output"), py::arg("Y"), py::arg("sample_weight"), py::arg("loss"), py::arg("blocks") = py::none(),
        doc::loss);
    bind_row_net<float>(m, "RowNetF32");
    bind_row_net<double>(m, "RowNetF64");
}

}  // namespace chainfit
