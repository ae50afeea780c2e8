// From a gradient to new weights. Fused into the step where nobody asks for the gradient; otherwise it is stored, goes
// through a hook, and then to the optimizer. Floor: engine.
// What needs the whole gradient (clipping by its global norm, a sum over machines) is a GradientHook.
#pragma once

#include "engine/network.hpp"
#include "engine/schedule.hpp"
#include "engine/source.hpp"

namespace chainfit {

// Whoever wants the whole gradient before the weights change. Asked between steps on the caller's thread; what it
// throws ends the run before the update.
template <class T>
class GradientHook {
   public:
    virtual ~GradientHook() = default;
    // The gradient of J, penalties included, packed as the parameters: what it is afterwards is what the optimizer
    // gets.
    virtual void on_gradient(T* gradient) = 0;
    // While it is made by tiles, now and then: so many elements of it are there, from the first on. Throws nothing.
    virtual void on_part(T*, Index) {}
};

// What a step does with its gradient, tile by tile.
template <class T>
struct Update {
    const OptimizerKernel<T>& rule;
    // of the rule: with or without an L1 penalty and decay
    T (*step)(const T* g, T* w, T* const* slot, Index n, const StepScalars<T>& scalars);
    T* w;
    T* slot[2];                       // as w; a slot that the rule lacks points at w
    bool only_stores;                 // the weights stay as they are
    bool whole_steps;                 // whether the kernels of one row and of a few can make it
    bool tiny;                        // whether tiny nets take the optimizer's kernel of their own for one row
    GradientHook<T>* hook = nullptr;  // who waits for what is stored, if somebody does
};

// A loss that is made outside, of the outputs z[L] of a whole batch. Asked on the caller's thread between the forward
// and the backward pass; what it throws ends the run before the update. The loss of the net is then "given", its
// samples have `outputs`, and their targets are what this fills.
template <class T>
class LossHook {
   public:
    virtual ~LossHook() = default;
    // samples.outputs of these rows are there. Fills the targets with dloss/dz, and returns the batch's mean loss.
    virtual double on_outputs(const BatchRows& rows) = 0;
};

// An optimizer with the weights that it changes.
template <class T>
class Optimizer {
   public:
    Optimizer(const Network<T>& network, const Isa& isa, const OptimizerKernel<T>& rule,
              const ParameterValues& parameters);

    int slots() const { return rule_.slots; }
    // Whether all weights and biases, and what the optimizer holds beside them, are finite numbers.
    bool is_finite() const;

    Update<T> fused();
    // The gradient goes to `gradient`, packed as the parameters.
    Update<T> store_in(Buffer<T>& gradient);
    // The update by a gradient that was stored, its penalties included; then the average, where one is kept.
    void apply(const Buffer<T>& gradient, int max_threads);

    // Before a run with these settings: room for the average, if it is to keep one.
    void prepare(const ScheduleSettings& settings);
    bool averages() const { return schedule.settings.average_decay > 0; }
    // The exponential average of the weights after each step, beginning with the first; null where there is none yet.
    const T* average() const { return has_average_ ? average_.data() : nullptr; }
    // Memory for an average to go on from, packed as the parameters.
    T* set_average();
    // What the steps over several ranks keep: the velocity of the weights' mean (engine/rank_sums); null where there is
    // none.
    T* outer() { return outer_.size() ? outer_.data() : nullptr; }
    // Memory for it, zeros at first.
    T* set_outer();

    Parameters<T> parameters;
    Schedule<T> schedule;

   private:
    bool has_whole_steps() const;
    bool has_tiny() const;
    void add_to_average(Index at, Index count);

    const Network<T>& network_;
    const Isa& isa_;
    const OptimizerKernel<T>& rule_;
    Buffer<T> average_;
    bool has_average_ = false;
    Buffer<T> outer_;
};

}  // namespace chainfit
