// Activations of the hidden layers. Floor: compiled once per instruction set.
// To add one: a struct with its name and its name in `Activations`. Where the derivative can be had from a = f(z) it
// has f(z) and df(a); else f(z, slope), which gives both: exp and its like are then computed once, forward.

struct GivenA : NoParameters {
    static constexpr bool keeps_slope = false;
};

// f'(z) is kept for the backward pass, in memory that other activations don't take.
struct KeepsSlope : NoParameters {
    static constexpr bool keeps_slope = true;
};

struct Identity : GivenA {
    static constexpr const char* name = "identity";
    template <class T>
    static CHAINFIT_INLINE Vec<T> f(Vec<T> z) {
        return z;
    }
    template <class T>
    static CHAINFIT_INLINE Vec<T> df(Vec<T>) {
        return set1<T>(T(1));
    }
};

struct Logistic : GivenA {
    static constexpr const char* name = "logistic";
    template <class T>
    static CHAINFIT_INLINE Vec<T> f(Vec<T> z) {
        return logistic(z);
    }
    template <class T>
    static CHAINFIT_INLINE Vec<T> df(Vec<T> a) {
        return a * (set1<T>(T(1)) - a);
    }
};

struct Tanh : GivenA {
    static constexpr const char* name = "tanh";
    template <class T>
    static CHAINFIT_INLINE Vec<T> f(Vec<T> z) {
        return tanh(z);
    }
    template <class T>
    static CHAINFIT_INLINE Vec<T> df(Vec<T> a) {
        return fma(zero<T>() - a, a, set1<T>(T(1)));
    }
};

struct Relu : GivenA {
    static constexpr const char* name = "relu";
    template <class T>
    static CHAINFIT_INLINE Vec<T> f(Vec<T> z) {
        return max(zero<T>(), z);  // in this order NaN stays NaN
    }
    template <class T>
    static CHAINFIT_INLINE Vec<T> df(Vec<T> a) {
        return select(less(zero<T>(), a), set1<T>(T(1)), zero<T>());
    }
};

// max(z, 0.01 z): a unit on the wrong side of 0 still learns (Maas, Hannun and Ng 2013).
struct LeakyRelu : GivenA {
    static constexpr const char* name = "leaky_relu";
    static constexpr double slope = 0.01;
    template <class T>
    static CHAINFIT_INLINE Vec<T> f(Vec<T> z) {
        return max(set1<T>(T(slope)) * z, z);
    }
    template <class T>
    static CHAINFIT_INLINE Vec<T> df(Vec<T> a) {
        return select(less(zero<T>(), a), set1<T>(T(1)), set1<T>(T(slope)));
    }
};

// z Phi(z), Phi being the normal distribution (Hendrycks and Gimpel 2016). Beyond 64, where the density is 0, z counts
// as 64, so that no infinity meets a 0.
struct Gelu : KeepsSlope {
    static constexpr const char* name = "gelu";
    template <class T>
    static CHAINFIT_INLINE Vec<T> f(Vec<T> z, Vec<T>& slope) {
        Vec<T> density;
        const Vec<T> share = normal(z, density);
        const Vec<T> bounded = max(set1<T>(T(-64)), z);
        slope = fma(min(set1<T>(T(64)), bounded), density, share);  // f'(z) = Phi(z) + z Phi'(z)
        return bounded * share;
    }
};

// z / (1 + e^-z), also known as swish (Elfwing, Uchibe and Doya 2018). Beyond 1000, where 1 / (1 + e^-z) is 0 or 1, z
// counts as 1000, so that no infinity meets a 0.
struct Silu : KeepsSlope {
    static constexpr const char* name = "silu";
    template <class T>
    static CHAINFIT_INLINE Vec<T> f(Vec<T> z, Vec<T>& slope) {
        const Vec<T> share = logistic(z);
        const Vec<T> bounded = max(set1<T>(T(-1000)), z);
        const Vec<T> a = min(set1<T>(T(1000)), bounded) * share;
        slope = fma(a, set1<T>(T(1)) - share, share);  // f'(z) = s + z s (1 - s)
        return bounded * share;
    }
};

// z, below 0 e^z - 1 (Clevert, Unterthiner and Hochreiter 2016, with alpha = 1).
struct Elu : GivenA {
    static constexpr const char* name = "elu";
    template <class T>
    static CHAINFIT_INLINE Vec<T> f(Vec<T> z) {
        return select(less(zero<T>(), z), z, expm1_below(min(zero<T>(), z)));
    }
    template <class T>
    static CHAINFIT_INLINE Vec<T> df(Vec<T> a) {
        return min(zero<T>(), a) + set1<T>(T(1));
    }
};

// scale times elu, with alpha: sums of mean 0 and variance 1 stay so from layer to layer (Klambauer et al. 2017).
struct Selu : GivenA {
    static constexpr const char* name = "selu";
    static constexpr double scale = 1.0507009873554804934, alpha = 1.6732632423543772848;
    template <class T>
    static CHAINFIT_INLINE Vec<T> f(Vec<T> z) {
        const Vec<T> below = set1<T>(T(scale * alpha)) * expm1_below(min(zero<T>(), z));
        return select(less(zero<T>(), z), set1<T>(T(scale)) * z, below);
    }
    template <class T>
    static CHAINFIT_INLINE Vec<T> df(Vec<T> a) {
        return select(less(zero<T>(), a), set1<T>(T(scale)), a + set1<T>(T(scale * alpha)));
    }
};

