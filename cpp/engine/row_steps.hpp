// Steps on one row each, for batches of one: the micro kernel's memory. Floor: engine.
#pragma once

#include <vector>

#include "engine/functions.hpp"
#include "engine/network.hpp"

namespace chainfit {

template <class T>
class RowSteps {
   public:
    // Both outlive the object.
    RowSteps(const Network<T>& network, const Functions<T>& functions);

    // Rows of one call of run(), at most: as many as keep it well below a millisecond.
    Index max_rows() const { return max_rows_; }

    // A step for each of the rows, one after the other. Step s takes eta[s] in place of scalars.eta, and l2 over the
    // row's weight in place of scalars.l2.
    void run(const Samples<T>& samples, const BatchRows& rows, Parameters<T>& parameters,
             const OptimizerKernel<T>& optimizer, const StepScalars<T>& scalars, const double* eta, double l2);

    // Of the last run, summed over its steps.
    double data_loss() const { return data_loss_; }
    double sum_squares() const { return sum_squares_; }  // of W before each update, over the row's weight

   private:
    const T* row_of_x(const Samples<T>& samples, Index row, T* room) const;

    const Network<T>& network_;
    Index max_rows_;
    bool tiny_;  // no layer above the input has more units than there are lanes
    MicroSteps<T> steps_;
    std::vector<MicroLayer<T>> layers_;
    std::vector<Buffer<T>> memory_;
    Buffer<T> x_;  // the rows of X, where they don't lie as the kernel reads them
    double data_loss_ = 0;
    double sum_squares_ = 0;
};

}  // namespace chainfit
