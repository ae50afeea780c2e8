// Prediction straight from the user's own arrays of weights. Floor: engine.
#pragma once

#include <string>
#include <vector>

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

// out (rows, n_L), row-major. Takes a block of rows at a time through all layers; X is not copied. The bits are those
// of the training's own forward pass. samples.Y and samples.weight are not looked at.
template <class T>
void predict(const Samples<T>& samples, const std::vector<PlainLayer<T>>& layers, const std::string& activation,
             const std::string& link, T* out, int max_threads);

}  // namespace chainfit
