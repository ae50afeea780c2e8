// TrainerF32 and TrainerF64 as Python sees them. Floor: bindings.
#include "engine/trainer.hpp"

#include <algorithm>
#include <atomic>
#include <numeric>
#include <optional>
#include <thread>

#include "arrays.hpp"
#include "bindings.hpp"
#include "docs.hpp"
#include "hooks.hpp"
#include "observer.hpp"
#include "outside.hpp"
#include "ranks.hpp"

namespace chainfit {

namespace {

// What the engine divides by, or counts with.
void check_schedule(const Run& run) {
    if (run.decay_steps < 1) throw py::value_error("decay_steps must be at least 1");
    if (run.warmup < 0 || run.total_steps < 0) throw py::value_error("warmup and total_steps must not be negative");
    if (!(run.average_decay >= 0 && run.average_decay < 1)) throw py::value_error("average_decay must be in [0, 1)");
}

template <class T>
class PyTrainer {
   public:
    PyTrainer(std::vector<Index> units, const py::object& activation, const std::string& loss,
              const std::string& optimizer, const std::string& out_activation, const py::object& blocks,
              const py::kwargs& parameters)
        : trainer_(std::move(units), names_of(activation), {loss, out_activation, blocks_of(blocks)}, optimizer,
                   settings_of(parameters)) {}

    void set_parameters(const py::sequence& coefs, const py::sequence& intercepts) {
        const Busy busy(user_, Access::write);
        const ParameterArrays<T> arrays(layers(), coefs, intercepts);
        trainer_.network().pack(arrays.coefs, arrays.intercepts, trainer_.optimizer().parameters.w.data());
    }

    py::tuple parameters() {
        const Busy busy(user_, Access::read);
        return unpacked(trainer_.network(), trainer_.optimizer().parameters.w.data());
    }

    void set_slots(const py::sequence& slots) {
        const Busy busy(user_, Access::write);
        if (static_cast<int>(slots.size()) != trainer_.optimizer().slots())
            throw py::value_error("expected " + std::to_string(trainer_.optimizer().slots()) + " slots, got " +
                                  std::to_string(slots.size()));
        std::vector<ParameterArrays<T>> arrays;
        for (std::size_t s = 0; s < slots.size(); ++s) {
            const std::string name = "slots[" + std::to_string(s) + "] ";
            if (!py::isinstance<py::sequence>(slots[s]) || py::len(slots[s]) != 2)
                throw py::value_error(name + "must be a pair of lists: coefs and intercepts");
            const auto pair = slots[s].cast<py::sequence>();
            arrays.emplace_back(layers(), pair[0], pair[1], name.c_str());
        }
        for (std::size_t s = 0; s < arrays.size(); ++s)
            trainer_.network().pack(arrays[s].coefs, arrays[s].intercepts,
                                    trainer_.optimizer().parameters.slot[s].data());
    }

    // Of the weights after each step, where a run has kept one.
    py::object average() {
        const Busy busy(user_, Access::read);
        const T* packed = trainer_.optimizer().average();
        if (!packed) return py::none();
        return unpacked(trainer_.network(), packed);
    }

    void set_average(const py::sequence& coefs, const py::sequence& intercepts) {
        const Busy busy(user_, Access::write);
        const ParameterArrays<T> arrays(layers(), coefs, intercepts);
        trainer_.network().pack(arrays.coefs, arrays.intercepts, trainer_.optimizer().set_average());
    }

    // The velocity of the weights' mean over ranks, where a run has kept one.
    py::object outer() {
        const Busy busy(user_, Access::read);
        const T* packed = trainer_.optimizer().outer();
        if (!packed) return py::none();
        return unpacked(trainer_.network(), packed);
    }

    void set_outer(const py::sequence& coefs, const py::sequence& intercepts) {
        const Busy busy(user_, Access::write);
        const ParameterArrays<T> arrays(layers(), coefs, intercepts);
        trainer_.network().pack(arrays.coefs, arrays.intercepts, trainer_.optimizer().set_outer());
    }

