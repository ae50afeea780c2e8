// The rows phase with units in the lanes, for batches whose rows would leave too many lanes empty. Floor: compiled once
// per instruction set. The factors of phases.inl change places, so no row is padded: A = a or delta by rows, B = W as
// it lies (forward) or transposed on the way (backward). Sums are cut as there, and the bits are the same.

// Rows index[rows] of a strided matrix -> lines [column / lanes][row][lanes], `panel` apart; lanes without a column
// become 0.
template <class T>
void gather_lines(const T* x, Index row_stride, Index column_stride, Index columns, const std::int64_t* index,
                  Range rows, T* out, Index panel) {
    constexpr Index V = kLanes<T>;
    for (Index r = rows.begin; r < rows.end; ++r, out += V) {
        const T* row = x + (index ? static_cast<Index>(index[r]) : r) * row_stride;
        T* line = out;
        for (Index f = 0; f < columns; f += V, line += panel) {
            const Index width = smaller(V, columns - f);
            if (column_stride == 1) {
                store(line, width == V ? load_unaligned(row + f) : load_first(row + f, width));
                continue;
            }
            store(line, zero<T>());
            for (Index i = 0; i < width; ++i) line[i] = row[(f + i) * column_stride];
        }
    }
}

// Tiles of so few rows are wider than others, kFlatNV panels: else their chains of FMAs would wait for one another.
inline constexpr Index kFlatRows = 3;

CHAINFIT_INLINE Index tile_panels(Index rows, Index panels) {
    return rows <= kFlatRows && panels >= kFlatNV ? kFlatNV : smaller(kMaxNV, panels);
}

// All rows of `nv` panels of C = A by rows times B.
template <class T>
CHAINFIT_INLINE void tiles_of_rows(Index rows, Index nv, Index k_count, const T* a, Index a_panel, const T* b,
                                   Index b_panel, T* c, Index c_panel, bool accumulate) {
    if constexpr (kFlatNV > kMaxNV) {
        static constexpr TileFunction<T> flat[kFlatRows] = {&tile<T, 1, kFlatNV, true>, &tile<T, 2, kFlatNV, true>,
                                                            &tile<T, 3, kFlatNV, true>};
        if (nv > kMaxNV) return flat[rows - 1](k_count, a, a_panel, b, b_panel, c, c_panel, accumulate);
    }
    tiles_down<T, true>(rows, nv, k_count, a, a_panel, b, b_panel, c, c_panel, accumulate);
}

template <class T>
void forward_lines(const Weights<T>& weights, Lines<const T> in, Lines<T> out, Range rows, Range unit_panels,
                   const Epilogue<T>& epilogue) {
    constexpr Index V = kLanes<T>;
    const Index count = rows.end - rows.begin;
    if (count == 0) return;
    for (Index j = unit_panels.begin, nv; j < unit_panels.end; j += nv) {
        nv = tile_panels(count, unit_panels.end - j);
        T* c = out.data + j * out.panel + rows.begin * V;
        for (Index k = 0; k < weights.n_in; k += kChain)
            tiles_of_rows(count, nv, smaller(kChain, weights.n_in - k), in.data + k / V * in.panel + rows.begin * V,
                          in.panel, weights.w + j * weights.panel + k * weights.row, weights.panel, c, out.panel,
                          k > 0);
        for (Index v = 0; v < nv; ++v)
            epilogue.apply(epilogue, c + v * out.panel, weights.bias + (j + v) * weights.bias_panel, count,
                           epilogue.first_row + rows.begin, (j + v) * V);
    }
}

// W of lanes units below, from unit i on, and `count` units above, from unit k on -> lines [unit above][lanes].
template <class T>
CHAINFIT_INLINE void transpose_weights(const Weights<T>& weights, Index i, Index k, Index count, T* out) {
    constexpr Index V = kLanes<T>;
    const Index below = smaller(V, weights.n_in - i);
    for (Index j = 0; j < count; j += V) {
        const T* w = weights.w + (k + j) / V * weights.panel + i * V;
        Vec<T> block[V];
        for (Index r = 0; r < V; ++r) block[r] = r < below ? load(w + r * V) : zero<T>();
        transpose(block);
        for (Index r = 0; r < V; ++r) store(out + (j + r) * V, block[r]);
    }
}

template <class T>
void backward_lines(const Weights<T>& weights, Lines<const T> delta, Lines<const T> kept, Lines<T> out, Range rows,
                    Range unit_panels, const Epilogue<T>& epilogue) {
    constexpr Index V = kLanes<T>;
    constexpr Index panel = (kChain + 1) * V;  // not a power of two apart
    alignas(64) T w[kFlatNV * panel];
    const Index count = rows.end - rows.begin;
    if (count == 0) return;
    for (Index i = unit_panels.begin, nv; i < unit_panels.end; i += nv) {
        nv = tile_panels(count, unit_panels.end - i);
        T* c = out.data + i * out.panel + rows.begin * V;
        for (Index k = 0; k < weights.n_out; k += kChain) {
            const Index k_count = smaller(kChain, weights.n_out - k);
            for (Index v = 0; v < nv; ++v) transpose_weights(weights, (i + v) * V, k, k_count, w + v * panel);
            tiles_of_rows(count, nv, k_count, delta.data + k / V * delta.panel + rows.begin * V, delta.panel,
                          static_cast<const T*>(w), panel, c, out.panel, k > 0);
        }
        for (Index v = 0; v < nv; ++v)
            epilogue.apply(epilogue, c + v * out.panel, kept.data + (i + v) * kept.panel + rows.begin * V, count,
                           epilogue.first_row + rows.begin, (i + v) * V);
    }
}

template <class T>
void gradient_lines(const GradientTask<T>& task) {
    constexpr Index V = kLanes<T>;
    const T one = 1;  // the unit whose weights are the biases
    const Index lines = task.lines.end - task.lines.begin;
    for (Index v = 0; v < task.panels; v += kMaxNV) {
        const Index nv = smaller(kMaxNV, task.panels - v);
        for (Index k = 0; k < task.rows; k += kChain) {
            const T* delta = task.delta + v * task.delta_panel + k * V;
            for (Index i = task.lines.begin; i < task.lines.end;) {
                const bool bias = i == task.n_in;
                const Index end = bias ? i + 1 : smaller(smaller(task.lines.end, task.n_in), (i / V + 1) * V);
                const T* a = bias ? &one : task.a + i / V * task.a_panel + k * V + i % V;
                T* out = task.out + (v * lines + i - task.lines.begin) * V;
                tiles_down<T, false>(end - i, nv, smaller(kChain, task.rows - k), a, bias ? 0 : V, delta,
                                     task.delta_panel, out, lines * V, k > 0);
                i = end;
            }
        }
    }
}
