// Elementwise functions on vectors: exp, log, tanh, logistic, the normal distribution. Floor: compiled once per
// instruction set. Only + - * /, fma and shifts, so that every instruction set gives the same bits. Accuracy:
// tests/test_kernels.py.

template <class T>
struct MathConstants;

template <>
struct MathConstants<float> {
    static constexpr int mantissa_bits = 23;
    static constexpr float log2e = 0x1.715476p+0f;
    // ln 2 in two parts; the first has 15 significant bits, so that n * ln2_hi is exact for |n| <= 2^9
    static constexpr float ln2_hi = 0x1.62e4p-1f;
    static constexpr float ln2_lo = 0x1.7f7d1cp-20f;
    static constexpr float round_magic = 12582912.0f;    // 1.5 * 2^23: adding it rounds to an integer, in the low bits
    static constexpr float exponent_magic = 8388608.0f;  // 2^23: its low bits hold an integer
    static constexpr float exponent_bias = 127.0f;
    static constexpr float exp_low = -86.6f;  // below, 2^(n - 1) would leave the normal range: the result is 0
    static constexpr float exp_high = 88.8f;  // above, the result is +inf (exp(88.73) already is)
    static constexpr int exp_terms = 7;       // Taylor: |r| <= ln2/2, r^8/8! < 2^-27
    static constexpr int log_terms = 5;       // atanh series: s^2 <= 0.0295, (s^2)^5/11 < 2^-28
    static constexpr float infinity = __builtin_inff();
};

template <>
struct MathConstants<double> {
    static constexpr int mantissa_bits = 52;
    static constexpr double log2e = 0x1.71547652b82fep+0;
    static constexpr double ln2_hi = 0x1.62e42fefa38p-1;  // 42 significant bits
    static constexpr double ln2_lo = 0x1.ef35793c7673p-45;
    static constexpr double round_magic = 6755399441055744.0;     // 1.5 * 2^52
    static constexpr double exponent_magic = 4503599627370496.0;  // 2^52
    static constexpr double exponent_bias = 1023.0;
    static constexpr double exp_low = -707.7;
    static constexpr double exp_high = 709.9;
    static constexpr int exp_terms = 13;  // r^14/14! < 2^-57
    static constexpr int log_terms = 11;  // (s^2)^11/23 < 2^-60
    static constexpr double infinity = __builtin_inf();
};

// 1/k! for k = 0..13: the Taylor series of exp.
// clang-format off
template <class T>
inline constexpr T kInverseFactorial[14] = {
    T(1.0),          T(1.0),           T(1.0 / 2),         T(1.0 / 6),          T(1.0 / 24),
    T(1.0 / 120),    T(1.0 / 720),     T(1.0 / 5040),      T(1.0 / 40320),      T(1.0 / 362880),
    T(1.0 / 3628800), T(1.0 / 39916800), T(1.0 / 479001600), T(1.0 / 6227020800.0)};
// clang-format on

// x = n ln2 + r with |r| <= ln2/2. Gives r, and 2^(n + shift) as a vector, if that is a normal number.
template <int shift, class T>
CHAINFIT_INLINE Vec<T> reduce_exp(Vec<T> x, Vec<T>& scale) {
    using C = MathConstants<T>;
    // leaves n + shift + bias in the low bits, ready to become an exponent
    constexpr T magic = C::round_magic + C::exponent_bias + T(shift);
    const Vec<T> shifted = fma(x, set1<T>(C::log2e), set1<T>(magic));
    scale = shift_left<C::mantissa_bits>(shifted);
    const Vec<T> n = shifted - set1<T>(magic);
    return fma(n, set1<T>(-C::ln2_lo), fma(n, set1<T>(-C::ln2_hi), x));
}

// (e^r - 1 - r) / r^2 by Taylor.
template <class T>
CHAINFIT_INLINE Vec<T> exp_tail(Vec<T> r) {
    constexpr int terms = MathConstants<T>::exp_terms;
    Vec<T> p = set1<T>(kInverseFactorial<T>[terms]);
#pragma GCC unroll 16
    for (int k = terms - 1; k >= 2; --k) p = fma(p, r, set1<T>(kInverseFactorial<T>[k]));
    return p;
}

