// Learning rates. Floor: engine.
#include "engine/schedule.hpp"

#include <cmath>

namespace chainfit {

namespace {

// beta^n by squaring: the same bits everywhere, which pow() does not promise.
double power(double beta, Index n) {
    double result = 1;
    for (; n > 0; n /= 2, beta *= beta)
        if (n % 2) result *= beta;
    return result;
}

}  // namespace

template <class T>
Schedule<T>::Schedule(const OptimizerKernel<T>& optimizer, const ParameterValues& parameters)
    : corrects_bias_(optimizer.corrects_bias),
      parameters_(parameters),
      weight_decay_(optimizer.decays_weights ? parameters[static_cast<std::size_t>(optimizer.parameters.count - 1)]
                                             : 0.0),
      constants_{rounded<T>(parameters)} {}

// Of step t = 1, 2...
template <class T>
double Schedule<T>::corrected_eta(Index t) const {
    const double beta1 = parameters_[0], beta2 = parameters_[1];
    return eta * std::sqrt(1 - power(beta2, t)) / (1 - power(beta1, t));
}

template <class T>
void Schedule<T>::end_epoch(Index rows) {
    if (settings.schedule == LearningRate::invscaling)
        eta = settings.eta_init / std::pow(static_cast<double>(rows + 1), settings.power_t);
}

// scikit-learn: five times smaller each time, until it is too small to matter.
template <class T>
bool Schedule<T>::slow_down() {
    if (settings.schedule != LearningRate::adaptive || !(eta > 1e-6)) return false;
    eta /= 5;
    return true;
}

template class Schedule<float>;
template class Schedule<double>;

}  // namespace chainfit
