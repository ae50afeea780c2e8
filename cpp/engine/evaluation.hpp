// The loss of outputs that are there already, of validation rows for instance. Floor: engine.
#pragma once

#include "engine/functions.hpp"

namespace chainfit {

// The weighted mean over the rows of the loss of outputs a[L] in the place of samples.X, (rows, n_out). `settings` are
// its parameters; std::invalid_argument names what is unknown or out of range.
template <class T>
double mean_loss(const Samples<T>& samples, Index n_out, const OutputSettings& output, Settings settings);

}  // namespace chainfit