    py::tuple dropout() {
        const Busy busy(user_, Access::read);
        return py::make_tuple(trainer_.dropout().rates, trainer_.dropout().seed);
    }

    void set_dropout(const std::vector<double>& rates, std::uint64_t seed) {
        const Busy busy(user_, Access::write);
        trainer_.set_dropout({rates, seed});
    }

    bool is_finite() {
        const Busy busy(user_, Access::read);
        return trainer_.optimizer().is_finite();
    }

    py::list slots() {
        const Busy busy(user_, Access::read);
        py::list list;
        for (int s = 0; s < trainer_.optimizer().slots(); ++s)
            list.append(unpacked(trainer_.network(), trainer_.optimizer().parameters.slot[s].data()));
        return list;
    }

    void run(const py::object& X, const py::object& Y, const py::object& sample_weight, const py::object& order,
             const py::object& bit_generator, Run& shown, const py::object& listener, const py::object& n_threads,
             const py::object& gradient_hook, const py::object& loss_hook, const py::object& ranks) {
        const Busy busy(user_, Access::write);
        Run run = shown;  // what Python does to its object while the run goes on concerns it no more
        const SampleArrays<T> arrays(X, Y, sample_weight, units().front(), units().back());
        check_run(run, listener);
        if (run.shuffle && bit_generator.is_none()) throw py::value_error("shuffle needs a bit generator");
        if (run.so_far.rows != 0) throw py::value_error("only with windows a run begins within an epoch");

        std::vector<std::int64_t> rows;  // empty: all rows as they lie
        if (!order.is_none()) {
            const py::array given = contiguous(checked_array<std::int64_t>(order, {-1}, {"order"}));
            const auto* first = static_cast<const std::int64_t*>(given.data());
            rows.assign(first, first + given.size());
            if (rows.empty()) throw py::value_error("order must have at least one row");
            for (const std::int64_t row : rows)
                if (row < 0 || row >= arrays.samples.rows)
                    throw py::value_error("order has an index outside X: " + std::to_string(row));
        } else if (run.shuffle) {
            rows.resize(static_cast<std::size_t>(arrays.samples.rows));
            std::iota(rows.begin(), rows.end(), 0);
        }
        Samples<T> samples = arrays.samples;
        std::optional<PythonLoss<T>> loss = loss_of(loss_hook);
        if (loss) loss->attach(samples);
        if (!rows.empty()) samples.rows = static_cast<Index>(rows.size());
        const Source<T> source(samples, rows.empty() ? nullptr : rows.data(), run.batch_size);
        std::optional<PythonRanks<T>> others;
        std::optional<Shares<T>> shares;
        if (!ranks.is_none()) {
            others.emplace(ranks, samples.rows);
            shares.emplace(others->settings(), *others, source);
        }
        run_on(source, run, shown, bit_generator, listener, n_threads, gradient_hook, loss,
               shares ? &*shares : nullptr);
    }

    void run_windows(const py::object& windows, Index rows, bool sparse, Run& shown, const py::object& listener,
                     const py::object& n_threads, const py::object& gradient_hook, const py::object& loss_hook,
                     const py::object& ranks) {
        const Busy busy(user_, Access::write);
        Run run = shown;
        check_run(run, listener);
        if (rows < 1) throw py::value_error("an epoch must have at least one row");
        if (run.shuffle) throw py::value_error("rows that come in windows are shuffled before");
        if (run.so_far.rows < 0 || run.so_far.rows >= rows || run.so_far.rows % run.batch_size != 0)
            throw py::value_error("so_far must have whole batches of an epoch, and not all, got " +
                                  std::to_string(run.so_far.rows) + " rows");
        std::optional<PythonLoss<T>> loss = loss_of(loss_hook);
        std::optional<PythonRanks<T>> others;
        if (!ranks.is_none()) others.emplace(ranks, rows);
        if (others && !others->settings().in_windows) throw py::value_error("ranks must know of windows");
        PythonWindows<T> given(windows, rows, sparse, std::min(run.batch_size, rows), trainer_.network(),
                               loss ? &*loss : nullptr, others ? &others->settings() : nullptr);
        const Source<T> source(given, run.batch_size);
        std::optional<Shares<T>> shares;
        if (others) shares.emplace(others->settings(), *others, source);
        run_on(source, run, shown, py::none(), listener, n_threads, gradient_hook, loss, shares ? &*shares : nullptr);
    }

