// Steps on a few rows each: one thread, one pass over W forward, one backward that updates it too. Floor: engine.
#pragma once

#include <vector>

#include "engine/input.hpp"
#include "engine/output.hpp"
#include "engine/stepper.hpp"
#include "kernels/small_steps.hpp"

namespace chainfit {

template <class T>
class FewRowsStepper final : public Stepper<T> {
   public:
    // Whether so many rows are few: a matter of shapes alone, never of threads, for the bits depend on it.
    static bool are_few(const Network<T>& network, Index rows);

    explicit FewRowsStepper(const Net<T>& net);

    bool fuses(const OptimizerKernel<T>& rule) const override {
        return kernels_.small_steps.items[place_of(kernels_, rule)].few_rows;
    }
    void run(Batches<T>& batches, const Update<T>& update, Progress<T>& progress) override;

   private:
    StepSums step(const Samples<T>& samples, const BatchRows& batch, double inverse_weight, const Update<T>& update,
                  const StepScalars<T>& scalars);

    static_assert(kFewRows <= kLanes<T>);
    static constexpr Index kPanel = kLanes<T> * kLanes<T>;  // a whole panel of rows, for the output layer

    const Net<T>& net_;
    const Network<T>& network_;
    const Kernels<T>& kernels_;
    Output<T> output_;
    std::vector<Buffer<T>> a_;              // l = 0..L: [n_l / lanes][row][lanes]
    std::vector<Buffer<T>> slope_;          // f'(z), alike, of layers whose activation keeps it
    std::vector<Buffer<T>> delta_;          // l = 1..L, alike
    Buffer<T> z_, targets_, output_delta_;  // panels of rows
};

}  // namespace chainfit
