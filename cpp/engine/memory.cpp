// Aligned, zeroed memory. Floor: engine.
#include "engine/memory.hpp"

#include <cstdio>
#include <cstring>
#include <new>

#if defined(__linux__)
#include <sys/mman.h>
#endif

namespace chainfit {

namespace {

constexpr Index kCacheLine = 64;
constexpr Index kHugePage = Index{1} << 21;

// Of a block of this many bytes; it is given back with the same.
Index alignment_of(Index bytes) { return bytes >= 2 * kHugePage ? kHugePage : kCacheLine; }

}  // namespace

NoMemory::NoMemory(double bytes) noexcept {
    std::snprintf(text_, sizeof text_, "Unable to allocate %.3g GiB", bytes / (1 << 30));
}

template <class T>
Buffer<T>::Buffer(Index count) : count_(count) {
    if (count == 0) return;
    const Index wanted = checked_product(count, sizeof(T));
    const Index alignment = alignment_of(wanted);
    const Index bytes = round_up(wanted, alignment);
    // not std::aligned_alloc, which Windows does not have
    void* p = ::operator new(static_cast<std::size_t>(bytes), std::align_val_t(alignment), std::nothrow);
    if (!p) throw NoMemory(static_cast<double>(bytes));
#if defined(__linux__)
    // a hint: without huge pages everything works the same, with more TLB misses
    if (alignment == kHugePage) madvise(p, static_cast<std::size_t>(bytes), MADV_HUGEPAGE);
#endif
    std::memset(p, 0, static_cast<std::size_t>(bytes));
    data_ = static_cast<T*>(p);
}

template <class T>
Buffer<T>::~Buffer() {
    if (!data_) return;
    ::operator delete(data_, std::align_val_t(alignment_of(count_ * static_cast<Index>(sizeof(T)))));
}

template class Buffer<float>;
template class Buffer<double>;
template class Buffer<std::int64_t>;

}  // namespace chainfit