    py::tuple loss_and_gradient(const py::object& X, const py::object& Y, const py::object& sample_weight, double l2,
                                const py::object& n_threads, double l1, bool dropout, const py::object& loss_hook) {
        const Busy busy(user_, Access::write);
        const SampleArrays<T> arrays(X, Y, sample_weight, units().front(), units().back());
        Samples<T> samples = arrays.samples;
        std::optional<PythonLoss<T>> hook = loss_of(loss_hook);
        if (hook) hook->attach(samples);
        const int threads = thread_limit(n_threads, step_flop(trainer_.network(), arrays.samples.rows));
        LossValue loss;
        SignalInterrupt signals;
        {
            const NoGil no_gil;
            loss = trainer_.loss_and_gradient(samples, {l2, l1}, dropout, hook ? &*hook : nullptr, gradient_, signals,
                                              threads);
        }
        signals.raise();
        const py::tuple gradient = unpacked(trainer_.network(), gradient_.data());
        return py::make_tuple(loss.data, loss.penalty, gradient[0], gradient[1]);
    }

    // Read without asking who is at work: a forked child wants eta of a trainer whose thread it does not have.
    double eta() const { return schedule().eta; }
    Index steps() const { return schedule().steps; }

    void set_eta(double eta) {
        const Busy busy(user_, Access::write);
        trainer_.optimizer().schedule.eta = eta;
    }

    void set_steps(Index steps) {
        const Busy busy(user_, Access::write);
        if (steps < 0) throw py::value_error("steps must not be negative, got " + std::to_string(steps));
        trainer_.optimizer().schedule.steps = steps;
    }

    Index window_rows(Index rows, Index batch_size) const {
        if (batch_size < 1) throw py::value_error("batch_size must be at least 1");
        return trainer_.window_rows(rows, batch_size);
    }

   private:
    enum class Access { read, write };

    // One call at a time: while one runs without the GIL, another thread's gets an error, not torn weights. Reading is
    // also open to the listener of a run, which is called between steps on the thread of that run.
    class Busy {
       public:
        Busy(std::atomic<std::thread::id>& user, Access access) : user_(user) {
            std::thread::id holder;
            const std::thread::id me = std::this_thread::get_id();
            holds_ = user_.compare_exchange_strong(holder, me);
            if (!holds_ && !(access == Access::read && holder == me))
                throw std::runtime_error("this trainer is in use");
        }
        ~Busy() {
            if (holds_) user_.store(std::thread::id());
        }
        Busy(const Busy&) = delete;
        Busy& operator=(const Busy&) = delete;

       private:
        std::atomic<std::thread::id>& user_;
        bool holds_;
    };

    static void check_run(const Run& run, const py::object& listener) {
        if (run.batch_size < 1) throw py::value_error("batch_size must be at least 1");
        if (run.max_iter < 1) throw py::value_error("max_iter must be at least 1");
        if ((run.validate || run.early_stopping) && listener.is_none())
            throw py::value_error("early_stopping needs a listener that gives the validation score");
        if (run.schedule == LearningRate::given && listener.is_none())
            throw py::value_error("a schedule that is given needs a listener that gives the step sizes");
        check_schedule(run);
    }

    std::optional<PythonLoss<T>> loss_of(const py::object& function) const {
        if (function.is_none()) return std::nullopt;
        return PythonLoss<T>(function, units().back());
    }

