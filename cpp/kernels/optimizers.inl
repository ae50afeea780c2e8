// Update rules. Floor: compiled once per instruction set.
// To add one: a struct with its name, its parameters, its number of slots (arrays of state, laid out as the weights),
// whether eta comes with Adam's bias correction, and step(), which takes the gradient g and changes w and the slots;
// and its name in `Optimizers`. c.value[i] is parameter i, c.one_minus[i] = 1 - c.value[i].

// What holds of a rule that doesn't say otherwise.
struct UpdateRule : NoParameters {
    static constexpr int slots = 0;
    static constexpr bool corrects_bias = false;
    static constexpr bool decays_weights = false;
    static constexpr bool moves_weights = true;
};

// w -= eta g
struct Sgd : UpdateRule {
    static constexpr const char* name = "sgd";
    template <class T>
    static CHAINFIT_INLINE void step(Vec<T> g, Vec<T>& w, Vec<T>&, Vec<T>&, const StepScalars<T>& c) {
        w = fma(set1<T>(-c.eta), g, w);
    }
};

inline constexpr Parameter kMomentum = {
    "momentum", 0.9, 0, 1, false, false, "Share of the last step that the next one goes on with."};

// velocity = mu velocity - eta g; w += velocity (Polyak 1964)
struct Momentum : UpdateRule {
    static constexpr const char* name = "momentum";
    enum { mu };
    static constexpr Parameter parameters[] = {kMomentum};
    static constexpr int slots = 1;
    template <class T>
    static CHAINFIT_INLINE void step(Vec<T> g, Vec<T>& w, Vec<T>& velocity, Vec<T>&, const StepScalars<T>& c) {
        velocity = fma(set1<T>(c.value[mu]), velocity, set1<T>(-c.eta) * g);
        w = w + velocity;
    }
};

// velocity = mu velocity - eta g; w += mu velocity - eta g (Nesterov 1983 in the form of Sutskever et al. 2013)
struct Nesterov : UpdateRule {
    static constexpr const char* name = "nesterov";
    enum { mu };
    static constexpr Parameter parameters[] = {kMomentum};
    static constexpr int slots = 1;
    template <class T>
    static CHAINFIT_INLINE void step(Vec<T> g, Vec<T>& w, Vec<T>& velocity, Vec<T>&, const StepScalars<T>& c) {
        const Vec<T> descent = set1<T>(-c.eta) * g;
        velocity = fma(set1<T>(c.value[mu]), velocity, descent);
        w = w + fma(set1<T>(c.value[mu]), velocity, descent);
    }
};

inline constexpr Parameter kBeta1 = {"beta_1", 0.9, 0, 1, false, true, "Decay rate of the mean of gradients."};
inline constexpr Parameter kBeta2 = {
    "beta_2", 0.999, 0, 1, false, true, "Decay rate of the mean of squared gradients."};
inline constexpr Parameter kEpsilon = {
    "epsilon", 1e-8, 0, kInfinity, true, true, "Added to the denominator, which it keeps from being 0."};

// m = beta1 m + (1 - beta1) g; v = beta2 v + (1 - beta2) g^2; w -= eta m / (sqrt v + eps), where eta carries the bias
// correction (Kingma and Ba 2015, the remark that ends section 2)
struct Adam : UpdateRule {
    static constexpr const char* name = "adam";
    enum { beta1, beta2, eps };
    static constexpr Parameter parameters[] = {kBeta1, kBeta2, kEpsilon};
    static constexpr int slots = 2;
    static constexpr bool corrects_bias = true;
    template <class T>
    static CHAINFIT_INLINE void step(Vec<T> g, Vec<T>& w, Vec<T>& m, Vec<T>& v, const StepScalars<T>& c) {
        m = fma(set1<T>(c.value[beta1]), m, set1<T>(c.one_minus[beta1]) * g);
        v = fma(set1<T>(c.value[beta2]), v, set1<T>(c.one_minus[beta2]) * (g * g));
        w = fma(set1<T>(-c.eta), m / (sqrt(v) + set1<T>(c.value[eps])), w);
    }
};

// Adam with decay of weights (Loshchilov and Hutter 2019) in its whole steps too: the rule that is meant to have it.
struct AdamW : Adam {
    static constexpr const char* name = "adamw";
    static constexpr bool decays_weights = true;
};

