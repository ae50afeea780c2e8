// Training: epochs of steps, learning-rate schedule, and when to stop, in scikit-learn's order of events. Floor:
// engine.
#pragma once

#include <limits>
#include <memory>
#include <string>
#include <vector>

#include "engine/few_rows.hpp"
#include "engine/interrupt.hpp"
#include "engine/kernel_use.hpp"
#include "engine/row_steps.hpp"
#include "engine/step.hpp"

namespace chainfit {

enum class Schedule { constant, invscaling, adaptive };

// Settings of one training run, and what came of it.
struct Run {
    Index batch_size = 1;
    Index max_iter = 1;
    double l2 = 0;
    double tol = 0;
    double n_iter_no_change = std::numeric_limits<double>::infinity();
    bool early_stopping = false;  // the observer's validation score decides, not the loss
    bool shuffle = true;
    Schedule schedule = Schedule::constant;
    double eta_init = 0.001;
    double power_t = 0.5;
    double loss_scale = 1;  // the data loss is reported times this

    Index t = 0;  // rows seen
    Index n_iter = 0;
    std::vector<double> loss_curve;
    double best_loss = std::numeric_limits<double>::infinity();
    double best_validation_score = -std::numeric_limits<double>::infinity();
    Index no_improvement_count = 0;
    std::string stopped;  // "", "max_iter", "converged" or "diverged"
};

// The outside world as a run sees it. Called on the caller's thread between steps, except for interrupted(), which is
// asked within a step too and ends the run before the next update.
class Observer : public Interrupt {
   public:
    virtual void shuffle(std::int64_t* order, Index n) = 0;
    virtual void on_epoch(double loss) = 0;
    virtual double validation_score() = 0;
    virtual void on_learning_rate(double eta) = 0;
    // After all else of an epoch; true makes it the last one.
    virtual bool epoch_ended(double loss) = 0;
};

struct LossValue {
    double data = 0;
    double penalty = 0;
};

template <class T>
class Trainer {
   public:
    // Names as in the kernels' lists, and settings of their parameters; std::invalid_argument names what is unknown or
    // out of range.
    Trainer(std::vector<Index> units, const std::vector<std::string>& activations, const std::string& loss,
            const std::string& optimizer, Settings settings);

    const Network<T>& network() const { return network_; }
    Parameters<T>& parameters() { return parameters_; }
    // Whether all weights and biases, and what the optimizer holds beside them, are finite numbers.
    bool is_finite() const;
    int slots() const { return optimizer_.slots; }

    double eta = 0;   // of the sgd family; Adam's before its bias correction
    Index steps = 0;  // updates made so far

    // Trains until run.stopped, or until the observer interrupts. `order` (samples.rows indices of rows, or null: 0,
    // 1, 2...) is permuted by the epochs' shuffles. Throws what the observer throws, after the last whole step.
    void run(const Samples<T>& samples, std::int64_t* order, Run& run, Observer& observer, int max_threads);

    // J over all rows with its gradient, packed like the parameters. Once interrupted, neither means anything.
    LossValue loss_and_gradient(const Samples<T>& samples, double l2, Buffer<T>& gradient, Interrupt& interrupt,
                                int max_threads);

   private:
    Step<T>& step_for(Index batch_rows, bool sparse, int max_threads);
    void forget_steps();
    // eta of the step after `steps` others
    double step_size(Index steps) const;
    double prepare(const Samples<T>& samples, const BatchRows& batch, const Run& run, StepScalars<T>& now) const;
    template <class AnyStep>
    double done(const AnyStep& step, const BatchRows& batch, const Run& run);
    // One pass over the rows; returns the sum over batches of loss times rows.
    double epoch(const Samples<T>& samples, const std::int64_t* order, const Run& run, InterruptPoll& poll,
                 int max_threads, bool& interrupted);
    // Its parts: `rows` in batches of `size`, for the kernels of many rows, of a few, and of one.
    double many_rows(const Samples<T>& samples, const std::int64_t* order, Range rows, Index size, const Run& run,
                     InterruptPoll& poll, int max_threads, bool& interrupted);
    double few_rows(const Samples<T>& samples, const std::int64_t* order, Range rows, Index size, const Run& run,
                    InterruptPoll& poll, bool& interrupted);
    double single_rows(const Samples<T>& samples, const std::int64_t* order, Range all, const Run& run,
                       InterruptPoll& poll, bool& interrupted);

    const Isa& isa_;
    const Kernels<T>& kernels_;
    Network<T> network_;
    Functions<T> functions_;
    const OptimizerKernel<T>& optimizer_;
    ParameterValues values_;    // of the optimizer's parameters
    StepScalars<T> constants_;  // the same, as a step takes them
    Parameters<T> parameters_;
    // the last steps' memory, for full batches and for the short one that ends an epoch; kept from run to run
    struct CachedStep {
        Index batch_rows = 0;
        bool sparse = false;
        int max_threads = 0;
        std::unique_ptr<Step<T>> step;
    };
    CachedStep cached_[2];
    std::unique_ptr<RowSteps<T>> row_steps_;
    std::unique_ptr<FewRows<T>> few_rows_;
};

}  // namespace chainfit