// e^x; 0 below exp_low, +inf above exp_high, NaN stays NaN. Out of range the value is nonsense until it is replaced:
// comparisons beside the chain of operations, not limits in it.
template <class T>
CHAINFIT_INLINE Vec<T> exp(Vec<T> x) {
    using C = MathConstants<T>;
    Vec<T> half_scale;
    const Vec<T> r = reduce_exp<-1>(x, half_scale);
    const Vec<T> e_r = fma(exp_tail(r), r * r, r) + set1<T>(T(1));
    // 2^n as 2 * 2^(n-1): n itself may be one past the largest exponent
    const Vec<T> value = (e_r + e_r) * half_scale;
    const Vec<T> not_too_high = select(less(set1<T>(C::exp_high), x), set1<T>(C::infinity), value);
    return select(less(x, set1<T>(C::exp_low)), zero<T>(), not_too_high);
}

// 1, -1, or x itself where it is 0 or NaN.
template <class T>
CHAINFIT_INLINE Vec<T> sign(Vec<T> x) {
    const Vec<T> one = set1<T>(T(1));
    return select(equal(abs(x), zero<T>()), x, select(equal(x, x), copy_sign(one, x), x));
}

// e^x - 1 for x <= 0, without cancellation near 0; -1 far from it.
template <class T>
CHAINFIT_INLINE Vec<T> expm1_below(Vec<T> x) {
    Vec<T> scale;
    const Vec<T> r = reduce_exp<0>(max(set1<T>(MathConstants<T>::exp_low), x), scale);
    return fma(scale, fma(exp_tail(r), r * r, r), scale - set1<T>(T(1)));
}

// tanh |x| = -t / (t + 2), t = expm1(-2 |x|): no cancellation near 0, no overflow far from it.
template <class T>
CHAINFIT_INLINE Vec<T> tanh(Vec<T> x) {
    const Vec<T> t = expm1_below(set1<T>(T(-2)) * abs(x));
    return copy_sign(t / (t + set1<T>(T(2))), x);
}

// 1 / (1 + e^-x).
template <class T>
CHAINFIT_INLINE Vec<T> logistic(Vec<T> x) {
    const Vec<T> one = set1<T>(T(1));
    return one / (one + exp(zero<T>() - x));
}

// 2 atanh(s) = ln((1 + s) / (1 - s)) for |s| <= 0.172, so that the quotient is in [sqrt(1/2), sqrt 2].
template <class T>
CHAINFIT_INLINE Vec<T> twice_atanh(Vec<T> s) {
    using C = MathConstants<T>;
    const Vec<T> s2 = s * s;
    Vec<T> p = set1<T>(T(1.0 / (2 * C::log_terms - 1)));
#pragma GCC unroll 16
    for (int k = C::log_terms - 2; k >= 1; --k) p = fma(p, s2, set1<T>(T(1.0 / (2 * k + 1))));
    const Vec<T> two_s = s + s;
    return fma(two_s * s2, p, two_s);
}

// ln x for x > 0, as e ln2 + 2 atanh(s), s = (m - 1)/(m + 1), m in [sqrt(1/2), sqrt 2). +inf and NaN pass through; 0,
// negative and denormal numbers are not meant to get here.
template <class T>
CHAINFIT_INLINE Vec<T> log(Vec<T> x) {
    using C = MathConstants<T>;
    const Vec<T> one = set1<T>(T(1));
    const Vec<T> raw_exponent = or_bits(shift_right<C::mantissa_bits>(x), set1<T>(C::exponent_magic));
    Vec<T> e = raw_exponent - set1<T>(C::exponent_magic + C::exponent_bias);
    Vec<T> m = or_bits(and_mantissa(x), one);
    const auto big = less(set1<T>(T(1.41421356237309504880)), m);
    m = select(big, m * set1<T>(T(0.5)), m);
    e = select(big, e + one, e);
    const Vec<T> log_m = twice_atanh((m - one) / (m + one));
    const Vec<T> value = fma(e, set1<T>(C::ln2_hi), fma(e, set1<T>(C::ln2_lo), log_m));
    return select(less(x, set1<T>(C::infinity)), value, x);
}