// v = rho v + (1 - rho) g^2; w -= eta g / (sqrt v + eps) (Tieleman and Hinton 2012, with eps where PyTorch has it)
struct RmsProp : UpdateRule {
    static constexpr const char* name = "rmsprop";
    enum { rho, eps };
    static constexpr Parameter parameters[] = {
        {"rho", 0.99, 0, 1, false, true, "Decay rate of rmsprop's mean of squared gradients."}, kEpsilon};
    static constexpr int slots = 1;
    template <class T>
    static CHAINFIT_INLINE void step(Vec<T> g, Vec<T>& w, Vec<T>& v, Vec<T>&, const StepScalars<T>& c) {
        v = fma(set1<T>(c.value[rho]), v, set1<T>(c.one_minus[rho]) * (g * g));
        w = fma(set1<T>(-c.eta), g / (sqrt(v) + set1<T>(c.value[eps])), w);
    }
};

using Optimizers = TypeList<Sgd, Momentum, Nesterov, Adam, AdamW, RmsProp>;

// Not an optimizer of the list: leaves w alone and keeps the gradient, for whoever needs it whole first.
struct Store : UpdateRule {
    static constexpr const char* name = "store";
    static constexpr int slots = 1;
    static constexpr bool moves_weights = false;
    template <class T>
    static CHAINFIT_INLINE void step(Vec<T> g, Vec<T>&, Vec<T>& gradient, Vec<T>&, const StepScalars<T>&) {
        gradient = g;
    }
};

// The rule itself: `weight`, which lay at w, and its slots.
template <class T, class Optimizer>
CHAINFIT_INLINE void step_vector(Vec<T> g, Vec<T> weight, T* w, T* s0, T* s1, const StepScalars<T>& c) {
    Vec<T> slot0 = zero<T>(), slot1 = zero<T>();
    if constexpr (Optimizer::slots > 0) slot0 = load(s0);
    if constexpr (Optimizer::slots > 1) slot1 = load(s1);
    Optimizer::step(g, weight, slot0, slot1, c);
    store(w, weight);
    if constexpr (Optimizer::slots > 0) store(s0, slot0);
    if constexpr (Optimizer::slots > 1) store(s1, slot1);
}

// One vector of weights at w, its slots beside; adds w^2 (before the step) to sum_squares.
template <class T, class Optimizer>
CHAINFIT_INLINE void update_vector(Vec<T> g, T* w, T* s0, T* s1, const StepScalars<T>& c, Vec<T>& sum_squares) {
    Vec<T> weight = load(w);
    sum_squares = fma(weight, weight, sum_squares);
    g = fma(set1<T>(c.l2), weight, g);
    if constexpr (Optimizer::decays_weights) weight = fma(set1<T>(-c.decay), weight, weight);
    step_vector<T, Optimizer>(g, weight, w, s0, s1, c);
}

// The same for biases, which are neither penalized nor decayed.
template <class T, class Optimizer>
CHAINFIT_INLINE void update_biases(Vec<T> g, T* w, T* s0, T* s1, const StepScalars<T>& c) {
    step_vector<T, Optimizer>(g, load(w), w, s0, s1, c);
}

// g (n) -> w (n) and the slots; returns the sum of w^2 before the update.
template <class T, class Optimizer>
T update(const T* g, T* w, T* const* slot, Index n, const StepScalars<T>& scalars) {
    const StepScalars<T> c = scalars;  // a copy: stores to w can't change it, so it stays in registers
    T* s0 = slot[0];
    T* s1 = slot[1];
    Vec<T> sum_squares = zero<T>();
    for (Index i = 0; i < n; i += kLanes<T>)
        update_vector<T, Optimizer>(load(g + i), w + i, s0 + i, s1 + i, c, sum_squares);
    return fold_sum(sum_squares);
}

// The same with an L1 term, whose slope at 0 is 0, and with decay whatever the rule.
template <class T, class Optimizer>
T update_regularized(const T* g, T* w, T* const* slot, Index n, const StepScalars<T>& scalars) {
    const StepScalars<T> c = scalars;
    Vec<T> penalty = zero<T>();
    for (Index i = 0; i < n; i += kLanes<T>) {
        Vec<T> weight = load(w + i);
        penalty = fma(set1<T>(c.square_share) * weight, weight, penalty);
        penalty = fma(set1<T>(c.size_share), abs(weight), penalty);
        const Vec<T> slope = select(equal(weight, zero<T>()), zero<T>(), copy_sign(set1<T>(c.l1), weight));
        const Vec<T> gradient = fma(set1<T>(c.l2), weight, load(g + i)) + slope;
        if constexpr (Optimizer::moves_weights) weight = fma(set1<T>(-c.decay), weight, weight);
        step_vector<T, Optimizer>(gradient, weight, w + i, slot[0] + i, slot[1] + i, c);
    }
    return fold_sum(penalty);
}
