// The pieces of the rows phase and of the weights phase, each over a range that the engine chooses. Floor: compiled
// once per instruction set. Ranges cut work along lanes, lines and panels, never along k, so they can't change a bit.

// Rows index[rows] of a strided matrix (columns wide) -> panel [column][lanes]; lanes without a row become 0.
template <class T>
void gather(const T* x, Index row_stride, Index column_stride, Index columns, const std::int64_t* index, Range rows,
            T* panel) {
    constexpr Index V = kLanes<T>;
    const Index count = rows.end - rows.begin;
    const T* row[V];
    for (Index r = 0; r < count; ++r) {
        const Index source = index ? static_cast<Index>(index[rows.begin + r]) : rows.begin + r;
        row[r] = x + source * row_stride;
    }
    if (column_stride == 1) {
        Index f = 0;
        for (; f + V <= columns; f += V) {
            Vec<T> block[V];
            for (Index r = 0; r < V; ++r) block[r] = r < count ? load_unaligned(row[r] + f) : zero<T>();
            transpose(block);
            for (Index c = 0; c < V; ++c) store(panel + (f + c) * V, block[c]);
        }
        if (f < columns) {
            Vec<T> block[V];
            for (Index r = 0; r < V; ++r) block[r] = r < count ? load_first(row[r] + f, columns - f) : zero<T>();
            transpose(block);
            for (Index c = 0; c < columns - f; ++c) store(panel + (f + c) * V, block[c]);
        }
        return;
    }
    for (Index f = 0; f < columns; ++f) {
        for (Index r = 0; r < count; ++r) panel[f * V + r] = row[r][f * column_stride];
        for (Index r = count; r < V; ++r) panel[f * V + r] = T(0);
    }
}

// Panel [feature][lanes] of rows -> for each panel of features, lines [row][lanes]; `features` is rounded up to lanes.
template <class T>
void transpose_panel(const T* panel, Index features, T* out, Index out_panel) {
    constexpr Index V = kLanes<T>;
    for (Index f = 0; f < features; f += V, out += out_panel) {
        Vec<T> block[V];
        for (Index i = 0; i < V; ++i) block[i] = load(panel + (f + i) * V);
        transpose(block);
        for (Index i = 0; i < V; ++i) store(out + i * V, block[i]);
    }
}

// Panel [feature][lanes] -> the first `count` rows, row-major.
template <class T>
void scatter(const T* panel, Index features, T* out, Index out_row, Index count) {
    constexpr Index V = kLanes<T>;
    for (Index f = 0; f < features; f += V) {
        const Index width = features - f < V ? features - f : V;
        Vec<T> block[V];
        for (Index i = 0; i < V; ++i) block[i] = i < width ? load(panel + (f + i) * V) : zero<T>();
        transpose(block);
        for (Index r = 0; r < count; ++r) store_first(out + r * out_row + f, block[r], width);
    }
}

CHAINFIT_INLINE Index smaller(Index a, Index b) { return a < b ? a : b; }

// Panels of weights that stay in L1 while panels of rows pass by.
inline constexpr Index kForwardGroup = 2;

template <class T>
void forward(const Weights<T>& weights, Panels<const T> in, Panels<T> out, Range row_panels, Range unit_panels,
             const Epilogue<T>& epilogue) {
    constexpr Index V = kLanes<T>;
    for (Index group = unit_panels.begin; group < unit_panels.end; group += kForwardGroup) {
        const Index group_end = smaller(group + kForwardGroup, unit_panels.end);
        for (Index k = 0; k < weights.n_in; k += kChain) {
            const Index k_count = smaller(kChain, weights.n_in - k);
            const bool last = k + k_count == weights.n_in;
            for (Index p = row_panels.begin; p < row_panels.end; p += kMaxNV) {
                const Index nv = smaller(kMaxNV, row_panels.end - p);
                for (Index j = group; j < group_end; ++j) {
                    const Index units = smaller(V, weights.n_out - j * V);
                    T* c = out.data + p * out.panel + j * V * V;
                    tiles_down<T, false>(units, nv, k_count, weights.w + j * weights.panel + k * weights.row,
                                         weights.row, in.data + p * in.panel + k * V, in.panel, c, out.panel, k > 0);
                    if (last)
                        for (Index v = 0; v < nv; ++v)
                            epilogue.apply(epilogue, c + v * out.panel, weights.bias + j * weights.bias_panel, units,
                                           epilogue.first_row + (p + v) * V, j * V);
                }
            }
        }
    }
}

// Tiles of units below that share one block of delta in L1.
inline constexpr Index kBackwardGroup = 4 * kMaxMR;

template <class T>
void backward(const Weights<T>& weights, Panels<const T> delta, Panels<const T> kept, Panels<T> out, Range row_panels,
              Range units, const Epilogue<T>& epilogue) {
    constexpr Index V = kLanes<T>;
    for (Index group = units.begin; group < units.end; group += kBackwardGroup) {
        const Index lines = smaller(kBackwardGroup, units.end - group);
        for (Index k = 0; k < weights.n_out; k += kChain) {
            const Index k_count = smaller(kChain, weights.n_out - k);
            const bool last = k + k_count == weights.n_out;
            for (Index p = row_panels.begin; p < row_panels.end; p += kMaxNV) {
                const Index nv = smaller(kMaxNV, row_panels.end - p);
                T* c = out.data + p * out.panel + group * V;
                tiles_down<T, true>(lines, nv, k_count, weights.w + k / V * weights.panel + group * V, weights.panel,
                                    delta.data + p * delta.panel + k * V, delta.panel, c, out.panel, k > 0);
                if (last)
                    for (Index v = 0; v < nv; ++v)
                        epilogue.apply(epilogue, c + v * out.panel, kept.data + (p + v) * kept.panel + group * V, lines,
                                       epilogue.first_row + (p + v) * V, group);
            }
        }
    }
}

template <class T>
void gradient(const GradientTask<T>& task) {
    constexpr Index V = kLanes<T>;
    const Index lines = task.lines.end - task.lines.begin;
    for (Index k = 0; k < task.rows; k += kChain) {
        const T* a = task.a + k / V * task.a_panel + task.lines.begin * V;
        for (Index v = 0; v < task.panels; v += kMaxNV)
            tiles_down<T, true>(lines, smaller(kMaxNV, task.panels - v), smaller(kChain, task.rows - k), a,
                                task.a_panel, task.delta + v * task.delta_panel + k * V, task.delta_panel,
                                task.out + v * lines * V, lines * V, k > 0);
    }
}

// out (n) = the sum of `count` blocks (n) that lie `stride` apart, added left to right.
template <class T>
void add_blocks(const T* blocks, Index stride, Index count, Index n, T* out) {
    for (Index i = 0; i < n; i += kLanes<T>) {
        Vec<T> sum = load(blocks + i);
        for (Index b = 1; b < count; ++b) sum = sum + load(blocks + b * stride + i);
        store(out + i, sum);
    }
}
