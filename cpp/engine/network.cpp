// Shapes of a net and the packing of its parameters. Floor: engine.
#include "engine/network.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

namespace chainfit {

template <class T>
Network<T>::Network(std::vector<Index> units) : units_(std::move(units)) {
    constexpr Index V = kLanes<T>;
    for (std::size_t l = 0; l + 1 < units_.size(); ++l) {
        Layer layer;
        layer.n_in = units_[l];
        layer.n_out = units_[l + 1];
        layer.offset = packed_size_;
        layer.panel = checked_product(padded_lines(checked_sum(layer.n_in, 1)), V);
        layer.panels = round_up(layer.n_out, V) / V;
        packed_size_ = checked_sum(packed_size_, checked_product(layer.panels, layer.panel));
        weight_count_ = checked_sum(weight_count_, checked_product(layer.n_in + 1, layer.n_out));
        layers_.push_back(layer);
    }
}

template <class T>
Weights<T> Network<T>::weights(const T* packed, std::size_t l) const {
    const Layer& layer = layers_[l];
    const T* w = packed + layer.offset;
    return {layer.n_in, layer.n_out, w, layer.panel, kLanes<T>, w + layer.n_in * kLanes<T>, layer.panel};
}

namespace {

// Calls visit(line of packed, columns) for every line of every panel; the bias is line n_in.
template <class T, class Visit>
void for_each_line(const Layer& layer, Visit visit) {
    constexpr Index V = kLanes<T>;
    for (Index j = 0; j < layer.panels; ++j)
        for (Index i = 0; i <= layer.n_in; ++i)
            visit(layer.offset + j * layer.panel + i * V, i, j * V, std::min(V, layer.n_out - j * V));
}

// Most lines are whole, and for these nothing is called.
template <class T>
void copy_line(const T* from, Index count, T* to) {
    if (count == kLanes<T>)
        std::memcpy(to, from, sizeof(T) * kLanes<T>);
    else
        std::copy_n(from, count, to);
}

}  // namespace

template <class T>
void Network<T>::pack(const std::vector<Matrix<const T>>& coefs, const std::vector<Matrix<const T>>& intercepts,
                      T* packed) const {
    for (std::size_t l = 0; l < layers_.size(); ++l)
        for_each_line<T>(layers_[l], [&](Index at, Index i, Index j, Index count) {
            const bool bias = i == layers_[l].n_in;
            const Matrix<const T>& from = bias ? intercepts[l] : coefs[l];
            const T* source = from.data + (bias ? 0 : i * from.row) + j * from.column;
            if (from.column == 1)
                copy_line(source, count, packed + at);
            else
                for (Index c = 0; c < count; ++c) packed[at + c] = source[c * from.column];
        });
}

template <class T>
void Network<T>::unpack(const T* packed, const std::vector<Matrix<T>>& coefs,
                        const std::vector<Matrix<T>>& intercepts) const {
    for (std::size_t l = 0; l < layers_.size(); ++l)
        for_each_line<T>(layers_[l], [&](Index at, Index i, Index j, Index count) {
            const bool bias = i == layers_[l].n_in;
            const Matrix<T>& to = bias ? intercepts[l] : coefs[l];
            T* target = to.data + (bias ? 0 : i * to.row) + j * to.column;
            if (to.column == 1)
                copy_line(packed + at, count, target);
            else
                for (Index c = 0; c < count; ++c) target[c * to.column] = packed[at + c];
        });
}

template class Network<float>;
template class Network<double>;

}  // namespace chainfit
