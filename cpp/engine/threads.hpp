// A small pool of threads of our own. Floor: engine.
// Not OpenMP: GNU's hangs in a forked child, and a second copy of it would come along in a wheel. Waiting threads spin
// for a bounded time, then park; a forked child gets a fresh pool; a second caller at the same time runs alone.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>

namespace chainfit {

class Barrier {
   public:
    explicit Barrier(int threads) : threads_(threads) {}
    // Returns when all threads have called it; what they wrote before is visible to all after.
    void wait();
    int threads() const { return threads_; }

   private:
    const int threads_;
    alignas(64) std::atomic<int> arrived_{0};
    alignas(64) std::atomic<std::uint32_t> generation_{0};
};

// Process-wide upper limit, at least 1. Starts at what the machine offers.
void set_max_threads(int n);
int max_threads();

// Calls body(thread, barrier) on 0..barrier.threads()-1, thread 0 being the caller. Runs on `threads`, or on 1 where
// the pool is in use already. body must not throw, and only thread 0 may look at the outside world.
void run_on_threads(int threads, const std::function<void(int, Barrier&)>& body);

}  // namespace chainfit