// ln(1 + e^z).
struct Softplus : KeepsSlope {
    static constexpr const char* name = "softplus";
    template <class T>
    static CHAINFIT_INLINE Vec<T> f(Vec<T> z, Vec<T>& slope) {
        const Vec<T> one = set1<T>(T(1));
        const Vec<T> e = exp(zero<T>() - abs(z));
        slope = select(less(zero<T>(), z), one, e) / (one + e);
        return max(zero<T>(), z) + log1p(e);
    }
};

// z tanh(softplus(z)) (Misra 2020). With e = e^z the factor is n / (n + 2), n = e (e + 2): 1 from z = 30 on, which any
// larger z counts as. Below -1000, where it is 0, z counts as -1000, so that no infinity meets a 0.
struct Mish : KeepsSlope {
    static constexpr const char* name = "mish";
    template <class T>
    static CHAINFIT_INLINE Vec<T> f(Vec<T> z, Vec<T>& slope) {
        const Vec<T> one = set1<T>(T(1)), two = set1<T>(T(2));
        const Vec<T> bounded = max(set1<T>(T(-1000)), z);
        const Vec<T> small = min(set1<T>(T(30)), bounded);
        const Vec<T> e = exp(small);
        const Vec<T> n = e * (e + two);
        const Vec<T> q = one / (n + two);
        const Vec<T> share = n * q;
        // d share/dz = 4 e (e + 1) / (n + 2)^2
        slope = fma(small, ((set1<T>(T(4)) * e) * q) * ((e + one) * q), share);
        return bounded * share;
    }
};

using Activations = TypeList<Identity, Logistic, Tanh, Relu, LeakyRelu, Gelu, Silu, Elu, Selu, Softplus, Mish>;

// f(z), and what the derivative will be had from: a itself, or f'(z).
template <class A, class T>
CHAINFIT_INLINE Vec<T> value_of(Vec<T> z, Vec<T>& kept) {
    if constexpr (A::keeps_slope) {
        return A::f(z, kept);
    } else {
        kept = A::f(z);
        return kept;
    }
}

template <class A, class T>
CHAINFIT_INLINE Vec<T> derivative_of(Vec<T> kept) {
    if constexpr (A::keeps_slope)
        return kept;
    else
        return A::df(kept);
}

// c (count, lanes) = f(c + bias), in place, bias_of(i) being that of vector i.
template <class T, class A, class Bias>
CHAINFIT_INLINE void activate_vectors(const Epilogue<T>& epilogue, T* c, Index count, Bias bias_of) {
    constexpr Index V = kLanes<T>;
    Vec<T> kept = zero<T>();
    if (A::keeps_slope && epilogue.kept) {
        T* to = epilogue.kept + (c - epilogue.out);
        for (Index i = 0; i < count; ++i) {
            store(c + i * V, value_of<A>(load(c + i * V) + bias_of(i), kept));
            store(to + i * V, kept);
        }
        return;
    }
    for (Index i = 0; i < count; ++i) store(c + i * V, value_of<A>(load(c + i * V) + bias_of(i), kept));
}

template <class T, class A>
void activate(const Epilogue<T>& epilogue, T* c, const T* bias, Index features, Index, Index) {
    activate_vectors<T, A>(epilogue, c, features, [bias](Index f) CHAINFIT_LAMBDA { return set1<T>(bias[f]); });
}

template <class T, class A>
void activate_lines(const Epilogue<T>& epilogue, T* c, const T* bias, Index rows, Index, Index) {
    const Vec<T> b = load(bias);
    activate_vectors<T, A>(epilogue, c, rows, [b](Index) CHAINFIT_LAMBDA { return b; });
}

template <class T, class A>
void multiply_by_derivative(const Epilogue<T>&, T* delta, const T* kept, Index count, Index, Index) {
    for (Index i = 0; i < count * kLanes<T>; i += kLanes<T>)
        store(delta + i, load(delta + i) * derivative_of<A>(load(kept + i)));
}

// A line of units, z becoming a in place; `kept` gets f'(z) where it is kept, and may be null.
template <class T, class A>
void activate_line_by(T* line, T* kept, Index panels) {
    Vec<T> slope = zero<T>();
    for (Index j = 0; j < panels * kLanes<T>; j += kLanes<T>) {
        store(line + j, value_of<A>(load(line + j), slope));
        if constexpr (A::keeps_slope)
            if (kept) store(kept + j, slope);
    }
}

template <class T, class>
struct ActivationList;
template <class T, class... A>
struct ActivationList<T, TypeList<A...>> {
    static constexpr ActivationKernel<T> items[] = {{A::name, parameters_of(A::parameters), A::keeps_slope,
                                                     &activate<T, A>, &activate_lines<T, A>,
                                                     &multiply_by_derivative<T, A>}...};
    static constexpr void (*lines[])(T* line, T* kept, Index panels) = {&activate_line_by<T, A>...};
};

// Both of a line, by an activation's position in the list.
template <class T>
CHAINFIT_INLINE void activate_line(Index which, T* line, T* kept, Index panels) {
    ActivationList<T, Activations>::lines[which](line, kept, panels);
}
template <class T>
CHAINFIT_INLINE void multiply_by_derivative_at(Index which, T* delta, const T* kept, Index panels) {
    ActivationList<T, Activations>::items[which].backward({}, delta, kept, panels, 0, 0);
}
