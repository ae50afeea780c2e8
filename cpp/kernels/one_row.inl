// Steps on one row each: what they are made of. Floor: compiled once per instruction set. Lanes are units. A step is
// one chain of latencies from W to W: what can run side by side does, losses wait for as many rows as there are lanes,
// and little is read narrower or wider than it was just written.

// A sum over the units below: one chain of FMAs from the bias on, and beside it one for every other block of this many
// terms, added when both are through.
inline constexpr Index kOneRowChain = 32;

// A group of panels that a loop takes at once: as many as the compiler knows, which unrolls it ...
template <int P>
struct PanelGroup {
    static constexpr int most = P;
    static constexpr int count = P;
};
// ... or, where the copies for 4, 2 and 1 of them are not worth the compiler's time, as many as there are.
struct SomePanels {
    static constexpr int most = 4;
    int count;
};

// Calls visit(j, group) for panels j .. j + group.count - 1; 4 as often as it goes, for an FMA takes four cycles.
template <class Visit>
CHAINFIT_INLINE void for_panel_groups(Index panels, Visit visit) {
    Index j = 0;
    if constexpr (kUnrolledPanels == 1) {
        for (int count = 4; count; count /= 2)
            for (; j + count <= panels; j += count) visit(j, SomePanels{count});
    } else {
        for (; j + 4 <= panels; j += 4) visit(j, PanelGroup<4>{});
        if (j + 2 <= panels) {
            visit(j, PanelGroup<2>{});
            j += 2;
        }
        if (j < panels) visit(j, PanelGroup<1>{});
    }
}

// z of a group of panels of units, biases included.
template <class T, class Group>
CHAINFIT_INLINE void one_row_forward(const OneRowLayer<T>& layer, const T* a, Index j, Vec<T> (&z)[Group::most],
                                     Group group) {
    constexpr Index V = kLanes<T>;
    const Index n_in = layer.n_in;
    const T* w[Group::most];
#pragma GCC unroll kUnrolledPanels
    for (int p = 0; p < group.count; ++p) w[p] = layer.w + (j + p) * layer.panel;
#pragma GCC unroll kUnrolledPanels
    for (int p = 0; p < group.count; ++p) z[p] = load(w[p] + n_in * V);  // the first chain begins with the bias
    if (n_in <= kOneRowChain) {
        for (Index i = 0; i < n_in; ++i) {
            const Vec<T> a_i = set1<T>(a[i]);
#pragma GCC unroll kUnrolledPanels
            for (int p = 0; p < group.count; ++p) z[p] = fma(a_i, load(w[p] + i * V), z[p]);
        }
        return;
    }
    for (Index k = 0; k < n_in; k += 2 * kOneRowChain) {
        const Index first = smaller(kOneRowChain, n_in - k);
        const Index second = smaller(kOneRowChain, n_in - k - first);
        Vec<T> other[Group::most];
#pragma GCC unroll kUnrolledPanels
        for (int p = 0; p < group.count; ++p) other[p] = zero<T>();
        Index i = k;
        for (; i < k + second; ++i) {
            const Vec<T> a_i = set1<T>(a[i]), a_o = set1<T>(a[i + kOneRowChain]);
#pragma GCC unroll kUnrolledPanels
            for (int p = 0; p < group.count; ++p) {
                z[p] = fma(a_i, load(w[p] + i * V), z[p]);
                other[p] = fma(a_o, load(w[p] + (i + kOneRowChain) * V), other[p]);
            }
        }
        for (; i < k + first; ++i) {
            const Vec<T> a_i = set1<T>(a[i]);
#pragma GCC unroll kUnrolledPanels
            for (int p = 0; p < group.count; ++p) z[p] = fma(a_i, load(w[p] + i * V), z[p]);
        }
#pragma GCC unroll kUnrolledPanels
        for (int p = 0; p < group.count; ++p) z[p] = z[p] + other[p];
    }
}

// The vector 1, 1, ... 0, 0: as many ones as there are units.
template <class T>
CHAINFIT_INLINE Vec<T> has_unit(Index units) {
    alignas(64) static constexpr T ones[16] = {1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1};
    return load_first(ones, units);
}

// Where step s is kept among as many as there are lanes: s % lanes, which is never negative.
template <class T>
CHAINFIT_INLINE Index lane_of(Index s) {
    return s & (kLanes<T> - 1);
}

