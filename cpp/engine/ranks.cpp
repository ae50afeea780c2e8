// The rows of ranks. Floor: engine.
#include "engine/ranks.hpp"

#include <algorithm>

namespace chainfit {

template <class T>
Shares<T>::Shares(const RankSettings& settings, Ranks<T>& ranks, const Source<T>& source)
    : settings_(settings),
      ranks_(ranks),
      order_(source.order()),
      windows_(source.windows()),
      here_(settings.rows.size()),
      all_(settings.rows.size()) {
    if (!windows_) read(*source.samples(), 0);
}

template <class T>
void Shares<T>::read(const Samples<T>& samples, Index first) {
    samples_ = &samples;
    first_ = first;
    idle_ = samples;
    idle_.weight = &nothing_;
}

template <class T>
Index Shares<T>::rows_of(Index k) const {
    return std::min(settings_.batch_size, settings_.all_rows - k * settings_.batch_size);
}

template <class T>
void Shares<T>::weigh(Index k) {
    const auto at = static_cast<std::size_t>(k);
    here_[at] = weight_of(*samples_, {order_, {settings_.rows[at].begin - first_, settings_.rows[at].end - first_}});
    all_[at] = settings_.weighted ? here_[at] : static_cast<double>(rows_of(k));
}

template <class T>
void Shares<T>::begin_epoch() {
    if (windows_) read(windows_->after(0), 0);
    if (settings_.in_windows) return;
    for (Index k = 0; k < batches(); ++k) weigh(k);
    if (settings_.weighted) ranks_.sum(all_.data(), batches());
}

// Where gradients are summed, rows count what they would in the whole batch, and one rank adds the penalties. Where
// weights are averaged, a rank's loss is the mean over its own rows, with the penalties of the whole batch.
template <class T>
Batches<T> Shares<T>::batch(Index k) {
    Range rows = settings_.rows[static_cast<std::size_t>(k)];
    while (windows_ && rows.end > first_ + samples_->rows) {
        const Index done = first_ + samples_->rows;
        read(windows_->after(done), done);
    }
    if (settings_.in_windows) {
        weigh(k);
        if (settings_.weighted) ranks_.sum(&all_[static_cast<std::size_t>(k)], 1);
    }
    rows = {rows.begin - first_, rows.end - first_};
    const double inverse = inverse_weight_of(weight(k)), part = weight_here(k) * inverse;
    const auto count = static_cast<double>(rows_of(k));
    share_.first_row = settings_.first_rows[static_cast<std::size_t>(k)];
    if (settings_.sync_every == 0)
        share_ = {share_.first_row, inverse, settings_.first ? inverse : 0, count, part};
    else
        share_ = {share_.first_row, inverse_weight_of(weight_here(k)), inverse, count * part, 1};
    if (rows.begin == rows.end) return {idle_, nullptr, {0, 1}, 1, 0, &share_};
    return {*samples_, order_, rows, rows.end - rows.begin, rows.begin, &share_};
}

template class Shares<float>;
template class Shares<double>;

}  // namespace chainfit
