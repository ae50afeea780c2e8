// Activations of the hidden layers. Floor: compiled once per instruction set.
// To add one: a struct with its name, f(z) and df(a), the derivative told by a = f(z), and its name in `Activations`.

struct Identity : NoParameters {
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

struct Logistic : NoParameters {
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

struct Tanh : NoParameters {
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

struct Relu : NoParameters {
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
struct LeakyRelu : NoParameters {
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

using Activations = TypeList<Identity, Logistic, Tanh, Relu, LeakyRelu>;

// c (features, lanes) = f(c + bias[feature]), in place.
template <class T, class Activation>
void activate(T* c, const T* bias, Index features) {
    for (Index f = 0; f < features; ++f)
        store(c + f * kLanes<T>, Activation::template f<T>(load(c + f * kLanes<T>) + set1<T>(bias[f])));
}

// c (rows, lanes) = f(c + bias), in place: lanes are units.
template <class T, class Activation>
void activate_lines(T* c, const T* bias, Index rows) {
    const Vec<T> b = load(bias);
    for (Index r = 0; r < rows; ++r) store(c + r * kLanes<T>, Activation::template f<T>(load(c + r * kLanes<T>) + b));
}

// delta (n) *= f'(z), told by a (n); in place.
template <class T, class Activation>
void multiply_by_derivative(T* delta, const T* a, Index n) {
    for (Index i = 0; i < n; i += kLanes<T>)
        store(delta + i, load(delta + i) * Activation::template df<T>(load(a + i)));
}

template <class T, class>
struct ActivationList;
template <class T, class... A>
struct ActivationList<T, TypeList<A...>> {
    static constexpr ActivationKernel<T> items[] = {{A::name, parameters_of(A::parameters), &activate<T, A>,
                                                     &activate_lines<T, A>, &multiply_by_derivative<T, A>}...};
};

// f(z), and f'(z) told by a = f(z), of the activation at position `which` of the list. Where there is a vector or two
// of it at a time, a well-predicted branch costs less than a call.
template <class T, class... A>
CHAINFIT_INLINE Vec<T> activation_at(TypeList<A...>, Index which, Vec<T> z) {
    Index i = 0;
    static_cast<void>((... || (which == i++ && (z = A::f(z), true))));
    return z;
}
template <class T, class... A>
CHAINFIT_INLINE Vec<T> derivative_at(TypeList<A...>, Index which, Vec<T> a) {
    Index i = 0;
    static_cast<void>((... || (which == i++ && (a = A::df(a), true))));
    return a;
}
