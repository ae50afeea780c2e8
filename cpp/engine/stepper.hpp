// What the roads by which a batch goes through a net have in common. Floor: engine.
// To add a road: a Stepper beside those of step_tiles, step_few and step_row, and its case in Roads::choose.
#pragma once

#include "engine/gradient.hpp"
#include "engine/interrupt.hpp"
#include "engine/source.hpp"

namespace chainfit {

// Of one step, or of several on one row each.
struct StepSums {
    double data_loss = 0;
    double squares = 0;  // of the weights before the update, over the batch's weight sum
};

// The steps of an epoch: what they need beside their rows, and what has come of them.
template <class T>
struct Progress {
    Schedule<T>& schedule;
    InterruptPoll& poll;
    double loss_scale = 1;  // the data loss counts times this
    bool drops = true;      // units, in layers with dropout
    bool interrupted = false;
    StepSums last = {};
    double loss = 0;  // summed over the rows

    // `steps` were made, on `rows` rows each.
    void add(const StepSums& sums, Index steps, double rows) {
        schedule.steps += steps;
        last = sums;
        loss += (loss_scale * sums.data_loss + schedule.penalty(sums.squares)) * rows;
    }
};

template <class T>
class Stepper {
   public:
    virtual ~Stepper() = default;
    // Makes a step on each of the batches that are left; where `update` only stores the gradient, on the next one
    // alone. An interrupt ends it between two steps. Throws TeamLost, after the last whole step, where it can't go on
    // but a new stepper can.
    virtual void run(Batches<T>& batches, const Update<T>& update, Progress<T>& progress) = 0;
};

}  // namespace chainfit
