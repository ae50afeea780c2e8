// Whole steps on one row each: forward, loss, backward and update in one function, no tiles, no threads. Floor:
// compiled once per instruction set. tiny_steps is for nets whose layers fit a vector each, one_row_steps for all
// others.

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
CHAINFIT_INLINE bool is_narrow(const OneRowLayer<T>& layer) {
    constexpr Index V = kLanes<T>;
    return layer.transposed[0] && layer.n_out <= V && layer.n_out * ((layer.n_in + V - 1) / V) < layer.n_in;
}

template <class T, class Optimizer>
CHAINFIT_INLINE void transpose_narrow(const OneRowLayer<T>& layer, bool back) {
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
CHAINFIT_INLINE Vec<T> narrow_forward(const OneRowLayer<T>& layer) {
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

// As one_row_backward.
template <class T, class Optimizer>
CHAINFIT_INLINE void narrow_backward(const OneRowLayer<T>& layer, T* below, const StepScalars<T>& c,
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
            update_vector<T, Optimizer>(a * delta, w + at, s0 + at, s1 + at, c, sum_squares[0]);
        }
        store(below + i, sum);
    }
    const Index bias = n_in * V;
    update_biases<T, Optimizer>(load(layer.delta), layer.w + bias, layer.slot[0] + bias, layer.slot[1] + bias, c);
}

// Forward through all layers and the loss, to delta of the output layer. No part of it is the optimizer's: one copy.
template <class T>
CHAINFIT_CALLED void one_row_output(OneRowSteps<T>& steps, Index s) {
    constexpr Index V = kLanes<T>;
    const Index last = steps.n_layers - 1;
    const OneRowLayer<T>& top = steps.layers[last];
    for (Index l = 0; l <= last; ++l) {
        const OneRowLayer<T>& layer = steps.layers[l];
        const T* a = l ? layer.a : steps.x[s];
        T* out = l < last ? steps.layers[l + 1].a : top.delta;
        const Index panels = (layer.n_out + V - 1) / V;
        if (is_narrow(layer))
            store(out, narrow_forward(layer));
        else
            for_panel_groups(panels, [&](Index j, auto group) CHAINFIT_LAMBDA {
                Vec<T> z[group.most];
                one_row_forward(layer, a, j, z, group);
#pragma GCC unroll kUnrolledPanels
                for (int p = 0; p < group.count; ++p) store(out + (j + p) * V, z[p]);
            });
        if (l == last) break;
        const OneRowLayer<T>& above = steps.layers[l + 1];
        activate_line<T>(above.activation, out, above.kept, panels);
    }
    if (top.n_out <= V && steps.plain && is_inlined(InlinedLosses{}, *steps.rule.loss))
        store(top.delta, line_output(steps, top.n_out, s, load(top.delta)));
    else
        panel_output(steps, top, s);
    one_row_losses(steps, s);
}

template <class T, class Optimizer>
void one_row_steps(OneRowSteps<T>& steps) {
    constexpr Index V = kLanes<T>;
    const Index last = steps.n_layers - 1;
    for (Index l = 1; l <= last; ++l)
        if (is_narrow(steps.layers[l])) transpose_narrow<T, Optimizer>(steps.layers[l], false);
    for (Index s = steps.range.begin, end = steps.range.end; s < end; ++s) {
        const StepScalars<T> c = scalars_of(steps, s);
        one_row_output(steps, s);
        Vec<T> sum_squares[4] = {zero<T>(), zero<T>(), zero<T>(), zero<T>()};
        for (Index l = last; l >= 0; --l) {
            const OneRowLayer<T>& layer = steps.layers[l];
            const T* a = l ? layer.a : steps.x[s];
            T* below = l ? steps.layers[l - 1].delta : nullptr;
            if (is_narrow(layer))
                narrow_backward<T, Optimizer>(layer, below, c, sum_squares);
            else
                for_panel_groups((layer.n_out + V - 1) / V, [&](Index j, auto group) CHAINFIT_LAMBDA {
                    one_row_backward<T, Optimizer>(layer, a, j, below, c, sum_squares, group);
                });
            if (below) multiply_by_derivative_at(layer.activation, below, layer.kept, (layer.n_in + V - 1) / V);
        }
        steps.sum_squares[s] = fold_sum((sum_squares[0] + sum_squares[1]) + (sum_squares[2] + sum_squares[3]));
    }
    for (Index l = 1; l <= last; ++l)
        if (is_narrow(steps.layers[l])) transpose_narrow<T, Optimizer>(steps.layers[l], true);
}

