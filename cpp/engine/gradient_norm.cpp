// Norms of gradients. Floor: engine.
#include "engine/gradient_norm.hpp"

#include <algorithm>
#include <cmath>

namespace chainfit {

namespace {

// The sum of squares of g / scale (n, a multiple of 8): eight sums side by side, then in their order, in double. No
// kernel: it is the same code on every instruction set.
template <class T>
double sum_of_squares(const T* g, Index n, double scale) {
    double sums[8] = {};
    for (Index i = 0; i < n; i += 8)
        for (Index k = 0; k < 8; ++k) {
            const double x = static_cast<double>(g[i + k]) * scale;
            sums[k] += x * x;
        }
    double sum = 0;
    for (const double part : sums) sum += part;
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
    const auto scaled = [&](double scale) {
        double sum = 0;
        for_each_panel(network_, [&](Index at, Index count) { sum += sum_of_squares(gradient + at, count, scale); });
        return std::sqrt(sum);
    };
    const double plain = scaled(1);
    if (plain - plain == 0) return plain;
    double largest = 0;  // finite numbers whose squares are not: by a scale
    for_each_panel(network_, [&](Index at, Index count) {
        for (Index i = at; i < at + count; ++i) largest = std::max(largest, std::abs(static_cast<double>(gradient[i])));
    });
    return largest - largest == 0 ? largest * scaled(1 / largest) : plain;
}

template <class T>
void GradientNorm<T>::on_gradient(T* gradient) {
    if (before_) before_->on_gradient(gradient);
    const double norm_now = norm(gradient);
    sum_ += norm_now;
    ++count_;
    const double factor = limit_ / (norm_now + 1e-6);
    if (limit_ <= 0 || !(factor < 1)) return;
    for_each_panel(network_, [&](Index at, Index count) {
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