    void run_on(const Source<T>& source, Run& run, Run& shown, const py::object& bit_generator,
                const py::object& listener, const py::object& n_threads, const py::object& gradient_hook,
                std::optional<PythonLoss<T>>& loss, Shares<T>* shares) {
        const int threads =
            thread_limit(n_threads, step_flop(trainer_.network(), std::min(run.batch_size, source.rows())));
        PythonObserver observer(listener, bit_generator, run, shown);
        std::optional<PythonHook<T>> hook;
        if (!gradient_hook.is_none()) hook.emplace(trainer_.network(), gradient_hook);
        try {
            const NoGil no_gil;
            trainer_.run(source, run, observer, hook ? &*hook : nullptr, loss ? &*loss : nullptr, shares, threads);
        } catch (...) {
            observer.show();
            throw;
        }
        observer.finish();
    }

    const Schedule<T>& schedule() const { return trainer_.optimizer().schedule; }
    const std::vector<Layer>& layers() const { return trainer_.network().layers(); }
    const std::vector<Index>& units() const { return trainer_.network().units(); }

    Trainer<T> trainer_;
    Buffer<T> gradient_;
    std::atomic<std::thread::id> user_{};
};

template <class T>
void bind_trainer(py::module_& m, const char* name) {
    using Class = PyTrainer<T>;
    py::class_<Class>(m, name, doc::trainer)
        .def(py::init<std::vector<Index>, const py::object&, const std::string&, const std::string&, const std::string&,
                      const py::object&, const py::kwargs&>(),
             py::arg("units"), py::arg("activation"), py::arg("loss"), py::arg("optimizer"), py::kw_only(),
             py::arg("out_activation") = "", py::arg("blocks") = py::none())
        .def("set_parameters", &Class::set_parameters, py::arg("coefs"), py::arg("intercepts"), doc::set_parameters)
        .def("parameters", &Class::parameters, doc::parameters)
        .def("average", &Class::average, doc::average)
        .def("set_average", &Class::set_average, py::arg("coefs"), py::arg("intercepts"), doc::set_average)
        .def("outer", &Class::outer, doc::outer)
        .def("set_outer", &Class::set_outer, py::arg("coefs"), py::arg("intercepts"), doc::set_outer)
        .def("dropout", &Class::dropout, doc::dropout)
        .def("set_dropout", &Class::set_dropout, py::arg("rates"), py::arg("seed"), doc::set_dropout)
        .def("is_finite", &Class::is_finite, doc::is_finite)
        .def("set_slots", &Class::set_slots, py::arg("slots"), doc::set_slots)
        .def("slots", &Class::slots, doc::slots)
        .def_property("eta", &Class::eta, &Class::set_eta)
        .def_property("steps", &Class::steps, &Class::set_steps)
        .def("run", &Class::run, py::arg("X"), py::arg("Y"), py::arg("sample_weight"), py::arg("order"),
             py::arg("bit_generator"), py::arg("run"), py::arg("listener"), py::arg("n_threads"),
             py::arg("gradient_hook") = py::none(), py::arg("loss_hook") = py::none(), py::arg("ranks") = py::none(),
             doc::trainer_run)
        .def("run_windows", &Class::run_windows, py::arg("windows"), py::arg("rows"), py::arg("sparse"), py::arg("run"),
             py::arg("listener"), py::arg("n_threads"), py::arg("gradient_hook") = py::none(),
             py::arg("loss_hook") = py::none(), py::arg("ranks") = py::none(), doc::run_windows)
        .def("window_rows", &Class::window_rows, py::arg("rows"), py::arg("batch_size"), doc::window_rows)
        .def("loss_and_gradient", &Class::loss_and_gradient, py::arg("X"), py::arg("Y"), py::arg("sample_weight"),
             py::arg("l2"), py::arg("n_threads"), py::arg("l1") = 0.0, py::arg("dropout") = false,
             py::arg("loss_hook") = py::none(), doc::loss_and_gradient);
}

}  // namespace

void bind_training(py::module_& m) {
    bind_trainer<float>(m, "TrainerF32");
    bind_trainer<double>(m, "TrainerF64");
}

}  // namespace chainfit
