// From a gradient to new weights. Floor: engine.
#include "engine/gradient.hpp"

#include <algorithm>
#include <numeric>

#include "engine/plan.hpp"
#include "engine/threads.hpp"

namespace chainfit {

namespace {

// FLOP a weight: what the number of threads goes by. Reading and writing W and its slots is what takes the time.
constexpr double kUpdateFlop = 30;

}  // namespace

template <class T>
Optimizer<T>::Optimizer(const Network<T>& network, const Isa& isa, const OptimizerKernel<T>& rule,
                        const ParameterValues& values)
    : schedule(rule, values), network_(network), isa_(isa), rule_(rule) {
    parameters.w = Buffer<T>(network.packed_size());
    for (int s = 0; s < rule.slots; ++s) parameters.slot[s] = Buffer<T>(network.packed_size());
}

template <class T>
bool Optimizer<T>::is_finite() const {
    constexpr Index V = kLanes<T>;
    T sums[V] = {};  // of 0 for a finite number, NaN for any other
    // What is not finite in the first of two slots goes into the weights with the next product; Adam divides by its
    // second one, rmsprop by its only one.
    for (const Buffer<T>* buffer : {&parameters.w, &parameters.slot[rule_.slots == 1 ? 0 : 1]})
        for (Index i = 0; i < buffer->size(); i += V)
            for (Index k = 0; k < V; ++k) sums[k] += (*buffer)[i + k] - (*buffer)[i + k];
    return std::accumulate(sums, sums + V, T(0)) == 0;
}

template <class T>
bool Optimizer<T>::has_whole_steps() const {
    return chainfit::has_whole_steps(isa_.kernels<T>(), rule_) && !schedule.is_regularized();
}

template <class T>
bool Optimizer<T>::has_tiny() const {
    const Kernels<T>& kernels = isa_.kernels<T>();
    return has_whole_steps() && kernels.small_steps.items[place_of(kernels, rule_)].tiny;
}

template <class T>
Update<T> Optimizer<T>::fused() {
    T* w = parameters.w.data();
    const auto step = schedule.is_regularized() ? rule_.update_regularized : rule_.update;
    Update<T> update{rule_, step, w, {w, w}, false, has_whole_steps(), has_tiny()};
    for (int s = 0; s < rule_.slots; ++s) update.slot[s] = parameters.slot[s].data();
    return update;
}

// Tiny nets take the kernel that they would take with the optimizer itself: its sums are cut otherwise.
template <class T>
Update<T> Optimizer<T>::store_in(Buffer<T>& gradient) {
    if (gradient.size() != network_.packed_size()) gradient = Buffer<T>(network_.packed_size());
    T* w = parameters.w.data();
    const OptimizerKernel<T>& store = isa_.kernels<T>().store;
    const auto step = schedule.is_regularized() ? store.update_regularized : store.update;
    return {store, step, w, {gradient.data(), w}, true, has_whole_steps(), has_tiny()};
}

template <class T>
void Optimizer<T>::prepare(const ScheduleSettings& settings) {
    schedule.settings = settings;
    if (averages()) {
        if (average_.size() == 0) average_ = Buffer<T>(network_.packed_size());
    } else {
        has_average_ = false;
    }
}

template <class T>
T* Optimizer<T>::set_average() {
    if (average_.size() == 0) average_ = Buffer<T>(network_.packed_size());
    has_average_ = true;
    return average_.data();
}

template <class T>
T* Optimizer<T>::set_outer() {
    if (outer_.size() == 0) outer_ = Buffer<T>(network_.packed_size());
    return outer_.data();
}

template <class T>
void Optimizer<T>::add_to_average(Index at, Index count) {
    const T* w = parameters.w.data() + at;
    T* average = average_.data() + at;
    const T rest = static_cast<T>(1 - schedule.settings.average_decay);
    if (has_average_)
        for (Index i = 0; i < count; ++i) average[i] += rest * (w[i] - average[i]);
    else
        std::copy_n(w, count, average);
}

template <class T>
void Optimizer<T>::apply(const Buffer<T>& gradient, int max_threads) {
    constexpr Index V = kLanes<T>;
    const Update<T> update = fused();
    const StepScalars<T> scalars = schedule.scalars(0);  // the penalties are in the gradient
    const auto step = schedule.adds_decay() ? rule_.update_regularized : rule_.update;
    const double flop = kUpdateFlop * static_cast<double>(network_.weight_count());
    run_on_threads(threads_that_pay(flop, max_threads), [&](int thread, Barrier& barrier) {
        const DenormalsFlushed flushed(isa_);
        for (const Layer& layer : network_.layers()) {
            const Range mine = share(layer.panels, barrier.threads(), thread, 1);
            for (Index j = mine.begin; j < mine.end; ++j) {
                const Index at = layer.offset + j * layer.panel;
                T* const slot[2] = {update.slot[0] + at, update.slot[1] + at};
                const Index bias = layer.n_in * V;
                T* const bias_slot[2] = {slot[0] + bias, slot[1] + bias};
                step(gradient.data() + at, update.w + at, slot, bias, scalars);
                step(gradient.data() + at + bias, update.w + at + bias, bias_slot, V, of_biases(scalars));
                if (averages()) add_to_average(at, bias + V);
            }
        }
    });
    has_average_ = averages();
    ++schedule.steps;
}

template class Optimizer<float>;
template class Optimizer<double>;

}  // namespace chainfit
