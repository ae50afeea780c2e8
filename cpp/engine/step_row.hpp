// Steps on one row each, for batches of one: the memory of the kernel that makes up to 64 of them in a call. Floor:
// engine.
#pragma once

#include <vector>

#include "engine/input.hpp"
#include "engine/stepper.hpp"
#include "kernels/small_steps.hpp"

namespace chainfit {

// Steps of one call of the kernel: as many as keep it well below a millisecond. Their losses are added up together.
template <class T>
Index rows_of_call(const Network<T>& network);

template <class T>
class RowStepper final : public Stepper<T> {
   public:
    explicit RowStepper(const Net<T>& net);

    void run(Batches<T>& batches, const Update<T>& update, Progress<T>& progress) override;

   private:
    void prepare(const Batches<T>& batches, const Schedule<T>& schedule);
    StepSums sums() const;

    const Net<T>& net_;
    const Network<T>& network_;
    Index max_rows_;
    bool tiny_;  // no layer above the input has more units than there are lanes
    OneRowSteps<T> steps_;
    std::vector<OneRowLayer<T>> layers_;
    std::vector<Buffer<T>> memory_;
    Buffer<T> x_;  // the rows of X, where they don't lie as the kernel reads them
    double inverse_weight_[kOneRowSteps] = {};
};

}  // namespace chainfit
