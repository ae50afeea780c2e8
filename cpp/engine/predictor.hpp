// Prediction straight from the user's own arrays of weights: many rows, or one at a time. Floor: engine.
#pragma once

#include <string>
#include <vector>

#include "engine/interrupt.hpp"
#include "engine/network.hpp"

namespace chainfit {

// Row-major and contiguous: W (n_in, n_out), b (n_out).
template <class T>
struct PlainLayer {
    Index n_in = 0;
    Index n_out = 0;
    const T* w = nullptr;
    const T* b = nullptr;
};

// An output activation by name, and the units that it takes together: if none are given, all of them.
struct LinkSettings {
    std::string name;
    std::vector<Index> blocks;
};

// out (rows, n_L), row-major. Takes a block of rows at a time through all layers; X is not copied. The bits are those
// of the training's own forward pass. Activations: one for all hidden layers, or one for each. samples.Y and
// samples.weight are not looked at. Once interrupted, `out` is incomplete.
template <class T>
void predict(const Samples<T>& samples, const std::vector<PlainLayer<T>>& layers,
             const std::vector<std::string>& activations, const LinkSettings& link, T* out, Interrupt& interrupt,
             int max_threads);

// What the plan of threads goes by.
template <class T>
double prediction_flop(const std::vector<PlainLayer<T>>& layers, Index rows) {
    double weights = 0;
    for (const PlainLayer<T>& layer : layers)
        weights += static_cast<double>(layer.n_in) * static_cast<double>(layer.n_out);
    return 2.0 * weights * static_cast<double>(rows);
}

// One dense row at a time, without set-up between calls. The arrays of the layers must outlive it.
template <class T>
class RowPredictor {
   public:
    RowPredictor(const std::vector<PlainLayer<T>>& layers, const std::vector<std::string>& activations,
                 const LinkSettings& link);
    RowPredictor(const RowPredictor&) = delete;  // it points into itself
    RowPredictor& operator=(const RowPredictor&) = delete;

    Index n_in() const { return layers_.front().n_in; }
    Index n_out() const { return layers_.back().n_out; }

    // x (n_in), contiguous -> out (n_out). Any thread may call.
    void operator()(const T* x, T* out) const;

   private:
    const Isa& isa_;
    std::vector<Weights<T>> layers_;
    std::vector<Index> activations_;
    std::vector<Index> blocks_;
    RowNet<T> net_;
    Index scratch_size_;
};

}  // namespace chainfit
