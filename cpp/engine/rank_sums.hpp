// How ranks keep one net: by the sum of their gradients at each step, or by the mean of their weights after some steps.
// Floor: engine.
#pragma once

#include <chrono>
#include <exception>
#include <optional>
#include <vector>

#include "engine/gradient.hpp"
#include "engine/ranks.hpp"

namespace chainfit {

// A hook that sums the gradient over all ranks, bucket by bucket, while those of further ones are made. A bucket is a
// layer, or a part of one megabyte to two.
template <class T>
class GradientSum final : public GradientHook<T> {
   public:
    // `gradient` is what is summed.
    GradientSum(const Net<T>& net, Ranks<T>& ranks, Buffer<T>& gradient, GradientHook<T>* before);
    ~GradientSum() override;

    void on_part(T* gradient, Index ready) override;
    void on_gradient(T* gradient) override;

   private:
    using Clock = std::chrono::steady_clock;
    static constexpr auto kPokeEvery = std::chrono::microseconds(100);
    static constexpr Index kBucket = (Index{1} << 20) / static_cast<Index>(sizeof(T));

    // Begins the sums of the buckets that end within the first `ready` elements.
    void begin(T* gradient, Index ready);

    const Net<T>& net_;
    Ranks<T>& ranks_;
    Buffer<T>& gradient_;
    GradientHook<T>* before_;
    std::uint64_t control_;       // the user's control word for denormals
    std::vector<Range> buckets_;  // of elements, in their order; equal on all ranks
    std::size_t begun_ = 0;       // whose sums are on their way
    Clock::time_point poked_{};
    std::exception_ptr failure_;  // of a sum begun while a team was at work, whose threads must end first
};

// Steps of each rank by itself, and after `sync_every` of them an outer step (Douillard et al. 2023, "DiLoCo"): the
// mean of the weights, or from where they were last, by Nesterov's momentum, beyond it.
template <class T>
class LocalSteps {
   public:
    LocalSteps(Shares<T>& shares, Optimizer<T>& optimizer);
    ~LocalSteps();
    LocalSteps(const LocalSteps&) = delete;
    LocalSteps& operator=(const LocalSteps&) = delete;

    // After step k of an epoch, the last of which leaves the optimizer's slots the same on all ranks too.
    void stepped(Index k);

   private:
    void average(T* packed, double factor);
    void outer_step();

    Shares<T>& shares_;
    Optimizer<T>& optimizer_;
    Buffer<T> mean_;
    bool summing_ = false;
    Buffer<T> anchor_;  // the weights after the last outer step
    Index steps_ = 0;   // since then
    double here_ = 0, all_ = 0;
};

}  // namespace chainfit
