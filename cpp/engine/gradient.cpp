// From a gradient to new weights. Floor: engine.
#include "engine/gradient.hpp"

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
    int others = 0;
    // A first slot that is not finite goes into the weights with the next product; Adam divides by its second one.
    for (const Buffer<T>* buffer : {&parameters.w, &parameters.slot[1]})
        for (Index i = 0; i < buffer->size(); ++i) {
            const T x = (*buffer)[i];
            others |= !(x - x == 0);  // 0 for a finite number, NaN for any other
        }
    return others == 0;
}

template <class T>
bool Optimizer<T>::has_tiny() const {
    const Kernels<T>& kernels = isa_.kernels<T>();
    return kernels.small_steps.items[place_of(kernels, rule_)].tiny;
}

template <class T>
Update<T> Optimizer<T>::fused() {
    T* w = parameters.w.data();
    Update<T> update{rule_, w, {w, w}, false, has_tiny()};
    for (int s = 0; s < rule_.slots; ++s) update.slot[s] = parameters.slot[s].data();
    return update;
}

// Tiny nets take the kernel that they would take with the optimizer itself: its sums are cut otherwise.
template <class T>
Update<T> Optimizer<T>::store_in(Buffer<T>& gradient) {
    if (gradient.size() != network_.packed_size()) gradient = Buffer<T>(network_.packed_size());
    T* w = parameters.w.data();
    return {isa_.kernels<T>().store, w, {gradient.data(), w}, true, has_tiny()};
}

template <class T>
void Optimizer<T>::apply(const Buffer<T>& gradient, int max_threads) {
    constexpr Index V = kLanes<T>;
    const Update<T> update = fused();
    const StepScalars<T> scalars = schedule.scalars(0);  // the L2 term is in the gradient
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
                rule_.update(gradient.data() + at, update.w + at, slot, bias, scalars);
                rule_.update(gradient.data() + at + bias, update.w + at + bias, bias_slot, V, of_biases(scalars));
            }
        }
    });
    ++schedule.steps;
}

template class Optimizer<float>;
template class Optimizer<double>;

}  // namespace chainfit
