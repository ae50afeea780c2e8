// Steps on one row each. Floor: engine.
#include "engine/row_steps.hpp"

#include <algorithm>

namespace chainfit {

template <class T>
RowSteps<T>::RowSteps(const Network<T>& network, const Functions<T>& functions)
    : network_(network),
      max_rows_(std::clamp<Index>((Index{1} << 17) / network.weight_count(), 1, kMicroSteps)),
      tiny_(*std::max_element(network.units().begin() + 1, network.units().end()) <= kLanes<T>) {
    constexpr Index V = kLanes<T>;
    const auto room = [this](Index count) {
        memory_.emplace_back(count);
        return memory_.back().data();
    };
    for (std::size_t l = 0; l < network.layers().size(); ++l) {
        const Layer& layer = network.layers()[l];
        MicroLayer<T> micro;
        micro.n_in = layer.n_in;
        micro.n_out = layer.n_out;
        micro.panel = layer.panel;
        if (l > 0) {
            micro.activation = functions.place(l);
            micro.a = room(round_up(layer.n_in, V));
            micro.kept = functions.keeps_slope(l) ? room(round_up(layer.n_in, V)) : micro.a;
        }
        micro.delta = room(round_up(layer.n_out, V));
        if (l > 0 && layer.n_out <= V)
            for (T*& lines : micro.transposed) lines = room(checked_product(round_up(layer.n_in, V), layer.n_out));
        layers_.push_back(micro);
    }
    steps_.layers = layers_.data();
    steps_.n_layers = static_cast<Index>(layers_.size());
    steps_.loss = &functions.loss();
    steps_.loss_values = functions.loss_values();
    const Index output = checked_product(network.units().back(), V);
    for (T** lines : {&steps_.output, &steps_.target, &steps_.gradient, &steps_.outputs, &steps_.targets})
        *lines = room(output);
}

template <class T>
void RowSteps<T>::run(const Samples<T>& samples, const BatchRows& rows, Parameters<T>& parameters,
                      const OptimizerKernel<T>& optimizer, const StepScalars<T>& scalars, const double* eta,
                      double l2) {
    for (std::size_t l = 0; l < layers_.size(); ++l) {
        const Index offset = network_.layers()[l].offset;
        layers_[l].w = parameters.w.data() + offset;
        for (int i = 0; i < 2; ++i)
            layers_[l].slot[i] = (i < optimizer.slots ? parameters.slot[i] : parameters.w).data() + offset;
    }
    const bool in_place = !samples.is_sparse() && samples.x_column == 1;
    const Index n_in = network_.units().front(), n_out = network_.units().back();
    if (!in_place && x_.size() == 0) x_ = Buffer<T>(checked_product(max_rows_, n_in));

    steps_.scalars = scalars;
    steps_.count = rows.range.end - rows.range.begin;
    double inverse_weight[kMicroSteps];
    for (Index s = 0; s < steps_.count; ++s) {
        const Index at = rows.range.begin + s;
        const Index row = rows.index ? static_cast<Index>(rows.index[at]) : at;
        const double weight = samples.weight ? static_cast<double>(samples.weight[row]) : 1.0;
        inverse_weight[s] = inverse_weight_of(weight);
        steps_.row_weight[s] = static_cast<T>(weight * inverse_weight[s]);
        steps_.eta[s] = static_cast<T>(eta[s]);
        steps_.l2[s] = static_cast<T>(l2 * inverse_weight[s]);
        steps_.x[s] = in_place ? samples.X + row * samples.x_row : row_of_x(samples, row, x_.data() + s * n_in);
        steps_.y[s] = samples.Y + row * n_out;
    }
    (tiny_ && optimizer.tiny ? optimizer.tiny : optimizer.micro)(steps_);
    data_loss_ = steps_.data_loss;
    sum_squares_ = 0;
    for (Index s = 0; s < steps_.count; ++s)
        sum_squares_ += inverse_weight[s] * static_cast<double>(steps_.sum_squares[s]);
}

// Spread out: the update visits every weight anyway, so the zeros of a sparse row cost nothing that counts.
template <class T>
const T* RowSteps<T>::row_of_x(const Samples<T>& samples, Index row, T* room) const {
    const Index n_in = network_.units().front();
    if (samples.is_sparse()) {
        const SparseRows<T>& x = samples.sparse;
        std::fill_n(room, n_in, T(0));
        for (std::int64_t n = x.start[row]; n < x.start[row + 1]; ++n) room[x.column[n]] = x.value[n];
    } else {
        const T* source = samples.X + row * samples.x_row;
        for (Index i = 0; i < n_in; ++i) room[i] = source[i * samples.x_column];
    }
    return room;
}

template class RowSteps<float>;
template class RowSteps<double>;

}  // namespace chainfit
