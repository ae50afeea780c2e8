// AVX2 + FMA: one vector is two ymm. Floor: the only place for its intrinsics.
// Register budget of a tile: 6 x 2 ymm of accumulators + 2 of B + 1 of A. 15 of 16.
#if defined(__x86_64__)
#include <immintrin.h>

#include "isa/isa.hpp"

#if defined(__clang__)
#pragma clang attribute push(__attribute__((target("avx2,fma"))), apply_to = function)
#else
#pragma GCC push_options
#pragma GCC target("avx2,fma")
#endif

namespace chainfit::avx2 {

inline constexpr int kMaxMR = 6;
inline constexpr int kMaxNV = 1;
inline constexpr int kFlatNV = 2;
inline constexpr int kUnrolledRows = 8;
inline constexpr int kUnrolledPanels = 4;

template <class T>
struct Vec;

template <>
struct Vec<float> {
    __m256 lo, hi;
};

template <>
struct Vec<double> {
    __m256d lo, hi;
};

// All bits of a lane set: yes.
template <class T>
struct Mask {
    Vec<T> m;
};

using VecF = Vec<float>;
using VecD = Vec<double>;

template <class T>
CHAINFIT_INLINE Vec<T> set1(T x);
template <>
CHAINFIT_INLINE VecF set1<float>(float x) {
    const __m256 v = _mm256_set1_ps(x);
    return {v, v};
}
template <>
CHAINFIT_INLINE VecD set1<double>(double x) {
    const __m256d v = _mm256_set1_pd(x);
    return {v, v};
}
template <class T>
CHAINFIT_INLINE Vec<T> zero() {
    return set1<T>(T(0));
}

CHAINFIT_INLINE VecF load(const float* p) { return {_mm256_load_ps(p), _mm256_load_ps(p + 8)}; }
CHAINFIT_INLINE VecD load(const double* p) { return {_mm256_load_pd(p), _mm256_load_pd(p + 4)}; }
CHAINFIT_INLINE VecF load_unaligned(const float* p) { return {_mm256_loadu_ps(p), _mm256_loadu_ps(p + 8)}; }
CHAINFIT_INLINE VecD load_unaligned(const double* p) { return {_mm256_loadu_pd(p), _mm256_loadu_pd(p + 4)}; }
CHAINFIT_INLINE void store(float* p, VecF v) {
    _mm256_store_ps(p, v.lo);
    _mm256_store_ps(p + 8, v.hi);
}
CHAINFIT_INLINE void store(double* p, VecD v) {
    _mm256_store_pd(p, v.lo);
    _mm256_store_pd(p + 4, v.hi);
}

// Lanes below n, as integer masks for the two halves.
CHAINFIT_INLINE __m256i first_lanes32(Index n, int from) {
    return _mm256_cmpgt_epi32(_mm256_set1_epi32(static_cast<int>(n) - from), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
}
CHAINFIT_INLINE __m256i first_lanes64(Index n, int from) {
    return _mm256_cmpgt_epi64(_mm256_set1_epi64x(n - from), _mm256_setr_epi64x(0, 1, 2, 3));
}

// The first n lanes, 0 <= n <= lanes; the others are 0 and their memory is not touched.
CHAINFIT_INLINE VecF load_first(const float* p, Index n) {
    return {_mm256_maskload_ps(p, first_lanes32(n, 0)), _mm256_maskload_ps(p + 8, first_lanes32(n, 8))};
}
CHAINFIT_INLINE VecD load_first(const double* p, Index n) {
    return {_mm256_maskload_pd(p, first_lanes64(n, 0)), _mm256_maskload_pd(p + 4, first_lanes64(n, 4))};
}
CHAINFIT_INLINE void store_first(float* p, VecF v, Index n) {
    _mm256_maskstore_ps(p, first_lanes32(n, 0), v.lo);
    _mm256_maskstore_ps(p + 8, first_lanes32(n, 8), v.hi);
}
CHAINFIT_INLINE void store_first(double* p, VecD v, Index n) {
    _mm256_maskstore_pd(p, first_lanes64(n, 0), v.lo);
    _mm256_maskstore_pd(p + 4, first_lanes64(n, 4), v.hi);
}

CHAINFIT_INLINE VecF operator+(VecF a, VecF b) { return {_mm256_add_ps(a.lo, b.lo), _mm256_add_ps(a.hi, b.hi)}; }
CHAINFIT_INLINE VecD operator+(VecD a, VecD b) { return {_mm256_add_pd(a.lo, b.lo), _mm256_add_pd(a.hi, b.hi)}; }
CHAINFIT_INLINE VecF operator-(VecF a, VecF b) { return {_mm256_sub_ps(a.lo, b.lo), _mm256_sub_ps(a.hi, b.hi)}; }
CHAINFIT_INLINE VecD operator-(VecD a, VecD b) { return {_mm256_sub_pd(a.lo, b.lo), _mm256_sub_pd(a.hi, b.hi)}; }
CHAINFIT_INLINE VecF operator*(VecF a, VecF b) { return {_mm256_mul_ps(a.lo, b.lo), _mm256_mul_ps(a.hi, b.hi)}; }
CHAINFIT_INLINE VecD operator*(VecD a, VecD b) { return {_mm256_mul_pd(a.lo, b.lo), _mm256_mul_pd(a.hi, b.hi)}; }
CHAINFIT_INLINE VecF operator/(VecF a, VecF b) { return {_mm256_div_ps(a.lo, b.lo), _mm256_div_ps(a.hi, b.hi)}; }
CHAINFIT_INLINE VecD operator/(VecD a, VecD b) { return {_mm256_div_pd(a.lo, b.lo), _mm256_div_pd(a.hi, b.hi)}; }
CHAINFIT_INLINE VecF sqrt(VecF a) { return {_mm256_sqrt_ps(a.lo), _mm256_sqrt_ps(a.hi)}; }
CHAINFIT_INLINE VecD sqrt(VecD a) { return {_mm256_sqrt_pd(a.lo), _mm256_sqrt_pd(a.hi)}; }
CHAINFIT_INLINE VecF fma(VecF a, VecF b, VecF c) {
    return {_mm256_fmadd_ps(a.lo, b.lo, c.lo), _mm256_fmadd_ps(a.hi, b.hi, c.hi)};
}
CHAINFIT_INLINE VecD fma(VecD a, VecD b, VecD c) {
    return {_mm256_fmadd_pd(a.lo, b.lo, c.lo), _mm256_fmadd_pd(a.hi, b.hi, c.hi)};
}

// a > b ? a : b, so b where either is NaN; min alike.
CHAINFIT_INLINE VecF max(VecF a, VecF b) { return {_mm256_max_ps(a.lo, b.lo), _mm256_max_ps(a.hi, b.hi)}; }
CHAINFIT_INLINE VecD max(VecD a, VecD b) { return {_mm256_max_pd(a.lo, b.lo), _mm256_max_pd(a.hi, b.hi)}; }
CHAINFIT_INLINE VecF min(VecF a, VecF b) { return {_mm256_min_ps(a.lo, b.lo), _mm256_min_ps(a.hi, b.hi)}; }
CHAINFIT_INLINE VecD min(VecD a, VecD b) { return {_mm256_min_pd(a.lo, b.lo), _mm256_min_pd(a.hi, b.hi)}; }

CHAINFIT_INLINE Mask<float> less(VecF a, VecF b) {
    return {{_mm256_cmp_ps(a.lo, b.lo, _CMP_LT_OQ), _mm256_cmp_ps(a.hi, b.hi, _CMP_LT_OQ)}};
}
CHAINFIT_INLINE Mask<double> less(VecD a, VecD b) {
    return {{_mm256_cmp_pd(a.lo, b.lo, _CMP_LT_OQ), _mm256_cmp_pd(a.hi, b.hi, _CMP_LT_OQ)}};
}
CHAINFIT_INLINE Mask<float> equal(VecF a, VecF b) {
    return {{_mm256_cmp_ps(a.lo, b.lo, _CMP_EQ_OQ), _mm256_cmp_ps(a.hi, b.hi, _CMP_EQ_OQ)}};
}
CHAINFIT_INLINE Mask<double> equal(VecD a, VecD b) {
    return {{_mm256_cmp_pd(a.lo, b.lo, _CMP_EQ_OQ), _mm256_cmp_pd(a.hi, b.hi, _CMP_EQ_OQ)}};
}
CHAINFIT_INLINE VecF select(Mask<float> m, VecF yes, VecF no) {
    return {_mm256_blendv_ps(no.lo, yes.lo, m.m.lo), _mm256_blendv_ps(no.hi, yes.hi, m.m.hi)};
}
CHAINFIT_INLINE VecD select(Mask<double> m, VecD yes, VecD no) {
    return {_mm256_blendv_pd(no.lo, yes.lo, m.m.lo), _mm256_blendv_pd(no.hi, yes.hi, m.m.hi)};
}

template <int bits>
CHAINFIT_INLINE __m256 shift_left(__m256 a) {
    return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_castps_si256(a), bits));
}
template <int bits>
CHAINFIT_INLINE __m256d shift_left(__m256d a) {
    return _mm256_castsi256_pd(_mm256_slli_epi64(_mm256_castpd_si256(a), bits));
}
template <int bits>
CHAINFIT_INLINE __m256 shift_right(__m256 a) {
    return _mm256_castsi256_ps(_mm256_srli_epi32(_mm256_castps_si256(a), bits));
}
template <int bits>
CHAINFIT_INLINE __m256d shift_right(__m256d a) {
    return _mm256_castsi256_pd(_mm256_srli_epi64(_mm256_castpd_si256(a), bits));
}
template <int bits, class T>
CHAINFIT_INLINE Vec<T> shift_left(Vec<T> a) {
    return {shift_left<bits>(a.lo), shift_left<bits>(a.hi)};
}
template <int bits, class T>
CHAINFIT_INLINE Vec<T> shift_right(Vec<T> a) {
    return {shift_right<bits>(a.lo), shift_right<bits>(a.hi)};
}
CHAINFIT_INLINE VecF or_bits(VecF a, VecF b) { return {_mm256_or_ps(a.lo, b.lo), _mm256_or_ps(a.hi, b.hi)}; }
CHAINFIT_INLINE VecD or_bits(VecD a, VecD b) { return {_mm256_or_pd(a.lo, b.lo), _mm256_or_pd(a.hi, b.hi)}; }
CHAINFIT_INLINE VecF and_bits(VecF a, __m256 mask) { return {_mm256_and_ps(a.lo, mask), _mm256_and_ps(a.hi, mask)}; }
CHAINFIT_INLINE VecD and_bits(VecD a, __m256d mask) { return {_mm256_and_pd(a.lo, mask), _mm256_and_pd(a.hi, mask)}; }
CHAINFIT_INLINE VecF and_mantissa(VecF a) { return and_bits(a, _mm256_castsi256_ps(_mm256_set1_epi32(0x007fffff))); }
CHAINFIT_INLINE VecD and_mantissa(VecD a) {
    return and_bits(a, _mm256_castsi256_pd(_mm256_set1_epi64x(0x000fffffffffffff)));
}
CHAINFIT_INLINE VecF abs(VecF a) { return and_bits(a, _mm256_castsi256_ps(_mm256_set1_epi32(0x7fffffff))); }
CHAINFIT_INLINE VecD abs(VecD a) { return and_bits(a, _mm256_castsi256_pd(_mm256_set1_epi64x(0x7fffffffffffffff))); }
CHAINFIT_INLINE VecF copy_sign(VecF magnitude, VecF sign) {
    return or_bits(abs(magnitude), and_bits(sign, _mm256_set1_ps(-0.0f)));
}
CHAINFIT_INLINE VecD copy_sign(VecD magnitude, VecD sign) {
    return or_bits(abs(magnitude), and_bits(sign, _mm256_set1_pd(-0.0)));
}

