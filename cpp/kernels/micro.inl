// Steps on one row each: forward, loss, backward and update in one function, no tiles, no threads. Floor: compiled once
// per instruction set. Lanes are units. A step is one chain of latencies from W to W: what can run side by side does,
// losses wait for as many rows as there are lanes, and little is read narrower or wider than it was just written.
// tiny_steps is for nets whose layers fit a vector each, micro_steps for all others.

// A sum over the units below: one chain of FMAs from the bias on, and beside it one for every other block of this many
// terms, added when both are through.
inline constexpr Index kMicroBlock = 32;

// z of P panels of units, biases included.
template <class T, int P>
CHAINFIT_INLINE void micro_forward(const MicroLayer<T>& layer, const T* a, Index j, Vec<T> (&z)[P]) {
    constexpr Index V = kLanes<T>;
    const Index n_in = layer.n_in;
    const T* w[P];
#pragma GCC unroll 4
    for (int p = 0; p < P; ++p) w[p] = layer.w + (j + p) * layer.panel;
#pragma GCC unroll 4
    for (int p = 0; p < P; ++p) z[p] = load(w[p] + n_in * V);  // the first chain begins with the bias
    if (n_in <= kMicroBlock) {
        for (Index i = 0; i < n_in; ++i) {
            const Vec<T> a_i = set1<T>(a[i]);
#pragma GCC unroll 4
            for (int p = 0; p < P; ++p) z[p] = fma(a_i, load(w[p] + i * V), z[p]);
        }
        return;
    }
    for (Index k = 0; k < n_in; k += 2 * kMicroBlock) {
        const Index first = smaller(kMicroBlock, n_in - k);
        const Index second = smaller(kMicroBlock, n_in - k - first);
        Vec<T> other[P];
#pragma GCC unroll 4
        for (int p = 0; p < P; ++p) other[p] = zero<T>();
        Index i = k;
        for (; i < k + second; ++i) {
            const Vec<T> a_i = set1<T>(a[i]), a_o = set1<T>(a[i + kMicroBlock]);
#pragma GCC unroll 4
            for (int p = 0; p < P; ++p) {
                z[p] = fma(a_i, load(w[p] + i * V), z[p]);
                other[p] = fma(a_o, load(w[p] + (i + kMicroBlock) * V), other[p]);
            }
        }
        for (; i < k + first; ++i) {
            const Vec<T> a_i = set1<T>(a[i]);
#pragma GCC unroll 4
            for (int p = 0; p < P; ++p) z[p] = fma(a_i, load(w[p] + i * V), z[p]);
        }
#pragma GCC unroll 4
        for (int p = 0; p < P; ++p) z[p] = z[p] + other[p];
    }
}

template <int P>
struct PanelGroup {
    static constexpr int panels = P;
};

// Calls visit(j, PanelGroup<P>) for panels j .. j + P - 1; P = 4 as often as it goes, for an FMA takes four cycles.
template <class Visit>
CHAINFIT_INLINE void for_panel_groups(Index panels, Visit visit) {
    Index j = 0;
    for (; j + 4 <= panels; j += 4) visit(j, PanelGroup<4>{});
    if (j + 2 <= panels) {
        visit(j, PanelGroup<2>{});
        j += 2;
    }
    if (j < panels) visit(j, PanelGroup<1>{});
}

// The vector 1, 1, ... 0, 0: as many ones as there are units.
template <class T>
CHAINFIT_INLINE Vec<T> has_unit(Index units) {
    alignas(64) static constexpr T ones[16] = {1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1};
    return load_first(ones, units);
}

// delta of the output layer, from z: a line of units, whose link takes each by itself. Outputs and targets are kept for
// the loss.
template <class T>
CHAINFIT_INLINE Vec<T> line_output(MicroSteps<T>& steps, Index n_out, Index s, Vec<T> z) {
    constexpr Index V = kLanes<T>;
    const T* y = steps.y[s];
    const Vec<T> weight = set1<T>(steps.row_weight[s]) * has_unit<T>(n_out);  // units that there aren't weigh nothing
    const Index which = steps.loss - LossList<T, Losses>::items;
    const Vec<T> delta = weight * unit_delta_at(Losses{}, which, load_first(y, n_out), z, steps.loss_values);
    store(steps.output, z);
    for (Index j = 0; j < n_out; ++j) {
        steps.outputs[j * V + s % V] = steps.output[j];
        steps.targets[j * V + s % V] = y[j];
    }
    return delta;
}

