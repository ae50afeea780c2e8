// The loss of outputs that are there already, of validation rows for instance. Floor: engine.
#pragma once

#include "engine/functions.hpp"

namespace chainfit {

// The weighted mean of the loss over the rows, given a[L] (rows, n_out) in the place of samples.X, dense.
template <class T>
double mean_loss(const Functions<T>& functions, Index n_out, const Samples<T>& samples);

}  // namespace chainfit