// The fixed tree: lane i + lane i + 8, then 4, 2, 1.
CHAINFIT_INLINE float fold_sum(VecF v) {
    const __m256 s8 = _mm256_add_ps(v.lo, v.hi);
    const __m128 s4 = _mm_add_ps(_mm256_castps256_ps128(s8), _mm256_extractf128_ps(s8, 1));
    const __m128 s2 = _mm_add_ps(s4, _mm_movehl_ps(s4, s4));
    return _mm_cvtss_f32(_mm_add_ss(s2, _mm_movehdup_ps(s2)));
}
CHAINFIT_INLINE double fold_sum(VecD v) {
    const __m256d s4 = _mm256_add_pd(v.lo, v.hi);
    const __m128d s2 = _mm_add_pd(_mm256_castpd256_pd128(s4), _mm256_extractf128_pd(s4, 1));
    return _mm_cvtsd_f64(_mm_add_sd(s2, _mm_unpackhi_pd(s2, s2)));
}

// Lane i in all lanes.
template <class T>
CHAINFIT_INLINE Vec<T> spread(Vec<T> v, Index i) {
    alignas(64) T lanes[kLanes<T>];
    store(lanes, v);
    return set1<T>(lanes[i]);
}

// Lane i of the result is fold_sum(v[i]), by the same tree.
CHAINFIT_INLINE VecF fold_sums(const VecF (&v)[16]) {
    __m256 x[16], y[8], c[4], e[2];
#pragma GCC unroll 16
    for (int i = 0; i < 16; ++i) x[i] = _mm256_add_ps(v[i].lo, v[i].hi);
#pragma GCC unroll 8
    for (int i = 0; i < 8; ++i)  // blocks of v[i], v[i + 8]
        y[i] =
            _mm256_add_ps(_mm256_permute2f128_ps(x[i], x[i + 8], 0x20), _mm256_permute2f128_ps(x[i], x[i + 8], 0x31));
#pragma GCC unroll 4
    for (int i = 0; i < 4; ++i)  // pairs of lanes of v[i], v[i + 4], v[i + 8], v[i + 12]
        c[i] = _mm256_add_ps(_mm256_shuffle_ps(y[i], y[i + 4], 0x44), _mm256_shuffle_ps(y[i], y[i + 4], 0xee));
#pragma GCC unroll 2
    for (int i = 0; i < 2; ++i)  // e[i]: v[2i], v[2i + 4], v[2i + 1], v[2i + 5], and v[2i + 8] ...
        e[i] = _mm256_add_ps(_mm256_shuffle_ps(c[2 * i], c[2 * i + 1], 0x88),
                             _mm256_shuffle_ps(c[2 * i], c[2 * i + 1], 0xdd));
    const __m256 p = _mm256_shuffle_ps(e[0], e[1], 0x88), q = _mm256_shuffle_ps(e[0], e[1], 0xdd);
    return {_mm256_permute2f128_ps(p, q, 0x20), _mm256_permute2f128_ps(p, q, 0x31)};
}
CHAINFIT_INLINE VecD fold_sums(const VecD (&v)[8]) {
    __m256d x[8], y[4], e[2];
#pragma GCC unroll 8
    for (int i = 0; i < 8; ++i) x[i] = _mm256_add_pd(v[i].lo, v[i].hi);
#pragma GCC unroll 4
    for (int i = 0; i < 4; ++i)  // blocks of v[i], v[i + 4]
        y[i] =
            _mm256_add_pd(_mm256_permute2f128_pd(x[i], x[i + 4], 0x20), _mm256_permute2f128_pd(x[i], x[i + 4], 0x31));
#pragma GCC unroll 2
    for (int i = 0; i < 2; ++i)
        e[i] = _mm256_add_pd(_mm256_unpacklo_pd(y[2 * i], y[2 * i + 1]), _mm256_unpackhi_pd(y[2 * i], y[2 * i + 1]));
    return {_mm256_permute2f128_pd(e[0], e[1], 0x20), _mm256_permute2f128_pd(e[0], e[1], 0x31)};
}