// The same for any net and loss: z in layer.delta becomes delta, by way of a panel of rows, this row being each of
// them.
template <class T>
CHAINFIT_INLINE void panel_output(MicroSteps<T>& steps, const MicroLayer<T>& top, Index s) {
    constexpr Index V = kLanes<T>;
    const T* y = steps.y[s];
    alignas(64) T row_weight[V];
    store(row_weight, set1<T>(steps.row_weight[s]));
    for (Index j = 0; j < top.n_out; ++j) {
        store(steps.output + j * V, set1<T>(top.delta[j]));
        store(steps.target + j * V, set1<T>(y[j]));
    }
    steps.loss->delta(steps.output, steps.target, row_weight, steps.gradient, top.n_out, steps.loss_values);
    for (Index j = 0; j < top.n_out; ++j) {
        top.delta[j] = steps.gradient[j * V];
        steps.outputs[j * V + s % V] = steps.output[j * V];
        steps.targets[j * V + s % V] = y[j];
    }
}

// Adds the losses of the rows kept since the last call.
template <class T>
CHAINFIT_INLINE void micro_losses(MicroSteps<T>& steps, const MicroLayer<T>& top, Index s) {
    constexpr Index V = kLanes<T>;
    const Index rows = s % V + 1;
    if (rows < V && s + 1 < steps.count) return;
    alignas(64) T row_weight[V];
    store(row_weight, load_unaligned(steps.row_weight + s + 1 - rows));
    steps.data_loss += static_cast<double>(
        steps.loss->loss(steps.outputs, steps.targets, row_weight, top.n_out, rows, steps.loss_values));
}

template <class T>
CHAINFIT_INLINE StepScalars<T> scalars_of(const MicroSteps<T>& steps, Index s) {
    StepScalars<T> c = steps.scalars;
    c.eta = steps.eta[s];
    c.l2 = steps.l2[s];
    return c;
}

// W, b and their slots of P panels of units, updated. Where `below` is not null, the sums over these units of W delta
// are added to it (n_in, padded; set by the first panels): W is read once for both.
template <class T, class Optimizer, int P>
CHAINFIT_INLINE void micro_backward(const MicroLayer<T>& layer, const T* a, Index j, T* below, const StepScalars<T>& c,
                                    Vec<T> (&sum_squares)[4]) {
    constexpr Index V = kLanes<T>;
    const Index n_in = layer.n_in;  // copies: stores to W can't change them
    Vec<T> delta[P];
    T *w[P], *s0[P], *s1[P];
#pragma GCC unroll 4
    for (int p = 0; p < P; ++p) {
        delta[p] = load(layer.delta + (j + p) * V);
        w[p] = layer.w + (j + p) * layer.panel;
        s0[p] = layer.slot[0] + (j + p) * layer.panel;
        s1[p] = layer.slot[1] + (j + p) * layer.panel;
    }
    const auto update_line = [&](Index i, Vec<T> a_i, T l2, Vec<T>(&squares)[4]) CHAINFIT_LAMBDA {
        Vec<T> dot = zero<T>();
#pragma GCC unroll 4
        for (int p = 0; p < P; ++p) {
            if (below) dot = fma(load(w[p] + i * V), delta[p], dot);
            update_vector<T, Optimizer>(a_i * delta[p], w[p] + i * V, s0[p] + i * V, s1[p] + i * V, c, l2, squares[p]);
        }
        return dot;
    };
    for (Index i = 0; i < n_in; i += V) {
        const Index lines = smaller(V, n_in - i);
        Vec<T> dots[V];
        for (Index r = 0; r < lines; ++r) dots[r] = update_line(i + r, set1<T>(a[i + r]), c.l2, sum_squares);
        if (!below) continue;
        for (Index r = lines; r < V; ++r) dots[r] = zero<T>();
        const Vec<T> sums = fold_sums(dots);
        store(below + i, j ? load(below + i) + sums : sums);
    }
    Vec<T> biases_are_not_penalized[4] = {zero<T>(), zero<T>(), zero<T>(), zero<T>()};
    update_line(n_in, set1<T>(T(1)), T(0), biases_are_not_penalized);
}

// [n_in][lanes] -> [n_out][lanes], both at most as many as there are lanes.
template <class T>
CHAINFIT_INLINE void transpose_lines(const T* w, Index n_in, Index n_out, T* out) {
    constexpr Index V = kLanes<T>;
    Vec<T> block[V];
    for (Index i = 0; i < V; ++i) block[i] = i < n_in ? load(w + i * V) : zero<T>();
    transpose(block);
    for (Index j = 0; j < n_out; ++j) store(out + j * V, block[j]);
}

// A layer is narrow where lanes of units below waste less than lanes of units above: the output layer, mostly. While
// steps are made, its W lies transposed.
template <class T>
CHAINFIT_INLINE bool is_narrow(const MicroLayer<T>& layer) {
    constexpr Index V = kLanes<T>;
    return layer.transposed[0] && layer.n_out <= V && layer.n_out * ((layer.n_in + V - 1) / V) < layer.n_in;
}

