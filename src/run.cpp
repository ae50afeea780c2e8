// Run as Python sees it: the settings of a run, and what comes of it. Floor: bindings.
#include <pybind11/stl.h>

#include <algorithm>
#include <iterator>
#include <string>
#include <tuple>

#include "bindings.hpp"
#include "docs.hpp"
#include "engine/fit.hpp"

namespace chainfit {

namespace py = pybind11;

namespace {

// In the order of LearningRate.
constexpr const char* kSchedules[] = {"constant", "invscaling", "adaptive",  "cosine",
                                      "linear",   "step",       "one_cycle", "given"};

std::string schedule_name(const Run& run) { return kSchedules[static_cast<std::size_t>(run.schedule)]; }

void set_schedule(Run& run, const std::string& name) {
    const auto found = std::find(std::begin(kSchedules), std::end(kSchedules), name);
    if (found == std::end(kSchedules)) {
        std::string known;
        for (const char* one : kSchedules) known += (known.empty() ? "'" : ", '") + std::string(one) + "'";
        throw py::value_error("schedule must be one of " + known + ", got '" + name + "'");
    }
    run.schedule = static_cast<LearningRate>(found - std::begin(kSchedules));
}

}  // namespace

void bind_run(py::module_& m) {
    py::tuple fields(std::size(EpochRecord::names));
    for (std::size_t i = 0; i < fields.size(); ++i) fields[i] = EpochRecord::names[i];
    m.attr("EPOCH_FIELDS") = fields;
    py::class_<Run>(m, "Run", doc::run)
        .def(py::init<>())
        .def_readwrite("batch_size", &Run::batch_size)
        .def_readwrite("max_iter", &Run::max_iter)
        .def_readwrite("l2", &Run::l2)
        .def_readwrite("tol", &Run::tol)
        .def_readwrite("n_iter_no_change", &Run::n_iter_no_change)
        .def_readwrite("validate", &Run::validate)
        .def_readwrite("early_stopping", &Run::early_stopping)
        .def_readwrite("shuffle", &Run::shuffle)
        .def_readwrite("time_limit", &Run::time_limit)
        .def_property("schedule", &schedule_name, &set_schedule)
        .def_readwrite("eta_init", &Run::eta_init)
        .def_readwrite("power_t", &Run::power_t)
        .def_readwrite("warmup", &Run::warmup)
        .def_readwrite("total_steps", &Run::total_steps)
        .def_readwrite("decay_steps", &Run::decay_steps)
        .def_readwrite("decay_rate", &Run::decay_rate)
        .def_readwrite("l1", &Run::l1)
        .def_readwrite("weight_decay", &Run::weight_decay)
        .def_readwrite("clip_norm", &Run::clip_norm)
        .def_readwrite("average_decay", &Run::average_decay)
        .def_readwrite("records_norm", &Run::records_norm)
        .def_readwrite("loss_scale", &Run::loss_scale)
        .def_readwrite("t", &Run::t)
        .def_readwrite("n_iter", &Run::n_iter)
        .def_property(
            "so_far",
            [](const Run& run) {
                const EpochSoFar& epoch = run.so_far;
                return py::make_tuple(epoch.rows, epoch.loss, epoch.norms, epoch.seconds);
            },
            [](Run& run, const std::tuple<Index, double, double, double>& epoch) {
                run.so_far = {std::get<0>(epoch), std::get<1>(epoch), std::get<2>(epoch), std::get<3>(epoch)};
            })
        .def_readwrite("loss_curve", &Run::loss_curve)
        .def(
            "epochs",
            [](const Run& run, Index first) {
                // a run that goes on has recorded none of the epochs before
                const auto size = static_cast<Index>(run.epochs.size());
                first = std::clamp<Index>(first - (run.n_iter - size), 0, size);
                const auto* bytes = reinterpret_cast<const char*>(run.epochs.data() + first);
                return py::bytes(bytes, static_cast<std::size_t>(size - first) * sizeof(EpochRecord));
            },
            py::arg("first") = 0, doc::epochs)
        .def_property_readonly(
            "last_eta", [](const Run& run) { return run.epochs.empty() ? EpochRecord::kNone : run.epochs.back().eta; })
        .def_readwrite("best_loss", &Run::best_loss)
        .def_readwrite("best_validation_score", &Run::best_validation_score)
        .def_readwrite("no_improvement_count", &Run::no_improvement_count)
        .def_readonly("stopped", &Run::stopped);
}

}  // namespace chainfit
