// Training. Floor: engine.
#include "engine/trainer.hpp"

#include <algorithm>
#include <cmath>
#include <stdexcept>

#include "dispatch.hpp"

namespace chainfit {

namespace {

// beta^n by squaring: the same bits everywhere, which pow() does not promise.
double power(double beta, Index n) {
    double result = 1;
    for (; n > 0; n /= 2, beta *= beta)
        if (n % 2) result *= beta;
    return result;
}

template <class T>
double weight_sum(const Samples<T>& samples, const std::int64_t* order, Range rows) {
    if (!samples.weight) return static_cast<double>(rows.end - rows.begin);
    double sum = 0;
    for (Index r = rows.begin; r < rows.end; ++r) sum += static_cast<double>(samples.weight[order ? order[r] : r]);
    return sum;
}

// Calls visit(rows, size) for the rows that are in whole batches, and for those of the last one if it is shorter: a
// batch goes through the kernel for its own size.
template <class Visit>
void for_each_size(Index rows, Index batch_size, Visit visit) {
    const Index size = std::min(batch_size, rows), rest = rows % size;
    visit(Range{0, rows - rest}, size);
    if (rest > 0) visit(Range{rows - rest, rows}, rest);
}

}  // namespace

template <class T>
Trainer<T>::Trainer(std::vector<Index> units, const std::vector<std::string>& activations, const std::string& loss,
                    const std::string& optimizer, Settings settings)
    : isa_(isa()),
      kernels_(isa_.kernels<T>()),
      network_((units.size() < 2 || *std::min_element(units.begin(), units.end()) < 1)
                   ? throw std::invalid_argument("units must be at least two sizes, all >= 1")
                   : std::move(units)),
      functions_(kernels_, activations, network_.layers().size() - 1, loss, settings),
      optimizer_(find_by_name(kernels_.optimizers, optimizer, "optimizer")),
      values_(take_values(optimizer_.parameters, "the optimizer '" + optimizer + "'", settings)),
      constants_{rounded<T>(values_)} {
    if (!settings.empty())
        throw std::invalid_argument("neither the optimizer '" + optimizer + "' nor the loss '" + loss +
                                    "' has a parameter '" + settings.begin()->first + "'");
    parameters_.w = Buffer<T>(network_.packed_size());
    for (int s = 0; s < optimizer_.slots; ++s) parameters_.slot[s] = Buffer<T>(network_.packed_size());
}

template <class T>
Step<T>& Trainer<T>::step_for(Index batch_rows, bool sparse, int max_threads) {
    for (CachedStep& cached : cached_)
        if (cached.step && cached.batch_rows == batch_rows && cached.sparse == sparse &&
            cached.max_threads == max_threads)
            return *cached.step;
    std::swap(cached_[0], cached_[1]);
    cached_[0].step.reset();  // before the new one, so that memory holds two at most
    cached_[0].step = std::make_unique<Step<T>>(network_, functions_, batch_rows, sparse, max_threads);
    cached_[0].batch_rows = batch_rows;
    cached_[0].sparse = sparse;
    cached_[0].max_threads = max_threads;
    return *cached_[0].step;
}

// Of a team that is gone: they wait for threads that no longer exist.
template <class T>
void Trainer<T>::forget_steps() {
    for (CachedStep& cached : cached_) cached = CachedStep();
}

template <class T>
bool Trainer<T>::is_finite() const {
    int others = 0;
    // A first slot that is not finite goes into the weights with the next product; Adam divides by its second one.
    for (const Buffer<T>* buffer : {&parameters_.w, &parameters_.slot[1]})
        for (Index i = 0; i < buffer->size(); ++i) {
            const T x = (*buffer)[i];
            others |= !(x - x == 0);  // 0 for a finite number, NaN for any other
        }
    return others == 0;
}

template <class T>
double Trainer<T>::step_size(Index steps) const {
    if (!optimizer_.corrects_bias) return eta;
    const Index t = steps + 1;
    return eta * std::sqrt(1 - power(values_[1], t)) / (1 - power(values_[0], t));
}

// Sets what changes from step to step; returns 1 / the batch's weight sum.
template <class T>
double Trainer<T>::prepare(const Samples<T>& samples, const BatchRows& batch, const Run& run,
                           StepScalars<T>& now) const {
    const double inverse_weight = inverse_weight_of(weight_sum(samples, batch.index, batch.range));
    now.eta = static_cast<T>(step_size(steps));
    now.l2 = static_cast<T>(run.l2 * inverse_weight);
    return inverse_weight;
}

// Counts a step that was made; returns its loss times rows.
template <class T>
template <class AnyStep>
double Trainer<T>::done(const AnyStep& step, const BatchRows& batch, const Run& run) {
    ++steps;
    const double penalty = 0.5 * run.l2 * step.sum_squares();
    return (run.loss_scale * step.data_loss() + penalty) * static_cast<double>(batch.range.end - batch.range.begin);
}

template <class T>
double Trainer<T>::epoch(const Samples<T>& samples, const std::int64_t* order, const Run& run, InterruptPoll& poll,
                         int max_threads, bool& interrupted) {
    double total = 0;
    for_each_size(samples.rows, run.batch_size, [&](Range rows, Index size) {
        if (interrupted) return;
        if (size == 1)
            total += single_rows(samples, order, rows, run, poll, interrupted);
        else if (FewRows<T>::are_few(network_, size))
            total += few_rows(samples, order, rows, size, run, poll, interrupted);
        else
            total += many_rows(samples, order, rows, size, run, poll, max_threads, interrupted);
    });
    return total;
}

template <class T>
double Trainer<T>::many_rows(const Samples<T>& samples, const std::int64_t* order, Range rows, Index size,
                             const Run& run, InterruptPoll& poll, int max_threads, bool& interrupted) {
    double total = 0;
    const std::function<bool()> cancelled = [&] { return poll.now_and_then_in_team(); };
    // written by thread 0 between two barriers, read by all after the second
    StepScalars<T> now = constants_;
    double inverse_weight = 0;
    Index next = rows.begin;  // the first row whose step is not made yet

    const auto all_steps = [&](Step<T>& step, Index first) {
        run_on_threads(step.plan().threads, [&](int thread, Barrier& barrier) {
            const DenormalsFlushed flushed(isa_);
            for (Index begin = first; begin < rows.end; begin += size) {
                const BatchRows batch{order, {begin, begin + size}};
                if (thread == 0) inverse_weight = prepare(samples, batch, run, now);
                barrier.wait();
                if (!step.run(thread, barrier, samples, batch, inverse_weight, parameters_, optimizer_, now,
                              cancelled)) {
                    if (thread == 0) interrupted = true;
                    return;
                }
                if (thread != 0) continue;
                total += done(step, batch, run);
                next = begin + size;
            }
        });
    };
    while (next < rows.end && !interrupted) try {
            all_steps(step_for(size, samples.is_sparse(), max_threads), next);
        } catch (const TeamLost&) {
            forget_steps();
        }
    return total;
}

template <class T>
double Trainer<T>::few_rows(const Samples<T>& samples, const std::int64_t* order, Range rows, Index size,
                            const Run& run, InterruptPoll& poll, bool& interrupted) {
    const DenormalsFlushed flushed(isa_);
    StepScalars<T> now = constants_;
    double total = 0;
    for (Index begin = rows.begin; begin < rows.end; begin += size) {
        if (poll.now_and_then()) {
            interrupted = true;
            break;
        }
        const BatchRows batch{order, {begin, begin + size}};
        const double inverse_weight = prepare(samples, batch, run, now);
        few_rows_->run(samples, batch, inverse_weight, parameters_, optimizer_, now);
        total += done(*few_rows_, batch, run);
    }
    return total;
}

template <class T>
double Trainer<T>::single_rows(const Samples<T>& samples, const std::int64_t* order, Range all, const Run& run,
                               InterruptPoll& poll, bool& interrupted) {
    const DenormalsFlushed flushed(isa_);
    double total = 0;
    double etas[kMicroSteps];
    for (Index begin = all.begin; begin < all.end; begin += row_steps_->max_rows()) {
        if (poll.now_and_then()) {
            interrupted = true;
            break;
        }
        const Range rows{begin, std::min(begin + row_steps_->max_rows(), all.end)};
        for (Index s = 0; s < rows.end - rows.begin; ++s) etas[s] = step_size(steps + s);
        row_steps_->run(samples, {order, rows}, parameters_, optimizer_, constants_, etas, run.l2);
        steps += rows.end - rows.begin;
        total += run.loss_scale * row_steps_->data_loss() + 0.5 * run.l2 * row_steps_->sum_squares();
    }
    return total;
}

template <class T>
void Trainer<T>::run(const Samples<T>& samples, std::int64_t* order, Run& run, Observer& observer, int max_threads) {
    // all memory that the run needs, before anything changes
    for_each_size(samples.rows, run.batch_size, [&](Range, Index size) {
        if (size == 1) {
            if (!row_steps_) row_steps_ = std::make_unique<RowSteps<T>>(network_, functions_);
        } else if (FewRows<T>::are_few(network_, size)) {
            if (!few_rows_) few_rows_ = std::make_unique<FewRows<T>>(network_, functions_);
        } else {
            step_for(size, samples.is_sparse(), max_threads);
        }
    });
    run.stopped.clear();
    run.n_iter = 0;
    InterruptPoll poll(observer, isa_);
    bool interrupted = false;
    while (run.stopped.empty()) {
        if (run.shuffle) observer.shuffle(order, samples.rows);
        const double total = epoch(samples, order, run, poll, max_threads, interrupted);
        if (interrupted) return;
        const double loss = total / static_cast<double>(samples.rows);
        ++run.n_iter;
        run.t += samples.rows;
        run.loss_curve.push_back(loss);
        observer.on_epoch(loss);

        if (run.early_stopping) {
            const double score = observer.validation_score();
            run.no_improvement_count = score < run.best_validation_score + run.tol ? run.no_improvement_count + 1 : 0;
            if (score > run.best_validation_score) run.best_validation_score = score;
        } else {
            run.no_improvement_count = loss > run.best_loss - run.tol ? run.no_improvement_count + 1 : 0;
            if (loss < run.best_loss) run.best_loss = loss;
        }

        const bool last = observer.epoch_ended(loss);
        if (std::isnan(loss)) {  // the weights are NaN too: nothing can come of further steps
            run.stopped = "diverged";
            continue;
        }
        if (run.schedule == Schedule::invscaling)
            eta = run.eta_init / std::pow(static_cast<double>(run.t + 1), run.power_t);
        if (static_cast<double>(run.no_improvement_count) > run.n_iter_no_change) {
            // scikit-learn: five times smaller each time, until it is too small to matter
            if (run.schedule == Schedule::adaptive && eta > 1e-6) {
                eta /= 5;
                run.no_improvement_count = 0;
                observer.on_learning_rate(eta);
            } else {
                run.stopped = "converged";
                continue;
            }
        }
        if (last || run.n_iter >= run.max_iter) run.stopped = "max_iter";
    }
}

template <class T>
LossValue Trainer<T>::loss_and_gradient(const Samples<T>& samples, double l2, Buffer<T>& gradient, Interrupt& interrupt,
                                        int max_threads) {
    const double inverse_weight = inverse_weight_of(weight_sum<T>(samples, nullptr, {0, samples.rows}));
    StepScalars<T> store_needs;
    store_needs.l2 = static_cast<T>(l2 * inverse_weight);
    if (gradient.size() != network_.packed_size()) gradient = Buffer<T>(network_.packed_size());
    InterruptPoll poll(interrupt, isa_);
    const std::function<bool()> cancelled = [&] { return poll.now_and_then_in_team(); };
    const auto whole_step = [&](Step<T>& step) {
        run_on_threads(step.plan().threads, [&](int thread, Barrier& barrier) {
            const DenormalsFlushed flushed(isa_);
            step.run(thread, barrier, samples, {nullptr, {0, samples.rows}}, inverse_weight, parameters_,
                     kernels_.store, store_needs, cancelled);
        });
        return LossValue{step.data_loss(), 0.5 * l2 * step.sum_squares()};
    };
    while (true) {
        Step<T>& step = step_for(samples.rows, samples.is_sparse(), max_threads);
        std::swap(parameters_.slot[0], gradient);
        try {
            const LossValue loss = whole_step(step);
            std::swap(parameters_.slot[0], gradient);
            return loss;
        } catch (const TeamLost&) {
            std::swap(parameters_.slot[0], gradient);
            forget_steps();
        }
    }
}

template class Trainer<float>;
template class Trainer<double>;

}  // namespace chainfit
