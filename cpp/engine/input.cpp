// A sparse batch of its own: with values dropped, and by columns. Floor: engine.
#include "engine/input.hpp"

#include <limits>
#include <stdexcept>

namespace chainfit {

template <class T>
void MaskedRows<T>::fill(const Kernels<T>& kernels, const Dropout<T>& dropout, const SparseRows<T>& x,
                         const BatchRows& batch, Index first_row) {
    start_.assign(1, 0);
    column_.clear();
    value_.clear();
    for (Index at = batch.range.begin; at < batch.range.end; ++at) {
        const std::int64_t first = x.start[batch.row(at)], end = x.start[batch.row(at) + 1];
        column_.insert(column_.end(), x.column + first, x.column + end);
        value_.insert(value_.end(), x.value + first, x.value + end);
        const auto begin = static_cast<std::size_t>(start_.back());
        kernels.mask_values(dropout, value_.data() + begin, column_.data() + begin, end - first,
                            first_row + at - batch.range.begin);
        start_.push_back(static_cast<std::int64_t>(value_.size()));
    }
}

template <class T>
void BatchColumns<T>::make_room(const SparseRows<T>& x, const BatchRows& batch, Index columns) {
    if (batch.count() > std::numeric_limits<std::int32_t>::max())
        throw std::length_error("a batch of a sparse X may have 2^31 - 1 rows at most");
    std::int64_t values = 0;
    for (Index at = batch.range.begin; at < batch.range.end; ++at)
        values += x.start[batch.row(at) + 1] - x.start[batch.row(at)];
    start_.resize(static_cast<std::size_t>(columns) + 1);
    row_.resize(static_cast<std::size_t>(values));
    value_.resize(row_.size());
}

// A counting sort: stable, so that the rows of a column stay ascending.
template <class T>
void BatchColumns<T>::sort(const SparseRows<T>& x, const BatchRows& batch) {
    std::fill(start_.begin(), start_.end(), 0);
    const auto for_each_value = [&](const auto& visit) {
        for (Index at = batch.range.begin; at < batch.range.end; ++at) {
            const Index row = batch.row(at);
            for (std::int64_t n = x.start[row]; n < x.start[row + 1]; ++n)
                visit(at - batch.range.begin, static_cast<std::size_t>(x.column[n]), x.value[n]);
        }
    };
    for_each_value([&](Index, std::size_t column, T) { ++start_[column + 1]; });
    for (std::size_t i = 1; i < start_.size(); ++i) start_[i] += start_[i - 1];
    for_each_value([&](Index row, std::size_t column, T value) {
        const auto to = static_cast<std::size_t>(start_[column]++);
        row_[to] = static_cast<std::int32_t>(row);
        value_[to] = value;
    });
    // each start has moved to its column's end, which is the next one's start
    std::copy_backward(start_.begin(), start_.end() - 1, start_.end());
    start_[0] = 0;
}

template class MaskedRows<float>;
template class MaskedRows<double>;
template class BatchColumns<float>;
template class BatchColumns<double>;

}  // namespace chainfit