CHAINFIT_INLINE void transpose8(__m256 (&v)[8]) {
    __m256 t[8];
#pragma GCC unroll 2
    for (int i = 0; i < 8; i += 4) {
        const __m256 ab_lo = _mm256_unpacklo_ps(v[i], v[i + 1]), ab_hi = _mm256_unpackhi_ps(v[i], v[i + 1]);
        const __m256 cd_lo = _mm256_unpacklo_ps(v[i + 2], v[i + 3]), cd_hi = _mm256_unpackhi_ps(v[i + 2], v[i + 3]);
        t[i] = _mm256_shuffle_ps(ab_lo, cd_lo, 0x44);
        t[i + 1] = _mm256_shuffle_ps(ab_lo, cd_lo, 0xee);
        t[i + 2] = _mm256_shuffle_ps(ab_hi, cd_hi, 0x44);
        t[i + 3] = _mm256_shuffle_ps(ab_hi, cd_hi, 0xee);
    }
#pragma GCC unroll 4
    for (int c = 0; c < 4; ++c) {
        v[c] = _mm256_permute2f128_ps(t[c], t[4 + c], 0x20);
        v[4 + c] = _mm256_permute2f128_ps(t[c], t[4 + c], 0x31);
    }
}
CHAINFIT_INLINE void transpose4(__m256d (&v)[4]) {
    const __m256d lo01 = _mm256_unpacklo_pd(v[0], v[1]), hi01 = _mm256_unpackhi_pd(v[0], v[1]);
    const __m256d lo23 = _mm256_unpacklo_pd(v[2], v[3]), hi23 = _mm256_unpackhi_pd(v[2], v[3]);
    v[0] = _mm256_permute2f128_pd(lo01, lo23, 0x20);
    v[1] = _mm256_permute2f128_pd(hi01, hi23, 0x20);
    v[2] = _mm256_permute2f128_pd(lo01, lo23, 0x31);
    v[3] = _mm256_permute2f128_pd(hi01, hi23, 0x31);
}

