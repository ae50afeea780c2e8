// The plan. Floor: engine.
#include "engine/plan.hpp"

#include <algorithm>

namespace chainfit {

namespace {

// A thread must bring more than it costs. A barrier takes 0.14 us, but fetching weights that another core just wrote
// takes 2 us for 16 KB; at about 100 GFLOP/s a core this is some 20 us of work a thread and step.
constexpr double kFlopPerThread = 2e6;

// Activations of a block of rows, below and above a layer, share L2 with the weights that stream by.
constexpr Index kBlockBytes = Index{1} << 20;

// Threads along the rows: as many as there are pairs of panels, in a grid that divides `threads`.
int row_splits(int threads, Index row_panels) {
    const Index pairs = std::max<Index>(1, row_panels / 2);
    int splits = static_cast<int>(std::min<Index>(threads, pairs));
    while (threads % splits) --splits;
    return splits;
}

}  // namespace

int threads_that_pay(double flop, int max_threads) {
    return std::max(1, static_cast<int>(std::min<double>(max_threads, flop / kFlopPerThread)));
}

Range share(Index n, Index parts, Index i, Index step) {
    const Index steps = (n + step - 1) / step;
    return {std::min(n, steps * i / parts * step), std::min(n, steps * (i + 1) / parts * step)};
}

template <class T>
Plan make_plan(const Network<T>& network, Index batch_rows, bool sparse, int max_threads) {
    constexpr Index V = kLanes<T>;
    Plan plan;
    const double flop = 6.0 * static_cast<double>(network.weight_count()) * static_cast<double>(batch_rows);
    plan.threads = threads_that_pay(flop, max_threads);

    const Index row_panels = (batch_rows + V - 1) / V;
    plan.row_splits = row_splits(plan.threads, row_panels);
    plan.unit_splits = plan.threads / plan.row_splits;

    const auto first = network.units().begin() + (sparse ? 1 : 0);  // a sparse X takes no room in a block
    const Index widest = *std::max_element(first, network.units().end());
    const Index fits = kBlockBytes / (widest * V * static_cast<Index>(sizeof(T)));
    plan.block_panels = std::max<Index>(2, fits / 2 * 2);

    Index work = 0;
    for (std::size_t l = 0; l < network.layers().size(); ++l) {
        const Layer& layer = network.layers()[l];
        const Index lines = layer.n_in + 1;
        const Index blocks = (lines + kTaskLines - 1) / kTaskLines;
        for (Index j = 0; j < layer.panels; j += kTaskPanels)
            for (Index i = 0; i < blocks; ++i) {
                const Range range = share(lines, blocks, i, 1);
                const Index panels = std::min(kTaskPanels, layer.panels - j);
                plan.tasks.push_back({static_cast<Index>(l), j, panels, range});
                work += panels * (range.end - range.begin);
            }
    }
    plan.first_task.assign(1, 0);
    Index before = 0;
    for (Index i = 0; i < static_cast<Index>(plan.tasks.size()); ++i) {
        while (before * plan.threads >= work * static_cast<Index>(plan.first_task.size())) plan.first_task.push_back(i);
        before +=
            plan.tasks[static_cast<std::size_t>(i)].panels *
            (plan.tasks[static_cast<std::size_t>(i)].lines.end - plan.tasks[static_cast<std::size_t>(i)].lines.begin);
    }
    plan.first_task.resize(static_cast<std::size_t>(plan.threads) + 1, static_cast<Index>(plan.tasks.size()));
    return plan;
}

template Plan make_plan<float>(const Network<float>&, Index, bool, int);
template Plan make_plan<double>(const Network<double>&, Index, bool, int);

}  // namespace chainfit
