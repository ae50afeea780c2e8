// The first layer of a sparse X. Floor: compiled once per instruction set. Lanes are units, so one value of X is one
// FMA for each panel of units. Sums are cut at multiples of kChain as in gemm.inl; terms that are not there would add
// 0, so the bits are those of the same X made dense.

// Sum over n in [begin, end) of value[n] * lines[position[n]], lanes being units.
template <class T, class Load>
CHAINFIT_INLINE Vec<T> sparse_sum(const T* value, const std::int32_t* position, std::int64_t begin, std::int64_t end,
                                  Load line) {
    Vec<T> total = zero<T>(), sum = zero<T>();
    Index block = 0;
    for (std::int64_t n = begin; n < end; ++n) {
        const Index k = position[n];
        if (k / kChain != block) {
            total = total + sum;
            sum = zero<T>();
            block = k / kChain;
        }
        sum = fma(set1<T>(value[n]), line(k), sum);
    }
    return total + sum;
}

// Rows index[rows] (at most lanes of them) of x through one layer into panel `row_panel` of `out`.
template <class T>
void forward_sparse(const Weights<T>& weights, const SparseRows<T>& x, const std::int64_t* index, Range rows,
                    Index row_panel, Panels<T> out, Range unit_panels, const Epilogue<T>& epilogue) {
    constexpr Index V = kLanes<T>;
    const Index count = rows.end - rows.begin;
    for (Index j = unit_panels.begin; j < unit_panels.end; ++j) {
        const Index units = smaller(V, weights.n_out - j * V);
        const T* w = weights.w + j * weights.panel;
        const Index step = weights.row;
        Vec<T> block[V];
        for (Index r = 0; r < V; ++r) {
            block[r] = zero<T>();
            if (r >= count) continue;
            const Index row = index ? static_cast<Index>(index[rows.begin + r]) : rows.begin + r;
            block[r] = sparse_sum(
                x.value, x.column, x.start[row], x.start[row + 1], [w, step, units](Index k) CHAINFIT_LAMBDA {
                    return units == V ? load_unaligned(w + k * step) : load_first(w + k * step, units);
                });
        }
        transpose(block);
        T* c = out.data + row_panel * out.panel + j * V * V;
        for (Index u = 0; u < units; ++u) store(c + u * V, block[u]);
        epilogue.apply(epilogue, c, weights.bias + j * weights.bias_panel, units, epilogue.first_row + row_panel * V,
                       j * V);
    }
}

// Lines of dW[0]: line i < n_in from column i of the batch, line n_in (the bias) from rows of ones.
template <class T>
void gradient_sparse(const GradientTask<T>& task) {
    constexpr Index V = kLanes<T>;
    const Index lines = task.lines.end - task.lines.begin;
    for (Index v = 0; v < task.panels; ++v) {
        const T* delta = task.delta + v * task.delta_panel;
        T* out = task.out + v * lines * V;
        for (Index i = task.lines.begin; i < task.lines.end; ++i, out += V) {
            if (i < task.n_in) {
                store(out, sparse_sum(task.x.value, task.x.row, task.x.start[i], task.x.start[i + 1],
                                      [delta](Index k) CHAINFIT_LAMBDA { return load(delta + k * V); }));
                continue;
            }
            Vec<T> total = zero<T>();
            for (Index k = 0; k < task.rows; k += kChain) {
                Vec<T> sum = zero<T>();
                for (Index r = k; r < smaller(k + kChain, task.rows); ++r) sum = sum + load(delta + r * V);
                total = total + sum;
            }
            store(out, total);
        }
    }
}