// ln(1 + x) for x in [0, 1], at full accuracy for small x: 2 atanh(x / (x + 2)), and from sqrt 2 - 1 on ln 2 plus the
// same of (1 + x) / 2.
template <class T>
CHAINFIT_INLINE Vec<T> log1p(Vec<T> x) {
    using C = MathConstants<T>;
    const auto big = less(set1<T>(T(0.41421356237309504880)), x);
    const Vec<T> top = select(big, x - set1<T>(T(1)), x);
    const Vec<T> value = twice_atanh(top / (x + select(big, set1<T>(T(3)), set1<T>(T(2)))));
    return select(big, set1<T>(C::ln2_hi) + (set1<T>(C::ln2_lo) + value), value);
}

// With y = |x| and t = 1 / (1 + y/4), Phi(-y) e^(y^2/2) / t is a smooth function of t in (0, 1]. Here as a polynomial
// in s = scale t + shift, which runs from -1 (where y is `limit`, and e^(-y^2/2) is 0) to 1: a Chebyshev series as in
// Schonfelder, "Chebyshev expansions for the error and related functions", Math. Comp. 32 (1978), computed with 60
// digits, cut where it is below half an ulp, and written by powers.
template <class T>
struct NormalConstants;

// clang-format off
template <>
struct NormalConstants<float> {
    static constexpr float limit = 14.0f;
    static constexpr float scale = 0x1.492492p+1f, shift = -0x1.924924p+0f;
    static constexpr int terms = 10;
    static constexpr float term[terms] = {
        0x1.d2c8e4p-3f, 0x1.42b016p-3f, 0x1.4859fap-4f, 0x1.d4608p-6f, 0x1.8950c6p-8f, 0x1.94d79ap-14f,
        -0x1.44018ep-12f, -0x1.6864ep-15f, 0x1.f0559p-17f, 0x1.9ce2cp-19f};
};

template <>
struct NormalConstants<double> {
    static constexpr double limit = 38.0;
    static constexpr double scale = 0x1.1af286bca1af3p+1, shift = -0x1.35e50d79435e5p+0;
    static constexpr int terms = 21;
    static constexpr double term[terms] = {
        0x1.a23b2a6e958e1p-3, 0x1.3e359d5de4dd1p-3, 0x1.73fddc894a747p-4, 0x1.3ec1fa785ff84p-5, 0x1.5c638951d10abp-7,
        0x1.a132284160f01p-11, -0x1.44b8b29de9ebdp-11, -0x1.7a917cfb3207cp-13, 0x1.32ba98446d83dp-15,
        0x1.699e162686d5dp-16, -0x1.c736c6ab3beadp-19, -0x1.53bbc1087a373p-19, 0x1.218a176c8be39p-21,
        0x1.3894ceb82847dp-22, -0x1.c66d6173b3dbbp-24, -0x1.e021dafe7c96dp-26, 0x1.5304a54b4009fp-26,
        0x1.81ec108c3760fp-30, -0x1.92acf54a56d2dp-29, 0x1.f0f102a423bdep-35, 0x1.136d2ad5fde42p-32};
};
// clang-format on

// Phi(x) = (1 + erf(x / sqrt 2)) / 2, and the density e^(-x^2/2) / sqrt(2 pi). Without cancellation in either tail: the
// error is a few ulp of Phi itself.
template <class T>
CHAINFIT_INLINE Vec<T> normal(Vec<T> x, Vec<T>& density) {
    using C = NormalConstants<T>;
    const Vec<T> one = set1<T>(T(1)), half = set1<T>(T(0.5));
    const Vec<T> y = min(set1<T>(C::limit), abs(x));  // in this order NaN stays NaN
    const Vec<T> square = y * y;
    const Vec<T> rounded_off = fma(y, y, zero<T>() - square);  // y^2 - square, exactly
    const Vec<T> e = exp(zero<T>() - half * square);
    const Vec<T> e_y = fma(zero<T>() - half * rounded_off, e, e);
    const Vec<T> t = one / fma(set1<T>(T(0.25)), y, one);
    const Vec<T> s = fma(set1<T>(C::scale), t, set1<T>(C::shift));
    Vec<T> p = set1<T>(C::term[C::terms - 1]);
#pragma GCC unroll 32
    for (int k = C::terms - 2; k >= 0; --k) p = fma(p, s, set1<T>(C::term[k]));
    const Vec<T> tail = e_y * (t * p);
    density = set1<T>(T(0.39894228040143267794)) * e_y;
    return select(less(x, zero<T>()), tail, one - tail);
}
