// Functions found by their names. Floor: engine.
#include "engine/functions.hpp"

#include <algorithm>
#include <utility>

namespace chainfit {

std::vector<Index> blocks_of(std::vector<Index> given, Index n_out) {
    if (given.empty()) given.push_back(n_out);
    Index left = n_out;
    for (const Index units : given) left = units < 1 || units > left ? -1 : left - units;
    if (left != 0)
        throw std::invalid_argument("blocks of outputs must be of 1 unit or more, and together have the " +
                                    std::to_string(n_out) + " of the output layer");
    return given;
}

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

namespace {

template <class T>
const LinkKernel<T>& find_link(const Kernels<T>& kernels, const LossKernel<T>& loss, const std::string& name) {
    const LinkKernel<T>& link =
        find_by_name(kernels.links, name.empty() ? std::string(loss.link) : name, "output activation");
    if (link.name == std::string(loss.link)) return link;
    if (!loss.slope || !link.backward || link.lowest < loss.lowest_output || link.highest > loss.highest_output)
        throw std::invalid_argument("the loss '" + std::string(loss.name) +
                                    "' does not go with the output activation '" + name + "'");
    return link;
}

}  // namespace

template <class T>
Functions<T>::Functions(const Kernels<T>& kernels, const std::vector<std::string>& activations, std::size_t hidden,
                        const OutputSettings& output, Index outputs, Settings& settings)
    : kernels_(&kernels),
      activations_(find_activations(kernels, activations, hidden)),
      loss_(output.loss == kernels.given_loss.name ? &kernels.given_loss
                                                   : &find_by_name(kernels.losses, output.loss, "loss")),
      link_(&find_link(kernels, *loss_, output.link)),
      own_link_(link_->name == std::string(loss_->link)) {
    const std::string rule = "the loss '" + output.loss + "'";
    const Settings common = settings;
    std::vector<Index> sizes;
    for (const BlockSettings& block : output.blocks) {
        Settings own = block.settings;
        for (const auto& [name, value] : common) own.try_emplace(name, value);
        sizes.push_back(block.units);
        blocks_.push_back({block.units, rounded<T>(take_values(loss_->parameters, rule, own))});
        for (const auto& [name, value] : own)
            if (!common.contains(name)) throw std::invalid_argument(rule + " has no parameter '" + name + "'");
    }
    sizes = blocks_of(std::move(sizes), outputs);
    const Values<T> values = rounded<T>(take_values(loss_->parameters, rule, settings));
    if (blocks_.empty()) blocks_.push_back({outputs, values});
    for (const Index units : sizes)
        if (!loss_->slope && units % 2) throw std::invalid_argument(rule + " needs two outputs for each target");
}

template class Functions<float>;
template class Functions<double>;

template std::vector<const ActivationKernel<float>*> find_activations<float>(const Kernels<float>&,
                                                                             const std::vector<std::string>&,
                                                                             std::size_t);
template std::vector<const ActivationKernel<double>*> find_activations<double>(const Kernels<double>&,
                                                                               const std::vector<std::string>&,
                                                                               std::size_t);

}  // namespace chainfit
