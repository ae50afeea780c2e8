// How the work of a step is cut among threads, from shapes alone. Floor: engine.
// A plan can't change a bit of the result: it cuts along rows, units and panels, never along a sum.
#pragma once

#include <vector>

#include "engine/network.hpp"

namespace chainfit {

// A piece of the weights phase: lines of one or two neighbouring weight panels of a layer.
struct WeightsTask {
    Index layer = 0;
    Index panel = 0;
    Index panels = 1;
    Range lines;
    // Where its sums of squares go, one for each panel: the same place whichever thread does the task, hence the
    // same total.
    Index squares = 0;
    Index squares_panel = 1;
    Index gradient = 0;  // of a block of rows: where this task's first line lies, in elements
};

struct Plan {
    int threads = 1;
    int row_splits = 1;      // threads side by side along the rows ...
    int unit_splits = 1;     // ... times threads side by side along the units, which then meet after each layer
    Index block_panels = 1;  // panels of rows taken through all layers before the next
    // A small net with many rows: a thread takes kChain rows through all layers and through their gradient too, while
    // they are in its L1. The weights phase adds up the blocks' gradients, in order, and updates.
    bool by_blocks = false;
    // Lanes of the rows phase are units, not rows: for batches whose last panel of rows would be mostly empty.
    bool by_lines = false;
    std::vector<WeightsTask> tasks;
    Index squares = 0;  // sums of squares in all

    // The weights phase of the thread with rows r and units u: tasks [first_task[t], first_task[t + 1]) with
    // t = u * row_splits + r. A thread begins with the same tasks in every step, so that its weights stay in its own
    // cache; then it helps the others with theirs.
    std::vector<Index> first_task;
};

inline constexpr Index kTaskLines = 112;  // 112 lines x 2 panels of sums: 14 KB, so that they stay in L1
inline constexpr Index kTaskPanels = 2;

template <class T>
Plan make_plan(const Network<T>& network, Index batch_rows, bool sparse, int max_threads);

// FLOP of one step on a batch: the number of threads follows from it.
template <class T>
double step_flop(const Network<T>& network, Index batch_rows) {
    return 6.0 * static_cast<double>(network.weight_count()) * static_cast<double>(batch_rows);
}

// The number of threads that pay off for `flop` of work between two barriers.
int threads_that_pay(double flop, int max_threads);

// Equal shares: part `i` of `parts` of [0, n), cut at multiples of `step`.
Range share(Index n, Index parts, Index i, Index step);

}  // namespace chainfit
