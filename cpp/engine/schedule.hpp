// Every scalar of a step as a function of the steps and epochs before it: eta with its bias correction, the L2 penalty
// over the batch's weight, the optimizer's own constants. Floor: engine.
// To add a schedule (warm-up, say): a name in LearningRate, and its eta in Schedule::end_epoch or Schedule::eta_after.
#pragma once

#include "engine/kernel_use.hpp"

namespace chainfit {

enum class LearningRate { constant, invscaling, adaptive };

// What one training run is to do about them.
struct ScheduleSettings {
    double l2 = 0;
    LearningRate schedule = LearningRate::constant;
    double eta_init = 0.001;  // of invscaling
    double power_t = 0.5;
};

// The scalars of biases, which are neither penalized nor decayed.
template <class T>
StepScalars<T> of_biases(StepScalars<T> scalars) {
    scalars.l2 = scalars.decay = 0;
    return scalars;
}

template <class T>
class Schedule {
   public:
    Schedule(const OptimizerKernel<T>& optimizer, const ParameterValues& parameters);

    double eta = 0;   // before the bias correction
    Index steps = 0;  // made so far
    ScheduleSettings settings;

    // eta of the step that comes after `ahead` others
    T eta_after(Index ahead) const { return static_cast<T>(corrects_bias_ ? corrected_eta(steps + ahead + 1) : eta); }
    T l2_over_weight(double inverse_weight) const { return static_cast<T>(settings.l2 * inverse_weight); }
    // eta and l2 are 0
    StepScalars<T> constants() const {
        StepScalars<T> now = constants_;
        now.decay = static_cast<T>(eta * weight_decay_);
        return now;
    }
    // All scalars of the next step; `inverse_weight` is 1 / its batch's weight sum.
    StepScalars<T> scalars(double inverse_weight) const {
        StepScalars<T> now = constants();
        now.eta = eta_after(0);
        now.l2 = l2_over_weight(inverse_weight);
        return now;
    }
    // The penalty of a loss, from the sum of squared weights (over the batch's weight sum).
    double penalty(double sum_squares) const { return 0.5 * settings.l2 * sum_squares; }

    // After an epoch, `rows` having been trained on so far.
    void end_epoch(Index rows);
    // Where the loss has stopped improving: makes eta smaller and returns true, or false where it stays.
    bool slow_down();

   private:
    double corrected_eta(Index t) const;

    bool corrects_bias_;
    ParameterValues parameters_;
    double weight_decay_;
    StepScalars<T> constants_;
};

}  // namespace chainfit
