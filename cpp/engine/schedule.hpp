// Every scalar of a step as a function of the steps and epochs before it: eta with its schedule and bias correction,
// the penalties over the batch's weight, the optimizer's own constants. Floor: engine. To add a schedule: a name in
// LearningRate, and its share of eta in Schedule::share_at (by step) or Schedule::end_epoch.
#pragma once

#include <vector>

#include "engine/kernel_use.hpp"

namespace chainfit {

// From cosine on they go by step; the others change eta between epochs.
enum class LearningRate { constant, invscaling, adaptive, cosine, linear, step, one_cycle, given };

// What one training run is to do about them.
struct ScheduleSettings {
    double l2 = 0;
    double l1 = 0;
    double weight_decay = 0;
    double clip_norm = 0;      // 0: the gradient is taken as it is
    double average_decay = 0;  // 0: no average of the weights is kept
    LearningRate schedule = LearningRate::constant;
    double eta_init = 0.001;  // of invscaling
    double power_t = 0.5;
    // Of schedules by step, counted from the optimizer's first one
    Index warmup = 0;       // steps on the way up to eta
    Index total_steps = 0;  // those after it have the eta of the last one
    Index decay_steps = 1;  // of step: so many with the same eta ...
    double decay_rate = 1;  // ... which is then multiplied by this
};

// The scalars of biases, which are neither penalized nor decayed.
template <class T>
StepScalars<T> of_biases(StepScalars<T> scalars) {
    scalars.l2 = scalars.l1 = scalars.decay = 0;
    return scalars;
}

template <class T>
class Schedule {
   public:
    Schedule(const OptimizerKernel<T>& optimizer, const ParameterValues& parameters);

    double eta = 0;   // before a schedule by step, and before the bias correction
    Index steps = 0;  // made so far
    ScheduleSettings settings;
    // eta of the step `first_given` and of those after it, where the schedule is given
    std::vector<double> given;
    Index first_given = 0;

    // eta of step 0, 1, ... by its schedule
    double eta_of(Index step) const { return by_step() ? eta_by_step(step) : eta; }
    // of the step that comes after `ahead` others, bias correction included
    T eta_after(Index ahead) const {
        const double now = eta_of(steps + ahead);
        return static_cast<T>(corrects_bias_ ? corrected(now, steps + ahead + 1) : now);
    }
    // Whether that is the same for all steps of an epoch.
    bool is_level() const { return !by_step() && !corrects_bias_; }
    T l2_over_weight(double inverse_weight) const { return static_cast<T>(settings.l2 * inverse_weight); }
    T decay_after(Index ahead) const { return static_cast<T>(eta_of(steps + ahead) * settings.weight_decay); }
    // What does not change from step to step: all others are 0.
    const StepScalars<T>& constants() const { return constants_; }
    // All scalars of the next step; `inverse_weight` is 1 / its batch's weight sum.
    StepScalars<T> scalars(double inverse_weight) const;

    // Whether the update needs more than an L2 penalty and what the rule itself brings: `update_regularized`.
    bool is_regularized() const { return settings.l1 != 0 || adds_decay(); }
    // Whether it is decay that the rule doesn't bring.
    bool adds_decay() const { return settings.weight_decay != 0 && !decays_weights_; }
    // The penalty of a loss, from what updates sum up (over the batch's weight sum): squared weights, or the sum of
    // `update_regularized`.
    double penalty(double sum) const { return (is_regularized() ? larger_penalty() : 0.5 * settings.l2) * sum; }

    // After an epoch, `rows` having been trained on so far.
    void end_epoch(Index rows);
    // Where the loss has stopped improving: makes eta smaller and returns true, or false where it stays.
    bool slow_down();

   private:
    bool by_step() const { return settings.schedule >= LearningRate::cosine || settings.warmup > 0; }
    double eta_by_step(Index step) const;
    // The part of eta that step `at` of `count` after the warm-up has.
    double share_at(Index at, Index count) const;
    double corrected(double eta_now, Index t) const;
    double larger_penalty() const;

    bool corrects_bias_;
    bool decays_weights_;
    ParameterValues parameters_;
    StepScalars<T> constants_;
};

}  // namespace chainfit
