// Learning rates. Floor: engine.
#include "engine/schedule.hpp"

#include <algorithm>
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

// (1 + cos(pi p)) / 2 for p in [0, 1], by the Taylor series of the sine up to pi/4: cos() has not the same bits
// everywhere either. The first term left out is below 2^-63.
double half_cosine(double p) {
    constexpr double pi = 3.141592653589793;
    const bool late = p > 0.5;
    const double x = pi / 2 * (late ? 1 - p : p);
    double term = x, sine = x;
    for (int k = 2; k <= 16; k += 2) {
        term *= -x * x / (k * (k + 1));
        sine += term;
    }
    return late ? sine * sine : 1 - sine * sine;
}

// From `from` to `to` along half a wave.
double along_cosine(double from, double to, double p) { return to + (from - to) * half_cosine(p); }

// One cycle (Smith and Topin 2018) as PyTorch has it: eta begins at a 25th, is reached after 30 % of the steps, and
// ends at 10^-4 of where it began.
constexpr double kRisingShare = 0.3, kFirstShare = 1 / 25.0, kLastShare = kFirstShare / 1e4;

double one_cycle(double at, double count) {
    const double top = kRisingShare * count - 1, end = count - 1;
    if (at <= top) return along_cosine(kFirstShare, 1, top > 0 ? at / top : 1);
    return along_cosine(1, kLastShare, (at - top) / (end - top));
}

}  // namespace

template <class T>
Schedule<T>::Schedule(const OptimizerKernel<T>& optimizer, const ParameterValues& parameters)
    : corrects_bias_(optimizer.corrects_bias),
      decays_weights_(optimizer.decays_weights),
      parameters_(parameters),
      constants_{rounded<T>(parameters)} {}

// Of step t = 1, 2...
template <class T>
double Schedule<T>::corrected(double eta_now, Index t) const {
    const double beta1 = parameters_[0], beta2 = parameters_[1];
    return eta_now * std::sqrt(1 - power(beta2, t)) / (1 - power(beta1, t));
}

template <class T>
double Schedule<T>::eta_by_step(Index step) const {
    if (settings.schedule == LearningRate::given) return given[static_cast<std::size_t>(step - first_given)];
    if (step < settings.warmup) return eta * static_cast<double>(step + 1) / (static_cast<double>(settings.warmup) + 1);
    const Index count = std::max<Index>(1, settings.total_steps - settings.warmup);
    return eta * share_at(std::min(step - settings.warmup, count - 1), count);
}

template <class T>
double Schedule<T>::share_at(Index at, Index count) const {
    const double passed = static_cast<double>(at) / static_cast<double>(count);
    switch (settings.schedule) {
        case LearningRate::cosine:
            return half_cosine(passed);
        case LearningRate::linear:
            return 1 - passed;
        case LearningRate::step:
            return power(settings.decay_rate, at / settings.decay_steps);
        case LearningRate::one_cycle:
            return one_cycle(static_cast<double>(at), static_cast<double>(count));
        default:
            return 1;
    }
}

template <class T>
StepScalars<T> Schedule<T>::scalars(double inverse_weight) const {
    StepScalars<T> now = constants_;
    now.eta = eta_after(0);
    now.l2 = l2_over_weight(inverse_weight);
    now.decay = decay_after(0);
    if (is_regularized()) {
        now.l1 = static_cast<T>(settings.l1 * inverse_weight);
        const double scale = larger_penalty() > 0 ? larger_penalty() : 1;
        now.square_share = static_cast<T>(0.5 * settings.l2 / scale);
        now.size_share = static_cast<T>(settings.l1 / scale);
    }
    return now;
}

template <class T>
double Schedule<T>::larger_penalty() const {
    return std::max(0.5 * settings.l2, settings.l1);
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
