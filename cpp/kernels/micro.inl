// The whole step on one row: forward, loss, backward and update in one function, no tiles, no threads. Floor: compiled
// once per instruction set. Lanes are units, so forward sums as gemm.inl does, k ascending in blocks; backward sums
// over the 16 (8) lanes, panel after panel, and folds them by the fixed tree. W is read once on the way back: its row
// gives delta below and takes its update in the same visit.

template <class T>
CHAINFIT_INLINE void micro_forward(const MicroLayer<T>& layer, T* z) {
    constexpr Index V = kLanes<T>;
    constexpr int kSideBySide = 4;  // independent chains: FMA latency is 4 cycles
    const Index panels = (layer.n_out + V - 1) / V;
    for (Index j = 0; j < panels; j += kSideBySide) {
        const int side = static_cast<int>(smaller(kSideBySide, panels - j));
        const T* w = layer.w + j * layer.panel;
        Vec<T> total[kSideBySide], sum[kSideBySide];
        for (Index k = 0; k < layer.n_in; k += kBlock) {
            const Index end = smaller(k + kBlock, layer.n_in);
#pragma GCC unroll 4
            for (int s = 0; s < kSideBySide; ++s) sum[s] = zero<T>();
            if (side == 1) {
                for (Index i = k; i < end; ++i) sum[0] = fma(set1<T>(layer.a[i]), load(w + i * V), sum[0]);
            } else {
                // a missing chain repeats the last one: cheaper than a branch, never stored
                const Index panel[kSideBySide] = {0, layer.panel, smaller(2, side - 1) * layer.panel,
                                                  (side - 1) * layer.panel};
                for (Index i = k; i < end; ++i) {
                    const Vec<T> a = set1<T>(layer.a[i]);
#pragma GCC unroll 4
                    for (int s = 0; s < kSideBySide; ++s) sum[s] = fma(a, load(w + panel[s] + i * V), sum[s]);
                }
            }
#pragma GCC unroll 4
            for (int s = 0; s < kSideBySide; ++s) total[s] = k ? total[s] + sum[s] : sum[s];
        }
        for (int s = 0; s < side; ++s) store(z + (j + s) * V, total[s] + load(w + s * layer.panel + layer.n_in * V));
    }
}

// delta (n_in) of the layer below before f', where `below` is wanted; W and its slots updated on the way.
template <class T, class Optimizer>
CHAINFIT_INLINE void micro_backward(const MicroLayer<T>& layer, T* below, const StepScalars<T>& c,
                                    Vec<T>& sum_squares) {
    constexpr Index V = kLanes<T>;
    const Index panels = (layer.n_out + V - 1) / V;
    for (Index i = 0; i < layer.n_in; ++i) {
        const Vec<T> a = set1<T>(layer.a[i]);
        Vec<T> dot = zero<T>();
        for (Index j = 0; j < panels; ++j) {
            const Index at = j * layer.panel + i * V;
            const Vec<T> delta = load(layer.delta + j * V);
            if (below) dot = fma(load(layer.w + at), delta, dot);
            update_vector<T, Optimizer>(a * delta, layer.w + at, layer.slot[0] + at, layer.slot[1] + at, c, c.l2,
                                        sum_squares);
        }
        if (below) below[i] = fold_sum(dot);
    }
    Vec<T> biases_are_not_penalized = zero<T>();
    for (Index j = 0; j < panels; ++j) {
        const Index at = j * layer.panel + layer.n_in * V;
        update_vector<T, Optimizer>(load(layer.delta + j * V), layer.w + at, layer.slot[0] + at, layer.slot[1] + at, c,
                                    T(0), biases_are_not_penalized);
    }
}

template <class T, class Optimizer>
void micro_step(MicroStep<T>& step) {
    constexpr Index V = kLanes<T>;
    const StepScalars<T> c = step.scalars;
    const Index last = step.n_layers - 1;
    for (Index l = 0; l < last; ++l) {
        T* z = step.layers[l + 1].a;
        micro_forward(step.layers[l], z);
        // lanes are units here, and their biases are in already: f(z + 0)
        alignas(64) const T no_bias[1] = {T(0)};
        for (Index j = 0; j < step.layers[l].n_out; j += V) step.activation->forward(z + j, no_bias, 1);
    }
    const MicroLayer<T>& top = step.layers[last];
    micro_forward(top, top.delta);
    // the losses work on panels of rows: this row is lane 0 of one
    for (Index j = 0; j < top.n_out; ++j) store(step.output + j * V, set1<T>(top.delta[j]));
    const Vec<T> weight = set1<T>(step.row_weight);
    alignas(64) T row_weight[V];
    store(row_weight, weight);
    step.data_loss = step.loss->loss(step.output, step.target, row_weight, step.gradient, top.n_out, 1);
    for (Index j = 0; j < top.n_out; ++j) top.delta[j] = step.gradient[j * V];

    Vec<T> sum_squares = zero<T>();
    for (Index l = last; l >= 0; --l) {
        const MicroLayer<T>& layer = step.layers[l];
        T* below = l > 0 ? step.layers[l - 1].delta : nullptr;
        micro_backward<T, Optimizer>(layer, below, c, sum_squares);
        if (below)
            for (Index j = 0; j < layer.n_in; j += V) step.activation->backward(below + j, layer.a + j, V);
    }
    step.sum_squares = fold_sum(sum_squares);
}
