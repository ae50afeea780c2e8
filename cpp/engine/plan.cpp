// The plan. Floor: engine.
#include "engine/plan.hpp"

#include <algorithm>

namespace chainfit {

namespace {

// A thread must bring more than it costs. A barrier takes 0.14 us, but fetching what another core just wrote takes 2 us
// for 16 KB. Measured: at 4 MFLOP a step a second thread costs a third of the time, at 13 it saves a third.
constexpr double kFlopPerThread = 5e6;

// Activations of a block of rows, below and above a layer, share L2 with the weights that stream by.
constexpr Index kBlockBytes = Index{1} << 20;

// What a thread fetches from other cores and gathers in a step, in elements, where `rows` x `units` threads make a
// grid.
template <class T>
double fetched(const Network<T>& network, double batch_rows, double rows, double units) {
    const std::vector<Index>& n = network.units();
    double hidden = 0;
    for (std::size_t l = 1; l + 1 < n.size(); ++l) hidden += static_cast<double>(n[l]);
    const double inputs = static_cast<double>(n[0]) * batch_rows / rows;
    return static_cast<double>(network.weight_count()) / units * (1 - 1 / rows)  // forward, W that others updated
           + 2 * hidden * batch_rows / rows * (1 - 1 / units)                    // a and delta, from layer to layer
           + inputs * (1 - 1 / rows)                                             // a[0] in the weights phase
           + inputs;                                                             // gathered, by each of `units`
}

// Gradients of all blocks of rows, for nets whose weights stay in L1 beside a block.
constexpr Index kBlockWeightsBytes = Index{1} << 15;
constexpr Index kBlockSumsBytes = Index{1} << 23;

// Vectors of FMAs of the rows phase. Transposing 16 lines of weights takes as long as 8 rows' FMAs of them: 64
// shuffles, one a cycle, beside two FMAs.
constexpr double kTransposedRows = 8;

template <class T>
double cost_by_rows(const Network<T>& network, Index row_panels) {
    double fmas = 0;
    for (std::size_t l = 0; l < network.layers().size(); ++l) {
        const Layer& layer = network.layers()[l];
        fmas += static_cast<double>(layer.n_in) * static_cast<double>(layer.n_out) * (l > 0 ? 2 : 1);
    }
    return fmas * static_cast<double>(row_panels);
}

template <class T>
double cost_by_lines(const Network<T>& network, Index rows) {
    const auto panels = [](Index units) { return static_cast<double>((units + kLanes<T> - 1) / kLanes<T>); };
    double fmas = 0;
    for (std::size_t l = 0; l < network.layers().size(); ++l) {
        const Layer& layer = network.layers()[l];
        fmas += static_cast<double>(rows * layer.n_in) * panels(layer.n_out);
        if (l > 0)
            fmas +=
                (static_cast<double>(rows) + kTransposedRows) * static_cast<double>(layer.n_out) * panels(layer.n_in);
    }
    return fmas;
}

// Threads along the rows, at least two panels each; the others go along the units. All divide `threads`. Threads along
// the units take all their rows through a layer before the next, which pays while these fit L2.
template <class T>
int row_splits(const Network<T>& network, int threads, Index batch_rows, Index block_panels) {
    const Index row_panels = (batch_rows + kLanes<T> - 1) / kLanes<T>;
    int limit = static_cast<int>(std::min<Index>(threads, std::max<Index>(1, row_panels / 2)));
    while (threads % limit) --limit;
    if (row_panels > block_panels) return limit;
    int best = limit;
    const auto cost = [&](int rows) {
        return fetched(network, static_cast<double>(batch_rows), rows, static_cast<double>(threads) / rows);
    };
    for (int rows = limit - 1; rows > 0; --rows)
        if (threads % rows == 0 && cost(rows) < cost(best)) best = rows;
    return best;
}

// The tiles of all weight matrices as tasks, and those that each thread begins with: equal shares of the work.
template <class T>
void add_tasks(const Network<T>& network, Plan& plan) {
    constexpr Index V = kLanes<T>;
    Index work = 0;
    // in the order of the units' owners in the rows phase, so that threads update the weights that they read
    for (Index u = 0; u < plan.unit_splits; ++u) {
        Index squares = 0, gradient = 0;
        for (std::size_t l = 0; l < network.layers().size(); ++l) {
            const Layer& layer = network.layers()[l];
            const Index lines = layer.n_in + 1;
            const Index blocks = (lines + kTaskLines - 1) / kTaskLines;
            const Range owned = share(layer.panels, plan.unit_splits, u, 1);
            for (Index j = owned.begin; j < owned.end; j += kTaskPanels)
                for (Index i = 0; i < blocks; ++i) {
                    const Range range = share(lines, blocks, i, 1);
                    const Index panels = std::min(kTaskPanels, owned.end - j);
                    plan.tasks.push_back({static_cast<Index>(l), j, panels, range, squares + j * blocks + i, blocks,
                                          gradient + (j * lines + range.begin) * V});
                    work += panels * (range.end - range.begin);
                }
            squares += layer.panels * blocks;
            gradient += layer.panels * lines * V;
        }
        plan.squares = squares;
    }
    plan.first_task.assign(1, 0);
    Index before = 0, i = 0;
    for (const WeightsTask& task : plan.tasks) {
        while (before * plan.threads >= work * static_cast<Index>(plan.first_task.size())) plan.first_task.push_back(i);
        before += task.panels * (task.lines.end - task.lines.begin);
        ++i;
    }
    plan.first_task.resize(static_cast<std::size_t>(plan.threads) + 1, static_cast<Index>(plan.tasks.size()));
}

}  // namespace

int threads_that_pay(double flop, int max_threads) {
    return std::max(1, static_cast<int>(std::min<double>(max_threads, flop / kFlopPerThread)));
}

Range share(Index n, Index parts, Index i, Index step) {
    if (parts == 1) return {0, n};
    const Index steps = (n + step - 1) / step;
    return {std::min(n, steps * i / parts * step), std::min(n, steps * (i + 1) / parts * step)};
}

template <class T>
Plan make_plan(const Network<T>& network, Index batch_rows, bool sparse, int max_threads) {
    constexpr Index V = kLanes<T>;
    Plan plan;
    plan.threads = threads_that_pay(step_flop(network, batch_rows), max_threads);

    const auto first = network.units().begin() + (sparse ? 1 : 0);  // a sparse X takes no room in a block
    const Index widest = *std::max_element(first, network.units().end());
    const Index fits = kBlockBytes / (widest * V * static_cast<Index>(sizeof(T)));
    plan.block_panels = std::max<Index>(2, fits / 2 * 2);
    plan.row_splits = row_splits(network, plan.threads, batch_rows, plan.block_panels);
    plan.unit_splits = plan.threads / plan.row_splits;

    const Index row_panels = (batch_rows + V - 1) / V;
    plan.by_lines = !sparse && cost_by_lines(network, batch_rows) < cost_by_rows(network, row_panels);

    Index packed = 0;
    for (const Layer& layer : network.layers()) packed += layer.panels * (layer.n_in + 1) * V * Index{sizeof(T)};
    const Index row_blocks = (batch_rows + kChain - 1) / kChain;
    plan.by_blocks = !sparse && !plan.by_lines && row_blocks > 1 && packed <= kBlockWeightsBytes &&
                     packed <= kBlockSumsBytes / row_blocks;
    if (plan.by_blocks) {
        plan.row_splits = plan.threads;
        plan.unit_splits = 1;
        plan.block_panels = kChain / V;
    }

    add_tasks(network, plan);
    return plan;
}

template Plan make_plan<float>(const Network<float>&, Index, bool, int);
template Plan make_plan<double>(const Network<double>&, Index, bool, int);

}  // namespace chainfit
