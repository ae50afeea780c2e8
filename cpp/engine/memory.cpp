// Aligned, zeroed memory. Floor: engine.
#include "engine/memory.hpp"

#include <cstdlib>
#include <cstring>

#if defined(__linux__)
#include <sys/mman.h>
#endif

namespace chainfit {

namespace {

constexpr Index kCacheLine = 64;
constexpr Index kHugePage = Index{1} << 21;

}  // namespace

template <class T>
Buffer<T>::Buffer(Index count) : count_(count) {
    if (count == 0) return;
    const Index wanted = checked_product(count, sizeof(T));
    const Index alignment = wanted >= 2 * kHugePage ? kHugePage : kCacheLine;
    const Index bytes = round_up(wanted, alignment);
    void* p = std::aligned_alloc(static_cast<std::size_t>(alignment), static_cast<std::size_t>(bytes));
    if (!p) throw std::bad_alloc();
#if defined(__linux__)
    // a hint: without huge pages everything works the same, with more TLB misses
    if (alignment == kHugePage) madvise(p, static_cast<std::size_t>(bytes), MADV_HUGEPAGE);
#endif
    std::memset(p, 0, static_cast<std::size_t>(bytes));
    data_ = static_cast<T*>(p);
}

template <class T>
Buffer<T>::~Buffer() {
    std::free(data_);
}

template class Buffer<float>;
template class Buffer<double>;
template class Buffer<std::int64_t>;

}  // namespace chainfit
