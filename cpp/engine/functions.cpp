// Functions found by their names. Floor: engine.
#include "engine/functions.hpp"

#include <algorithm>

namespace chainfit {

template <class T>
std::vector<const ActivationKernel<T>*> find_activations(const Kernels<T>& kernels,
                                                         const std::vector<std::string>& names, std::size_t hidden) {
    std::vector<const ActivationKernel<T>*> found;
    found.reserve(std::max(names.size(), hidden));
    for (const std::string& name : names) found.push_back(&find_by_name(kernels.activations, name, "activation"));
    if (found.size() == 1) found.resize(hidden, found[0]);
    if (found.size() != hidden)
        throw std::invalid_argument("activation must be one name, or one for each hidden layer: expected " +
                                    std::to_string(hidden) + ", got " + std::to_string(found.size()));
    return found;
}

template <class T>
Functions<T>::Functions(const Kernels<T>& kernels, const std::vector<std::string>& activations, std::size_t hidden,
                        const std::string& loss, Settings& settings)
    : kernels_(&kernels),
      activations_(find_activations(kernels, activations, hidden)),
      loss_(&find_by_name(kernels.losses, loss, "loss")),
      loss_values_(rounded<T>(take_values(loss_->parameters, "the loss '" + loss + "'", settings))) {}

template class Functions<float>;
template class Functions<double>;

template std::vector<const ActivationKernel<float>*> find_activations<float>(const Kernels<float>&,
                                                                             const std::vector<std::string>&,
                                                                             std::size_t);
template std::vector<const ActivationKernel<double>*> find_activations<double>(const Kernels<double>&,
                                                                               const std::vector<std::string>&,
                                                                               std::size_t);

}  // namespace chainfit
