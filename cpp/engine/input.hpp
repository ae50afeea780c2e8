// What the first layer reads: dense rows with any strides, or rows of a sparse matrix (CSR). Floor: engine.
// To add another (binned numbers, embedded categories): its own gather, first forward and first gradient in here.
#pragma once

#include <algorithm>
#include <vector>

#include "engine/source.hpp"

namespace chainfit {

template <class T>
class Input {
   public:
    Input(const Kernels<T>& kernels, const Samples<T>& samples, Index columns)
        : kernels_(kernels), samples_(samples), columns_(columns) {}

    bool is_sparse() const { return samples_.is_sparse(); }

    // Panels of rows of a batch, the lanes being rows; panel q holds the batch's panel first + q. A sparse X is not
    // gathered: it stays where it is.
    void gather(const BatchRows& batch, Index first, Range panels, Panels<T> out) const {
        for (Index q = panels.begin; q < panels.end && !is_sparse(); ++q)
            kernels_.gather(samples_.X, samples_.x_row, samples_.x_column, columns_, batch.index,
                            rows_of_panel<T>(batch, first + q), out.data + q * out.panel);
    }

    // The first layer for the same panels, read from `gathered` or, where X is sparse, from its values.
    void forward(const Weights<T>& weights, const BatchRows& batch, Index first, Panels<const T> gathered,
                 Panels<T> out, Range panels, Range unit_panels, const Epilogue<T>& epilogue) const {
        if (!is_sparse()) {
            kernels_.forward(weights, gathered, out, panels, unit_panels, epilogue);
            return;
        }
        for (Index q = panels.begin; q < panels.end; ++q)
            kernels_.forward_sparse(weights, samples_.sparse, batch.index, rows_of_panel<T>(batch, first + q), q, out,
                                    unit_panels, epilogue);
    }

    // Rows of a batch with units in the lanes. A sparse X is spread out: the steps that read it so visit every weight
    // anyway, and its zeros cost nothing that counts.
    void gather_lines(const BatchRows& rows, Lines<T> out) const {
        constexpr Index V = kLanes<T>;
        if (!is_sparse()) {
            kernels_.gather_lines(samples_.X, samples_.x_row, samples_.x_column, columns_, rows.index, rows.range,
                                  out.data, out.panel);
            return;
        }
        for (Index i = 0; i < columns_; i += V) std::fill_n(out.data + i / V * out.panel, rows.count() * V, T(0));
        T* line = out.data;
        for (Index at = rows.range.begin; at < rows.range.end; ++at, line += V)
            spread(rows.row(at), [=](Index column) -> T& { return line[column / V * out.panel + column % V]; });
    }

    // Whether one row lies in X as the kernels of one row read it.
    bool has_rows() const { return !is_sparse() && samples_.x_column == 1; }
    // One row: as it lies, or spread out in `room` (columns).
    const T* row(Index row, T* room) const {
        const T* x = samples_.X + row * samples_.x_row;
        if (has_rows()) return x;
        if (is_sparse()) {
            std::fill_n(room, columns_, T(0));
            spread(row, [=](Index column) -> T& { return room[column]; });
        } else {
            for (Index i = 0; i < columns_; ++i) room[i] = x[i * samples_.x_column];
        }
        return room;
    }

   private:
    // Sets at(column) for each value of a sparse row.
    template <class At>
    void spread(Index row, const At& at) const {
        const SparseRows<T>& x = samples_.sparse;
        for (std::int64_t n = x.start[row]; n < x.start[row + 1]; ++n) at(x.column[n]) = x.value[n];
    }

    const Kernels<T>& kernels_;
    const Samples<T>& samples_;
    Index columns_;
};

// The rows of a sparse batch, numbered from 0, with some of their values dropped, as of rows from `first_row` on.
template <class T>
class MaskedRows {
   public:
    void fill(const Kernels<T>& kernels, const Dropout<T>& dropout, const SparseRows<T>& x, const BatchRows& batch,
              Index first_row);
    SparseRows<T> view() const { return {start_.data(), column_.data(), value_.data()}; }

   private:
    std::vector<std::int64_t> start_;
    std::vector<std::int32_t> column_;
    std::vector<T> value_;
};

// A sparse batch by columns, as the gradient of the first layer reads it.
template <class T>
class BatchColumns {
   public:
    // Memory for what sort() makes of the same batch.
    void make_room(const SparseRows<T>& x, const BatchRows& batch, Index columns);
    void sort(const SparseRows<T>& x, const BatchRows& batch);
    SparseColumns<T> view() const { return {start_.data(), row_.data(), value_.data()}; }

   private:
    std::vector<std::int64_t> start_;
    std::vector<std::int32_t> row_;
    std::vector<T> value_;
};

}  // namespace chainfit
