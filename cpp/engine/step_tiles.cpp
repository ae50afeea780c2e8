// Steps by a team of threads. Floor: engine.
#include "engine/step_tiles.hpp"

#include <algorithm>
#include <exception>

namespace chainfit {

namespace {

// A batch that nobody else has rows of.
template <class T>
Share whole(const Samples<T>& samples, const BatchRows& batch) {
    const double inverse = inverse_weight_of(samples, batch);
    return {0, inverse, inverse, static_cast<double>(batch.count()), 1};
}

}  // namespace

template <class T>
TileStepper<T>::TileStepper(const Net<T>& net, Index batch_rows, bool sparse, int max_threads)
    : net_(net),
      network_(net.network),
      kernels_(net.kernels),
      output_(net.functions, network_.units().back()),
      plan_(make_plan(network_, batch_rows, sparse, max_threads)),
      last_(network_.layers().size()),
      dropouts_(net.dropout, net.functions, plan_.by_lines),
      row_queues_(plan_.threads),
      task_queues_(plan_.threads),
      parts_(network_) {
    constexpr Index V = kLanes<T>;
    const Index all_panels = round_up(batch_rows, V) / V;
    const Index row_panels = plan_.by_blocks ? plan_.threads * plan_.block_panels : all_panels;
    const std::vector<Index>& units = network_.units();
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
        slope_.emplace_back(keeps_slope(l) ? a_[l].size() : 0);
        const bool by_rows = l == last_ || (l > 0 && !plan_.by_lines);
        delta_panel_.push_back(by_rows ? checked_product(padded_lines(rounded), V) : 0);
        delta_.emplace_back(checked_product(row_panels, delta_panel_[l]));
        delta_transposed_.emplace_back(l == 0 ? 0 : checked_product(rounded / V, transposed_panel_));
    }
    panel_loss_ = Buffer<T>(all_panels);
    if (plan_.by_blocks) block_sums_ = Buffer<T>(checked_product(gradient_size(), (batch_rows + kChain - 1) / kChain));
    task_squares_ = Buffer<T>(plan_.squares);
    const Index output_size = checked_product(2, output_.panel_size());
    for (int t = 0; t < plan_.threads; ++t) scratch_.emplace_back(std::max(output_size, kTaskPanels * kTaskLines * V));
}

template <class T>
void TileStepper<T>::run(Batches<T>& batches, const Update<T>& update, Progress<T>& progress) {
    const std::function<bool()> cancelled = [&] { return progress.poll.now_and_then_in_team(); };
    const Index end = update.only_stores ? batches.next + batches.size : batches.rows.end;
    // what changes from step to step is written by thread 0 between two barriers, and read by all after the second
    Step step{batches.samples, update, cancelled, {}, &batches.samples, {}, {}, {}};
    if (batches.share) step.share = *batches.share;
    const bool shared = batches.share != nullptr;
    std::exception_ptr failure;  // of begin(), for the others must end before it goes on
    const auto work = [&, first = batches.next](int thread, Barrier& barrier) {
        const DenormalsFlushed flushed(net_.isa);
        for (Index begin = first; begin < end; begin += batches.size) {
            if (thread == 0) try {
                    if (!shared) step.share = whole(batches.samples, batches.at(begin));
                    this->begin(step, batches.at(begin), progress);
                } catch (...) {
                    failure = std::current_exception();
                }
            barrier.wait();
            if (failure) return;
            const bool made = make(step, thread, barrier);
            if (thread == 0 && made) {
                batches.next = step.batch.range.end;
                progress.add(sums(step), 1, step.share.rows);
            } else if (!made) {
                if (thread == 0) progress.interrupted = true;
                return;
            }
        }
    };
    run_on_threads(plan_.threads, work);
    if (failure) std::rethrow_exception(failure);
}

