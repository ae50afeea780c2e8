// The norm of a whole gradient, and the gradient cut down to it. Floor: engine.
#pragma once

#include "engine/gradient.hpp"

namespace chainfit {

// A hook that takes the norm over all weights and biases, and where it is above `limit` (0: never) scales the gradient
// by limit / (norm + 1e-6), as PyTorch's clip_grad_norm_ does. Sees what `before`, which may be null, made of it.
template <class T>
class GradientNorm final : public GradientHook<T> {
   public:
    GradientNorm(const Net<T>& net, double limit, GradientHook<T>* before)
        : net_(net), limit_(limit), before_(before) {}

    void on_gradient(T* gradient) override;
    void on_part(T* gradient, Index ready) override {
        if (before_) before_->on_part(gradient, ready);
    }
    // The mean of the norms since the last call.
    double take_mean();
    double sum() const { return sum_; }
    // Goes on from the sum of `count` norms.
    void resume(double sum, Index count) {
        sum_ = sum;
        count_ = count;
    }

   private:
    double norm(const T* gradient) const;

    const Net<T>& net_;
    double limit_;
    GradientHook<T>* before_;
    double sum_ = 0;
    Index count_ = 0;
};

}  // namespace chainfit
