// Norms of gradients. Floor: engine.
#include "engine/gradient_norm.hpp"

#include <algorithm>
#include <cmath>

namespace chainfit {

namespace {

// The sum of squares of n numbers, lanes side by side in chains of kChain, which are added up in double. No kernel: it
// is the same code on every instruction set.
template <class T>
double sum_of_squares(const T* g, Index n) {
    constexpr Index V = kLanes<T>;
    double sum = 0;
    for (Index begin = 0; begin < n; begin += kChain * V) {
        T chains[V] = {};
        for (Index i = begin; i < std::min(n, begin + kChain * V); i += V)
            for (Index k = 0; k < V; ++k) chains[k] += g[i + k] * g[i + k];
        for (const T chain : chains) sum += static_cast<double>(chain);
    }
    return sum;
}

// Calls visit(first element, count) for each panel of each layer: lines of weights and the biases.
template <class T, class Visit>
void for_each_panel(const Network<T>& network, const Visit& visit) {
    for (const Layer& layer : network.layers())
        for (Index j = 0; j < layer.panels; ++j) visit(layer.offset + j * layer.panel, (layer.n_in + 1) * kLanes<T>);
}

}  // namespace

template <class T>
double GradientNorm<T>::norm(const T* gradient) const {
    double sum = 0;
    for_each_panel(net_.network, [&](Index at, Index count) { sum += sum_of_squares(gradient + at, count); });
    if (sum - sum == 0) return std::sqrt(sum);
    double largest = 0;  // finite numbers whose squares are not: by a scale
    for_each_panel(net_.network, [&](Index at, Index count) {
        for (Index i = at; i < at + count; ++i) largest = std::max(largest, std::abs(static_cast<double>(gradient[i])));
    });
    if (largest - largest != 0) return largest;
    sum = 0;
    for_each_panel(net_.network, [&](Index at, Index count) {
        for (Index i = at; i < at + count; ++i) {
            const double x = static_cast<double>(gradient[i]) / largest;
            sum += x * x;
        }
    });
    return largest * std::sqrt(sum);
}

template <class T>
void GradientNorm<T>::on_gradient(T* gradient) {
    if (before_) before_->on_gradient(gradient);
    const DenormalsFlushed flushed(net_.isa);
    const double norm_now = norm(gradient);
    sum_ += norm_now;
    ++count_;
    const double factor = limit_ / (norm_now + 1e-6);
    if (limit_ <= 0 || !(factor < 1)) return;
    for_each_panel(net_.network, [&](Index at, Index count) {
        for (Index i = at; i < at + count; ++i) gradient[i] *= static_cast<T>(factor);
    });
}

template <class T>
double GradientNorm<T>::take_mean() {
    const double mean = sum_ / static_cast<double>(count_);
    sum_ = 0;
    count_ = 0;
    return mean;
}

template class GradientNorm<float>;
template class GradientNorm<double>;

}  // namespace chainfit