template <class T>
void TileStepper<T>::begin(Step& step, const BatchRows& batch, const Progress<T>& progress) {
    step.batch = step.x_rows = batch;
    step.scalars = progress.schedule.scalars(step.share.penalty);
    if (step.update.hook) parts_.begin(plan_.tasks);
    if (net_.dropout.drops_any()) dropouts_.begin_step(progress.schedule.steps, progress.drops);
    if (!step.samples.is_sparse()) return;
    if (dropouts_.drops(0)) {
        masked_rows_.fill(kernels_, dropouts_.of(0), step.samples.sparse, batch, step.share.first_row);
        masked_x_.sparse = masked_rows_.view();
        step.x = &masked_x_;
        step.x_rows = {nullptr, {0, batch.count()}};
    }
    columns_.make_room(step.x->sparse, step.x_rows, network_.units()[0]);
}

template <class T>
bool TileStepper<T>::make(const Step& step, int thread, Barrier& barrier) {
    task_queues_.refill(thread);
    rows_phase(step, thread, barrier);
    barrier.wait();
    row_queues_.refill(thread);
    if (!cancel_.load(std::memory_order_relaxed)) weights_phase(step, thread, barrier.threads());
    barrier.wait();
    if (!cancel_.load(std::memory_order_relaxed)) return true;
    barrier.wait();
    if (thread == 0) cancel_.store(false, std::memory_order_relaxed);
    return false;
}

