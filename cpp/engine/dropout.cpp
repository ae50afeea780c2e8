// Keys of random masks. Floor: engine.
#include "engine/dropout.hpp"

#include <algorithm>
#include <cmath>

namespace chainfit {

namespace {

constexpr std::uint64_t kGolden = 0x9E3779B97F4A7C15;  // 2^64 over the golden ratio

// SplitMix64's finalizer (Steele, Lea and Flood 2014).
std::uint64_t mixed(std::uint64_t z) {
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
    return z ^ (z >> 31);
}

}  // namespace

bool DropoutSettings::drops_any() const {
    return std::any_of(rates.begin(), rates.end(), [](double rate) { return rate > 0; });
}

template <class T>
Dropouts<T>::Dropouts(const DropoutSettings& settings, const Functions<T>& functions, bool lines)
    : settings_(settings), kernels_(functions.kernels()), lines_(lines), masks_(settings.rates.size()) {
    for (std::size_t l = 1; l < masks_.size(); ++l) {
        const ActivationKernel<T>& activation = functions.activation(l);
        masks_[l].forward = lines ? activation.forward_lines : activation.forward;
        masks_[l].backward = activation.backward;
        masks_[l].keeps_slope = activation.keeps_slope;
    }
}

template <class T>
void Dropouts<T>::begin_step(Index step, bool on) {
    const std::uint64_t of_step = mixed(settings_.seed + kGolden * (static_cast<std::uint64_t>(step) + 1));
    for (std::size_t l = 0; l < masks_.size(); ++l) {
        const std::uint64_t key = mixed(of_step + kGolden * (l + 1));
        masks_[l].key[0] = static_cast<std::uint32_t>(key);
        masks_[l].key[1] = static_cast<std::uint32_t>(key >> 32);
        const double rate = on ? settings_.rates[l] : 0;
        masks_[l].threshold = static_cast<std::uint32_t>(std::min(rate * 0x1p32, 0x1p32 - 1));
        masks_[l].scale = static_cast<T>(1 / (1 - rate));
    }
}

template <class T>
void Dropouts<T>::attach_forward(Epilogue<T>& epilogue, std::size_t layer) const {
    if (!drops(layer)) return;
    epilogue.apply = lines_ ? kernels_.drop_lines : kernels_.drop;
    epilogue.dropout = &masks_[layer];
}

template <class T>
void Dropouts<T>::attach_backward(Epilogue<T>& epilogue, std::size_t layer) const {
    if (drops(layer)) epilogue.apply = kernels_.multiply_by_slope;
}

template class Dropouts<float>;
template class Dropouts<double>;

}  // namespace chainfit
