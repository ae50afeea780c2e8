// Which layers drop units, and the keys of their masks, step by step (Srivastava et al. 2014, inverted: what stays
// counts 1 / (1 - rate) times, so that prediction needs no change). Floor: engine.
#pragma once

#include <cstdint>
#include <vector>

#include "engine/functions.hpp"

namespace chainfit {

struct DropoutSettings {
    std::vector<double> rates;  // of layers 0..L-1, each in [0, 1); empty: none drops units
    std::uint64_t seed = 0;

    bool drops(std::size_t layer) const { return layer < rates.size() && rates[layer] > 0; }
    bool drops_any() const;
};

// The masks of one step, for all layers.
template <class T>
class Dropouts {
   public:
    // What it is given outlives it. Lanes are units where `lines` is set.
    Dropouts(const DropoutSettings& settings, const Functions<T>& functions, bool lines);

    bool drops(std::size_t layer) const { return settings_.drops(layer); }
    // Before the step with this number, from 0; where it is not `on`, every unit stays.
    void begin_step(Index step, bool on);
    const Dropout<T>& of(std::size_t layer) const { return masks_[layer]; }
    // The epilogues of a hidden layer, where it drops units.
    void attach_forward(Epilogue<T>& epilogue, std::size_t layer) const;
    void attach_backward(Epilogue<T>& epilogue, std::size_t layer) const;

   private:
    const DropoutSettings& settings_;
    const Kernels<T>& kernels_;
    bool lines_;
    std::vector<Dropout<T>> masks_;
};

}  // namespace chainfit
