// Steps on one row each. Floor: engine.
#include "engine/step_row.hpp"

#include <algorithm>

namespace chainfit {

template <class T>
Index rows_of_call(const Network<T>& network) {
    return std::clamp<Index>((Index{1} << 17) / network.weight_count(), 1, kOneRowSteps);
}

template <class T>
RowStepper<T>::RowStepper(const Net<T>& net)
    : net_(net),
      network_(net.network),
      max_rows_(rows_of_call(network_)),
      tiny_(*std::max_element(network_.units().begin() + 1, network_.units().end()) <= kLanes<T>) {
    constexpr Index V = kLanes<T>;
    const auto room = [this](Index count) {
        memory_.emplace_back(count);
        return memory_.back().data();
    };
    for (std::size_t l = 0; l < network_.layers().size(); ++l) {
        const Layer& layer = network_.layers()[l];
        OneRowLayer<T> held;
        held.n_in = layer.n_in;
        held.n_out = layer.n_out;
        held.panel = layer.panel;
        if (l > 0) {
            held.activation = net.functions.place(l);
            held.a = room(round_up(layer.n_in, V));
            held.kept = net.functions.keeps_slope(l) ? room(round_up(layer.n_in, V)) : held.a;
        }
        held.delta = room(round_up(layer.n_out, V));
        if (l > 0 && layer.n_out <= V)
            for (T*& lines : held.transposed) lines = room(checked_product(round_up(layer.n_in, V), layer.n_out));
        layers_.push_back(held);
    }
    steps_.layers = layers_.data();
    steps_.n_layers = static_cast<Index>(layers_.size());
    steps_.rule = net.functions.output();
    steps_.loss_values = steps_.rule.blocks.items[0].values;
    steps_.plain = steps_.rule.own_link && steps_.rule.blocks.count == 1;
    const Index output = checked_product(network_.units().back(), V);
    for (T** lines : {&steps_.output, &steps_.target, &steps_.gradient, &steps_.outputs, &steps_.targets})
        *lines = room(output);
}

template <class T>
void RowStepper<T>::run(Batches<T>& batches, const Update<T>& update, Progress<T>& progress) {
    const DenormalsFlushed flushed(net_.isa);
    for (std::size_t l = 0; l < layers_.size(); ++l) {
        const Index offset = network_.layers()[l].offset;
        layers_[l].w = update.w + offset;
        for (int i = 0; i < 2; ++i) layers_[l].slot[i] = update.slot[i] + offset;
    }
    const SmallStepKernels<T>& kernels = net_.kernels.small_steps.items[place_of(net_.kernels, update.rule)];
    const auto kernel = tiny_ && update.tiny ? kernels.tiny : kernels.one_row;
    while (batches.left()) {
        progress.interrupted = progress.poll.now_and_then();
        if (progress.interrupted) return;
        const Index first = (batches.next - batches.rows.begin) % max_rows_;
        if (first == 0) prepare(batches, progress.schedule);
        steps_.range = {first, update.only_stores ? first + 1 : steps_.count};
        kernel(steps_);
        batches.next += steps_.range.end - first;
        if (steps_.range.end == steps_.count) progress.add(sums(), steps_.count, 1);
        if (update.only_stores) return;
    }
}

// Rows, weights and scalars of the next call, or of as many calls where each makes one step.
template <class T>
void RowStepper<T>::prepare(const Batches<T>& batches, const Schedule<T>& schedule) {
    const Samples<T>& samples = batches.samples;
    const Index n_in = network_.units().front(), n_out = network_.units().back();
    const Input<T> input(net_.kernels, samples, n_in);
    if (!input.has_rows() && x_.size() == 0) x_ = Buffer<T>(checked_product(max_rows_, n_in));
    steps_.data_loss = 0;
    steps_.scalars = schedule.constants();
    steps_.count = std::min(max_rows_, batches.rows.end - batches.next);
    const BatchRows rows{batches.order, {batches.next, batches.next + steps_.count}};
    if (schedule.is_level()) {
        std::fill_n(steps_.eta, steps_.count, schedule.eta_after(0));
        std::fill_n(steps_.decay, steps_.count, schedule.decay_after(0));
    } else {
        for (Index s = 0; s < steps_.count; ++s) {
            steps_.eta[s] = schedule.eta_after(s);
            steps_.decay[s] = schedule.decay_after(s);
        }
    }
    for (Index s = 0; s < steps_.count; ++s) {
        const Index row = rows.row(rows.range.begin + s);
        const double weight = samples.weight ? static_cast<double>(samples.weight[row]) : 1.0;
        inverse_weight_[s] = inverse_weight_of(weight);
        steps_.row_weight[s] = static_cast<T>(weight * inverse_weight_[s]);
        steps_.l2[s] = schedule.l2_over_weight(inverse_weight_[s]);
        steps_.x[s] = input.row(row, x_.data() + s * n_in);
        steps_.y[s] = samples.Y + row * n_out;
    }
}

template <class T>
StepSums RowStepper<T>::sums() const {
    StepSums sums{steps_.data_loss, 0};
    for (Index s = 0; s < steps_.count; ++s)
        sums.squares += inverse_weight_[s] * static_cast<double>(steps_.sum_squares[s]);
    return sums;
}

template Index rows_of_call(const Network<float>&);
template Index rows_of_call(const Network<double>&);
template class RowStepper<float>;
template class RowStepper<double>;

}  // namespace chainfit
