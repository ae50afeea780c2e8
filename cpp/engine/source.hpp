// Where batches come from: the rows of X in the order of an epoch, all of them in memory or window by window. Floor:
// engine. Whatever does not hold all rows at once is a Windows.
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

// Rows that are in memory window by window. Called on the caller's thread, between steps.
template <class T>
class Windows {
   public:
    virtual ~Windows() = default;
    virtual Index rows() const = 0;  // of an epoch
    virtual bool is_sparse() const = 0;
    // The window after the first `done` rows of an epoch, 0 begins one: whole batches in their order, or all the rows
    // that are left. It stays until the next call.
    virtual const Samples<T>& after(Index done) = 0;
};

template <class T>
class Source {
   public:
    // samples.rows indices of rows in `order`, or null: 0, 1, 2...
    Source(const Samples<T>& samples, std::int64_t* order, Index batch_size)
        : samples_(&samples), order_(order), batch_size_(std::min(batch_size, samples.rows)) {}
    Source(Windows<T>& windows, Index batch_size)
        : windows_(&windows), batch_size_(std::min(batch_size, windows.rows())) {}

    Index rows() const { return windows_ ? windows_->rows() : samples_->rows; }
    Index batches() const { return (rows() + batch_size_ - 1) / batch_size_; }
    bool is_sparse() const { return windows_ ? windows_->is_sparse() : samples_->is_sparse(); }
    std::int64_t* order() const { return order_; }
    // All rows, or null where they come in windows; and these.
    const Samples<T>* samples() const { return samples_; }
    Windows<T>* windows() const { return windows_; }

    // Calls visit(rows of a batch) for each size that batches have: an epoch may end with a shorter one.
    template <class Visit>
    void for_each_size(const Visit& visit) const {
        visit(batch_size_);
        if (const Index rest = rows() % batch_size_) visit(rest);
    }

    // Calls visit(batches) for the whole batches of an epoch, and for the shorter one at its end, as long as it returns
    // true: a batch goes through the kernels for its own size. With windows it begins after `done` rows, and calls
    // between(rows done) after each but the last.
    template <class Visit, class Between>
    void for_each_run(Index done, const Visit& visit, const Between& between) const {
        if (!windows_) {
            visit_runs(*samples_, visit);
            return;
        }
        while (done < rows()) {
            const Samples<T>& window = windows_->after(done);
            if (!visit_runs(window, visit)) return;
            done += window.rows;
            if (done < rows()) between(done);
        }
    }

   private:
    template <class Visit>
    bool visit_runs(const Samples<T>& samples, const Visit& visit) const {
        const Index rest = samples.rows % batch_size_, whole = samples.rows - rest;
        return (whole == 0 || visit(Batches<T>{samples, order_, {0, whole}, batch_size_})) &&
               (rest == 0 || visit(Batches<T>{samples, order_, {whole, samples.rows}, rest}));
    }

    const Samples<T>* samples_ = nullptr;
    std::int64_t* order_ = nullptr;
    Windows<T>* windows_ = nullptr;  // or null: then samples_
    Index batch_size_;
};

}  // namespace chainfit
