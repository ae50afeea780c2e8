// Output activations (links). Floor: compiled once per instruction set.
// To add one: a struct with its name and range, f(z) and slope(a) = f'(z) given a = f(z), and its name in `Links`. A
// panel's lanes are rows: a link that does not take each unit by itself runs down the lines, and goes with its own loss
// only.

// lowest and highest: what outputs lie between.
template <class Link>
struct UnitByUnit {
    static constexpr bool unit_by_unit = true;
    static constexpr double lowest = -kInfinity, highest = kInfinity;
    template <class T>
    static void forward(T* z, Index n_out) {
        for (Index at = 0; at < n_out * kLanes<T>; at += kLanes<T>) store(z + at, Link::f(load(z + at)));
    }
    template <class T>
    static void backward(T* delta, const T* a, Index n_out) {
        for (Index at = 0; at < n_out * kLanes<T>; at += kLanes<T>)
            store(delta + at, load(delta + at) * Link::slope(load(a + at)));
    }
};

// The link of one loss, whose delta has its derivative.
struct OfOneLoss {
    static constexpr bool unit_by_unit = false;
    static constexpr double lowest = 0, highest = 1;
};

struct IdentityLink : UnitByUnit<IdentityLink> {
    static constexpr const char* name = "identity";
    template <class T>
    static CHAINFIT_INLINE Vec<T> f(Vec<T> z) {
        return z;
    }
    template <class T>
    static CHAINFIT_INLINE Vec<T> slope(Vec<T>) {
        return set1<T>(T(1));
    }
};

struct LogisticLink : UnitByUnit<LogisticLink> {
    static constexpr const char* name = "logistic";
    static constexpr double lowest = 0, highest = 1;
    template <class T>
    static CHAINFIT_INLINE Vec<T> f(Vec<T> z) {
        return logistic(z);
    }
    template <class T>
    static CHAINFIT_INLINE Vec<T> slope(Vec<T> a) {
        return a * (set1<T>(T(1)) - a);
    }
};

struct TanhLink : UnitByUnit<TanhLink> {
    static constexpr const char* name = "tanh";
    static constexpr double lowest = -1, highest = 1;
    template <class T>
    static CHAINFIT_INLINE Vec<T> f(Vec<T> z) {
        return tanh(z);
    }
    template <class T>
    static CHAINFIT_INLINE Vec<T> slope(Vec<T> a) {
        return fma(zero<T>() - a, a, set1<T>(T(1)));
    }
};

struct ExpLink : UnitByUnit<ExpLink> {
    static constexpr const char* name = "exp";
    static constexpr double lowest = 0;
    template <class T>
    static CHAINFIT_INLINE Vec<T> f(Vec<T> z) {
        return exp(z);
    }
    template <class T>
    static CHAINFIT_INLINE Vec<T> slope(Vec<T> a) {
        return a;
    }
};

// f'(z) = 1 - e^-a.
struct SoftplusLink : UnitByUnit<SoftplusLink> {
    static constexpr const char* name = "softplus";
    static constexpr double lowest = 0;
    template <class T>
    static CHAINFIT_INLINE Vec<T> f(Vec<T> z) {
        Vec<T> not_used;
        return Softplus::f(z, not_used);
    }
    template <class T>
    static CHAINFIT_INLINE Vec<T> slope(Vec<T> a) {
        return zero<T>() - expm1_below(zero<T>() - a);
    }
};

// Shifted by the largest z, so that no exp overflows.
struct SoftmaxLink : OfOneLoss {
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

// Means, and as many variances: e^z, at least the smallest normal number, so that it can be divided by.
struct MeanVarianceLink : OfOneLoss {
    static constexpr const char* name = "mean_variance";
    template <class T>
    static void forward(T* z, Index n_out) {
        const Vec<T> least = set1<T>(sizeof(T) == 4 ? T(0x1p-126) : T(0x1p-1022));
        for (Index at = n_out / 2 * kLanes<T>; at < n_out * kLanes<T>; at += kLanes<T>)
            store(z + at, max(least, exp(load(z + at))));
    }
};

using Links = TypeList<IdentityLink, LogisticLink, SoftmaxLink, ExpLink, TanhLink, SoftplusLink, MeanVarianceLink>;

template <class T, class Link>
constexpr auto backward_or_null() -> void (*)(T*, const T*, Index) {
    if constexpr (Link::unit_by_unit)
        return &Link::template backward<T>;
    else
        return nullptr;
}

template <class T, class>
struct LinkList;
template <class T, class... L>
struct LinkList<T, TypeList<L...>> {
    static constexpr LinkKernel<T> items[] = {
        {L::name, L::unit_by_unit, L::lowest, L::highest, &L::template forward<T>, backward_or_null<T, L>()}...};
};
