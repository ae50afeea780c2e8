// Backward and update of a few rows at a time, in one pass over W: where a mini-batch is so small that reading W, not
// the products, is what costs. Floor: compiled once per instruction set. Lanes are units, as in lines.inl.

// P panels of units from j on. R rows, all loops over them unrolled; with R = 0 as many as there are, for instruction
// sets where a variant for each number would take the compiler too long.
template <class T, class Optimizer, int R, int P>
CHAINFIT_INLINE void few_backward(const FewRowsLayer<T>& layer, Index j, const StepScalars<T>& c,
                                  Vec<T> (&sum_squares)[4]) {
    constexpr Index V = kLanes<T>;
    const Index n_in = layer.n_in;  // a copy: stores to W can't change it
    const bool below = layer.below.data;
    constexpr int most = R ? R : kFewRows;
    const int rows = R ? R : static_cast<int>(layer.rows);
    Vec<T> delta[most][P];
    T *w[P], *s0[P], *s1[P];
#pragma GCC unroll 4
    for (int p = 0; p < P; ++p) {
#pragma GCC unroll kUnrolledRows
        for (int r = 0; r < most; ++r)
            delta[r][p] = r < rows ? load(layer.delta.data + (j + p) * layer.delta.panel + r * V) : zero<T>();
        w[p] = layer.w + (j + p) * layer.panel;
        s0[p] = layer.slot[0] + (j + p) * layer.panel;
        s1[p] = layer.slot[1] + (j + p) * layer.panel;
    }
    alignas(64) T dots[most][V][V];  // of each row and each unit below, over these units
    for (Index i = 0; i < n_in; i += V) {
        const Index lines = smaller(V, n_in - i);
        const T* a = layer.a.data + i / V * layer.a.panel;
        for (Index t = 0; t < lines; ++t) {
            Vec<T> weight[P], gradient[P];
#pragma GCC unroll 4
            for (int p = 0; p < P; ++p) {
                weight[p] = load(w[p] + (i + t) * V);
                gradient[p] = zero<T>();
            }
#pragma GCC unroll kUnrolledRows
            for (int r = 0; r < most; ++r) {
                if (r >= rows) break;
                const Vec<T> a_r = set1<T>(a[r * V + t]);
                Vec<T> dot = zero<T>();
#pragma GCC unroll 4
                for (int p = 0; p < P; ++p) {
                    gradient[p] = fma(a_r, delta[r][p], gradient[p]);
                    dot = fma(weight[p], delta[r][p], dot);
                }
                if (below) store(dots[r][t], dot);
            }
#pragma GCC unroll 4
            for (int p = 0; p < P; ++p) {
                const Index at = (i + t) * V;
                update_vector<T, Optimizer>(gradient[p], w[p] + at, s0[p] + at, s1[p] + at, c, sum_squares[p]);
            }
        }
        if (!below) continue;
        for (int r = 0; r < rows; ++r) {
            Vec<T> lanes[V];
            for (Index t = 0; t < V; ++t) lanes[t] = t < lines ? load(dots[r][t]) : zero<T>();
            T* out = layer.below.data + i / V * layer.below.panel + r * V;
            const Vec<T> sums = fold_sums(lanes);
            store(out, j ? load(out) + sums : sums);
        }
    }
#pragma GCC unroll 4
    for (int p = 0; p < P; ++p) {
        Vec<T> gradient = zero<T>();
#pragma GCC unroll kUnrolledRows
        for (int r = 0; r < most; ++r) gradient = gradient + delta[r][p];
        const Index at = n_in * V;
        update_biases<T, Optimizer>(gradient, w[p] + at, s0[p] + at, s1[p] + at, c);
    }
}

template <class T, class Optimizer, int R>
T backward_of_rows(const FewRowsLayer<T>& layer) {
    const StepScalars<T> c = layer.scalars;
    Vec<T> sum_squares[4] = {zero<T>(), zero<T>(), zero<T>(), zero<T>()};
    for_panel_groups((layer.n_out + kLanes<T> - 1) / kLanes<T>, [&](Index j, auto group) CHAINFIT_LAMBDA {
        few_backward<T, Optimizer, R, group.panels>(layer, j, c, sum_squares);
    });
    return fold_sum((sum_squares[0] + sum_squares[1]) + (sum_squares[2] + sum_squares[3]));
}

template <class T, class Optimizer, int R = 2>
T backward_of_few(const FewRowsLayer<T>& layer) {
    if constexpr (kUnrolledRows < kFewRows)
        return backward_of_rows<T, Optimizer, 0>(layer);
    else if constexpr (R == kFewRows)
        return backward_of_rows<T, Optimizer, R>(layer);
    else
        return layer.rows == R ? backward_of_rows<T, Optimizer, R>(layer) : backward_of_few<T, Optimizer, R + 1>(layer);
}

// Of the optimizer at position layer.optimizer of the list, or one beyond: of the rule that stores.
template <class T, class... O>
CHAINFIT_INLINE T backward_of_few_at(TypeList<O...>, const FewRowsLayer<T>& layer) {
    T squares = 0;
    Index i = 0;
    const bool found = (... || (layer.optimizer == i++ && (squares = backward_of_few<T, O>(layer), true)));
    return found ? squares : backward_of_rows<T, Store, 0>(layer);
}

template <class T>
T backward_few_rows(const FewRowsLayer<T>& layer) {
    return backward_of_few_at(WholeStepOptimizers{}, layer);
}
