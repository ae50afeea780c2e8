// A part of a batch whose other rows are somewhere else. Floor: engine.
#pragma once

#include "kernels/table.hpp"

namespace chainfit {

struct Share {
    Index first_row = 0;        // how many rows the batch has before these: masks of dropout go by it
    double inverse_weight = 0;  // what the weights of its rows are times
    double penalty = 0;         // what the penalties are times
    double rows = 0;            // for how many rows its loss counts
    double part = 1;            // of the batch's weight over which the loss is a mean
};

}  // namespace chainfit
