// Aligned, zeroed memory with sizes checked against overflow. Floor: engine.
#pragma once

#include <cstddef>
#include <limits>
#include <new>

#include "kernels/table.hpp"

namespace chainfit {

// std::bad_alloc that says in NumPy's words how much was wanted.
class NoMemory final : public std::bad_alloc {
   public:
    explicit NoMemory(double bytes) noexcept;
    const char* what() const noexcept override { return text_; }

   private:
    char text_[40];
};

// a * b, or NoMemory: a size that overflows can't be allocated either.
inline Index checked_product(Index a, Index b) {
    Index product;
    if (__builtin_mul_overflow(a, b, &product)) throw NoMemory(static_cast<double>(a) * static_cast<double>(b));
    return product;
}

inline Index checked_sum(Index a, Index b) {
    Index sum;
    if (__builtin_add_overflow(a, b, &sum)) throw NoMemory(static_cast<double>(a) + static_cast<double>(b));
    return sum;
}

inline Index round_up(Index n, Index step) { return checked_sum(n, step - 1) / step * step; }

// `count` zeroed items on a 64-byte boundary; large ones on huge pages where the system has them. Movable only.
template <class T>
class Buffer {
   public:
    Buffer() = default;
    explicit Buffer(Index count);
    ~Buffer();
    Buffer(Buffer&& other) noexcept : data_(other.data_), count_(other.count_) {
        other.data_ = nullptr;
        other.count_ = 0;
    }
    Buffer& operator=(Buffer&& other) noexcept {
        Buffer old(static_cast<Buffer&&>(*this));
        data_ = other.data_;
        count_ = other.count_;
        other.data_ = nullptr;
        other.count_ = 0;
        return *this;
    }

    T* data() { return data_; }
    const T* data() const { return data_; }
    Index size() const { return count_; }
    T& operator[](Index i) { return data_[i]; }
    const T& operator[](Index i) const { return data_[i]; }

   private:
    T* data_ = nullptr;
    Index count_ = 0;
};

}  // namespace chainfit