template <class T, class Optimizer>
CHAINFIT_INLINE void transpose_narrow(const MicroLayer<T>& layer, bool back) {
    constexpr Index V = kLanes<T>;
    T* const w[3] = {layer.w, layer.slot[0], layer.slot[1]};
    for (int s = 0; s < 1 + Optimizer::slots; ++s)
        for (Index i = 0; i < layer.n_in; i += V) {
            T* lines = w[s] + i * V;
            T* across = layer.transposed[s] + i * layer.n_out;
            const Index n_in = smaller(V, layer.n_in - i);
            if (back)
                transpose_lines(across, layer.n_out, n_in, lines);
            else
                transpose_lines(lines, n_in, layer.n_out, across);
        }
}

// z of a narrow layer, biases included.
template <class T>
CHAINFIT_INLINE Vec<T> narrow_forward(const MicroLayer<T>& layer) {
    constexpr Index V = kLanes<T>;
    Vec<T> dots[V];
    for (Index j = 0; j < V; ++j) dots[j] = zero<T>();
    for (Index j = 0; j < layer.n_out; ++j) {
        Vec<T> dot = zero<T>();
        for (Index i = 0; i < layer.n_in; i += V)
            dot = fma(load(layer.a + i), load(layer.transposed[0] + i * layer.n_out + j * V), dot);
        dots[j] = dot;
    }
    return fold_sums(dots) + load(layer.w + layer.n_in * V);
}

// As micro_backward.
template <class T, class Optimizer>
CHAINFIT_INLINE void narrow_backward(const MicroLayer<T>& layer, T* below, const StepScalars<T>& c,
                                     Vec<T> (&sum_squares)[4]) {
    constexpr Index V = kLanes<T>;
    const Index n_in = layer.n_in, n_out = layer.n_out;
    T* const w = layer.transposed[0];
    T* const s0 = layer.transposed[1];
    T* const s1 = layer.transposed[2];
    for (Index i = 0; i < n_in; i += V) {
        // a lane without a unit has a weight of 0, which must stay
        const Vec<T> a = load(layer.a + i) * has_unit<T>(smaller(V, n_in - i));
        Vec<T> sum = zero<T>();
        for (Index j = 0; j < n_out; ++j) {
            const Vec<T> delta = set1<T>(layer.delta[j]);
            const Index at = i * n_out + j * V;
            sum = fma(delta, load(w + at), sum);
            update_vector<T, Optimizer>(a * delta, w + at, s0 + at, s1 + at, c, c.l2, sum_squares[0]);
        }
        store(below + i, sum);
    }
    const Index bias = n_in * V;
    Vec<T> biases_are_not_penalized = zero<T>();
    update_vector<T, Optimizer>(load(layer.delta), layer.w + bias, layer.slot[0] + bias, layer.slot[1] + bias, c, T(0),
                                biases_are_not_penalized);
}

template <class T, class Optimizer>
void micro_steps(MicroSteps<T>& steps) {
    constexpr Index V = kLanes<T>;
    const Index last = steps.n_layers - 1;
    const MicroLayer<T>& top = steps.layers[last];
    const bool line = top.n_out <= V && steps.loss->unit_by_unit;
    for (Index l = 1; l <= last; ++l)
        if (is_narrow(steps.layers[l])) transpose_narrow<T, Optimizer>(steps.layers[l], false);
    steps.data_loss = 0;
    for (Index s = 0; s < steps.count; ++s) {
        const StepScalars<T> c = scalars_of(steps, s);
        for (Index l = 0; l <= last; ++l) {
            const MicroLayer<T>& layer = steps.layers[l];
            const T* a = l ? layer.a : steps.x[s];
            T* out = l < last ? steps.layers[l + 1].a : top.delta;
            const Index panels = (layer.n_out + V - 1) / V;
            if (is_narrow(layer))
                store(out, narrow_forward(layer));
            else
                for_panel_groups(panels, [&](Index j, auto group) CHAINFIT_LAMBDA {
                    Vec<T> z[group.panels];
                    micro_forward<T, group.panels>(layer, a, j, z);
#pragma GCC unroll 4
                    for (int p = 0; p < group.panels; ++p) store(out + (j + p) * V, z[p]);
                });
            if (l == last) break;
            const MicroLayer<T>& above = steps.layers[l + 1];
            activate_line_at(Activations{}, above.activation, out, above.kept, panels);
        }
        if (line)
            store(top.delta, line_output(steps, top.n_out, s, load(top.delta)));
        else
            panel_output(steps, top, s);
        micro_losses(steps, top, s);
        Vec<T> sum_squares[4] = {zero<T>(), zero<T>(), zero<T>(), zero<T>()};
        for (Index l = last; l >= 0; --l) {
            const MicroLayer<T>& layer = steps.layers[l];
            const T* a = l ? layer.a : steps.x[s];
            T* below = l ? steps.layers[l - 1].delta : nullptr;
            if (is_narrow(layer))
                narrow_backward<T, Optimizer>(layer, below, c, sum_squares);
            else
                for_panel_groups((layer.n_out + V - 1) / V, [&](Index j, auto group) CHAINFIT_LAMBDA {
                    micro_backward<T, Optimizer, group.panels>(layer, a, j, below, c, sum_squares);
                });
            for (Index i = 0; below && i < layer.n_in; i += V)
                store(below + i,
                      load(below + i) * derivative_at(Activations{}, layer.activation, load(layer.kept + i)));
        }
        steps.sum_squares[s] = fold_sum((sum_squares[0] + sum_squares[1]) + (sum_squares[2] + sum_squares[3]));
    }
    for (Index l = 1; l <= last; ++l)
        if (is_narrow(steps.layers[l])) transpose_narrow<T, Optimizer>(steps.layers[l], true);
}

