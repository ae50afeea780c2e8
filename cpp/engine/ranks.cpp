// The rows of ranks. Floor: engine.
#include "engine/ranks.hpp"

#include <algorithm>

namespace chainfit {

template <class T>
Shares<T>::Shares(const RankSettings& settings, Ranks<T>& ranks, const Samples<T>& samples, const std::int64_t* order)
    : settings_(settings),
      ranks_(ranks),
      samples_(samples),
      order_(order),
      here_(settings.rows.size()),
      idle_(samples) {
    idle_.weight = &nothing_;
}

template <class T>
Index Shares<T>::rows_of(Index k) const {
    return std::min(settings_.batch_size, settings_.all_rows - k * settings_.batch_size);
}

template <class T>
void Shares<T>::begin_epoch() {
    for (Index k = 0; k < batches(); ++k) {
        const BatchRows rows{order_, settings_.rows[static_cast<std::size_t>(k)]};
        here_[static_cast<std::size_t>(k)] = weight_of(samples_, rows);
    }
    all_ = here_;
    if (samples_.weight)
        ranks_.sum(all_.data(), batches());
    else
        for (Index k = 0; k < batches(); ++k) all_[static_cast<std::size_t>(k)] = static_cast<double>(rows_of(k));
}

// Where gradients are summed, rows count what they would in the whole batch, and one rank adds the penalties. Where
// weights are averaged, a rank's loss is the mean over its own rows, with the penalties of the whole batch.
template <class T>
Batches<T> Shares<T>::batch(Index k) {
    const Range rows = settings_.rows[static_cast<std::size_t>(k)];
    const double inverse = inverse_weight_of(weight(k)), part = weight_here(k) * inverse;
    const auto count = static_cast<double>(rows_of(k));
    share_.first_row = settings_.first_rows[static_cast<std::size_t>(k)];
    if (settings_.sync_every == 0)
        share_ = {share_.first_row, inverse, settings_.first ? inverse : 0, count, part};
    else
        share_ = {share_.first_row, inverse_weight_of(weight_here(k)), inverse, count * part, 1};
    if (rows.begin == rows.end) return {idle_, nullptr, {0, 1}, 1, 0, &share_};
    return {samples_, order_, rows, rows.end - rows.begin, rows.begin, &share_};
}

template class Shares<float>;
template class Shares<double>;

}  // namespace chainfit
