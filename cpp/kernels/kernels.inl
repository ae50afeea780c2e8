// Fills the table of one instruction set from the lists of activations, links, losses and optimizers. Floor: compiled
// once per instruction set; included last.

// Two copies of W want two updates: too much where the update costs more than the rest, as Adam's does.
template <class T, class O>
constexpr auto tiny_or_null() -> void (*)(OneRowSteps<T>&) {
    if constexpr (O::slots < 2)
        return &tiny_steps<T, O>;
    else
        return nullptr;
}

template <class T, class>
struct OptimizerList;
template <class T, class... O>
struct OptimizerList<T, TypeList<O...>> {
    static constexpr OptimizerKernel<T> items[] = {{O::name, O::slots, O::corrects_bias, O::decays_weights,
                                                    parameters_of(O::parameters), &update<T, O>,
                                                    &update_regularized<T, O>}...};
};

template <class T, class>
struct OneRowList;
template <class T, class... O>
struct OneRowList<T, TypeList<O...>> {
    static constexpr OneRowKernel<T> items[] = {{&one_row_steps<T, O>, tiny_or_null<T, O>()}...,
                                                {&one_row_steps<T, Store>, &tiny_steps<T, Store>}};
};

template <class T>
inline constexpr Kernels<T> kKernels = {
    &gather<T>,
    &forward<T>,
    &backward<T>,
    &transpose_panel<T>,
    &scatter<T>,
    &gradient<T>,
    &gather_lines<T>,
    &forward_lines<T>,
    &backward_lines<T>,
    &gradient_lines<T>,
    &add_blocks<T>,
    &forward_sparse<T>,
    &gradient_sparse<T>,
    &backward_few_rows<T>,
    &predict_row<T>,
    &activate<T, Identity>,
    &activate_lines<T, Identity>,
    list(ActivationList<T, Activations>::items),
    list(LinkList<T, Links>::items),
    list(LossList<T, Losses>::items),
    LossList<T, TypeList<GivenLoss>>::items[0],
    list(OptimizerList<T, Optimizers>::items),
    list(OneRowList<T, WholeStepOptimizers>::items),
    {Store::name, Store::slots, false, false, {}, &update<T, Store>, &update_regularized<T, Store>},
    &drop<T, false>,
    &drop<T, true>,
    &multiply_by_slope<T>,
    &mask<T, false>,
    &mask<T, true>,
    &mask_values<T>,
};

// As many FMA chains as a tile has, fed from registers alone: the peak. Returns the FLOP; sink[0], sink[1] in, sum out.
template <class T>
double peak(Index repeats, T* sink) {
    Vec<T> acc[kMaxMR][kMaxNV];
    const Vec<T> x = set1<T>(sink[0]), y = set1<T>(sink[1]);
    // all chains differ, and the lanes too: a vector of two registers with equal lanes would be computed once
    alignas(64) T ramp[kLanes<T>];
    for (Index i = 0; i < kLanes<T>; ++i) ramp[i] = sink[0] * T(i + 1);
#pragma GCC unroll 16
    for (int m = 0; m < kMaxMR; ++m)
#pragma GCC unroll 4
        for (int v = 0; v < kMaxNV; ++v) acc[m][v] = load(ramp) * set1<T>(T(m * kMaxNV + v));
    for (Index i = 0; i < repeats; ++i)
#pragma GCC unroll 16
        for (int m = 0; m < kMaxMR; ++m)
#pragma GCC unroll 4
            for (int v = 0; v < kMaxNV; ++v) acc[m][v] = fma(x, acc[m][v], y);
    Vec<T> sum = zero<T>();
#pragma GCC unroll 16
    for (int m = 0; m < kMaxMR; ++m)
#pragma GCC unroll 4
        for (int v = 0; v < kMaxNV; ++v) sum = sum + acc[m][v];
    sink[0] = fold_sum(sum);
    return 2.0 * static_cast<double>(repeats) * kMaxMR * kMaxNV * static_cast<double>(kLanes<T>);
}
