// How much of a gradient is there while tiles make it: which panels of weights have no task left. Floor: engine.
#pragma once

#include <atomic>
#include <vector>

#include "engine/network.hpp"
#include "engine/plan.hpp"

namespace chainfit {

template <class T>
class GradientParts {
   public:
    // The network outlives it.
    explicit GradientParts(const Network<T>& network);

    // Before the tasks of a step, on one thread.
    void begin(const std::vector<WeightsTask>& tasks);
    // After a task, on the thread that made it.
    void done(const WeightsTask& task);
    // How many elements are there, from the first on; always on the same thread.
    Index ready();

   private:
    std::atomic<Index>& left_of(const WeightsTask& task, Index v);

    const std::vector<Layer>& layers_;
    std::vector<Index> first_panel_;              // of each layer, of all panels of weights
    std::vector<std::atomic<Index>> tasks_left_;  // of each panel
    Index ready_ = 0;                             // panels that are known to have none, from the first on
};

}  // namespace chainfit
