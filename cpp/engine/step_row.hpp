// Steps on one row each, for batches of one: the memory of the kernel that makes up to 64 of them in a call. Floor:
// engine.
#pragma once

#include <vector>

#include "engine/input.hpp"
#include "engine/stepper.hpp"
#include "kernels/small_steps.hpp"

namespace chainfit {

template <class T>
class RowStepper final : public Stepper<T> {
   public:
    explicit RowStepper(const Net<T>& net);

    bool fuses(const OptimizerKernel<T>& rule) const override {
        return net_.kernels.small_steps.items[place_of(net_.kernels, rule)].one_row;
    }
    void run(Batches<T>& batches, const Update<T>& update, Progress<T>& progress) override;

   private:
    void prepare(const Batches<T>& batches, const Schedule<T>& schedule);
    StepSums sums() const;

    const Net<T>& net_;
    const Network<T>& network_;
    Index max_rows_;  // of one call: as many as keep it well below a millisecond
    bool tiny_;       // no layer above the input has more units than there are lanes
    OneRowSteps<T> steps_;
    std::vector<OneRowLayer<T>> layers_;
    std::vector<Buffer<T>> memory_;
    Buffer<T> x_;  // the rows of X, where they don't lie as the kernel reads them
    double inverse_weight_[kOneRowSteps] = {};
};

}  // namespace chainfit
