// A net in training. Floor: engine.
#include "engine/trainer.hpp"

#include <algorithm>
#include <stdexcept>
#include <utility>

#include "dispatch.hpp"

namespace chainfit {

namespace {

template <class T>
Net<T> make_net(std::vector<Index> units, const std::vector<std::string>& activations, const OutputSettings& output,
                Settings& settings) {
    if (units.size() < 2 || *std::min_element(units.begin(), units.end()) < 1)
        throw std::invalid_argument("units must be at least two sizes, all >= 1");
    const Kernels<T>& kernels = isa().kernels<T>();
    Functions<T> functions(kernels, activations, units.size() - 2, output, units.back(), settings);
    return {Network<T>(std::move(units)), isa(), kernels, std::move(functions)};
}

template <class T>
Optimizer<T> make_optimizer(const Net<T>& net, const std::string& name, Settings& settings) {
    const OptimizerKernel<T>& rule = find_by_name(net.kernels.optimizers, name, "optimizer");
    const ParameterValues values = take_values(rule.parameters, "the optimizer '" + name + "'", settings);
    if (!settings.empty())
        throw std::invalid_argument("neither the optimizer '" + name + "' nor the loss '" +
                                    net.functions.output().loss->name + "' has a parameter '" +
                                    settings.begin()->first + "'");
    return Optimizer<T>(net.network, net.isa, rule, values);
}

}  // namespace

template <class T>
Trainer<T>::Trainer(std::vector<Index> units, const std::vector<std::string>& activations, const OutputSettings& output,
                    const std::string& optimizer, Settings settings)
    : net_(make_net<T>(std::move(units), activations, output, settings)),
      optimizer_(make_optimizer(net_, optimizer, settings)),
      roads_(net_) {}

template <class T>
LossValue Trainer<T>::loss_and_gradient(const Samples<T>& samples, double l2, Buffer<T>& gradient, Interrupt& interrupt,
                                        int max_threads) {
    Schedule<T> schedule = optimizer_.schedule;  // a copy, for no step is made
    schedule.settings.l2 = l2;
    InterruptPoll poll(interrupt, net_.isa);
    Progress<T> progress{schedule, poll};
    Batches<T> all{samples, nullptr, {0, samples.rows}, samples.rows};
    const Update<T> store = optimizer_.store_in(gradient);
    while (all.left() && !progress.interrupted) try {
            roads_.tiles(samples.rows, samples.is_sparse(), max_threads).run(all, store, progress);
        } catch (const TeamLost&) {
            roads_.forget_teams();
        }
    return {progress.last.data_loss, schedule.penalty(progress.last.squares)};
}

template class Trainer<float>;
template class Trainer<double>;

}  // namespace chainfit
