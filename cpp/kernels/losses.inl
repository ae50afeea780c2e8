// Losses with their canonical output activations (links). Floor: compiled once per instruction set.
// To add one: a struct with its name, its parameters, its link, the range of its targets, loss(y, a) of one unit and
// delta(y, a) = dloss/dz given a = link(z), and its name in `Losses`. values.value[i] is parameter i. Links work on a
// panel of rows: lanes are rows, so a softmax runs down the lines. A link that takes each unit by itself derives from
// UnitByUnit and has f(z).

template <class Link>
struct UnitByUnit {
    static constexpr bool unit_by_unit = true;
    template <class T>
    static void forward(T* z, Index n_out) {
        for (Index at = 0; at < n_out * kLanes<T>; at += kLanes<T>) store(z + at, Link::f(load(z + at)));
    }
};

struct IdentityLink : UnitByUnit<IdentityLink> {
    static constexpr const char* name = "identity";
    template <class T>
    static CHAINFIT_INLINE Vec<T> f(Vec<T> z) {
        return z;
    }
};

struct LogisticLink : UnitByUnit<LogisticLink> {
    static constexpr const char* name = "logistic";
    template <class T>
    static CHAINFIT_INLINE Vec<T> f(Vec<T> z) {
        return logistic(z);
    }
};

struct ExpLink : UnitByUnit<ExpLink> {
    static constexpr const char* name = "exp";
    template <class T>
    static CHAINFIT_INLINE Vec<T> f(Vec<T> z) {
        return exp(z);
    }
};

// Shifted by the largest z, so that no exp overflows.
struct SoftmaxLink {
    static constexpr const char* name = "softmax";
    static constexpr bool unit_by_unit = false;
    template <class T>
    static void forward(T* z, Index n_out) {
        Vec<T> largest = load(z);
        for (Index j = 1; j < n_out; ++j) largest = max(largest, load(z + j * kLanes<T>));
        Vec<T> sum = zero<T>();
        for (Index j = 0; j < n_out; ++j) {
            const Vec<T> e = exp(load(z + j * kLanes<T>) - largest);
            store(z + j * kLanes<T>, e);
            sum = sum + e;
        }
        const Vec<T> scale = set1<T>(T(1)) / sum;
        for (Index j = 0; j < n_out; ++j) store(z + j * kLanes<T>, load(z + j * kLanes<T>) * scale);
    }
};

// Probabilities are clipped to [eps, 1 - eps] where a logarithm is taken, as scikit-learn does.
template <class T>
CHAINFIT_INLINE Vec<T> clip_probability(Vec<T> p) {
    constexpr T eps = sizeof(T) == 4 ? T(0x1p-23) : T(0x1p-52);
    return min(set1<T>(T(1) - eps), max(set1<T>(eps), p));
}

// y ln x, 0 where y is 0.
template <class T>
CHAINFIT_INLINE Vec<T> y_log(Vec<T> y, Vec<T> x) {
    const Vec<T> none = zero<T>();
    return select(equal(y, none), none, y * log(x));
}

// Where the link is the loss's canonical one, dloss/dz is a - y (McCullagh and Nelder 1989, section 2.2).
struct WithCanonicalLink : NoParameters {
    // targets that the loss is defined for
    static constexpr double lowest_target = -kInfinity;
    static constexpr double highest_target = kInfinity;
    template <class T>
    static CHAINFIT_INLINE Vec<T> delta(Vec<T> y, Vec<T> a, const Values<T>&) {
        return a - y;
    }
};

struct SquaredError : WithCanonicalLink {
    static constexpr const char* name = "squared_error";
    using Link = IdentityLink;
    template <class T>
    static CHAINFIT_INLINE Vec<T> loss(Vec<T> y, Vec<T> a, const Values<T>&) {
        const Vec<T> residual = y - a;
        return set1<T>(T(0.5)) * residual * residual;
    }
};

