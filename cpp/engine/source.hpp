// Where batches come from: all rows of X in memory, in the order of an epoch. Floor: engine.
// Another source (chunks from disk, say) hands out runs of equal batches of what it holds, as for_each_run does.
#pragma once

#include <algorithm>

#include "engine/share.hpp"

namespace chainfit {

// The rows of one step: index[range], or range itself when index is null.
struct BatchRows {
    const std::int64_t* index = nullptr;
    Range range;

    Index count() const { return range.end - range.begin; }
    Index row(Index at) const { return index ? static_cast<Index>(index[at]) : at; }
};

// Those of them that lie in panel q of rows.
template <class T>
Range rows_of_panel(const BatchRows& batch, Index q) {
    const Index begin = batch.range.begin + q * kLanes<T>;
    return {begin, std::min(begin + kLanes<T>, batch.range.end)};
}

// 1 / the sum of a batch's row weights, which may be negative. Where they sum to 0 the batch says nothing: its gradient
// is 0.
inline double inverse_weight_of(double sum) { return sum != 0 ? 1 / sum : 0; }

template <class T>
double weight_of(const Samples<T>& samples, const BatchRows& batch) {
    if (!samples.weight) return static_cast<double>(batch.count());
    double sum = 0;
    for (Index at = batch.range.begin; at < batch.range.end; ++at)
        sum += static_cast<double>(samples.weight[batch.row(at)]);
    return sum;
}

template <class T>
double inverse_weight_of(const Samples<T>& samples, const BatchRows& batch) {
    return inverse_weight_of(weight_of(samples, batch));
}

// A run of batches of one size, and how far it has come.
template <class T>
struct Batches {
    const Samples<T>& samples;
    const std::int64_t* order;  // null: rows as they lie
    Range rows;
    Index size;
    Index next = rows.begin;  // the first row whose step has not been made yet
    // where they are parts of batches that others have rows of too: a run then is one of them, and goes by tiles
    const Share* share = nullptr;

    bool left() const { return next < rows.end; }
    BatchRows at(Index begin) const { return {order, {begin, begin + size}}; }
};

template <class T>
class Source {
   public:
    // samples.rows indices of rows in `order`, or null: 0, 1, 2...
    Source(const Samples<T>& samples, const std::int64_t* order, Index batch_size)
        : samples_(samples), order_(order), batch_size_(std::min(batch_size, samples.rows)) {}

    Index rows() const { return samples_.rows; }
    Index batches() const { return (rows() + batch_size_ - 1) / batch_size_; }
    bool is_sparse() const { return samples_.is_sparse(); }

    // Calls visit(batches) for the whole batches of an epoch, and for the shorter one at its end: a batch goes through
    // the kernels for its own size.
    template <class Visit>
    void for_each_run(const Visit& visit) const {
        const Index rest = rows() % batch_size_;
        visit(Batches<T>{samples_, order_, {0, rows() - rest}, batch_size_});
        if (rest > 0) visit(Batches<T>{samples_, order_, {rows() - rest, rows()}, rest});
    }

   private:
    const Samples<T>& samples_;
    const std::int64_t* order_;
    Index batch_size_;
};

}  // namespace chainfit
