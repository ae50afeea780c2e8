// The loss of outputs. Floor: engine.
#include "engine/evaluation.hpp"

#include <algorithm>
#include <stdexcept>

#include "dispatch.hpp"
#include "engine/memory.hpp"

namespace chainfit {

template <class T>
double mean_loss(const Samples<T>& samples, Index n_out, const OutputSettings& output, Settings settings) {
    constexpr Index V = kLanes<T>;
    const Kernels<T>& kernels = isa().kernels<T>();
    const Functions<T> functions(kernels, {}, 0, output, n_out, settings);
    if (!settings.empty())
        throw std::invalid_argument("the loss '" + output.loss + "' has no parameter '" + settings.begin()->first +
                                    "'");
    const OutputRule<T> rule = functions.output();
    double total_weight = static_cast<double>(samples.rows);
    if (samples.weight) {
        total_weight = 0;
        for (Index r = 0; r < samples.rows; ++r) total_weight += static_cast<double>(samples.weight[r]);
    }
    Buffer<T> outputs(checked_product(n_out, V)), targets(checked_product(n_out, V));
    double sum = 0;
    const DenormalsFlushed flushed(isa());
    for (Index first = 0; first < samples.rows; first += V) {
        const Range rows{first, std::min(first + V, samples.rows)};
        kernels.gather(samples.X, samples.x_row, samples.x_column, n_out, nullptr, rows, outputs.data());
        kernels.gather(samples.Y, n_out, 1, n_out, nullptr, rows, targets.data());
        alignas(64) T weight[V] = {};
        for (Index r = rows.begin; r < rows.end; ++r)
            weight[r - first] =
                static_cast<T>((samples.weight ? static_cast<double>(samples.weight[r]) : 1.0) / total_weight);
        sum += static_cast<double>(rule.loss_of(outputs.data(), targets.data(), weight, rows.end - rows.begin));
    }
    return sum;
}

template double mean_loss(const Samples<float>&, Index, const OutputSettings&, Settings);
template double mean_loss(const Samples<double>&, Index, const OutputSettings&, Settings);

}  // namespace chainfit
