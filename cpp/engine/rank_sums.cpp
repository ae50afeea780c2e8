// Sums over ranks. Floor: engine.
#include "engine/rank_sums.hpp"

#include <algorithm>
#include <new>
#include <utility>

#include "engine/plan.hpp"

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
    for (const Layer& layer : net.network.layers()) {
        const Index parts = std::max<Index>(1, layer.panels * layer.panel / kBucket);
        for (Index i = 0; i < parts; ++i) {
            const Range panels = share(layer.panels, parts, i, 1);
            buckets_.push_back({layer.offset + panels.begin * layer.panel, layer.offset + panels.end * layer.panel});
        }
    }
}

template <class T>
GradientSum<T>::~GradientSum() {
    if (begun_ > 0) abandon(gradient_);
}

template <class T>
void GradientSum<T>::begin(T* gradient, Index ready) {
    for (; begun_ < buckets_.size() && buckets_[begun_].end <= ready; ++begun_) {
        const Range bucket = buckets_[begun_];
        ranks_.begin_sum(gradient + bucket.begin, bucket.end - bucket.begin);
    }
}

// In the same order on every rank, as MPI wants it.
template <class T>
void GradientSum<T>::on_part(T* gradient, Index ready) {
    if (before_ || failure_) return;
    const DenormalsAs users(net_.isa, control_);
    try {
        const std::size_t before = begun_;
        begin(gradient, ready);
        if (begun_ > before)
            poked_ = Clock::now();
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
    begin(gradient, net_.network.packed_size());
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
