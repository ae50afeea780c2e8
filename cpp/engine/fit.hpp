// Epochs of batches, and when to stop, in scikit-learn's order of events. Floor: engine.
// A new event is a function of Observer, called from fit().
#pragma once

#include <iterator>
#include <limits>
#include <string>
#include <vector>

#include "engine/ranks.hpp"
#include "engine/roads.hpp"

namespace chainfit {

// What is told of an epoch beside its loss: NaN where there is nothing to tell.
struct EpochRecord {
    static constexpr double kNone = std::numeric_limits<double>::quiet_NaN();
    static constexpr const char* names[] = {"validation_loss", "validation_score", "learning_rate", "gradient_norm",
                                            "seconds"};
    double validation_loss = kNone;
    double validation_score = kNone;
    double eta = kNone;  // of its last step
    double gradient_norm = kNone;
    double seconds = kNone;  // with its validation
};
static_assert(sizeof(EpochRecord) == std::size(EpochRecord::names) * sizeof(double));

// What the observer finds on the validation rows.
struct Validation {
    double score = EpochRecord::kNone;
    double loss = EpochRecord::kNone;
};

// What has come of an epoch whose rows come in windows, between two of them.
struct EpochSoFar {
    Index rows = 0;    // trained on
    double loss = 0;   // summed over them
    double norms = 0;  // of the gradients, summed over the steps
    double seconds = 0;
};

// Settings of one training run, and what came of it.
struct Run : ScheduleSettings {
    Index batch_size = 1;
    Index max_iter = 1;
    double tol = 0;
    double n_iter_no_change = std::numeric_limits<double>::infinity();
    bool validate = false;        // the observer is asked after each epoch
    bool early_stopping = false;  // its score decides, not the loss
    bool shuffle = true;
    double time_limit = std::numeric_limits<double>::infinity();  // seconds
    double loss_scale = 1;                                        // the data loss is reported times this
    bool records_norm = false;  // of the gradient; where it is clipped, it is known anyway

    Index t = 0;  // rows seen
    Index n_iter = 0;
    EpochSoFar so_far;  // of the next epoch, in whose middle a run may begin
    std::vector<double> loss_curve;
    std::vector<EpochRecord> epochs;
    double best_loss = std::numeric_limits<double>::infinity();
    double best_validation_score = -std::numeric_limits<double>::infinity();
    Index no_improvement_count = 0;
    std::string stopped;  // "", "max_iter", "time_limit", "converged" or "diverged"
};

// The outside world as a run sees it. Called on the caller's thread between steps, except for interrupted(), which is
// asked within a step too and ends the run before the next update.
class Observer : public Interrupt {
   public:
    // Before an epoch, where the schedule is given: eta of step `first`, counted from 0, and of those after it.
    virtual std::vector<double> step_sizes(Index first, Index count) = 0;
    virtual void shuffle(std::int64_t* order, Index n) = 0;
    // Between two windows of an epoch; the run has what came of it so far.
    virtual void on_window() = 0;
    virtual void on_epoch(double loss) = 0;
    virtual Validation validate() = 0;
    virtual void on_learning_rate(double eta) = 0;
    // After all else of an epoch; true makes it the last one.
    virtual bool epoch_ended(double loss) = 0;
};

// Trains until run.stopped, or until the observer interrupts. With run.n_iter > 0 it goes on after so many epochs, from
// the state that epoch_ended() found, or that a whole run left; with run.so_far, from what on_window() found. The
// source's order is permuted by the epochs' shuffles. Throws what source, observer and hooks throw, after the last
// whole step. Hooks and `shares`, where other processes train the same net, may be null.
template <class T>
void fit(const Source<T>& source, Roads<T>& roads, Optimizer<T>& optimizer, Run& run, Observer& observer,
         GradientHook<T>* hook, LossHook<T>* loss_hook, Shares<T>* shares, int max_threads);

}  // namespace chainfit
