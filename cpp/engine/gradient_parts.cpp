#include "engine/gradient_parts.hpp"

namespace chainfit {

namespace {

std::size_t panels_of(const std::vector<Layer>& layers) {
    Index panels = 0;
    for (const Layer& layer : layers) panels += layer.panels;
    return static_cast<std::size_t>(panels);
}

}  // namespace

template <class T>
GradientParts<T>::GradientParts(const Network<T>& network)
    : layers_(network.layers()), tasks_left_(panels_of(layers_)) {
    for (Index panels = 0; const Layer& layer : layers_) {
        first_panel_.push_back(panels);
        panels += layer.panels;
    }
}

template <class T>
std::atomic<Index>& GradientParts<T>::left_of(const WeightsTask& task, Index v) {
    return tasks_left_[static_cast<std::size_t>(first_panel_[static_cast<std::size_t>(task.layer)] + task.panel + v)];
}

template <class T>
void GradientParts<T>::begin(const std::vector<WeightsTask>& tasks) {
    ready_ = 0;
    for (std::atomic<Index>& left : tasks_left_) left.store(0, std::memory_order_relaxed);
    for (const WeightsTask& task : tasks)
        for (Index v = 0; v < task.panels; ++v) left_of(task, v).fetch_add(1, std::memory_order_relaxed);
}

template <class T>
void GradientParts<T>::done(const WeightsTask& task) {
    for (Index v = 0; v < task.panels; ++v) left_of(task, v).fetch_sub(1, std::memory_order_release);
}

template <class T>
Index GradientParts<T>::ready() {
    const auto panels = static_cast<Index>(tasks_left_.size());
    while (ready_ < panels && tasks_left_[static_cast<std::size_t>(ready_)].load(std::memory_order_acquire) == 0)
        ++ready_;
    std::size_t l = layers_.size() - 1;  // the layer of the first panel that is not ready, or the last one
    while (first_panel_[l] > ready_) --l;
    return layers_[l].offset + (ready_ - first_panel_[l]) * layers_[l].panel;
}

template class GradientParts<float>;
template class GradientParts<double>;

}  // namespace chainfit
