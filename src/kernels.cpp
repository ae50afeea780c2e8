// What Python may know of the kernels: names, instruction sets, single functions for tests, speeds for the benchmarks.
// Floor: bindings.
#include <chrono>
#include <functional>

#include "arrays.hpp"
#include "bindings.hpp"
#include "dispatch.hpp"
#include "docs.hpp"
#include "engine/kernel_use.hpp"

namespace chainfit {

namespace {

using Clock = std::chrono::steady_clock;

double seconds(const std::function<void()>& work) {
    const auto start = Clock::now();
    work();
    return std::chrono::duration<double>(Clock::now() - start).count();
}

// z (any shape) through one activation, as a net's hidden layer would do it; with `derivative`, f'(z).
template <class T>
py::array_t<T> activate(const std::string& name, const py::array_t<T, py::array::c_style>& z, bool derivative) {
    constexpr Index V = kLanes<T>;
    const Isa& instruction_set = isa();
    const ActivationKernel<T>& activation = find_by_name(instruction_set.kernels<T>().activations, name, "activation");
    const Index n = z.size(), padded = round_up(n, V);
    Buffer<T> a(padded), slope(padded), ones(padded), bias(std::max<Index>(1, padded / V));
    std::copy_n(z.data(), n, a.data());
    std::fill_n(ones.data(), padded, T(1));
    {
        const DenormalsFlushed flushed(instruction_set);
        Epilogue<T> epilogue;
        epilogue.out = a.data();
        epilogue.kept = slope.data();
        activation.forward(epilogue, a.data(), bias.data(), padded / V, 0, 0);
        const T* kept = (activation.keeps_slope ? slope : a).data();
        if (derivative) activation.backward(epilogue, ones.data(), kept, padded / V, 0, 0);
    }
    py::array_t<T> out(std::vector<py::ssize_t>(z.shape(), z.shape() + z.ndim()));
    std::copy_n((derivative ? ones : a).data(), n, out.mutable_data());
    return out;
}

// The FMA peak of one core: GFLOP/s of register-only chains over about `duration` seconds.
template <class T>
double peak_gflops(double duration) {
    const Isa& instruction_set = isa();
    T sink[2] = {T(0.5), T(0.25)};
    double flop = 0, elapsed = 0;
    while (elapsed < duration)
        elapsed += seconds([&] {
            if constexpr (sizeof(T) == 4)
                flop += instruction_set.peak_f32(20000, sink);
            else
                flop += instruction_set.peak_f64(20000, sink);
        });
    return flop / elapsed * 1e-9;
}

// GFLOP/s on one thread of the three products of a layer: forward, backward, gradient (epilogues and packing excluded).
template <class T>
py::dict product_gflops(Index rows, Index n_in, Index n_out, double duration) {
    constexpr Index V = kLanes<T>;
    const Isa& instruction_set = isa();
    const Kernels<T>& kernels = instruction_set.kernels<T>();
    const Network<T> network({n_in, n_out});
    const Index row_panels = round_up(rows, V) / V;
    const Index in_panel = checked_product(padded_lines(n_in + 1), V);
    const Index out_panel = checked_product(padded_lines(round_up(n_out, V)), V);
    const Index line_panel = checked_product(padded_lines(row_panels * V), V);
    Buffer<T> w(network.packed_size()), below(checked_product(row_panels, in_panel));
    Buffer<T> above(checked_product(row_panels, out_panel)), back(below.size());
    Buffer<T> lines(checked_product(round_up(n_out, V) / V, line_panel)), sums(2 * in_panel);
    const Weights<T> weights = network.weights(w.data(), 0);
    Epilogue<T> none;
    none.apply = [](const Epilogue<T>&, T*, const T*, Index, Index, Index) {};

    const auto rate = [&](const std::function<void()>& product) {
        double elapsed = 0, times = 0;
        product();
        while (elapsed < duration) {
            elapsed += seconds(product);
            times += 1;
        }
        return 2.0 * static_cast<double>(rows) * static_cast<double>(n_in) * static_cast<double>(n_out) * times /
               elapsed * 1e-9;
    };
    py::dict result;
    result["forward"] = rate([&] {
        kernels.forward(weights, {below.data(), in_panel}, {above.data(), out_panel}, {0, row_panels},
                        {0, network.layers()[0].panels}, none);
    });
    result["backward"] = rate([&] {
        kernels.backward(weights, {above.data(), out_panel}, {below.data(), in_panel}, {back.data(), in_panel},
                         {0, row_panels}, {0, n_in}, none);
    });
    result["gradient"] = rate([&] {
        for (Index j = 0; j < network.layers()[0].panels; j += 2)
            for (Index i = 0; i < n_in; i += 112)
                kernels.gradient({below.data(),
                                  in_panel,
                                  lines.data() + j * line_panel,
                                  line_panel,
                                  rows,
                                  {i, std::min(i + 112, n_in)},
                                  std::min<Index>(2, network.layers()[0].panels - j),
                                  sums.data(),
                                  {},
                                  n_in});
    });
    return result;
}

}  // namespace

// A named tuple, as an attribute of the module.
py::object named_tuple(py::module_& m, const char* name, const char* fields, const char* doc) {
    const py::object type =
        py::module_::import("collections").attr("namedtuple")(name, fields, py::arg("module") = m.attr("__name__"));
    type.attr("__doc__") = doc;
    m.attr(name) = type;
    return type;
}

// def `function`: the rules of a list of the table by name, in its order, as named tuples of `fields`.
template <class Item, class Fields>
void bind_rules(py::module_& m, const char* function, const char* doc, const py::object& type,
                List<Item> Kernels<double>::* list, Fields fields) {
    const py::object parameter_type = m.attr("Parameter");
    const auto rules_of_table = [=] {
        py::dict rules;
        for (const Item& item : isa().kernels<double>().*list) {
            py::list parameters;
            for (const Parameter& p : item.parameters)
                parameters.append(parameter_type(p.name, p.initial, p.low, p.high, p.low_open, p.high_open, p.doc));
            rules[item.name] = type(*fields(item), py::arg("parameters") = py::tuple(parameters));
        }
        return rules;
    };
    m.def(function, rules_of_table, doc);
}

void bind_kernels(py::module_& m) {
    m.def("isa", [] { return isa().name; }, doc::isa);
    m.def(
        "isas",
        [] {
            py::list list;
            for (const Isa* one : isas()) list.append(py::make_tuple(one->name, one->runs_here()));
            return list;
        },
        doc::isas);
    m.def("set_isa", &set_isa, py::arg("name"), doc::set_isa);
    named_tuple(m, "Parameter", "name default low high low_open high_open doc", doc::parameter);
    bind_rules(m, "activations", doc::activations, named_tuple(m, "Activation", "name parameters", doc::activation),
               &Kernels<double>::activations, [](const auto& activation) { return py::make_tuple(activation.name); });
    bind_rules(m, "losses", doc::losses,
               named_tuple(m, "Loss",
                           "name link lowest_target highest_target lowest_target_open lowest_output highest_output "
                           "takes_links parameters",
                           doc::loss_rule),
               &Kernels<double>::losses, [](const auto& loss) {
                   return py::make_tuple(loss.name, loss.link, loss.lowest_target, loss.highest_target,
                                         loss.lowest_target_open, loss.lowest_output, loss.highest_output,
                                         loss.slope != nullptr);
               });
    const py::object link_type = named_tuple(m, "Link", "name lowest highest unit_by_unit", doc::link);
    const auto links_of_table = [link_type] {
        py::dict links;
        for (const auto& link : isa().kernels<double>().links)
            links[link.name] = link_type(link.name, link.lowest, link.highest, link.unit_by_unit);
        return links;
    };
    m.def("links", links_of_table, doc::links);
    bind_rules(m, "optimizers", doc::optimizers, named_tuple(m, "Optimizer", "name slots parameters", doc::optimizer),
               &Kernels<double>::optimizers,
               [](const auto& optimizer) { return py::make_tuple(optimizer.name, optimizer.slots); });
    m.def("activate", &activate<float>, py::arg("name"), py::arg("z").noconvert(), py::arg("derivative") = false,
          doc::activate);
    m.def("activate", &activate<double>, py::arg("name"), py::arg("z").noconvert(), py::arg("derivative") = false);
    m.def(
        "peak_gflops",
        [](bool double_precision, double duration) {
            const NoGil no_gil;
            return double_precision ? peak_gflops<double>(duration) : peak_gflops<float>(duration);
        },
        py::arg("double_precision") = false, py::arg("duration") = 0.1, doc::peak_gflops);
    m.def(
        "product_gflops",
        [](Index rows, Index n_in, Index n_out, bool double_precision, double duration) {
            if (rows < 1 || n_in < 1 || n_out < 1) throw py::value_error("sizes must be at least 1");
            return double_precision ? product_gflops<double>(rows, n_in, n_out, duration)
                                    : product_gflops<float>(rows, n_in, n_out, duration);
        },
        py::arg("rows"), py::arg("n_in"), py::arg("n_out"), py::arg("double_precision") = false,
        py::arg("duration") = 0.1, doc::product_gflops);
}

}  // namespace chainfit