struct BinaryLogLoss : WithCanonicalLink {
    static constexpr const char* name = "binary_log_loss";
    static constexpr double lowest_target = 0;
    static constexpr double highest_target = 1;
    using Link = LogisticLink;
    template <class T>
    static CHAINFIT_INLINE Vec<T> loss(Vec<T> y, Vec<T> a, const Values<T>&) {
        const Vec<T> one = set1<T>(T(1));
        const Vec<T> p = clip_probability(a);
        return zero<T>() - (y_log(y, p) + y_log(one - y, one - p));
    }
};

struct LogLoss : WithCanonicalLink {
    static constexpr const char* name = "log_loss";
    static constexpr double lowest_target = 0;
    static constexpr double highest_target = 1;
    using Link = SoftmaxLink;
    template <class T>
    static CHAINFIT_INLINE Vec<T> loss(Vec<T> y, Vec<T> a, const Values<T>&) {
        return zero<T>() - y_log(y, clip_probability(a));
    }
};

// Half of the Poisson deviance: y ln(y/a) - y + a.
struct Poisson : WithCanonicalLink {
    static constexpr const char* name = "poisson";
    static constexpr double lowest_target = 0;
    using Link = ExpLink;
    template <class T>
    static CHAINFIT_INLINE Vec<T> loss(Vec<T> y, Vec<T> a, const Values<T>&) {
        return y_log(y, y / a) - y + a;
    }
};

// Half the square of a residual up to huber_delta, beyond it linear, so that outliers pull no harder (Huber 1964).
struct Huber {
    static constexpr const char* name = "huber";
    enum { bend };
    static constexpr Parameter parameters[] = {
        {"huber_delta", 1.35, 0, kInfinity, true, true, "Residual from which the loss is linear."}};
    static constexpr double lowest_target = -kInfinity, highest_target = kInfinity;
    using Link = IdentityLink;
    template <class T>
    static CHAINFIT_INLINE Vec<T> loss(Vec<T> y, Vec<T> a, const Values<T>& values) {
        const Vec<T> size = abs(y - a);
        const Vec<T> square_part = min(set1<T>(values.value[bend]), size);
        return square_part * (size - set1<T>(T(0.5)) * square_part);
    }
    template <class T>
    static CHAINFIT_INLINE Vec<T> delta(Vec<T> y, Vec<T> a, const Values<T>& values) {
        const Vec<T> most = set1<T>(values.value[bend]);
        return max(zero<T>() - most, min(most, a - y));
    }
};

using Losses = TypeList<SquaredError, BinaryLogLoss, LogLoss, Poisson, Huber>;

// z (n_out, lanes) -> a, in place; delta = row_weight * dloss/dz.
template <class T, class Loss>
void output_delta(T* z, const T* y, const T* row_weight, T* delta, Index n_out, const Values<T>& values) {
    Loss::Link::forward(z, n_out);
    const Vec<T> weight = load(row_weight);
    for (Index at = 0; at < n_out * kLanes<T>; at += kLanes<T>)
        store(delta + at, weight * Loss::delta(load(y + at), load(z + at), values));
}

// The sum over the first `rows` lanes of row_weight * loss; lanes without a row may hold anything.
template <class T, class Loss>
T loss_of_rows(const T* a, const T* y, const T* row_weight, Index n_out, Index rows, const Values<T>& values) {
    Vec<T> sum = zero<T>();
    for (Index at = 0; at < n_out * kLanes<T>; at += kLanes<T>)
        sum = sum + Loss::loss(load(y + at), load(a + at), values);
    alignas(64) T lanes[kLanes<T>];
    store(lanes, sum * load(row_weight));
    return fold_sum(load_first(lanes, rows));
}

template <class T, class>
struct LossList;
template <class T, class... L>
struct LossList<T, TypeList<L...>> {
    static constexpr LossKernel<T> items[] = {{L::name, L::Link::name, L::Link::unit_by_unit, L::lowest_target,
                                               L::highest_target, parameters_of(L::parameters), &output_delta<T, L>,
                                               &loss_of_rows<T, L>, &L::Link::template forward<T>}...};
};
