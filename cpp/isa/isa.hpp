// What every isa/*.cpp shares: the table's types, the inlining macros, the row that it adds to dispatch.cpp, and the
// control word for denormals. Floor: isa.
#pragma once

#include "kernels/small_steps.hpp"

#if defined(__x86_64__)
#include <xmmintrin.h>
#endif

#define CHAINFIT_INLINE inline __attribute__((always_inline))
#define CHAINFIT_LAMBDA __attribute__((always_inline))
#define CHAINFIT_CALLED __attribute__((noinline))

// One row of the table in dispatch.cpp, from the namespace that holds the kernels.
#define CHAINFIT_ISA(name, space) \
    {name,                        \
     &space::runs_here,           \
     &space::kKernels<float>,     \
     &space::kKernels<double>,    \
     &flush_denormals,            \
     &restore_denormals,          \
     &space::peak<float>,         \
     &space::peak<double>}

namespace chainfit {

// Rows of the table in dispatch.cpp; which of them are built depends on the processor family.
extern const Isa kGeneric, kAvx2, kAvx512;

// Sets flush-to-zero and denormals-are-zero; returns the control word as it was.
inline std::uint64_t flush_denormals() {
#if defined(__x86_64__)
    const unsigned before = _mm_getcsr();
    _mm_setcsr(before | 0x8040u);  // FTZ is bit 15, DAZ bit 6 (Intel SDM volume 1, 10.2.3)
    return before;
#elif defined(__aarch64__)
    std::uint64_t before;
    __asm__ volatile("mrs %0, fpcr" : "=r"(before));
    __asm__ volatile("msr fpcr, %0" : : "r"(before | (1ull << 24)));  // FZ is bit 24 (Arm ARM, FPCR)
    return before;
#else
    return 0;
#endif
}

inline void restore_denormals([[maybe_unused]] std::uint64_t control) {
#if defined(__x86_64__)
    _mm_setcsr(static_cast<unsigned>(control));
#elif defined(__aarch64__)
    __asm__ volatile("msr fpcr, %0" : : "r"(control));
#endif
}

}  // namespace chainfit
