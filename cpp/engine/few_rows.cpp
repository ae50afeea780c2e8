// Steps on a few rows each. Floor: engine.
#include "engine/few_rows.hpp"

#include <algorithm>

#include "engine/plan.hpp"

namespace chainfit {

namespace {

// Above, a step is worth a second thread (kFlopPerThread in plan.cpp), which Step has and this has not.
constexpr double kMostFlop = 1e7;

}  // namespace

template <class T>
bool FewRows<T>::are_few(const Network<T>& network, Index rows) {
    return rows >= 2 && rows <= kFewRows && step_flop(network, rows) < kMostFlop;
}

template <class T>
FewRows<T>::FewRows(const Network<T>& network, const Functions<T>& functions)
    : network_(network),
      kernels_(functions.kernels()),
      functions_(functions),
      output_(functions, network.units().back()) {
    for (const Index units : network.units()) {
        const bool keeps_slope = !a_.empty() && functions.keeps_slope(a_.size());
        a_.emplace_back(checked_product(round_up(units, kLanes<T>), kLanes<T>));
        delta_.emplace_back(a_.back().size());
        slope_.emplace_back(keeps_slope ? a_.back().size() : 0);
    }
    for (Buffer<T>* panel : {&z_, &targets_, &output_delta_}) *panel = Buffer<T>(output_.panel_size());
}

template <class T>
void FewRows<T>::run(const Samples<T>& samples, const BatchRows& batch, double inverse_weight,
                     Parameters<T>& parameters, const OptimizerKernel<T>& optimizer, const StepScalars<T>& scalars) {
    constexpr Index V = kLanes<T>;
    const std::size_t last = network_.layers().size();
    const Range rows{0, batch.range.end - batch.range.begin};
    gather(samples, batch);
    for (std::size_t l = 0; l < last; ++l)
        kernels_.forward_lines(network_.weights(parameters.w.data(), l), {a_[l].data(), kPanel},
                               {a_[l + 1].data(), kPanel}, rows, {0, network_.layers()[l].panels},
                               functions_.forward_lines(l + 1, a_[l + 1].data(), slope_[l + 1].data()));
    output_.panel_of_lines({a_[last].data(), kPanel}, z_.data());
    data_loss_ = static_cast<double>(output_.loss_and_delta(samples, batch.index, batch.range, inverse_weight,
                                                            z_.data(), targets_.data(), output_delta_.data(),
                                                            {delta_[last].data(), kPanel}));
    sum_squares_ = 0;
    FewRowsLayer<T> way_back;
    way_back.rows = rows.end;
    way_back.scalars = scalars;
    for (std::size_t l = last; l-- > 0;) {
        const Layer& layer = network_.layers()[l];
        way_back.n_in = layer.n_in;
        way_back.n_out = layer.n_out;
        way_back.a = {a_[l].data(), kPanel};
        way_back.delta = {delta_[l + 1].data(), kPanel};
        way_back.below = {l > 0 ? delta_[l].data() : nullptr, kPanel};
        way_back.w = parameters.w.data() + layer.offset;
        for (int s = 0; s < 2; ++s)
            way_back.slot[s] = (s < optimizer.slots ? parameters.slot[s] : parameters.w).data() + layer.offset;
        way_back.panel = layer.panel;
        sum_squares_ += static_cast<double>(optimizer.backward_of_few(way_back));
        if (l == 0) break;
        const Epilogue<T> epilogue = functions_.backward(l);
        const T* kept = (functions_.keeps_slope(l) ? slope_ : a_)[l].data();
        for (Index i = 0; i < layer.n_in; i += V)
            epilogue.apply(epilogue, delta_[l].data() + i / V * kPanel, kept + i / V * kPanel, rows.end, 0, i);
    }
    sum_squares_ *= inverse_weight;
}

// A sparse X is spread out: the update visits every weight anyway, so its zeros cost nothing that counts.
template <class T>
void FewRows<T>::gather(const Samples<T>& samples, const BatchRows& batch) {
    constexpr Index V = kLanes<T>;
    T* lines = a_[0].data();
    if (!samples.is_sparse()) {
        kernels_.gather_lines(samples.X, samples.x_row, samples.x_column, network_.units()[0], batch.index, batch.range,
                              lines, kPanel);
        return;
    }
    std::fill_n(lines, a_[0].size(), T(0));
    for (Index r = batch.range.begin; r < batch.range.end; ++r, lines += V) {
        const Index row = batch.index ? static_cast<Index>(batch.index[r]) : r;
        for (std::int64_t n = samples.sparse.start[row]; n < samples.sparse.start[row + 1]; ++n) {
            const Index column = samples.sparse.column[n];
            lines[column / V * kPanel + column % V] = samples.sparse.value[n];
        }
    }
}

template class FewRows<float>;
template class FewRows<double>;

}  // namespace chainfit
