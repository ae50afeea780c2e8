// Any processor: one vector is an array, and the compiler makes of its loops what the baseline offers. Floor: isa.
// Where the baseline has no FMA instruction, fma() is made exact in software: slow, but the same bits.
#include <cmath>
#include <cstring>

#include "isa/isa.hpp"

// Here every operation is a loop over lanes: the compiler chooses what to inline, all of it would take it minutes.
#undef CHAINFIT_INLINE
#define CHAINFIT_INLINE inline

namespace chainfit::generic {

inline constexpr int kMaxMR = 4;
inline constexpr int kMaxNV = 1;
inline constexpr int kFlatNV = 1;
inline constexpr int kUnrolledRows = 1;
inline constexpr int kUnrolledPanels = 1;

template <class T>
struct Vec {
    alignas(64) T r[kLanes<T>];
};

template <class T>
struct Mask {
    bool m[kLanes<T>];
};

template <class T>
struct BitsOf;
template <>
struct BitsOf<float> {
    using type = std::uint32_t;
    static constexpr type sign = 0x80000000u, mantissa = 0x007fffffu;
};
template <>
struct BitsOf<double> {
    using type = std::uint64_t;
    static constexpr type sign = 0x8000000000000000u, mantissa = 0x000fffffffffffffu;
};
template <class T>
using Bits = typename BitsOf<T>::type;

template <class T>
CHAINFIT_INLINE Bits<T> to_bits(T x) {
    Bits<T> u;
    std::memcpy(&u, &x, sizeof u);
    return u;
}
template <class T>
CHAINFIT_INLINE T from_bits(Bits<T> u) {
    T x;
    std::memcpy(&x, &u, sizeof x);
    return x;
}

template <class T, class F>
CHAINFIT_INLINE Vec<T> lanewise(F f) {
    Vec<T> v;
    for (Index i = 0; i < kLanes<T>; ++i) v.r[i] = f(i);
    return v;
}
template <class T, class F>
CHAINFIT_INLINE Mask<T> compare(F f) {
    Mask<T> v;
    for (Index i = 0; i < kLanes<T>; ++i) v.m[i] = f(i);
    return v;
}

template <class T>
CHAINFIT_INLINE Vec<T> set1(T x) {
    return lanewise<T>([=](Index) { return x; });
}
template <class T>
CHAINFIT_INLINE Vec<T> zero() {
    return set1<T>(T(0));
}
template <class T>
CHAINFIT_INLINE Vec<T> load_unaligned(const T* p) {
    return lanewise<T>([=](Index i) { return p[i]; });
}
template <class T>
CHAINFIT_INLINE Vec<T> load(const T* p) {
    return load_unaligned(p);
}
template <class T>
CHAINFIT_INLINE void store(T* p, Vec<T> v) {
    for (Index i = 0; i < kLanes<T>; ++i) p[i] = v.r[i];
}
// The first n lanes; the others are 0 and their memory is not touched.
template <class T>
CHAINFIT_INLINE Vec<T> load_first(const T* p, Index n) {
    return lanewise<T>([=](Index i) { return i < n ? p[i] : T(0); });
}
template <class T>
CHAINFIT_INLINE void store_first(T* p, Vec<T> v, Index n) {
    for (Index i = 0; i < n; ++i) p[i] = v.r[i];
}

template <class T>
CHAINFIT_INLINE Vec<T> operator+(Vec<T> a, Vec<T> b) {
    return lanewise<T>([&](Index i) { return a.r[i] + b.r[i]; });
}
template <class T>
CHAINFIT_INLINE Vec<T> operator-(Vec<T> a, Vec<T> b) {
    return lanewise<T>([&](Index i) { return a.r[i] - b.r[i]; });
}
template <class T>
CHAINFIT_INLINE Vec<T> operator*(Vec<T> a, Vec<T> b) {
    return lanewise<T>([&](Index i) { return a.r[i] * b.r[i]; });
}
template <class T>
CHAINFIT_INLINE Vec<T> operator/(Vec<T> a, Vec<T> b) {
    return lanewise<T>([&](Index i) { return a.r[i] / b.r[i]; });
}
template <class T>
CHAINFIT_INLINE Vec<T> sqrt(Vec<T> a) {
    return lanewise<T>([&](Index i) { return std::sqrt(a.r[i]); });
}

// a * b + c with one rounding.
CHAINFIT_INLINE double fused(double a, double b, double c) { return std::fma(a, b, c); }
CHAINFIT_INLINE float fused(float a, float b, float c) {
#if defined(__FP_FAST_FMAF)
    return __builtin_fmaf(a, b, c);
#else
    // The product is exact in double. The sum is rounded to odd (Boldo and Melquiond 2008), so that the rounding to
    // float that follows is the only one that counts: 53 >= 2 * 24 + 2 bits.
    const double product = static_cast<double>(a) * b;
    const double sum = product + c;
    const double c_part = sum - product;
    const double error = (product - (sum - c_part)) + (c - c_part);  // Knuth's two-sum: sum + error is exact
    std::uint64_t bits = to_bits(sum);
    const bool odd_needed = (error > 0 || error < 0) && !(bits & 1);
    const bool away_from_zero = (error > 0) == (sum > 0);
    if (odd_needed) bits = away_from_zero ? bits + 1 : bits - 1;
    return static_cast<float>(from_bits<double>(bits));
#endif
}
template <class T>
CHAINFIT_INLINE Vec<T> fma(Vec<T> a, Vec<T> b, Vec<T> c) {
    return lanewise<T>([&](Index i) { return fused(a.r[i], b.r[i], c.r[i]); });
}

// a > b ? a : b, so b where either is NaN; min alike.
template <class T>
CHAINFIT_INLINE Vec<T> max(Vec<T> a, Vec<T> b) {
    return lanewise<T>([&](Index i) { return a.r[i] > b.r[i] ? a.r[i] : b.r[i]; });
}
template <class T>
CHAINFIT_INLINE Vec<T> min(Vec<T> a, Vec<T> b) {
    return lanewise<T>([&](Index i) { return a.r[i] < b.r[i] ? a.r[i] : b.r[i]; });
}
template <class T>
CHAINFIT_INLINE Mask<T> less(Vec<T> a, Vec<T> b) {
    return compare<T>([&](Index i) { return a.r[i] < b.r[i]; });
}
template <class T>
CHAINFIT_INLINE Mask<T> equal(Vec<T> a, Vec<T> b) {
    return compare<T>([&](Index i) { return a.r[i] == b.r[i]; });
}
template <class T>
CHAINFIT_INLINE Vec<T> select(Mask<T> m, Vec<T> yes, Vec<T> no) {
    return lanewise<T>([&](Index i) { return m.m[i] ? yes.r[i] : no.r[i]; });
}

template <class T, class F>
CHAINFIT_INLINE Vec<T> bitwise(Vec<T> a, F f) {
    return lanewise<T>([&](Index i) { return from_bits<T>(static_cast<Bits<T>>(f(to_bits(a.r[i])))); });
}
template <int bits, class T>
CHAINFIT_INLINE Vec<T> shift_left(Vec<T> a) {
    return bitwise(a, [](Bits<T> u) { return u << bits; });
}
template <int bits, class T>
CHAINFIT_INLINE Vec<T> shift_right(Vec<T> a) {
    return bitwise(a, [](Bits<T> u) { return u >> bits; });
}
template <class T>
CHAINFIT_INLINE Vec<T> or_bits(Vec<T> a, Vec<T> b) {
    return lanewise<T>([&](Index i) { return from_bits<T>(to_bits(a.r[i]) | to_bits(b.r[i])); });
}
template <class T>
CHAINFIT_INLINE Vec<T> and_mantissa(Vec<T> a) {
    return bitwise(a, [](Bits<T> u) { return u & BitsOf<T>::mantissa; });
}
template <class T>
CHAINFIT_INLINE Vec<T> abs(Vec<T> a) {
    return bitwise(a, [](Bits<T> u) { return u & ~BitsOf<T>::sign; });
}
template <class T>
CHAINFIT_INLINE Vec<T> copy_sign(Vec<T> magnitude, Vec<T> sign) {
    return or_bits(abs(magnitude), bitwise(sign, [](Bits<T> u) { return u & BitsOf<T>::sign; }));
}

// The fixed tree: lane i + lane i + 8, then 4, 2, 1.
template <class T>
CHAINFIT_INLINE T fold_sum(Vec<T> v) {
    for (Index half = kLanes<T> / 2; half > 0; half /= 2)
        for (Index i = 0; i < half; ++i) v.r[i] += v.r[i + half];
    return v.r[0];
}

// Lane i in all lanes.
template <class T>
CHAINFIT_INLINE Vec<T> spread(Vec<T> v, Index i) {
    return set1<T>(v.r[i]);
}

// Lane i of the result is fold_sum(v[i]).
template <class T>
CHAINFIT_INLINE Vec<T> fold_sums(const Vec<T> (&v)[kLanes<T>]) {
    return lanewise<T>([&](Index i) { return fold_sum(v[i]); });
}

// In place: v[i] lane j <-> v[j] lane i.
template <class T>
CHAINFIT_INLINE void transpose(Vec<T> (&v)[kLanes<T>]) {
    for (Index i = 0; i < kLanes<T>; ++i)
        for (Index j = 0; j < i; ++j) {
            const T x = v[i].r[j];
            v[i].r[j] = v[j].r[i];
            v[j].r[i] = x;
        }
}

#include "kernels/all.inl"

bool runs_here() { return true; }

}  // namespace chainfit::generic

namespace chainfit {
constinit const Isa kGeneric = CHAINFIT_ISA("generic", generic);
}
