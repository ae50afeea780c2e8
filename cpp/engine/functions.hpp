// Which functions a net applies: an activation for each hidden layer, a link, a loss with its parameters. Floor:
// engine.
#pragma once

#include <vector>

#include "engine/kernel_use.hpp"

namespace chainfit {

// The activations of `hidden` layers by their names: one for all, or one for each. std::invalid_argument names what is
// unknown or too many.
template <class T>
std::vector<const ActivationKernel<T>*> find_activations(const Kernels<T>& kernels,
                                                         const std::vector<std::string>& names, std::size_t hidden);

// The sizes of blocks of neighbouring units that fill an output layer of n_out: those given, or one. Otherwise
// std::invalid_argument.
std::vector<Index> blocks_of(std::vector<Index> given, Index n_out);

// Neighbouring units of the output layer with settings of their own of the loss's parameters.
struct BlockSettings {
    Index units = 0;
    Settings settings;
};

// What the output layer does, by name.
struct OutputSettings {
    std::string loss;
    std::string link;                   // the loss's own if it is empty
    std::vector<BlockSettings> blocks;  // together all units; none: all units are one
};

template <class T>
class Functions {
   public:
    // `settings` loses those that are the loss's. std::invalid_argument where link and loss don't go together, too.
    Functions(const Kernels<T>& kernels, const std::vector<std::string>& activations, std::size_t hidden,
              const OutputSettings& output, Index outputs, Settings& settings);

    const Kernels<T>& kernels() const { return *kernels_; }
    // It points into this object.
    OutputRule<T> output() const {
        return {loss_, link_, own_link_, {blocks_.data(), static_cast<Index>(blocks_.size())}};
    }

    // Layers are numbered 1..L, as everywhere; the last one has no activation but its link.
    bool is_hidden(std::size_t layer) const { return layer <= activations_.size(); }
    const ActivationKernel<T>& activation(std::size_t layer) const { return *activations_[layer - 1]; }
    Index place(std::size_t layer) const { return &activation(layer) - kernels_->activations.items; }
    bool keeps_slope(std::size_t layer) const { return is_hidden(layer) && activation(layer).keeps_slope; }

    // What goes with the products of a layer. Forward: out is all that they fill, kept where f'(z) goes, as Epilogue
    // has it.
    Epilogue<T> forward(std::size_t layer, const T* out, T* kept) const {
        return {is_hidden(layer) ? activation(layer).forward : kernels_->add_bias, static_cast<Index>(layer), 0, out,
                kept};
    }
    Epilogue<T> forward_lines(std::size_t layer, const T* out, T* kept) const {
        return {is_hidden(layer) ? activation(layer).forward_lines : kernels_->add_bias_lines,
                static_cast<Index>(layer), 0, out, kept};
    }
    Epilogue<T> backward(std::size_t layer) const {
        return {activation(layer).backward, static_cast<Index>(layer), 0, nullptr, nullptr};
    }

   private:
    const Kernels<T>* kernels_;
    std::vector<const ActivationKernel<T>*> activations_;
    const LossKernel<T>* loss_;
    const LinkKernel<T>* link_;
    bool own_link_;
    std::vector<OutputBlock<T>> blocks_;
};

}  // namespace chainfit
