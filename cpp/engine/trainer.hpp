// A net in training, as the bindings see it: names become kernels, and what stays from run to run. Floor: engine.
#pragma once

#include <algorithm>
#include <string>
#include <vector>

#include "engine/fit.hpp"

namespace chainfit {

struct LossValue {
    double data = 0;
    double penalty = 0;
};

// What J has beside the loss of the data.
struct Penalty {
    double l2 = 0;
    double l1 = 0;
};

template <class T>
class Trainer {
   public:
    // Names as in the kernels' lists, and settings of their parameters; std::invalid_argument names what is unknown or
    // out of range.
    Trainer(std::vector<Index> units, const std::vector<std::string>& activations, const OutputSettings& output,
            const std::string& optimizer, Settings settings);
    Trainer(const Trainer&) = delete;  // its parts point at one another
    Trainer& operator=(const Trainer&) = delete;

    const Network<T>& network() const { return net_.network; }
    Optimizer<T>& optimizer() { return optimizer_; }
    const Optimizer<T>& optimizer() const { return optimizer_; }

    // See fit().
    void run(const Source<T>& source, Run& run, Observer& observer, GradientHook<T>* hook, LossHook<T>* loss_hook,
             Shares<T>* shares, int max_threads) {
        fit(source, roads_, optimizer_, run, observer, hook, loss_hook, shares, max_threads);
    }

    // How many rows, about `rows`, a window should have: with windows of as many, losses too have the bits of all
    // rows at once.
    Index window_rows(Index rows, Index batch_size) const {
        const Index whole = batch_size == 1 ? rows_of_call(net_.network) : batch_size;
        return std::max(whole, rows / whole * whole);
    }

    // J over all rows with its gradient, packed like the parameters. Once interrupted, neither means anything. Where
    // `drops` is set, units are dropped as in the next step.
    LossValue loss_and_gradient(const Samples<T>& samples, const Penalty& penalty, bool drops, LossHook<T>* loss_hook,
                                Buffer<T>& gradient, Interrupt& interrupt, int max_threads);

    const DropoutSettings& dropout() const { return net_.dropout; }
    // std::invalid_argument where a rate is out of range or missing.
    void set_dropout(DropoutSettings dropout);

   private:
    Net<T> net_;
    Optimizer<T> optimizer_;
    Roads<T> roads_;
};

}  // namespace chainfit
