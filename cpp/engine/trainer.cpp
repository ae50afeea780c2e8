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
LossValue Trainer<T>::loss_and_gradient(const Samples<T>& samples, const Penalty& penalty, bool drops,
                                        LossHook<T>* loss_hook, Buffer<T>& gradient, Interrupt& interrupt,
                                        int max_threads) {
    Schedule<T>& schedule = optimizer_.schedule;
    schedule.settings = {};
    schedule.settings.l2 = penalty.l2;
    schedule.settings.l1 = penalty.l1;
    const Index steps = schedule.steps;
    InterruptPoll poll(interrupt, net_.isa);
    Progress<T> progress{schedule, poll};
    progress.drops = drops;
    const Batches<T> all{samples, nullptr, {0, samples.rows}, samples.rows};
    const Update<T> store = optimizer_.store_in(gradient);
    const auto pass = [&](Batches<T> batch) {
        while (batch.left() && !progress.interrupted) try {
                roads_.tiles(samples.rows, samples.is_sparse(), max_threads).run(batch, store, progress);
            } catch (const TeamLost&) {
                roads_.forget_tiles();
            }
        schedule.steps = steps;  // for none was made
    };
    pass(all);
    double loss = progress.last.data_loss;
    if (loss_hook && !progress.interrupted) {
        loss = loss_hook->on_outputs(all.at(0));
        pass(all);
    }
    return {loss, schedule.penalty(progress.last.squares)};
}

template <class T>
void Trainer<T>::set_dropout(DropoutSettings dropout) {
    if (!dropout.rates.empty() && dropout.rates.size() != net_.network.layers().size())
        throw std::invalid_argument("dropout must have a rate for each layer but the last: expected " +
                                    std::to_string(net_.network.layers().size()) + ", got " +
                                    std::to_string(dropout.rates.size()));
    for (const double rate : dropout.rates)
        if (!(rate >= 0 && rate < 1)) throw std::invalid_argument("rates of dropout must be in [0, 1)");
    if (dropout.rates != net_.dropout.rates) roads_.forget_tiles();
    net_.dropout = std::move(dropout);
}

template class Trainer<float>;
template class Trainer<double>;

}  // namespace chainfit
