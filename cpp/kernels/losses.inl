// Losses with their canonical output activations (links). Floor: compiled once per instruction set.
// To add one: a struct with its name, its link, link_forward and loss on one panel of rows (lanes are rows, so a
// softmax runs down the lines), and its name in `Losses`. All four here have dloss/dz = a - y (McCullagh and Nelder
// 1989, section 2.2: canonical links).

struct IdentityLink {
    static constexpr const char* name = "identity";
    template <class T>
    static void forward(T*, Index) {}
};

struct LogisticLink {
    static constexpr const char* name = "logistic";
    template <class T>
    static void forward(T* z, Index n_out) {
        for (Index j = 0; j < n_out; ++j) store(z + j * kLanes<T>, logistic(load(z + j * kLanes<T>)));
    }
};

struct ExpLink {
    static constexpr const char* name = "exp";
    template <class T>
    static void forward(T* z, Index n_out) {
        for (Index j = 0; j < n_out; ++j) store(z + j * kLanes<T>, exp(load(z + j * kLanes<T>)));
    }
};

// Shifted by the largest z, so that no exp overflows.
struct SoftmaxLink {
    static constexpr const char* name = "softmax";
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

struct SquaredError {
    static constexpr const char* name = "squared_error";
    using Link = IdentityLink;
    template <class T>
    static CHAINFIT_INLINE Vec<T> loss(Vec<T> y, Vec<T> a) {
        const Vec<T> residual = y - a;
        return set1<T>(T(0.5)) * residual * residual;
    }
};

struct BinaryLogLoss {
    static constexpr const char* name = "binary_log_loss";
    using Link = LogisticLink;
    template <class T>
    static CHAINFIT_INLINE Vec<T> loss(Vec<T> y, Vec<T> a) {
        const Vec<T> one = set1<T>(T(1));
        const Vec<T> p = clip_probability(a);
        return zero<T>() - (y_log(y, p) + y_log(one - y, one - p));
    }
};

struct LogLoss {
    static constexpr const char* name = "log_loss";
    using Link = SoftmaxLink;
    template <class T>
    static CHAINFIT_INLINE Vec<T> loss(Vec<T> y, Vec<T> a) {
        return zero<T>() - y_log(y, clip_probability(a));
    }
};

// Half of the Poisson deviance: y ln(y/a) - y + a.
struct Poisson {
    static constexpr const char* name = "poisson";
    using Link = ExpLink;
    template <class T>
    static CHAINFIT_INLINE Vec<T> loss(Vec<T> y, Vec<T> a) {
        return y_log(y, y / a) - y + a;
    }
};

using Losses = TypeList<SquaredError, BinaryLogLoss, LogLoss, Poisson>;

// z (n_out, lanes) -> a, in place; delta = row_weight * (a - y); returns sum over the first `rows` lanes of
// row_weight * loss. Lanes without a row may hold anything.
template <class T, class Loss>
T loss_and_delta(T* z, const T* y, const T* row_weight, T* delta, Index n_out, Index rows) {
    Loss::Link::forward(z, n_out);
    const Vec<T> weight = load(row_weight);
    Vec<T> sum = zero<T>();
    for (Index j = 0; j < n_out; ++j) {
        const Vec<T> a = load(z + j * kLanes<T>);
        const Vec<T> target = load(y + j * kLanes<T>);
        sum = sum + Loss::loss(target, a);
        store(delta + j * kLanes<T>, weight * (a - target));
    }
    alignas(64) T lanes[kLanes<T>];
    store(lanes, sum * weight);
    return fold_sum(load_first(lanes, rows));
}