// In place: v[i] lane j <-> v[j] lane i, as four transposed quarters, two of which change places.
CHAINFIT_INLINE void transpose(VecF (&v)[16]) {
    __m256 a[8], b[8], c[8], d[8];
    for (int i = 0; i < 8; ++i) {
        a[i] = v[i].lo;
        b[i] = v[i].hi;
        c[i] = v[8 + i].lo;
        d[i] = v[8 + i].hi;
    }
    transpose8(a);
    transpose8(b);
    transpose8(c);
    transpose8(d);
    for (int i = 0; i < 8; ++i) {
        v[i] = {a[i], c[i]};
        v[8 + i] = {b[i], d[i]};
    }
}
CHAINFIT_INLINE void transpose(VecD (&v)[8]) {
    __m256d a[4], b[4], c[4], d[4];
    for (int i = 0; i < 4; ++i) {
        a[i] = v[i].lo;
        b[i] = v[i].hi;
        c[i] = v[4 + i].lo;
        d[i] = v[4 + i].hi;
    }
    transpose4(a);
    transpose4(b);
    transpose4(c);
    transpose4(d);
    for (int i = 0; i < 4; ++i) {
        v[i] = {a[i], c[i]};
        v[4 + i] = {b[i], d[i]};
    }
}

#include "kernels/all.inl"

}  // namespace chainfit::avx2

#if defined(__clang__)
#pragma clang attribute pop
#else
#pragma GCC pop_options
#endif

namespace chainfit {
namespace avx2 {
// outside the target region: this must run anywhere
bool runs_here() { return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"); }
}  // namespace avx2

constinit const Isa kAvx2 = CHAINFIT_ISA("avx2", avx2);
}  // namespace chainfit
#endif