// delta of the output layer, from z: a line of units, of an inlined loss. Outputs and targets are kept for the loss.
template <class T>
CHAINFIT_INLINE Vec<T> line_output(OneRowSteps<T>& steps, Index n_out, Index s, Vec<T> z) {
    constexpr Index V = kLanes<T>;
    const T* y = steps.y[s];
    const Vec<T> weight = set1<T>(steps.row_weight[s]) * has_unit<T>(n_out);  // units that there aren't weigh nothing
    const Vec<T> delta =
        weight * unit_delta(InlinedLosses{}, *steps.rule.loss, load_first(y, n_out), z, steps.loss_values);
    store(steps.output, z);
    for (Index j = 0; j < n_out; ++j) {
        steps.outputs[j * V + lane_of<T>(s)] = steps.output[j];
        steps.targets[j * V + lane_of<T>(s)] = y[j];
    }
    return delta;
}

// The same for any net and loss: z in layer.delta becomes delta, by way of a panel of rows, this row being each of
// them.
template <class T>
CHAINFIT_INLINE void panel_output(OneRowSteps<T>& steps, const OneRowLayer<T>& top, Index s) {
    constexpr Index V = kLanes<T>;
    const T* y = steps.y[s];
    alignas(64) T row_weight[V];
    store(row_weight, set1<T>(steps.row_weight[s]));
    for (Index j = 0; j < top.n_out; ++j) {
        store(steps.output + j * V, set1<T>(top.delta[j]));
        store(steps.target + j * V, set1<T>(y[j]));
    }
    steps.rule.delta(steps.output, steps.target, row_weight, steps.gradient);
    for (Index j = 0; j < top.n_out; ++j) {
        top.delta[j] = steps.gradient[j * V];
        steps.outputs[j * V + lane_of<T>(s)] = steps.output[j * V];
        steps.targets[j * V + lane_of<T>(s)] = y[j];
    }
}

// Adds the losses of the rows kept since the last call.
template <class T>
CHAINFIT_INLINE void one_row_losses(OneRowSteps<T>& steps, Index s) {
    constexpr Index V = kLanes<T>;
    const Index rows = lane_of<T>(s) + 1;
    if (rows < V && s + 1 < steps.count) return;
    alignas(64) T row_weight[V];
    store(row_weight, load_unaligned(steps.row_weight + s + 1 - rows));
    steps.data_loss += static_cast<double>(steps.rule.loss_of(steps.outputs, steps.targets, row_weight, rows));
}

template <class T>
CHAINFIT_INLINE StepScalars<T> scalars_of(const OneRowSteps<T>& steps, Index s) {
    StepScalars<T> c = steps.scalars;
    c.eta = steps.eta[s];
    c.l2 = steps.l2[s];
    c.decay = steps.decay[s];
    return c;
}

// W, b and their slots of a group of panels of units, updated. Where `below` is not null, the sums over these units of
// W delta are added to it (n_in, padded; set by the first panels): W is read once for both.
template <class T, class Optimizer, class Group>
CHAINFIT_INLINE void one_row_backward(const OneRowLayer<T>& layer, const T* a, Index j, T* below,
                                      const StepScalars<T>& c, Vec<T> (&sum_squares)[4], Group group) {
    constexpr Index V = kLanes<T>;
    const Index n_in = layer.n_in;  // copies: stores to W can't change them
    Vec<T> delta[Group::most];
    T *w[Group::most], *s0[Group::most], *s1[Group::most];
#pragma GCC unroll kUnrolledPanels
    for (int p = 0; p < group.count; ++p) {
        delta[p] = load(layer.delta + (j + p) * V);
        w[p] = layer.w + (j + p) * layer.panel;
        s0[p] = layer.slot[0] + (j + p) * layer.panel;
        s1[p] = layer.slot[1] + (j + p) * layer.panel;
    }
    const auto update_line = [&](Index i) CHAINFIT_LAMBDA {
        const Vec<T> a_i = set1<T>(a[i]);
        Vec<T> dot = zero<T>();
#pragma GCC unroll kUnrolledPanels
        for (int p = 0; p < group.count; ++p) {
            if (below) dot = fma(load(w[p] + i * V), delta[p], dot);
            update_vector<T, Optimizer>(a_i * delta[p], w[p] + i * V, s0[p] + i * V, s1[p] + i * V, c, sum_squares[p]);
        }
        return dot;
    };
    for (Index i = 0; i < n_in; i += V) {
        const Index lines = smaller(V, n_in - i);
        Vec<T> dots[V];
        for (Index r = 0; r < lines; ++r) dots[r] = update_line(i + r);
        if (!below) continue;
        for (Index r = lines; r < V; ++r) dots[r] = zero<T>();
        const Vec<T> sums = fold_sums(dots);
        store(below + i, j ? load(below + i) + sums : sums);
    }
#pragma GCC unroll kUnrolledPanels
    for (int p = 0; p < group.count; ++p)
        update_biases<T, Optimizer>(delta[p], w[p] + n_in * V, s0[p] + n_in * V, s1[p] + n_in * V, c);
}