// Thread (r, u) of the grid takes row panels r. With others on the same rows it takes units u of each layer, and
// gathers X for itself: cheaper than to fetch half of it from the core that did. A layer with too few units is split by
// rows.
template <class T>
void TileStepper<T>::rows_phase(const Step& step, int thread, Barrier& barrier) {
    constexpr Index V = kLanes<T>;
    // Fewer threads than planned come where the pool is in use: then they share rows only.
    const bool as_planned = barrier.threads() == plan_.threads;
    const Index splits = as_planned ? plan_.unit_splits : 1;
    const Index row_splits = as_planned ? plan_.row_splits : barrier.threads();
    const Index u = thread % splits;
    const bool alone = splits == 1;
    const Index row_panels = (step.batch.count() + V - 1) / V;
    const auto rows_at = [&](Index r) {
        return share(row_panels, row_splits, r, plan_.by_blocks ? plan_.block_panels : 2);
    };
    const Index block = alone ? plan_.block_panels : std::max<Index>(1, row_panels);
    T* scratch = scratch_[static_cast<std::size_t>(thread)].data();
    const Input<T> input(kernels_, *step.x, network_.units()[0]);
    if (input.is_sparse() && thread == 0) columns_.sort(step.x->sparse, step.x_rows);

    const auto work = [&](Index p, Index end) {
        if (alone && cancel_.load(std::memory_order_relaxed)) return;
        if (thread == 0 && step.cancelled()) cancel_.store(true, std::memory_order_relaxed);
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

        const Block rows_here{step, input, first, u};
        gather_inputs(rows_here, panels);
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
            block_gradient(held, std::min(kChain, step.batch.count() - p * V),
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
    row_queues_.work_through(thread, static_cast<int>(row_splits), blocks, [&](int owner, Index i) {
        const Range theirs = rows_at(owner);
        work(theirs.begin + i * block, theirs.end);
    });
}

// The gradient of one block of rows, held from panel `held` on: [layer][panel][line][lanes].
template <class T>
void TileStepper<T>::block_gradient(Index held, Index rows, T* out) {
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
Index TileStepper<T>::gradient_size() const {
    Index size = 0;
    for (const Layer& layer : network_.layers()) size += layer.panels * (layer.n_in + 1) * kLanes<T>;
    return size;
}

// Rows of a batch that are held in panels, without those that fill up the last one.
template <class T>
Range TileStepper<T>::rows_held(const Block& block, Range panels) const {
    const Index rows = block.step.batch.count() - block.first * kLanes<T>;
    return {std::min(panels.begin * kLanes<T>, rows), std::min(panels.end * kLanes<T>, rows)};
}

template <class T>
void TileStepper<T>::gather_inputs(const Block& block, Range panels) {
    constexpr Index V = kLanes<T>;
    T* out = inputs(block.unit_split);
    const BatchRows& batch = block.step.x_rows;
    const bool drops = dropouts_.drops(0) && !block.input.is_sparse();
    const Index units = network_.units()[0], first_row = block.step.share.first_row + block.first * V;
    if (plan_.by_lines) {
        const Range held = rows_held(block, panels);
        const BatchRows rows{batch.index, {batch.range.begin + held.begin, batch.range.begin + held.end}};
        block.input.gather_lines(rows, {out + held.begin * V, a_panel_[0]});
        for (Index i = 0; drops && i < units; i += V)
            kernels_.mask_lines(dropouts_.of(0), out + i / V * a_panel_[0] + held.begin * V, rows.count(),
                                first_row + held.begin, i);
    } else {
        block.input.gather(batch, block.first, panels, {out, a_panel_[0]});
        for (Index q = panels.begin; drops && q < panels.end; ++q)
            kernels_.mask(dropouts_.of(0), out + q * a_panel_[0], units, first_row + q * V, 0);
    }
}

// a of layer l, 1..L, for the given panels of rows and of units; of the output layer z.
template <class T>
void TileStepper<T>::forward_layer(const Block& block, std::size_t l, Range rows, Range units) {
    const Weights<T> weights = network_.weights(block.step.update.w, l - 1);
    const T* in = l > 1 ? a_[l - 1].data() : inputs(block.unit_split);
    T* out = a_[l].data();
    T* slope = slope_[l].data();
    Epilogue<T> epilogue =
        plan_.by_lines ? net_.functions.forward_lines(l, out, slope) : net_.functions.forward(l, out, slope);
    epilogue.first_row = block.step.share.first_row + block.first * kLanes<T>;
    dropouts_.attach_forward(epilogue, l);
    if (plan_.by_lines) {
        kernels_.forward_lines(weights, {in, a_panel_[l - 1]}, {out, a_panel_[l]}, rows_held(block, rows), units,
                               epilogue);
        return;
    }
    if (l > 1)
        kernels_.forward(weights, {in, a_panel_[l - 1]}, {out, a_panel_[l]}, rows, units, epilogue);
    else
        block.input.forward(weights, block.step.x_rows, block.first, {in, a_panel_[0]}, {out, a_panel_[1]}, rows, units,
                            epilogue);
}

// Loss and delta of the output layer. scratch: two panels of outputs.
template <class T>
void TileStepper<T>::loss_of_panel(const Block& block, Index q, T* scratch) {
    constexpr Index V = kLanes<T>;
    T* z = a_[last_].data() + q * a_panel_[last_];
    if (plan_.by_lines) {
        z = scratch + output_.panel_size();
        output_.panel_of_lines({a_[last_].data() + q * V * V, a_panel_[last_]}, z);
    }
    const BatchRows& batch = block.step.batch;
    panel_loss_[q + block.first] = output_.loss_and_delta(
        block.step.samples, batch.index, rows_of_panel<T>(batch, q + block.first), block.step.share.inverse_weight, z,
        scratch, delta_[last_].data() + q * delta_panel_[last_],
        {delta_transposed_[last_].data() + q * V * V, transposed_panel_});
}

// delta of hidden layer l, for the given panels of rows and of units.
template <class T>
void TileStepper<T>::backward_layer(const Block& block, std::size_t l, Range rows, Range units) {
    constexpr Index V = kLanes<T>;
    const Weights<T> weights = network_.weights(block.step.update.w, l);
    Epilogue<T> epilogue = net_.functions.backward(l);
    epilogue.first_row = block.step.share.first_row + block.first * V;
    dropouts_.attach_backward(epilogue, l);
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
void TileStepper<T>::weights_phase(const Step& step, int thread, int threads) {
    constexpr Index V = kLanes<T>;
    const Update<T>& update = step.update;
    const StepScalars<T> bias_scalars = of_biases(step.scalars);
    T* sums = scratch_[static_cast<std::size_t>(thread)].data();
    const bool as_planned = threads == plan_.threads;
    const Index u = as_planned ? thread % plan_.unit_splits : 0;
    const auto tasks_of = [&](int owner) {
        if (!as_planned) return share(static_cast<Index>(plan_.tasks.size()), threads, owner, 1);
        const auto place =
            static_cast<std::size_t>(owner % plan_.unit_splits * plan_.row_splits + owner / plan_.unit_splits);
        return Range{plan_.first_task[place], plan_.first_task[place + 1]};
    };
    const auto count = [&](int owner) { return tasks_of(owner).end - tasks_of(owner).begin; };
    task_queues_.work_through(thread, threads, count, [&](int owner, Index i) {
        if (update.only_stores) {
            if (cancel_.load(std::memory_order_relaxed)) return;
            if (thread == 0 && step.cancelled()) cancel_.store(true, std::memory_order_relaxed);
        }
        const WeightsTask& task = plan_.tasks[static_cast<std::size_t>(tasks_of(owner).begin + i)];
        const auto l = static_cast<std::size_t>(task.layer);
        const Layer& layer = network_.layers()[l];
        const Index lines = task.lines.end - task.lines.begin;
        if (plan_.by_blocks) {
            const Index blocks = (step.batch.count() + kChain - 1) / kChain, size = gradient_size();
            for (Index v = 0; v < task.panels; ++v)
                kernels_.add_blocks(block_sums_.data() + task.gradient + v * (layer.n_in + 1) * V, size, blocks,
                                    lines * V, sums + v * lines * V);
        } else {
            GradientTask<T> product;
            product.a = l > 0 ? a_[l].data() : inputs(u);
            product.a_panel = a_panel_[l];
            product.delta = delta_transposed_[l + 1].data() + task.panel * transposed_panel_;
            product.delta_panel = transposed_panel_;
            product.rows = step.batch.count();
            product.lines = task.lines;
            product.panels = task.panels;
            product.out = sums;
            product.n_in = layer.n_in;
            if (l == 0 && step.samples.is_sparse()) {
                product.x = columns_.view();
                kernels_.gradient_sparse(product);
            } else {
                (plan_.by_lines ? kernels_.gradient_lines : kernels_.gradient)(product);
            }
        }
        for (Index v = 0; v < task.panels; ++v) {
            const Index at = layer.offset + (task.panel + v) * layer.panel + task.lines.begin * V;
            const bool has_bias = task.lines.end == layer.n_in + 1;
            const Index weights = (has_bias ? lines - 1 : lines) * V;
            T* w = update.w + at;
            T* slot[2] = {update.slot[0] + at, update.slot[1] + at};
            const T* g = sums + v * lines * V;
            task_squares_[task.squares + v * task.squares_panel] = update.step(g, w, slot, weights, step.scalars);
            if (!has_bias) continue;
            T* bias_slot[2] = {slot[0] + weights, slot[1] + weights};
            update.step(g + weights, w + weights, bias_slot, V, bias_scalars);
        }
        if (!update.hook) return;
        parts_.done(task);
        if (thread == 0) update.hook->on_part(update.slot[0], parts_.ready());
    });
}

// In the order of panels and tasks, whoever made them: the same sums for any number of threads.
template <class T>
StepSums TileStepper<T>::sums(const Step& step) const {
    constexpr Index V = kLanes<T>;
    StepSums sums;
    for (Index p = 0; p < (step.batch.count() + V - 1) / V; ++p) sums.data_loss += static_cast<double>(panel_loss_[p]);
    for (Index i = 0; i < task_squares_.size(); ++i) sums.squares += static_cast<double>(task_squares_[i]);
    sums.squares *= step.share.penalty;
    return sums;
}

template class TileStepper<float>;
template class TileStepper<double>;

}  // namespace chainfit
