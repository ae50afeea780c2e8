// One training step. Floor: engine.
#include "engine/step.hpp"

#include <algorithm>

namespace chainfit {

namespace {

// Rows of the batch that lie in panel q.
template <class T>
Range rows_of_panel(const BatchRows& batch, Index q) {
    return {batch.range.begin + q * kLanes<T>, std::min(batch.range.begin + (q + 1) * kLanes<T>, batch.range.end)};
}

}  // namespace

template <class T>
Step<T>::Step(const Network<T>& network, const Functions<T>& functions, Index batch_rows, bool sparse, int max_threads)
    : network_(network),
      kernels_(functions.kernels()),
      functions_(functions),
      output_(functions, network.units().back()),
      plan_(make_plan(network, batch_rows, sparse, max_threads)),
      last_(network.layers().size()),
      row_turns_(plan_.threads),
      task_turns_(plan_.threads) {
    constexpr Index V = kLanes<T>;
    const Index all_panels = round_up(batch_rows, V) / V;
    const Index row_panels = plan_.by_blocks ? plan_.threads * plan_.block_panels : all_panels;
    const std::vector<Index>& units = network.units();
    transposed_panel_ = checked_product(padded_lines(row_panels * V), V);
    for (std::size_t l = 0; l <= last_; ++l) {
        const bool held = l > 0 || !sparse;  // a sparse X stays where it is
        const Index rounded = round_up(units[l], V);
        const Index copies = l == 0 ? plan_.unit_splits : 1;
        if (plan_.by_lines) {
            a_panel_.push_back(transposed_panel_);
            a_.emplace_back(checked_product(checked_product(rounded / V, copies), transposed_panel_));
        } else {
            a_panel_.push_back(held ? checked_product(padded_lines(checked_sum(units[l], 1)), V) : 0);
            a_.emplace_back(checked_product(checked_product(row_panels, copies), a_panel_[l]));
            for (Index p = 0; held && p < row_panels * copies; ++p)
                std::fill_n(a_[l].data() + p * a_panel_[l] + units[l] * V, V, T(1));
        }
        slope_.emplace_back(l > 0 && functions.keeps_slope(l) ? a_[l].size() : 0);
        const bool by_rows = l == last_ || (l > 0 && !plan_.by_lines);
        delta_panel_.push_back(by_rows ? checked_product(padded_lines(rounded), V) : 0);
        delta_.emplace_back(checked_product(row_panels, delta_panel_[l]));
        delta_transposed_.emplace_back(l == 0 ? 0 : checked_product(rounded / V, transposed_panel_));
    }
    panel_loss_ = Buffer<T>(all_panels);
    if (plan_.by_blocks) block_sums_ = Buffer<T>(checked_product(gradient_size(), (batch_rows + kBlock - 1) / kBlock));
    task_squares_ = Buffer<T>(plan_.squares);
    const Index output_size = checked_product(2, output_.panel_size());
    for (int t = 0; t < plan_.threads; ++t) scratch_.emplace_back(std::max(output_size, kTaskPanels * kTaskLines * V));
}

template <class T>
bool Step<T>::run(int thread, Barrier& barrier, const Samples<T>& samples, const BatchRows& batch,
                  double inverse_weight, Parameters<T>& parameters, const OptimizerKernel<T>& optimizer,
                  const StepScalars<T>& scalars, const std::function<bool()>& cancelled) {
    task_turns_.restart(thread);
    rows_phase(thread, barrier, samples, batch, inverse_weight, parameters, cancelled);
    barrier.wait();
    row_turns_.restart(thread);
    const Index rows = batch.range.end - batch.range.begin;
    if (!cancel_.load(std::memory_order_relaxed))
        weights_phase(thread, barrier.threads(), rows, samples.is_sparse(), parameters, optimizer, scalars, cancelled);
    barrier.wait();
    if (cancel_.load(std::memory_order_relaxed)) {
        barrier.wait();
        if (thread == 0) cancel_.store(false, std::memory_order_relaxed);
        return false;
    }
    if (thread == 0) sum_up(rows, inverse_weight);
    return true;
}

// Thread (r, u) of the grid takes row panels r. With others on the same rows it takes units u of each layer, and
// gathers X for itself: cheaper than to fetch half of it from the core that did. A layer with too few units is split by
// rows.
template <class T>
void Step<T>::rows_phase(int thread, Barrier& barrier, const Samples<T>& samples, const BatchRows& batch,
                         double inverse_weight, const Parameters<T>& parameters,
                         const std::function<bool()>& cancelled) {
    constexpr Index V = kLanes<T>;
    // Fewer threads than planned come where the pool is in use: then they share rows only.
    const bool as_planned = barrier.threads() == plan_.threads;
    const Index splits = as_planned ? plan_.unit_splits : 1;
    const Index row_splits = as_planned ? plan_.row_splits : barrier.threads();
    const Index u = thread % splits;
    const bool alone = splits == 1;
    const Index row_panels = (batch.range.end - batch.range.begin + V - 1) / V;
    const auto rows_at = [&](Index r) {
        return share(row_panels, row_splits, r, plan_.by_blocks ? plan_.block_panels : 2);
    };
    const Index block = alone ? plan_.block_panels : std::max<Index>(1, row_panels);
    T* scratch = scratch_[static_cast<std::size_t>(thread)].data();
    if (samples.is_sparse() && thread == 0) gather_columns(samples, batch);

    const auto work = [&](Index p, Index end) {
        if (alone && cancel_.load(std::memory_order_relaxed)) return;
        if (thread == 0 && cancelled()) cancel_.store(true, std::memory_order_relaxed);
        // where the block lies in memory: blocks of a thread follow one another in one place, or all have their own
        const Index held = plan_.by_blocks ? thread * block : p;
        const Index first = p - held;
        const Range panels{held, held + std::min(block, end - p)};
        Range whole = share(panels.end - panels.begin, splits, u, 1);
        whole = {panels.begin + whole.begin, panels.begin + whole.end};
        // of layer l, 1..L: the row panels and the panels of units to work on
        const auto by_units = [&](std::size_t l) { return network_.layers()[l - 1].panels >= splits; };
        const auto rows_of = [&](std::size_t l) { return by_units(l) ? panels : whole; };
        const auto units_of = [&](std::size_t l) {
            const Index n = network_.layers()[l - 1].panels;
            return by_units(l) ? share(n, splits, u, 1) : Range{0, n};
        };
        // others have worked on what is read next, unless both layers are split by rows
        const auto meet = [&](std::size_t before, std::size_t next) {
            if (!alone && (by_units(before) || by_units(next))) barrier.wait();
        };

        const Block rows_here{samples, batch, parameters, inverse_weight, first, u};
        if (!samples.is_sparse()) gather_inputs(rows_here, panels);
        for (std::size_t l = 1; l <= last_; ++l) {
            if (l > 1) meet(l - 1, l);
            forward_layer(rows_here, l, rows_of(l), units_of(l));
        }
        if (!alone && by_units(last_)) barrier.wait();
        for (Index q = whole.begin; q < whole.end; ++q) loss_of_panel(rows_here, q, scratch);
        for (std::size_t l = last_ - 1; l > 0; --l) {
            if (!alone && (by_units(l) || (l + 1 < last_ && by_units(l + 1)))) barrier.wait();
            backward_layer(rows_here, l, rows_of(l), units_of(l));
        }
        if (plan_.by_blocks)
            block_gradient(held, std::min(kBlock, batch.range.end - batch.range.begin - p * V),
                           block_sums_.data() + p / block * gradient_size());
    };
    // With several threads on the same rows every one of them walks the same number of barriers: one block, always.
    if (!alone) {
        const Range mine = rows_at(thread / splits);
        work(mine.begin, mine.end);
        return;
    }
    const auto blocks = [&](int owner) {
        const Range theirs = rows_at(owner);
        return (theirs.end - theirs.begin + block - 1) / block;
    };
    row_turns_.work_off(thread, static_cast<int>(row_splits), blocks, [&](int owner, Index i) {
        const Range theirs = rows_at(owner);
        work(theirs.begin + i * block, theirs.end);
    });
}

// The gradient of one block of rows, held from panel `held` on: [layer][panel][line][lanes].
template <class T>
void Step<T>::block_gradient(Index held, Index rows, T* out) {
    constexpr Index V = kLanes<T>;
    for (std::size_t l = 0; l < last_; ++l) {
        const Layer& layer = network_.layers()[l];
        GradientTask<T> product;
        product.a = a_[l].data() + held * a_panel_[l];
        product.a_panel = a_panel_[l];
        product.delta = delta_transposed_[l + 1].data() + held * V * V;
        product.delta_panel = transposed_panel_;
        product.rows = rows;
        product.lines = {0, layer.n_in + 1};
        product.panels = layer.panels;
        product.out = out;
        kernels_.gradient(product);
        out += layer.panels * (layer.n_in + 1) * V;
    }
}

template <class T>
Index Step<T>::gradient_size() const {
    Index size = 0;
    for (const Layer& layer : network_.layers()) size += layer.panels * (layer.n_in + 1) * kLanes<T>;
    return size;
}

// Rows of a batch that are held in panels, without those that fill up the last one.
template <class T>
Range Step<T>::rows_held(const Block& block, Range panels) const {
    const Index rows = block.batch.range.end - block.batch.range.begin - block.first * kLanes<T>;
    return {std::min(panels.begin * kLanes<T>, rows), std::min(panels.end * kLanes<T>, rows)};
}

template <class T>
void Step<T>::gather_inputs(const Block& block, Range panels) {
    const Samples<T>& samples = block.samples;
    const Index columns = network_.units()[0];
    T* out = inputs(block.unit_split);
    if (plan_.by_lines) {
        const Range held = rows_held(block, panels);
        const Index begin = block.batch.range.begin;
        kernels_.gather_lines(samples.X, samples.x_row, samples.x_column, columns, block.batch.index,
                              {begin + held.begin, begin + held.end}, out + held.begin * kLanes<T>, a_panel_[0]);
        return;
    }
    for (Index q = panels.begin; q < panels.end; ++q)
        kernels_.gather(samples.X, samples.x_row, samples.x_column, columns, block.batch.index,
                        rows_of_panel<T>(block.batch, q + block.first), out + q * a_panel_[0]);
}

// a of layer l, 1..L, for the given panels of rows and of units; of the output layer z.
template <class T>
void Step<T>::forward_layer(const Block& block, std::size_t l, Range rows, Range units) {
    const Weights<T> weights = network_.weights(block.parameters.w.data(), l - 1);
    const T* in = l > 1 ? a_[l - 1].data() : inputs(block.unit_split);
    T* out = a_[l].data();
    Epilogue<T> epilogue = plan_.by_lines ? functions_.forward_lines(l, out, slope_[l].data())
                                          : functions_.forward(l, out, slope_[l].data());
    epilogue.first_row = block.first * kLanes<T>;
    if (plan_.by_lines) {
        kernels_.forward_lines(weights, {in, a_panel_[l - 1]}, {out, a_panel_[l]}, rows_held(block, rows), units,
                               epilogue);
        return;
    }
    if (l > 1 || !block.samples.is_sparse()) {
        kernels_.forward(weights, {in, a_panel_[l - 1]}, {out, a_panel_[l]}, rows, units, epilogue);
        return;
    }
    for (Index q = rows.begin; q < rows.end; ++q)
        kernels_.forward_sparse(weights, block.samples.sparse, block.batch.index,
                                rows_of_panel<T>(block.batch, q + block.first), q, {out, a_panel_[l]}, units, epilogue);
}

// Loss and delta of the output layer. scratch: two panels of outputs.
template <class T>
void Step<T>::loss_of_panel(const Block& block, Index q, T* scratch) {
    constexpr Index V = kLanes<T>;
    T* z = a_[last_].data() + q * a_panel_[last_];
    if (plan_.by_lines) {
        z = scratch + output_.panel_size();
        output_.panel_of_lines({a_[last_].data() + q * V * V, a_panel_[last_]}, z);
    }
    panel_loss_[q + block.first] =
        output_.loss_and_delta(block.samples, block.batch.index, rows_of_panel<T>(block.batch, q + block.first),
                               block.inverse_weight, z, scratch, delta_[last_].data() + q * delta_panel_[last_],
                               {delta_transposed_[last_].data() + q * V * V, transposed_panel_});
}

// delta of hidden layer l, for the given panels of rows and of units.
template <class T>
void Step<T>::backward_layer(const Block& block, std::size_t l, Range rows, Range units) {
    constexpr Index V = kLanes<T>;
    const Weights<T> weights = network_.weights(block.parameters.w.data(), l);
    Epilogue<T> epilogue = functions_.backward(l);
    epilogue.first_row = block.first * V;
    if (plan_.by_lines) {
        kernels_.backward_lines(weights, {delta_transposed_[l + 1].data(), transposed_panel_}, {kept(l), a_panel_[l]},
                                {delta_transposed_[l].data(), transposed_panel_}, rows_held(block, rows), units,
                                epilogue);
        return;
    }
    const Range lines{units.begin * V, std::min(network_.units()[l], units.end * V)};
    T* below = delta_[l].data();
    kernels_.backward(weights, {delta_[l + 1].data(), delta_panel_[l + 1]}, {kept(l), a_panel_[l]},
                      {below, delta_panel_[l]}, rows, lines, epilogue);
    for (Index q = rows.begin; q < rows.end; ++q)
        kernels_.transpose(below + q * delta_panel_[l] + lines.begin * V, lines.end - lines.begin,
                           delta_transposed_[l].data() + units.begin * transposed_panel_ + q * V * V,
                           transposed_panel_);
}

template <class T>
void Step<T>::weights_phase(int thread, int threads, Index rows, bool sparse, Parameters<T>& parameters,
                            const OptimizerKernel<T>& optimizer, const StepScalars<T>& scalars,
                            const std::function<bool()>& cancelled) {
    constexpr Index V = kLanes<T>;
    const bool only_stores = &optimizer == &kernels_.store;
    StepScalars<T> bias_scalars = scalars;
    bias_scalars.l2 = 0;
    T* sums = scratch_[static_cast<std::size_t>(thread)].data();
    const bool as_planned = threads == plan_.threads;
    const Index u = as_planned ? thread % plan_.unit_splits : 0;
    const auto tasks_of = [&](int owner) {
        if (!as_planned) return share(static_cast<Index>(plan_.tasks.size()), threads, owner, 1);
        const auto turn =
            static_cast<std::size_t>(owner % plan_.unit_splits * plan_.row_splits + owner / plan_.unit_splits);
        return Range{plan_.first_task[turn], plan_.first_task[turn + 1]};
    };
    const auto count = [&](int owner) { return tasks_of(owner).end - tasks_of(owner).begin; };
    task_turns_.work_off(thread, threads, count, [&](int owner, Index i) {
        if (only_stores) {
            if (cancel_.load(std::memory_order_relaxed)) return;
            if (thread == 0 && cancelled()) cancel_.store(true, std::memory_order_relaxed);
        }
        const WeightsTask& task = plan_.tasks[static_cast<std::size_t>(tasks_of(owner).begin + i)];
        const auto l = static_cast<std::size_t>(task.layer);
        const Layer& layer = network_.layers()[l];
        const Index lines = task.lines.end - task.lines.begin;
        if (plan_.by_blocks) {
            const Index blocks = (rows + kBlock - 1) / kBlock, size = gradient_size();
            for (Index v = 0; v < task.panels; ++v)
                kernels_.add_blocks(block_sums_.data() + task.gradient + v * (layer.n_in + 1) * V, size, blocks,
                                    lines * V, sums + v * lines * V);
        } else {
            GradientTask<T> product;
            product.a = l > 0 ? a_[l].data() : inputs(u);
            product.a_panel = a_panel_[l];
            product.delta = delta_transposed_[l + 1].data() + task.panel * transposed_panel_;
            product.delta_panel = transposed_panel_;
            product.rows = rows;
            product.lines = task.lines;
            product.panels = task.panels;
            product.out = sums;
            product.x = {column_start_.data(), column_row_.data(), column_value_.data()};
            product.n_in = layer.n_in;
            const auto gradient = plan_.by_lines ? kernels_.gradient_lines : kernels_.gradient;
            (l == 0 && sparse ? kernels_.gradient_sparse : gradient)(product);
        }
        for (Index v = 0; v < task.panels; ++v) {
            const Index at = layer.offset + (task.panel + v) * layer.panel + task.lines.begin * V;
            const bool has_bias = task.lines.end == layer.n_in + 1;
            const Index weights = (has_bias ? lines - 1 : lines) * V;
            T* w = parameters.w.data() + at;
            T* slot[2] = {w, w};
            for (int s = 0; s < optimizer.slots; ++s) slot[s] = parameters.slot[s].data() + at;
            const T* g = sums + v * lines * V;
            task_squares_[task.squares + v * task.squares_panel] = optimizer.update(g, w, slot, weights, scalars);
            if (!has_bias) continue;
            T* bias_slot[2] = {slot[0] + weights, slot[1] + weights};
            optimizer.update(g + weights, w + weights, bias_slot, V, bias_scalars);
        }
    });
}

// A counting sort: stable, so that the rows of a column stay ascending.
template <class T>
void Step<T>::gather_columns(const Samples<T>& samples, const BatchRows& batch) {
    const SparseRows<T>& x = samples.sparse;
    const auto columns = static_cast<std::size_t>(network_.units()[0]);
    const auto source = [&](Index r) { return batch.index ? static_cast<Index>(batch.index[r]) : r; };
    column_start_.assign(columns + 1, 0);
    for (Index r = batch.range.begin; r < batch.range.end; ++r)
        for (std::int64_t n = x.start[source(r)]; n < x.start[source(r) + 1]; ++n)
            ++column_start_[static_cast<std::size_t>(x.column[n]) + 1];
    for (std::size_t i = 0; i < columns; ++i) column_start_[i + 1] += column_start_[i];
    const auto count = static_cast<std::size_t>(column_start_[columns]);
    column_row_.resize(count);
    column_value_.resize(count);
    for (Index r = batch.range.begin; r < batch.range.end; ++r)
        for (std::int64_t n = x.start[source(r)]; n < x.start[source(r) + 1]; ++n) {
            const auto at = static_cast<std::size_t>(column_start_[static_cast<std::size_t>(x.column[n])]++);
            column_row_[at] = static_cast<std::int32_t>(r - batch.range.begin);
            column_value_[at] = x.value[n];
        }
    // each start has moved to its column's end, which is the next one's start
    std::copy_backward(column_start_.begin(), column_start_.end() - 1, column_start_.end());
    column_start_[0] = 0;
}

// In the order of panels and tasks, whoever made them: the same sums for any number of threads.
template <class T>
void Step<T>::sum_up(Index rows, double inverse_weight) {
    constexpr Index V = kLanes<T>;
    data_loss_ = 0;
    for (Index p = 0; p < (rows + V - 1) / V; ++p) data_loss_ += static_cast<double>(panel_loss_[p]);
    sum_squares_ = 0;
    for (Index i = 0; i < task_squares_.size(); ++i) sum_squares_ += static_cast<double>(task_squares_[i]);
    sum_squares_ *= inverse_weight;
}

template class Step<float>;
template class Step<double>;

}  // namespace chainfit