// a = f(z) of one vector of units, stored with what the derivative is had from.
template <class T, class... A>
CHAINFIT_INLINE Vec<T> activated(TypeList<A...>, const OneRowLayer<T>& layer, Vec<T> z) {
    const bool inlined = (... || (layer.activation == place_in<A>(Activations{}) && (z = A::f(z), true)));
    store(layer.a, z);
    if (inlined) return z;
    activate_line<T>(layer.activation, layer.a, layer.kept, 1);
    return load(layer.a);
}

// delta times f'(z), of one vector of units.
template <class T, class... A>
CHAINFIT_INLINE Vec<T> below_activation(TypeList<A...>, const OneRowLayer<T>& layer, Vec<T> delta) {
    const Vec<T> a = load(layer.a);
    if ((... || (layer.activation == place_in<A>(Activations{}) && (delta = delta * A::df(a), true)))) return delta;
    alignas(64) T line[kLanes<T>];
    store(line, delta);
    multiply_by_derivative_at(layer.activation, line, layer.kept, 1);
    return load(line);
}

// W is held twice, by units above and by units below. Then the way back is a chain of FMAs like the way forward,
// without a sum across lanes, and both copies get the same update.
template <class T, class Optimizer>
void tiny_steps(OneRowSteps<T>& steps) {
    constexpr Index V = kLanes<T>;
    const Index last = steps.n_layers - 1;
    const OneRowLayer<T>& top = steps.layers[last];
    for (Index l = 1; l <= last; ++l) {
        const OneRowLayer<T>& layer = steps.layers[l];
        transpose_lines(layer.w, layer.n_in, layer.n_out, layer.transposed[0]);
        for (int i = 0; i < Optimizer::slots; ++i)
            transpose_lines(layer.slot[i], layer.n_in, layer.n_out, layer.transposed[1 + i]);
    }
    const bool line = steps.plain && is_inlined(InlinedLosses{}, *steps.rule.loss);
    for (Index s = steps.range.begin, end = steps.range.end; s < end; ++s) {
        const StepScalars<T> c = scalars_of(steps, s);
        Vec<T> z[1];
        one_row_forward(steps.layers[0], steps.x[s], 0, z, PanelGroup<1>{});
        for (Index l = 1; l <= last; ++l) {
            const OneRowLayer<T>& layer = steps.layers[l];
            const Vec<T> a = activated(InlinedActivations{}, layer, z[0]);
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
        one_row_losses(steps, s);
        Vec<T> sum_squares = zero<T>();
        for (Index l = last; l >= 0; --l) {
            const OneRowLayer<T>& layer = steps.layers[l];
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
                                                layer.transposed[2] + j * V, c, not_twice);
                }
                below = below_activation(InlinedActivations{}, layer, below);
            }
            const Index bias = layer.n_in * V;  // first, for the next step begins with it
            update_biases<T, Optimizer>(delta, layer.w + bias, layer.slot[0] + bias, layer.slot[1] + bias, c);
            for (Index i = 0; i < layer.n_in; ++i)
                update_vector<T, Optimizer>(set1<T>(a[i]) * delta, layer.w + i * V, layer.slot[0] + i * V,
                                            layer.slot[1] + i * V, c, sum_squares);
            delta = below;
        }
        steps.sum_squares[s] = fold_sum(sum_squares);
    }
}