// W is held twice, by units above and by units below. Then the way back is a chain of FMAs like the way forward,
// without a sum across lanes, and both copies get the same update.
template <class T, class Optimizer>
void tiny_steps(MicroSteps<T>& steps) {
    constexpr Index V = kLanes<T>;
    const Index last = steps.n_layers - 1;
    const MicroLayer<T>& top = steps.layers[last];
    for (Index l = 1; l <= last; ++l) {
        const MicroLayer<T>& layer = steps.layers[l];
        transpose_lines(layer.w, layer.n_in, layer.n_out, layer.transposed[0]);
        for (int i = 0; i < Optimizer::slots; ++i)
            transpose_lines(layer.slot[i], layer.n_in, layer.n_out, layer.transposed[1 + i]);
    }
    const bool line = steps.loss->unit_by_unit;
    steps.data_loss = 0;
    for (Index s = 0; s < steps.count; ++s) {
        const StepScalars<T> c = scalars_of(steps, s);
        Vec<T> z[1];
        micro_forward<T, 1>(steps.layers[0], steps.x[s], 0, z);
        for (Index l = 1; l <= last; ++l) {
            const MicroLayer<T>& layer = steps.layers[l];
            Vec<T> kept = zero<T>();
            const Vec<T> a = activation_at(Activations{}, layer.activation, z[0], kept);
            store(layer.a, a);
            store(layer.kept, kept);
            z[0] = load(layer.w + layer.n_in * V);
            for (Index i = 0; i < layer.n_in; ++i) z[0] = fma(spread(a, i), load(layer.w + i * V), z[0]);
        }
        Vec<T> delta;
        if (line) {
            delta = line_output(steps, top.n_out, s, z[0]);
        } else {
            store(top.delta, z[0]);
            panel_output(steps, top, s);
            delta = load(top.delta);
        }
        micro_losses(steps, top, s);
        Vec<T> sum_squares = zero<T>();
        for (Index l = last; l >= 0; --l) {
            const MicroLayer<T>& layer = steps.layers[l];
            const T* a = l ? layer.a : steps.x[s];
            Vec<T> below = zero<T>();
            if (l > 0) {
                // lanes without a unit stay 0 in the transposed copy
                const Vec<T> units = load(a) * has_unit<T>(layer.n_in);
                Vec<T> not_twice = zero<T>();
                for (Index j = 0; j < layer.n_out; ++j) {
                    const Vec<T> delta_j = spread(delta, j);
                    T* w = layer.transposed[0] + j * V;
                    below = fma(delta_j, load(w), below);
                    update_vector<T, Optimizer>(units * delta_j, w, layer.transposed[1] + j * V,
                                                layer.transposed[2] + j * V, c, c.l2, not_twice);
                }
                below = below * derivative_at(Activations{}, layer.activation, load(layer.kept));
            }
            const Index bias = layer.n_in * V;  // first, for the next step begins with it
            Vec<T> biases_are_not_penalized = zero<T>();
            update_vector<T, Optimizer>(delta, layer.w + bias, layer.slot[0] + bias, layer.slot[1] + bias, c, T(0),
                                        biases_are_not_penalized);
            for (Index i = 0; i < layer.n_in; ++i)
                update_vector<T, Optimizer>(set1<T>(a[i]) * delta, layer.w + i * V, layer.slot[0] + i * V,
                                            layer.slot[1] + i * V, c, c.l2, sum_squares);
            delta = below;
        }
        steps.sum_squares[s] = fold_sum(sum_squares);
    }
}
