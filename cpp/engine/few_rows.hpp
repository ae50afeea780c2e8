// Steps on a few rows each: one thread, one pass over W forward, one backward that updates it too. Floor: engine.
#pragma once

#include <vector>

#include "engine/functions.hpp"
#include "engine/network.hpp"
#include "engine/output.hpp"

namespace chainfit {

template <class T>
class FewRows {
   public:
    // Whether so many rows are few: a matter of shapes alone, never of threads, for the bits depend on it.
    static bool are_few(const Network<T>& network, Index rows);

    // Both outlive the object.
    FewRows(const Network<T>& network, const Functions<T>& functions);

    void run(const Samples<T>& samples, const BatchRows& batch, double inverse_weight, Parameters<T>& parameters,
             const OptimizerKernel<T>& optimizer, const StepScalars<T>& scalars);

    // Of the last step; see Step.
    double data_loss() const { return data_loss_; }
    double sum_squares() const { return sum_squares_; }

   private:
    void gather(const Samples<T>& samples, const BatchRows& batch);

    static_assert(kFewRows <= kLanes<T>);
    static constexpr Index kPanel = kLanes<T> * kLanes<T>;  // a whole panel of rows, for the output layer

    const Network<T>& network_;
    const Kernels<T>& kernels_;
    const Functions<T>& functions_;
    Output<T> output_;
    std::vector<Buffer<T>> a_;              // l = 0..L: [n_l / lanes][row][lanes]
    std::vector<Buffer<T>> slope_;          // f'(z), alike, of layers whose activation keeps it
    std::vector<Buffer<T>> delta_;          // l = 1..L, alike
    Buffer<T> z_, targets_, output_delta_;  // panels of rows
    double data_loss_ = 0;
    double sum_squares_ = 0;
};

}  // namespace chainfit
