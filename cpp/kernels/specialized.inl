// The rules that the kernels of small steps are compiled for, one by one; all others take a general road to the same
// bits. Floor: compiled once per instruction set. Each entry costs compile time (docs/design.md): it needs figures.

// Optimizers fused with the backward pass of one row and of few. With others such batches go by tiles.
using FusedOptimizers = TypeList<Sgd, Momentum, Nesterov, Adam, AdamW>;

// Two copies of W want two updates: too much where the update costs more than the rest, as Adam's does. Their sums are
// cut otherwise: who moves an optimizer in or out changes its bits.
using TinyOptimizers = TypeList<Sgd, Momentum, Nesterov>;

// Activations (whose derivative is had from a) and losses (with links that take each unit by itself) inlined where
// there is a vector of them at a time and a call would be felt. They are tried in this order. Others are called, losses
// with a panel of rows.
using InlinedActivations = TypeList<Relu, Tanh, Logistic, LeakyRelu, Identity>;
using InlinedLosses = TypeList<SquaredError, BinaryLogLoss>;

template <class A, class... L>
constexpr bool is_in(TypeList<L...>) {
    return (... || kSame<A, L>);
}

// The position of a rule in its list.
template <class A, class... L>
constexpr Index place_in(TypeList<L...>) {
    Index place = 0;
    static_cast<void>((... || (kSame<A, L> || (++place, false))));
    return place;
}

template <class T, class... L>
CHAINFIT_INLINE bool is_inlined(TypeList<L...>, const LossKernel<T>& loss) {
    return (... || (&loss == LossList<T, Losses>::items + place_in<L>(Losses{})));
}

// One vector of units, of an inlined loss: z becomes a, and dloss/dz is returned.
template <class T, class... L>
CHAINFIT_INLINE Vec<T> unit_delta(TypeList<L...>, const LossKernel<T>& loss, Vec<T> y, Vec<T>& z,
                                  const Values<T>& values) {
    Vec<T> delta = zero<T>();
    static_cast<void>((... || (&loss == LossList<T, Losses>::items + place_in<L>(Losses{}) &&
                               (z = L::Link::f(z), delta = L::delta(y, z, values), true))));
    return delta;
}
