// Steps on a few rows each. Floor: engine.
#include "engine/step_few.hpp"

#include "engine/plan.hpp"

namespace chainfit {

namespace {

// Above, a step is worth a second thread (kFlopPerThread in plan.cpp), which TileStepper has and this has not.
constexpr double kMostFlop = 1e7;

}  // namespace

template <class T>
bool FewRowsStepper<T>::are_few(const Network<T>& network, Index rows) {
    return rows >= 2 && rows <= kFewRows && step_flop(network, rows) < kMostFlop;
}

template <class T>
FewRowsStepper<T>::FewRowsStepper(const Net<T>& net)
    : net_(net), network_(net.network), kernels_(net.kernels), output_(net.functions, network_.units().back()) {
    for (const Index units : network_.units()) {
        const bool keeps_slope = !a_.empty() && net.functions.keeps_slope(a_.size());
        a_.emplace_back(checked_product(round_up(units, kLanes<T>), kLanes<T>));
        delta_.emplace_back(a_.back().size());
        slope_.emplace_back(keeps_slope ? a_.back().size() : 0);
    }
    for (Buffer<T>* panel : {&z_, &targets_, &output_delta_}) *panel = Buffer<T>(output_.panel_size());
}

template <class T>
void FewRowsStepper<T>::run(Batches<T>& batches, const Update<T>& update, Progress<T>& progress) {
    const DenormalsFlushed flushed(net_.isa);
    while (batches.left()) {
        progress.interrupted = progress.poll.now_and_then();
        if (progress.interrupted) return;
        const BatchRows batch = batches.at(batches.next);
        const double inverse_weight = inverse_weight_of(batches.samples, batch);
        const StepSums sums =
            step(batches.samples, batch, inverse_weight, update, progress.schedule.scalars(inverse_weight));
        batches.next = batch.range.end;
        progress.add(sums, 1, static_cast<double>(batches.size));
        if (update.only_stores) return;
    }
}

template <class T>
StepSums FewRowsStepper<T>::step(const Samples<T>& samples, const BatchRows& batch, double inverse_weight,
                                 const Update<T>& update, const StepScalars<T>& scalars) {
    constexpr Index V = kLanes<T>;
    const std::size_t last = network_.layers().size();
    const Range rows{0, batch.count()};
    Input<T>(kernels_, samples, network_.units()[0]).gather_lines(batch, {a_[0].data(), kPanel});
    for (std::size_t l = 0; l < last; ++l)
        kernels_.forward_lines(network_.weights(update.w, l), {a_[l].data(), kPanel}, {a_[l + 1].data(), kPanel}, rows,
                               {0, network_.layers()[l].panels},
                               net_.functions.forward_lines(l + 1, a_[l + 1].data(), slope_[l + 1].data()));
    output_.panel_of_lines({a_[last].data(), kPanel}, z_.data());
    StepSums sums;
    sums.data_loss = static_cast<double>(output_.loss_and_delta(samples, batch.index, batch.range, inverse_weight,
                                                                z_.data(), targets_.data(), output_delta_.data(),
                                                                {delta_[last].data(), kPanel}));
    FewRowsLayer<T> backward;
    backward.rows = rows.end;
    backward.scalars = scalars;
    const auto kernel = kernels_.small_steps.items[place_of(kernels_, update.rule)].few_rows;
    for (std::size_t l = last; l-- > 0;) {
        const Layer& layer = network_.layers()[l];
        backward.n_in = layer.n_in;
        backward.n_out = layer.n_out;
        backward.a = a_[l].data();
        backward.delta = delta_[l + 1].data();
        backward.below = l > 0 ? delta_[l].data() : nullptr;
        backward.w = update.w + layer.offset;
        for (int s = 0; s < 2; ++s) backward.slot[s] = update.slot[s] + layer.offset;
        backward.panel = layer.panel;
        sums.squares += static_cast<double>(kernel(backward));
        if (l == 0) break;
        const Epilogue<T> epilogue = net_.functions.backward(l);
        const T* kept = (net_.functions.keeps_slope(l) ? slope_ : a_)[l].data();
        for (Index i = 0; i < layer.n_in; i += V)
            epilogue.apply(epilogue, delta_[l].data() + i / V * kPanel, kept + i / V * kPanel, rows.end, 0, i);
    }
    sums.squares *= inverse_weight;
    return sums;
}

template class FewRowsStepper<float>;
template class FewRowsStepper<double>;

}  // namespace chainfit
