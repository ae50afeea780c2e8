// Backward and update of a few rows at a time, in one pass over W: where a mini-batch is so small that reading W, not
// the products, is what costs. Floor: compiled once per instruction set. Lanes are units, as in lines.inl.

// Sums over the lanes of `lines` dots of each row, set or added to its line `out`.
template <class T>
CHAINFIT_CALLED void fold_dots(const T (*dots)[kLanes<T>][kLanes<T>], Index rows, Index lines, T* out, bool add) {
    constexpr Index V = kLanes<T>;
    for (Index r = 0; r < rows; ++r, out += V) {
        Vec<T> lanes[V];
        if (lines == V)
            for (Index t = 0; t < V; ++t) lanes[t] = load(dots[r][t]);
        else
            for (Index t = 0; t < V; ++t) lanes[t] = t < lines ? load(dots[r][t]) : zero<T>();
        const Vec<T> sums = fold_sums(lanes);
        store(out, add ? load(out) + sums : sums);
    }
}

template <class Optimizer, class T>
CHAINFIT_CALLED void few_biases(const FewRowsLayer<T>& layer, Index j, int panels, const StepScalars<T>& c) {
    constexpr Index V = kLanes<T>;
    for (Index p = j; p < j + panels; ++p) {
        Vec<T> gradient = zero<T>();
        for (Index r = 0; r < layer.rows; ++r) gradient = gradient + load(layer.delta + (p * V + r) * V);
        const Index at = p * layer.panel + layer.n_in * V;
        update_biases<T, Optimizer>(gradient, layer.w + at, layer.slot[0] + at, layer.slot[1] + at, c);
    }
}

// A group of panels of units from j on. R rows, the loop over them unrolled and their deltas in registers; with R = 0
// as many as there are. Below: whether the layer below wants its delta. Compiled for each number of rows and size of
// group: what need not be stands above.
template <int R, bool Below, class Optimizer, class T, class Group>
CHAINFIT_INLINE void few_backward(const FewRowsLayer<T>& layer, Index j, const StepScalars<T>& c,
                                  Vec<T> (&sum_squares)[4], Group group) {
    constexpr Index V = kLanes<T>;
    const Index n_in = layer.n_in, panel = layer.panel;  // copies: stores to W can't change them
    const Index rows = R ? R : layer.rows;
    const T* const delta = layer.delta + j * V * V;
    T* const w = layer.w + j * panel;
    T* const s0 = layer.slot[0] + j * panel;
    T* const s1 = layer.slot[1] + j * panel;
    constexpr int most = R ? R : kFewRows;
    Vec<T> held[R ? R : 1][Group::most];  // delta
    if constexpr (R != 0)
#pragma GCC unroll kUnrolledPanels
        for (int p = 0; p < group.count; ++p)
#pragma GCC unroll kUnrolledRows
            for (int r = 0; r < R; ++r) held[r][p] = load(delta + (p * V + r) * V);
    alignas(64) T dots[most][V][V];  // of each row and each unit below, over these units
    T(*const dots_end)[V][V] = dots + rows;
    const T* const delta_end = delta + rows * V;
    for (Index i = 0; i < n_in; i += V) {
        const Index lines = smaller(V, n_in - i);
        for (Index t = 0; t < lines; ++t) {
            const T* a_end = layer.a + i * V + t + rows * V;
            const Index at = (i + t) * V;
            Vec<T> weight[Group::most], gradient[Group::most];
#pragma GCC unroll kUnrolledPanels
            for (int p = 0; p < group.count; ++p) {
                weight[p] = load(w + p * panel + at);
                gradient[p] = zero<T>();
            }
            // that with `left` rows to go, itself included
            const auto row = [&](Index left) CHAINFIT_LAMBDA {
                const Vec<T> a_r = set1<T>(a_end[-left * V]);
                Vec<T> dot = zero<T>();
#pragma GCC unroll kUnrolledPanels
                for (int p = 0; p < group.count; ++p) {
                    const Vec<T> delta_r = R ? held[R ? R - left : 0][p] : load(delta_end + (p * V - left) * V);
                    gradient[p] = fma(a_r, delta_r, gradient[p]);
                    if constexpr (Below) dot = fma(weight[p], delta_r, dot);
                }
                if constexpr (Below) store(dots_end[-left][t], dot);
            };
            if constexpr (R != 0) {
#pragma GCC unroll kUnrolledRows
                for (Index left = R; left > 0; --left) row(left);
            } else if constexpr (kUnrolledRows == 1) {
                for (Index left = rows; left > 0; --left) row(left);
            } else {
                switch (rows) {  // a loop would cost 5 to 10 % of a step
                    case 8:
                        row(8);
                        [[fallthrough]];
                    case 7:
                        row(7);
                        [[fallthrough]];
                    case 6:
                        row(6);
                        [[fallthrough]];
                    case 5:
                        row(5);
                        [[fallthrough]];
                    case 4:
                        row(4);
                        [[fallthrough]];
                    case 3:
                        row(3);
                        [[fallthrough]];
                    case 2:
                        row(2);
                        [[fallthrough]];
                    default:
                        row(1);
                }
            }
#pragma GCC unroll kUnrolledPanels
            for (int p = 0; p < group.count; ++p)
                update_vector<T, Optimizer>(gradient[p], w + p * panel + at, s0 + p * panel + at, s1 + p * panel + at,
                                            c, sum_squares[p]);
        }
        if constexpr (Below) fold_dots(dots, rows, lines, layer.below + i * V, j > 0);
    }
    few_biases<Optimizer>(layer, j, group.count, c);
}

template <int R, class Optimizer, class T>
T backward_of_rows(const FewRowsLayer<T>& layer) {
    const StepScalars<T> c = layer.scalars;
    Vec<T> sum_squares[4] = {zero<T>(), zero<T>(), zero<T>(), zero<T>()};
    for_panel_groups((layer.n_out + kLanes<T> - 1) / kLanes<T>, [&](Index j, auto group) CHAINFIT_LAMBDA {
        if (layer.below)
            few_backward<R, true, Optimizer>(layer, j, c, sum_squares, group);
        else
            few_backward<R, false, Optimizer>(layer, j, c, sum_squares, group);
    });
    return fold_sum((sum_squares[0] + sum_squares[1]) + (sum_squares[2] + sum_squares[3]));
}

template <class T, class Optimizer>
T backward_few_rows(const FewRowsLayer<T>& layer) {
    if constexpr (kUnrolledRows == kFewRows && !kSame<Optimizer, Store>) {
        // what users choose for batches; other numbers are mostly those of the rows that an epoch ends with
        if (layer.rows == 2) return backward_of_rows<2, Optimizer>(layer);
        if (layer.rows == 4) return backward_of_rows<4, Optimizer>(layer);
        if (layer.rows == 8) return backward_of_rows<8, Optimizer>(layer);
    }
    return backward_of_rows<0, Optimizer>(layer);
}
