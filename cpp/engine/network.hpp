// Shapes of a net, and where its parameters lie when packed in panels. Floor: engine.
#pragma once

#include <vector>

#include "engine/dropout.hpp"
#include "engine/functions.hpp"
#include "engine/memory.hpp"

namespace chainfit {

// Lines of a panel, so that neighbouring panels don't fall into the same cache sets: a stride of 28 lines modulo 64
// lets eight panels of 14 lines overlap at most threefold in a 64-set L1. Small panels only avoid powers of two.
inline Index padded_lines(Index lines) {
    return lines < 256 ? lines | 1 : checked_sum(lines, ((28 - lines % 64) + 64) % 64);
}

// Parameters from one layer to the next, packed [n_out / lanes][n_in + 1][lanes]; the last line is the bias.
struct Layer {
    Index n_in = 0;
    Index n_out = 0;
    Index offset = 0;  // of its first panel, in elements
    Index panel = 0;   // from panel to panel, in elements
    Index panels = 0;
};

// One user array of parameters or of their gradient, any strides (in elements).
template <class T>
struct Matrix {
    T* data = nullptr;
    Index row = 0;
    Index column = 0;
};

template <class T>
class Network {
   public:
    explicit Network(std::vector<Index> units);

    const std::vector<Index>& units() const { return units_; }
    const std::vector<Layer>& layers() const { return layers_; }
    Index packed_size() const { return packed_size_; }  // elements
    Index weight_count() const { return weight_count_; }

    Weights<T> weights(const T* packed, std::size_t l) const;
    // coefs[l] (n_in, n_out), intercepts[l] (n_out) <-> packed. Padding lanes stay 0.
    void pack(const std::vector<Matrix<const T>>& coefs, const std::vector<Matrix<const T>>& intercepts,
              T* packed) const;
    void unpack(const T* packed, const std::vector<Matrix<T>>& coefs, const std::vector<Matrix<T>>& intercepts) const;

   private:
    std::vector<Index> units_;
    std::vector<Layer> layers_;
    Index packed_size_ = 0;
    Index weight_count_ = 0;
};

// Weights and the optimizer's state, all packed alike.
template <class T>
struct Parameters {
    Buffer<T> w;
    Buffer<T> slot[2];
};

// A net as its steps see it: shapes, and the kernels that go with them.
template <class T>
struct Net {
    Network<T> network;
    const Isa& isa;
    const Kernels<T>& kernels;
    Functions<T> functions;
    DropoutSettings dropout = {};
};

}  // namespace chainfit
