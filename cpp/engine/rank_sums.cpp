// Sums over ranks. Floor: engine.
#include "engine/rank_sums.hpp"

#include <algorithm>
#include <new>
#include <utility>

namespace chainfit {

namespace {

// Memory that a sum which never ended may still write to: nobody gets it back.
template <class T>
void abandon(Buffer<T>& buffer) {
    static_cast<void>(new (std::nothrow) Buffer<T>(std::move(buffer)));
}

}  // namespace

template <class T>
GradientSum<T>::GradientSum(const Net<T>& net, Ranks<T>& ranks, Buffer<T>& gradient, GradientHook<T>* before)
    : net_(net), ranks_(ranks), gradient_(gradient), before_(before), control_(net.isa.flush_denormals()) {
    net_.isa.restore_denormals(control_);
}

template <class T>
GradientSum<T>::~GradientSum() {
    if (begun_ > 0) abandon(gradient_);
}

template <class T>
void GradientSum<T>::begin(T* gradient, Index layers) {
    for (; begun_ < layers; ++begun_) {
        const Layer& layer = net_.network.layers()[static_cast<std::size_t>(begun_)];
        ranks_.begin_sum(gradient + layer.offset, layer.panels * layer.panel);
    }
}

// In the layers' order on every rank, as MPI wants it.
template <class T>
void GradientSum<T>::on_layers(T* gradient, Index ready) {
    if (before_ || failure_) return;
    const DenormalsAs users(net_.isa, control_);
    try {
        if (begun_ < ready)
            begin(gradient, ready);
        else if (begun_ > 0 && Clock::now() - poked_ > kPokeEvery)
            ranks_.poke(), poked_ = Clock::now();
    } catch (...) {
        failure_ = std::current_exception();
    }
}

template <class T>
void GradientSum<T>::on_gradient(T* gradient) {
    if (failure_) std::rethrow_exception(failure_);
    if (before_) before_->on_gradient(gradient);
    begin(gradient, static_cast<Index>(net_.network.layers().size()));
    ranks_.finish_sums();
    begun_ = 0;
}

template <class T>
LocalSteps<T>::LocalSteps(Shares<T>& shares, Optimizer<T>& optimizer)
    : shares_(shares), optimizer_(optimizer), mean_(optimizer.parameters.w.size()) {
    const RankSettings& settings = shares.settings();
    if (settings.outer_rate == 1 && settings.outer_momentum == 0) return;
    const Buffer<T>& w = optimizer.parameters.w;
    anchor_ = Buffer<T>(w.size());
    std::copy_n(w.data(), w.size(), anchor_.data());
    if (!optimizer.outer()) optimizer.set_outer();
}

template <class T>
LocalSteps<T>::~LocalSteps() {
    if (summing_) abandon(mean_);
}

template <class T>
void LocalSteps<T>::stepped(Index k) {
    here_ += shares_.weight_here(k);
    all_ += shares_.weight(k);
    const bool last = k + 1 == shares_.batches();
    if (++steps_ < shares_.settings().sync_every && !last) return;
    const double factor = here_ * inverse_weight_of(all_);
    average(optimizer_.parameters.w.data(), factor);
    if (anchor_.size()) outer_step();
    if (last)
        for (int s = 0; s < optimizer_.slots(); ++s) average(optimizer_.parameters.slot[s].data(), factor);
    if (last && optimizer_.averages()) average(optimizer_.set_average(), factor);
    steps_ = 0;
    here_ = all_ = 0;
}

template <class T>
void LocalSteps<T>::average(T* packed, double factor) {
    for (Index i = 0; i < mean_.size(); ++i) mean_[i] = packed[i] * static_cast<T>(factor);
    summing_ = true;
    shares_.ranks().begin_sum(mean_.data(), mean_.size());
    shares_.ranks().finish_sums();
    summing_ = false;
    std::copy_n(mean_.data(), mean_.size(), packed);
}

// As PyTorch's SGD with nesterov=True, of what the weights have moved by.
template <class T>
void LocalSteps<T>::outer_step() {
    const RankSettings& settings = shares_.settings();
    const T rate = static_cast<T>(settings.outer_rate), momentum = static_cast<T>(settings.outer_momentum);
    Buffer<T>& w = optimizer_.parameters.w;
    T* velocity = optimizer_.outer();
    for (Index i = 0; i < w.size(); ++i) {
        const T moved = anchor_[i] - w[i];
        velocity[i] = momentum * velocity[i] + moved;
        anchor_[i] -= rate * (moved + momentum * velocity[i]);
        w[i] = anchor_[i];
    }
}

template class GradientSum<float>;
template class GradientSum<double>;
template class LocalSteps<float>;
template class LocalSteps<double>;

}  // namespace chainfit
