// AVX-512 (F, DQ, BW, VL): one vector is one zmm. Floor: the only place for its intrinsics.
// Register budget of a tile: 14 x 2 accumulators + 2 of B; A comes as embedded broadcasts. 30 of 32.
#if defined(__x86_64__)
#include <immintrin.h>

#include "isa/isa.hpp"

#if defined(__clang__)
#pragma clang attribute push(__attribute__((target("avx512f,avx512dq,avx512bw,avx512vl,avx2,fma,prfchw"))), \
                             apply_to = function)
#else
#pragma GCC push_options
#pragma GCC target("avx512f,avx512dq,avx512bw,avx512vl,avx2,fma,prfchw")
// GCC 12 takes the undefined pass-through operand inside _mm512_max_ps and its like for a use of an unset variable
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#pragma GCC diagnostic ignored "-Wuninitialized"
#endif

namespace chainfit::avx512 {

inline constexpr int kMaxMR = 14;
inline constexpr int kMaxNV = 2;
inline constexpr int kFlatNV = 4;
inline constexpr int kUnrolledRows = 8;
inline constexpr int kUnrolledPanels = 4;

template <class T>
struct Vec;

template <>
struct Vec<float> {
    __m512 r;
};

template <>
struct Vec<double> {
    __m512d r;
};

template <class T>
struct Mask;

template <>
struct Mask<float> {
    __mmask16 m;
};

template <>
struct Mask<double> {
    __mmask8 m;
};

using VecF = Vec<float>;
using VecD = Vec<double>;

template <class T>
CHAINFIT_INLINE Vec<T> zero();
template <>
CHAINFIT_INLINE VecF zero<float>() {
    return {_mm512_setzero_ps()};
}
template <>
CHAINFIT_INLINE VecD zero<double>() {
    return {_mm512_setzero_pd()};
}

template <class T>
CHAINFIT_INLINE Vec<T> set1(T x);
template <>
CHAINFIT_INLINE VecF set1<float>(float x) {
    return {_mm512_set1_ps(x)};
}
template <>
CHAINFIT_INLINE VecD set1<double>(double x) {
    return {_mm512_set1_pd(x)};
}

CHAINFIT_INLINE VecF load(const float* p) { return {_mm512_load_ps(p)}; }
CHAINFIT_INLINE VecD load(const double* p) { return {_mm512_load_pd(p)}; }
CHAINFIT_INLINE VecF load_unaligned(const float* p) { return {_mm512_loadu_ps(p)}; }
CHAINFIT_INLINE VecD load_unaligned(const double* p) { return {_mm512_loadu_pd(p)}; }
CHAINFIT_INLINE void store(float* p, VecF v) { _mm512_store_ps(p, v.r); }
CHAINFIT_INLINE void store(double* p, VecD v) { _mm512_store_pd(p, v.r); }

// The first n lanes, 0 <= n <= lanes; the others are 0 and their memory is not touched.
CHAINFIT_INLINE VecF load_first(const float* p, Index n) {
    return {_mm512_maskz_loadu_ps(static_cast<__mmask16>((1u << n) - 1u), p)};
}
CHAINFIT_INLINE VecD load_first(const double* p, Index n) {
    return {_mm512_maskz_loadu_pd(static_cast<__mmask8>((1u << n) - 1u), p)};
}
CHAINFIT_INLINE void store_first(float* p, VecF v, Index n) {
    _mm512_mask_storeu_ps(p, static_cast<__mmask16>((1u << n) - 1u), v.r);
}
CHAINFIT_INLINE void store_first(double* p, VecD v, Index n) {
    _mm512_mask_storeu_pd(p, static_cast<__mmask8>((1u << n) - 1u), v.r);
}

CHAINFIT_INLINE VecF operator+(VecF a, VecF b) { return {_mm512_add_ps(a.r, b.r)}; }
CHAINFIT_INLINE VecD operator+(VecD a, VecD b) { return {_mm512_add_pd(a.r, b.r)}; }
CHAINFIT_INLINE VecF operator-(VecF a, VecF b) { return {_mm512_sub_ps(a.r, b.r)}; }
CHAINFIT_INLINE VecD operator-(VecD a, VecD b) { return {_mm512_sub_pd(a.r, b.r)}; }
CHAINFIT_INLINE VecF operator*(VecF a, VecF b) { return {_mm512_mul_ps(a.r, b.r)}; }
CHAINFIT_INLINE VecD operator*(VecD a, VecD b) { return {_mm512_mul_pd(a.r, b.r)}; }
CHAINFIT_INLINE VecF operator/(VecF a, VecF b) { return {_mm512_div_ps(a.r, b.r)}; }
CHAINFIT_INLINE VecD operator/(VecD a, VecD b) { return {_mm512_div_pd(a.r, b.r)}; }
CHAINFIT_INLINE VecF sqrt(VecF a) { return {_mm512_sqrt_ps(a.r)}; }
CHAINFIT_INLINE VecD sqrt(VecD a) { return {_mm512_sqrt_pd(a.r)}; }
CHAINFIT_INLINE VecF fma(VecF a, VecF b, VecF c) { return {_mm512_fmadd_ps(a.r, b.r, c.r)}; }
CHAINFIT_INLINE VecD fma(VecD a, VecD b, VecD c) { return {_mm512_fmadd_pd(a.r, b.r, c.r)}; }

// a > b ? a : b, so b where either is NaN; min alike.
CHAINFIT_INLINE VecF max(VecF a, VecF b) { return {_mm512_max_ps(a.r, b.r)}; }
CHAINFIT_INLINE VecD max(VecD a, VecD b) { return {_mm512_max_pd(a.r, b.r)}; }
CHAINFIT_INLINE VecF min(VecF a, VecF b) { return {_mm512_min_ps(a.r, b.r)}; }
CHAINFIT_INLINE VecD min(VecD a, VecD b) { return {_mm512_min_pd(a.r, b.r)}; }

CHAINFIT_INLINE Mask<float> less(VecF a, VecF b) { return {_mm512_cmp_ps_mask(a.r, b.r, _CMP_LT_OQ)}; }
CHAINFIT_INLINE Mask<double> less(VecD a, VecD b) { return {_mm512_cmp_pd_mask(a.r, b.r, _CMP_LT_OQ)}; }
CHAINFIT_INLINE Mask<float> equal(VecF a, VecF b) { return {_mm512_cmp_ps_mask(a.r, b.r, _CMP_EQ_OQ)}; }
CHAINFIT_INLINE Mask<double> equal(VecD a, VecD b) { return {_mm512_cmp_pd_mask(a.r, b.r, _CMP_EQ_OQ)}; }
CHAINFIT_INLINE VecF select(Mask<float> m, VecF yes, VecF no) { return {_mm512_mask_blend_ps(m.m, no.r, yes.r)}; }
CHAINFIT_INLINE VecD select(Mask<double> m, VecD yes, VecD no) { return {_mm512_mask_blend_pd(m.m, no.r, yes.r)}; }

template <int bits>
CHAINFIT_INLINE VecF shift_left(VecF a) {
    return {_mm512_castsi512_ps(_mm512_slli_epi32(_mm512_castps_si512(a.r), bits))};
}
template <int bits>
CHAINFIT_INLINE VecD shift_left(VecD a) {
    return {_mm512_castsi512_pd(_mm512_slli_epi64(_mm512_castpd_si512(a.r), bits))};
}
template <int bits>
CHAINFIT_INLINE VecF shift_right(VecF a) {
    return {_mm512_castsi512_ps(_mm512_srli_epi32(_mm512_castps_si512(a.r), bits))};
}
template <int bits>
CHAINFIT_INLINE VecD shift_right(VecD a) {
    return {_mm512_castsi512_pd(_mm512_srli_epi64(_mm512_castpd_si512(a.r), bits))};
}
CHAINFIT_INLINE VecF or_bits(VecF a, VecF b) { return {_mm512_or_ps(a.r, b.r)}; }
CHAINFIT_INLINE VecD or_bits(VecD a, VecD b) { return {_mm512_or_pd(a.r, b.r)}; }
CHAINFIT_INLINE VecF and_mantissa(VecF a) {
    return {_mm512_and_ps(a.r, _mm512_castsi512_ps(_mm512_set1_epi32(0x007fffff)))};
}
CHAINFIT_INLINE VecD and_mantissa(VecD a) {
    return {_mm512_and_pd(a.r, _mm512_castsi512_pd(_mm512_set1_epi64(0x000fffffffffffff)))};
}
CHAINFIT_INLINE VecF abs(VecF a) { return {_mm512_abs_ps(a.r)}; }
CHAINFIT_INLINE VecD abs(VecD a) { return {_mm512_abs_pd(a.r)}; }
// Bits of `sign` where the mask has them, else those of `magnitude` (truth table 0xca).
CHAINFIT_INLINE VecF copy_sign(VecF magnitude, VecF sign) {
    const __m512i m = _mm512_castps_si512(magnitude.r), s = _mm512_castps_si512(sign.r);
    return {_mm512_castsi512_ps(_mm512_ternarylogic_epi32(_mm512_set1_epi32(INT32_MIN), s, m, 0xca))};
}
CHAINFIT_INLINE VecD copy_sign(VecD magnitude, VecD sign) {
    const __m512i m = _mm512_castpd_si512(magnitude.r), s = _mm512_castpd_si512(sign.r);
    return {_mm512_castsi512_pd(_mm512_ternarylogic_epi64(_mm512_set1_epi64(INT64_MIN), s, m, 0xca))};
}

// The fixed tree: lane i + lane i + 8, then 4, 2, 1.
CHAINFIT_INLINE float fold_sum(VecF v) {
    const __m256 s8 = _mm256_add_ps(_mm512_castps512_ps256(v.r), _mm512_extractf32x8_ps(v.r, 1));
    const __m128 s4 = _mm_add_ps(_mm256_castps256_ps128(s8), _mm256_extractf128_ps(s8, 1));
    const __m128 s2 = _mm_add_ps(s4, _mm_movehl_ps(s4, s4));
    return _mm_cvtss_f32(_mm_add_ss(s2, _mm_movehdup_ps(s2)));
}
CHAINFIT_INLINE double fold_sum(VecD v) {
    const __m256d s4 = _mm256_add_pd(_mm512_castpd512_pd256(v.r), _mm512_extractf64x4_pd(v.r, 1));
    const __m128d s2 = _mm_add_pd(_mm256_castpd256_pd128(s4), _mm256_extractf128_pd(s4, 1));
    return _mm_cvtsd_f64(_mm_add_sd(s2, _mm_unpackhi_pd(s2, s2)));
}

// Lane i in all lanes.
CHAINFIT_INLINE VecF spread(VecF v, Index i) {
    return {_mm512_permutexvar_ps(_mm512_set1_epi32(static_cast<int>(i)), v.r)};
}
CHAINFIT_INLINE VecD spread(VecD v, Index i) { return {_mm512_permutexvar_pd(_mm512_set1_epi64(i), v.r)}; }

// Lane i of the result is fold_sum(v[i]), by the same tree.
CHAINFIT_INLINE VecF fold_sums(const VecF (&v)[16]) {
    __m512 a[8], b[4], c[2];
#pragma GCC unroll 8
    for (int i = 0; i < 8; ++i)  // lanes l and l + 8 of v[i], then of v[i + 8]
        a[i] = _mm512_add_ps(_mm512_shuffle_f32x4(v[i].r, v[i + 8].r, 0x44),
                             _mm512_shuffle_f32x4(v[i].r, v[i + 8].r, 0xee));
#pragma GCC unroll 4
    for (int i = 0; i < 4; ++i)  // 128-bit blocks now: v[i], v[i + 4], v[i + 8], v[i + 12]
        b[i] = _mm512_add_ps(_mm512_shuffle_f32x4(a[i], a[i + 4], 0x88), _mm512_shuffle_f32x4(a[i], a[i + 4], 0xdd));
    // b[i]: blocks of v[i], v[i + 8], v[i + 4], v[i + 12]
#pragma GCC unroll 2
    for (int i = 0; i < 2; ++i)
        c[i] = _mm512_add_ps(_mm512_shuffle_ps(b[i], b[i + 2], 0x44), _mm512_shuffle_ps(b[i], b[i + 2], 0xee));
    const __m512 d = _mm512_add_ps(_mm512_shuffle_ps(c[0], c[1], 0x88), _mm512_shuffle_ps(c[0], c[1], 0xdd));
    // each block holds v[0], v[2], v[1], v[3] of its four
    const __m512i order = _mm512_setr_epi32(0, 2, 1, 3, 8, 10, 9, 11, 4, 6, 5, 7, 12, 14, 13, 15);
    return {_mm512_permutexvar_ps(order, d)};
}
CHAINFIT_INLINE VecD fold_sums(const VecD (&v)[8]) {
    __m512d a[4], b[2];
#pragma GCC unroll 4
    for (int i = 0; i < 4; ++i)
        a[i] = _mm512_add_pd(_mm512_shuffle_f64x2(v[i].r, v[i + 4].r, 0x44),
                             _mm512_shuffle_f64x2(v[i].r, v[i + 4].r, 0xee));
#pragma GCC unroll 2
    for (int i = 0; i < 2; ++i)
        b[i] = _mm512_add_pd(_mm512_shuffle_f64x2(a[i], a[i + 2], 0x88), _mm512_shuffle_f64x2(a[i], a[i + 2], 0xdd));
    const __m512d c = _mm512_add_pd(_mm512_unpacklo_pd(b[0], b[1]), _mm512_unpackhi_pd(b[0], b[1]));
    const __m512i order = _mm512_setr_epi64(0, 1, 4, 5, 2, 3, 6, 7);
    return {_mm512_permutexvar_pd(order, c)};
}

// In place: v[i] lane j <-> v[j] lane i.
CHAINFIT_INLINE void transpose(VecF (&v)[16]) {
    __m512 t[16];
#pragma GCC unroll 4
    for (int i = 0; i < 16; i += 4) {
        const __m512 ab_lo = _mm512_unpacklo_ps(v[i].r, v[i + 1].r), ab_hi = _mm512_unpackhi_ps(v[i].r, v[i + 1].r);
        const __m512 cd_lo = _mm512_unpacklo_ps(v[i + 2].r, v[i + 3].r),
                     cd_hi = _mm512_unpackhi_ps(v[i + 2].r, v[i + 3].r);
        // t[i + c]: column c of each 4 x 4 block of lines i .. i + 3
        t[i] = _mm512_shuffle_ps(ab_lo, cd_lo, 0x44);
        t[i + 1] = _mm512_shuffle_ps(ab_lo, cd_lo, 0xee);
        t[i + 2] = _mm512_shuffle_ps(ab_hi, cd_hi, 0x44);
        t[i + 3] = _mm512_shuffle_ps(ab_hi, cd_hi, 0xee);
    }
    // a 4 x 4 transpose of 128-bit blocks for each column c
#pragma GCC unroll 4
    for (int c = 0; c < 4; ++c) {
        const __m512 lo01 = _mm512_shuffle_f32x4(t[c], t[4 + c], 0x44),
                     hi01 = _mm512_shuffle_f32x4(t[c], t[4 + c], 0xee);
        const __m512 lo23 = _mm512_shuffle_f32x4(t[8 + c], t[12 + c], 0x44),
                     hi23 = _mm512_shuffle_f32x4(t[8 + c], t[12 + c], 0xee);
        v[c].r = _mm512_shuffle_f32x4(lo01, lo23, 0x88);
        v[4 + c].r = _mm512_shuffle_f32x4(lo01, lo23, 0xdd);
        v[8 + c].r = _mm512_shuffle_f32x4(hi01, hi23, 0x88);
        v[12 + c].r = _mm512_shuffle_f32x4(hi01, hi23, 0xdd);
    }
}
CHAINFIT_INLINE void transpose(VecD (&v)[8]) {
    __m512d t[8];
#pragma GCC unroll 4
    for (int i = 0; i < 8; i += 2) {
        t[i] = _mm512_unpacklo_pd(v[i].r, v[i + 1].r);
        t[i + 1] = _mm512_unpackhi_pd(v[i].r, v[i + 1].r);
    }
#pragma GCC unroll 2
    for (int c = 0; c < 2; ++c) {
        const __m512d lo01 = _mm512_shuffle_f64x2(t[c], t[2 + c], 0x44),
                      hi01 = _mm512_shuffle_f64x2(t[c], t[2 + c], 0xee);
        const __m512d lo23 = _mm512_shuffle_f64x2(t[4 + c], t[6 + c], 0x44),
                      hi23 = _mm512_shuffle_f64x2(t[4 + c], t[6 + c], 0xee);
        v[c].r = _mm512_shuffle_f64x2(lo01, lo23, 0x88);
        v[2 + c].r = _mm512_shuffle_f64x2(lo01, lo23, 0xdd);
        v[4 + c].r = _mm512_shuffle_f64x2(hi01, hi23, 0x88);
        v[6 + c].r = _mm512_shuffle_f64x2(hi01, hi23, 0xdd);
    }
}

#include "kernels/all.inl"

}  // namespace chainfit::avx512

#if defined(__clang__)
#pragma clang attribute pop
#else
#pragma GCC pop_options
#endif

namespace chainfit {
namespace avx512 {
// outside the target region: this must run anywhere
bool runs_here() {
    return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
           __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("fma");
}
}  // namespace avx512
constinit const Isa kAvx512 = CHAINFIT_ISA("avx512", avx512);
}  // namespace chainfit
#endif
