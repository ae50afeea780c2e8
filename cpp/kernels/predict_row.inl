// One row through a net, for predictions one at a time. Floor: compiled once per instruction set. Lanes are units; sums
// are those of gemm.inl, so the bits are those of prediction by panels of rows. W is row-major, as users hold it.

// A group of panels of units from w on; the last has `width` units.
template <class T, class Group>
CHAINFIT_INLINE void row_forward(const Weights<T>& weights, const T* x, Index j, Index width, Vec<T> (&z)[Group::most],
                                 Group group) {
    constexpr Index V = kLanes<T>;
    const T* w = weights.w + j * V;
    const auto line = [=](const T* p, int panel) CHAINFIT_LAMBDA {
        return panel < group.count - 1 ? load_unaligned(p + panel * V) : load_first(p + panel * V, width);
    };
#pragma GCC unroll kUnrolledPanels
    for (int p = 0; p < group.count; ++p) z[p] = zero<T>();
    for (Index k = 0; k < weights.n_in; k += kChain) {
        const Index end = smaller(k + kChain, weights.n_in);
        Vec<T> sum[Group::most];
#pragma GCC unroll kUnrolledPanels
        for (int p = 0; p < group.count; ++p) sum[p] = zero<T>();
        for (Index i = k; i < end; ++i) {
            const Vec<T> x_i = set1<T>(x[i]);
#pragma GCC unroll kUnrolledPanels
            for (int p = 0; p < group.count; ++p) sum[p] = fma(x_i, line(w + i * weights.row, p), sum[p]);
        }
#pragma GCC unroll kUnrolledPanels
        for (int p = 0; p < group.count; ++p) z[p] = k ? z[p] + sum[p] : sum[p];
    }
#pragma GCC unroll kUnrolledPanels
    for (int p = 0; p < group.count; ++p) z[p] = z[p] + line(weights.bias + j * V, p);
}

// x (n_0) -> out (n_L). scratch: two lines as wide as the widest layer, and (n_L, lanes).
template <class T>
void predict_row(const RowNet<T>& net, const T* x, T* out, T* scratch) {
    constexpr Index V = kLanes<T>;
    const Index n_out = net.layers[net.n_layers - 1].n_out;
    T* lines[2] = {scratch, scratch + net.widest};
    for (Index l = 0; l < net.n_layers; ++l) {
        const Weights<T>& weights = net.layers[l];
        const Index panels = (weights.n_out + V - 1) / V;
        T* z = lines[l % 2];
        for_panel_groups(panels, [&](Index j, auto group) CHAINFIT_LAMBDA {
            Vec<T> sums[group.most];
            row_forward(weights, x, j, smaller(V, weights.n_out - (j + group.count - 1) * V), sums, group);
#pragma GCC unroll kUnrolledPanels
            for (int p = 0; p < group.count; ++p) store(z + (j + p) * V, sums[p]);
        });
        if (l + 1 < net.n_layers) activate_line<T>(net.activations[l], z, nullptr, panels);
        x = z;
    }
    if (net.link->unit_by_unit) {
        T* line = lines[(net.n_layers - 1) % 2];
        net.link->forward(line, (n_out + V - 1) / V);
        for (Index j = 0; j < n_out; ++j) out[j] = line[j];
    } else {
        // a panel of rows, all of them this one
        T* panel = scratch + 2 * net.widest;
        for (Index j = 0; j < n_out; ++j) store(panel + j * V, set1<T>(x[j]));
        link_forward(*net.link, net.blocks, panel);
        for (Index j = 0; j < n_out; ++j) out[j] = panel[j * V];
    }
}
