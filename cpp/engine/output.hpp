// The output layer of one panel of rows: its targets, loss and delta. Floor: engine.
#pragma once

#include "engine/network.hpp"

namespace chainfit {

template <class T>
class Output {
   public:
    Output(const Functions<T>& functions, Index units)
        : kernels_(functions.kernels()), rule_(functions.output()), units_(units) {}

    // Elements of a panel of outputs, targets or deltas; padding units of the deltas stay 0.
    Index panel_size() const { return checked_product(round_up(units_, kLanes<T>), kLanes<T>); }

    // Lines of z (see Lines), from the panel's first row on -> panel [unit][lanes].
    void panel_of_lines(Lines<const T> lines, T* z) const {
        constexpr Index V = kLanes<T>;
        for (Index j = 0; j < units_; j += V) kernels_.transpose(lines.data + j / V * lines.panel, V, z + j * V, 0);
    }

    // Rows index[rows], at most lanes of them: z becomes a and gives delta, as a panel and as lines. Returns the loss.
    // `targets` is scratch.
    T loss_and_delta(const Samples<T>& samples, const std::int64_t* index, Range rows, double inverse_weight, T* z,
                     T* targets, T* delta, Lines<T> delta_lines) const {
        constexpr Index V = kLanes<T>;
        kernels_.gather(samples.Y, units_, 1, units_, index, rows, targets);
        if (samples.outputs)
            for (Index at = rows.begin; at < rows.end; ++at)
                for (Index j = 0; j < units_; ++j)
                    samples.outputs[(index ? static_cast<Index>(index[at]) : at) * units_ + j] =
                        z[j * V + at - rows.begin];
        alignas(64) T row_weight[V];
        for (Index r = 0; r < V; ++r) {
            const Index at = rows.begin + r;
            const bool exists = at < rows.end;
            const Index row = exists && index ? static_cast<Index>(index[at]) : at;
            const double weight = !exists ? 0.0 : samples.weight ? static_cast<double>(samples.weight[row]) : 1.0;
            row_weight[r] = static_cast<T>(weight * inverse_weight);
        }
        rule_.delta(z, targets, row_weight, delta);
        kernels_.transpose(delta, units_, delta_lines.data, delta_lines.panel);
        return rule_.loss_of(z, targets, row_weight, rows.end - rows.begin);
    }

   private:
    const Kernels<T>& kernels_;
    OutputRule<T> rule_;
    Index units_;
};

}  // namespace chainfit
