// Losses, each with a link (kernels/links.inl) of its own. Floor: compiled once per instruction set.
// To add one: a struct with its name, its parameters, its link, the ranges of its targets and outputs, of one unit
// loss(y, a), slope(y, a) = dloss/da and delta(y, a) = dloss/dz given a = link(z), and its name in `Losses`.
// values.value[i] is parameter i.

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

struct UnitLoss : NoParameters {
    static constexpr bool unit_by_unit = true;
    // targets and outputs that the loss is defined for; an open bound is not one of them
    static constexpr double lowest_target = -kInfinity, highest_target = kInfinity;
    static constexpr bool lowest_target_open = false;
    static constexpr double lowest_output = -kInfinity, highest_output = kInfinity;
};

// Where the link is the loss's canonical one, dloss/dz is a - y (McCullagh and Nelder 1989, section 2.2).
struct WithCanonicalLink : UnitLoss {
    template <class T>
    static CHAINFIT_INLINE Vec<T> delta(Vec<T> y, Vec<T> a, const Values<T>&) {
        return a - y;
    }
};

// Of an identity link dloss/dz is dloss/da.
template <class Loss>
struct OfDifference : UnitLoss {
    using Link = IdentityLink;
    template <class T>
    static CHAINFIT_INLINE Vec<T> delta(Vec<T> y, Vec<T> a, const Values<T>& values) {
        return Loss::slope(y, a, values);
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
    template <class T>
    static CHAINFIT_INLINE Vec<T> slope(Vec<T> y, Vec<T> a, const Values<T>&) {
        return a - y;
    }
};

struct BinaryLogLoss : WithCanonicalLink {
    static constexpr const char* name = "binary_log_loss";
    static constexpr double lowest_target = 0, highest_target = 1, lowest_output = 0, highest_output = 1;
    using Link = LogisticLink;
    template <class T>
    static CHAINFIT_INLINE Vec<T> loss(Vec<T> y, Vec<T> a, const Values<T>&) {
        const Vec<T> one = set1<T>(T(1));
        const Vec<T> p = clip_probability(a);
        return zero<T>() - (y_log(y, p) + y_log(one - y, one - p));
    }
    template <class T>
    static CHAINFIT_INLINE Vec<T> slope(Vec<T> y, Vec<T> a, const Values<T>&) {
        const Vec<T> p = clip_probability(a);
        return (p - y) / (p * (set1<T>(T(1)) - p));
    }
};

struct LogLoss : WithCanonicalLink {
    static constexpr const char* name = "log_loss";
    static constexpr double lowest_target = 0, highest_target = 1, lowest_output = 0, highest_output = 1;
    using Link = SoftmaxLink;
    template <class T>
    static CHAINFIT_INLINE Vec<T> loss(Vec<T> y, Vec<T> a, const Values<T>&) {
        return zero<T>() - y_log(y, clip_probability(a));
    }
    template <class T>
    static CHAINFIT_INLINE Vec<T> slope(Vec<T> y, Vec<T> a, const Values<T>&) {
        return zero<T>() - y / clip_probability(a);
    }
};

// Half of the Poisson deviance: y ln(y/a) - y + a.
struct Poisson : WithCanonicalLink {
    static constexpr const char* name = "poisson";
    static constexpr double lowest_target = 0, lowest_output = 0;
    using Link = ExpLink;
    template <class T>
    static CHAINFIT_INLINE Vec<T> loss(Vec<T> y, Vec<T> a, const Values<T>&) {
        return y_log(y, y / a) - y + a;
    }
    template <class T>
    static CHAINFIT_INLINE Vec<T> slope(Vec<T> y, Vec<T> a, const Values<T>&) {
        const Vec<T> one = set1<T>(T(1)), none = zero<T>();
        return select(equal(y, none), one, one - y / a);
    }
};

// Half the square of a residual up to huber_delta, beyond it linear, so that outliers pull no harder (Huber 1964).
struct Huber : OfDifference<Huber> {
    static constexpr const char* name = "huber";
    enum { bend };
    static constexpr Parameter parameters[] = {
        {"huber_delta", 1.35, 0, kInfinity, true, true, "Residual from which the loss is linear."}};
    template <class T>
    static CHAINFIT_INLINE Vec<T> loss(Vec<T> y, Vec<T> a, const Values<T>& values) {
        const Vec<T> size = abs(y - a);
        const Vec<T> square_part = min(set1<T>(values.value[bend]), size);
        return square_part * (size - set1<T>(T(0.5)) * square_part);
    }
    template <class T>
    static CHAINFIT_INLINE Vec<T> slope(Vec<T> y, Vec<T> a, const Values<T>& values) {
        const Vec<T> most = set1<T>(values.value[bend]);
        return max(zero<T>() - most, min(most, a - y));
    }
};

// |y - a|, whose minimum is the median. Where the residual is 0 so is the slope.
struct AbsoluteError : OfDifference<AbsoluteError> {
    static constexpr const char* name = "absolute_error";
    template <class T>
    static CHAINFIT_INLINE Vec<T> loss(Vec<T> y, Vec<T> a, const Values<T>&) {
        return abs(y - a);
    }
    template <class T>
    static CHAINFIT_INLINE Vec<T> slope(Vec<T> y, Vec<T> a, const Values<T>&) {
        return sign(a - y);
    }
};

// The pinball loss q (y - a), or (1 - q) (a - y) above y, whose minimum is the quantile q (Koenker and Bassett 1978).
struct Quantile : OfDifference<Quantile> {
    static constexpr const char* name = "quantile";
    enum { level };
    static constexpr Parameter parameters[] = {
        {"quantile", 0.5, 0, 1, true, true, "The quantile to predict, of the loss 'quantile'."}};
    template <class T>
    static CHAINFIT_INLINE Vec<T> loss(Vec<T> y, Vec<T> a, const Values<T>& values) {
        const Vec<T> residual = y - a;
        return max(set1<T>(values.value[level]) * residual, set1<T>(-values.one_minus[level]) * residual);
    }
    template <class T>
    static CHAINFIT_INLINE Vec<T> slope(Vec<T> y, Vec<T> a, const Values<T>& values) {
        const Vec<T> none = zero<T>(), excess = a - y;
        const Vec<T> below = select(less(excess, none), set1<T>(-values.value[level]), excess);
        return select(less(none, excess), set1<T>(values.one_minus[level]), below);
    }
};

// ln cosh(y - a): half the square of a small residual, and of a large one its size less ln 2. With q = e^-r it is
// ln(1 + (1 - q)^2 / (2 q)), which does not cancel where r is small, or r - ln 2 + ln(1 + q^2).
struct LogCosh : OfDifference<LogCosh> {
    static constexpr const char* name = "log_cosh";
    template <class T>
    static CHAINFIT_INLINE Vec<T> loss(Vec<T> y, Vec<T> a, const Values<T>&) {
        using C = MathConstants<T>;
        const Vec<T> one = set1<T>(T(1)), size = abs(y - a);
        const Vec<T> m = expm1_below(zero<T>() - size), q = m + one;
        const auto small = less(size, one);
        const Vec<T> within = log1p(select(small, m * m / (q + q), q * q));
        const Vec<T> far = (size - set1<T>(C::ln2_hi)) - set1<T>(C::ln2_lo) + within;
        return select(small, within, far);
    }
    template <class T>
    static CHAINFIT_INLINE Vec<T> slope(Vec<T> y, Vec<T> a, const Values<T>&) {
        return tanh(a - y);
    }
};

// Half of the gamma deviance: y/a - ln(y/a) - 1.
struct Gamma : UnitLoss {
    static constexpr const char* name = "gamma";
    static constexpr double lowest_target = 0, lowest_output = 0;
    static constexpr bool lowest_target_open = true;
    using Link = ExpLink;
    template <class T>
    static CHAINFIT_INLINE Vec<T> loss(Vec<T> y, Vec<T> a, const Values<T>&) {
        const Vec<T> infinity = set1<T>(MathConstants<T>::infinity);
        const Vec<T> ratio = y / a;
        const Vec<T> value = ratio - set1<T>(T(1)) - log(ratio);
        const auto vanishes = equal(ratio, zero<T>());  // where a is infinite
        return select(vanishes, infinity, select(equal(ratio, infinity), infinity, value));
    }
    template <class T>
    static CHAINFIT_INLINE Vec<T> delta(Vec<T> y, Vec<T> a, const Values<T>&) {
        return set1<T>(T(1)) - y / a;
    }
    template <class T>
    static CHAINFIT_INLINE Vec<T> slope(Vec<T> y, Vec<T> a, const Values<T>&) {
        return (set1<T>(T(1)) - y / a) / a;
    }
};

// (ln v + (y - m)^2 / v) / 2, the likelihood of a normal distribution but for its constant: units are means m, then as
// many variances v (Nix and Weigend 1994). Both have y as their target.
struct GaussianNll : UnitLoss {
    static constexpr const char* name = "gaussian_nll";
    static constexpr bool unit_by_unit = false;
    using Link = MeanVarianceLink;
    template <class T>
    static Vec<T> loss_of_panel(const T* a, const T* y, Index n_out) {
        const T* variances = a + n_out / 2 * kLanes<T>;
        Vec<T> sum = zero<T>();
        for (Index at = 0; at < n_out / 2 * kLanes<T>; at += kLanes<T>) {
            const Vec<T> residual = load(y + at) - load(a + at), v = load(variances + at);
            sum = sum + set1<T>(T(0.5)) * (log(v) + residual * residual / v);
        }
        return sum;
    }
    template <class T>
    static void delta_of_panel(const T* a, const T* y, Vec<T> weight, T* delta, Index n_out) {
        const Index half = n_out / 2 * kLanes<T>;
        for (Index at = 0; at < half; at += kLanes<T>) {
            const Vec<T> v = load(a + half + at), excess = load(a + at) - load(y + at);
            const Vec<T> ratio = excess / v;
            store(delta + at, weight * ratio);
            store(delta + half + at, weight * (set1<T>(T(0.5)) * fma(zero<T>() - excess, ratio, set1<T>(T(1)))));
        }
    }
};

// No loss of its own: the targets are dloss/dz, which somebody else has made of z.
struct GivenLoss : UnitLoss {
    static constexpr const char* name = "given";
    using Link = IdentityLink;
    template <class T>
    static CHAINFIT_INLINE Vec<T> loss(Vec<T>, Vec<T>, const Values<T>&) {
        return zero<T>();
    }
    template <class T>
    static CHAINFIT_INLINE Vec<T> slope(Vec<T> y, Vec<T>, const Values<T>&) {
        return y;
    }
    template <class T>
    static CHAINFIT_INLINE Vec<T> delta(Vec<T> y, Vec<T>, const Values<T>&) {
        return y;
    }
};

using Losses = TypeList<SquaredError, BinaryLogLoss, LogLoss, Poisson, Huber, AbsoluteError, Quantile, LogCosh, Gamma,
                        GaussianNll>;

// The first of them, which are inlined into the steps on one row. The others are called there: see panel_output.
using InlinedLosses = TypeList<SquaredError, BinaryLogLoss, LogLoss, Poisson, Huber>;

// z (n_out, lanes) -> a, in place; delta = row_weight * dloss/dz.
template <class T, class Loss>
void output_delta(T* z, const T* y, const T* row_weight, T* delta, Index n_out, const Values<T>& values) {
    Loss::Link::forward(z, n_out);
    const Vec<T> weight = load(row_weight);
    if constexpr (Loss::unit_by_unit)
        for (Index at = 0; at < n_out * kLanes<T>; at += kLanes<T>)
            store(delta + at, weight * Loss::delta(load(y + at), load(z + at), values));
    else
        Loss::delta_of_panel(z, y, weight, delta, n_out);
}

// delta = row_weight * dloss/da.
template <class T, class Loss>
void output_slope(const T* a, const T* y, const T* row_weight, T* delta, Index n_out, const Values<T>& values) {
    const Vec<T> weight = load(row_weight);
    for (Index at = 0; at < n_out * kLanes<T>; at += kLanes<T>)
        store(delta + at, weight * Loss::slope(load(y + at), load(a + at), values));
}

// The sum over the first `rows` lanes of row_weight * loss; lanes without a row may hold anything.
template <class T, class Loss>
T loss_of_rows(const T* a, const T* y, const T* row_weight, Index n_out, Index rows, const Values<T>& values) {
    Vec<T> sum = zero<T>();
    if constexpr (Loss::unit_by_unit)
        for (Index at = 0; at < n_out * kLanes<T>; at += kLanes<T>)
            sum = sum + Loss::loss(load(y + at), load(a + at), values);
    else
        sum = Loss::loss_of_panel(a, y, n_out);
    alignas(64) T lanes[kLanes<T>];
    store(lanes, sum * load(row_weight));
    return fold_sum(load_first(lanes, rows));
}

template <class T, class Loss>
constexpr auto slope_or_null() -> void (*)(const T*, const T*, const T*, T*, Index, const Values<T>&) {
    if constexpr (Loss::unit_by_unit)
        return &output_slope<T, Loss>;
    else
        return nullptr;
}

template <class T, class>
struct LossList;
template <class T, class... L>
struct LossList<T, TypeList<L...>> {
    static constexpr LossKernel<T> items[] = {
        {L::name, L::Link::name, L::Link::unit_by_unit && contains<L>(InlinedLosses{}), L::lowest_target,
         L::highest_target, L::lowest_target_open, L::lowest_output, L::highest_output, parameters_of(L::parameters),
         &output_delta<T, L>, slope_or_null<T, L>(), &loss_of_rows<T, L>}...};
};

// One vector of units: z becomes a, and dloss/dz is returned. If Loss is at position `which`, counted from `i`.
template <class T, class Loss>
CHAINFIT_INLINE bool unit_delta_if(Index which, Index i, Vec<T> y, Vec<T>& z, Vec<T>& delta, const Values<T>& values) {
    if constexpr (Loss::Link::unit_by_unit) {
        if (which != i) return false;
        z = Loss::Link::f(z);
        delta = Loss::delta(y, z, values);
        return true;
    }
    return false;
}

// The same for the loss at position `which` of the list, whose link takes each unit by itself.
template <class T, class... L>
CHAINFIT_INLINE Vec<T> unit_delta_at(TypeList<L...>, Index which, Vec<T> y, Vec<T>& z, const Values<T>& values) {
    Vec<T> delta = zero<T>();
    Index i = 0;
    static_cast<void>((... || unit_delta_if<T, L>(which, i++, y, z, delta, values)));
    return delta;
}
