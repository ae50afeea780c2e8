// From a gradient to new weights. Fused into the step where nobody asks for the gradient; otherwise it is stored, goes
// through a hook, and then to the optimizer. Floor: engine.
// What needs the whole gradient (clipping by its global norm, a sum over machines) is a GradientHook.
#pragma once

#include "engine/network.hpp"
#include "engine/schedule.hpp"

namespace chainfit {

// What a step does with its gradient, tile by tile.
template <class T>
struct Update {
    const OptimizerKernel<T>& rule;
    T* w;
    T* slot[2];        // as w; a slot that the rule lacks points at w
    bool only_stores;  // the weights stay as they are
    bool tiny;         // whether tiny nets take the optimizer's kernel of their own for one row
};

// Whoever wants the whole gradient before the weights change. Asked between steps on the caller's thread; what it
// throws ends the run before the update.
template <class T>
class GradientHook {
   public:
    virtual ~GradientHook() = default;
    // The gradient of J, L2 term included, packed as the parameters: what it is afterwards is what the optimizer gets.
    virtual void on_gradient(T* gradient) = 0;
};

// An optimizer with the weights that it changes.
template <class T>
class Optimizer {
   public:
    Optimizer(const Network<T>& network, const Isa& isa, const OptimizerKernel<T>& rule,
              const ParameterValues& parameters);

    int slots() const { return rule_.slots; }
    const OptimizerKernel<T>& rule() const { return rule_; }
    // Whether all weights and biases, and what the optimizer holds beside them, are finite numbers.
    bool is_finite() const;

    Update<T> fused();
    // The gradient goes to `gradient`, packed as the parameters.
    Update<T> store_in(Buffer<T>& gradient);
    // The update by a gradient that was stored, its L2 term included.
    void apply(const Buffer<T>& gradient, int max_threads);

    Parameters<T> parameters;
    Schedule<T> schedule;

   private:
    bool has_tiny() const;

    const Network<T>& network_;
    const Isa& isa_;
    const OptimizerKernel<T>& rule_;
};

}  // namespace chainfit
