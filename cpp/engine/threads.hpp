// A small pool of threads of our own. Floor: engine.
// Not OpenMP: GNU's hangs in a forked child, and a second copy of it would come along in a wheel. Waiting threads spin
// for a bounded time, then park; a forked child gets a fresh pool; a second caller at the same time runs alone.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <vector>

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

// The items of a phase, a queue for each thread: a thread works through its own, then takes what is left in the
// others'. Cores of one machine are seldom equally fast at the same time, and a phase ends with its slowest thread.
class WorkQueues {
   public:
    explicit WorkQueues(int threads) : next_(static_cast<std::size_t>(threads)) {}

    // Calls work(owner, i) for items 0 <= i < count(owner) of owners 0 .. threads - 1: each of them once, by whichever
    // thread takes it.
    template <class Count, class Work>
    void work_through(int thread, int threads, const Count& count, const Work& work) {
        if (threads == 1) {  // nobody to agree with: no atomic operations
            for (std::ptrdiff_t i = 0, n = count(0); i < n; ++i) work(0, i);
            return;
        }
        for (int t = 0; t < threads; ++t) {
            const int owner = (thread + t) % threads;
            std::atomic<std::ptrdiff_t>& next = next_[static_cast<std::size_t>(owner)].item;
            const std::ptrdiff_t n = count(owner);
            while (next.load(std::memory_order_relaxed) < n) {
                const std::ptrdiff_t i = next.fetch_add(1, std::memory_order_relaxed);
                if (i < n) work(owner, i);
            }
        }
    }
    // By each thread, after a barrier that follows the phase and before the phase comes again.
    void refill(int thread) { next_[static_cast<std::size_t>(thread)].item.store(0, std::memory_order_relaxed); }

   private:
    struct Next {
        alignas(64) std::atomic<std::ptrdiff_t> item{0};
    };
    std::vector<Next> next_;
};

// Process-wide upper limit, at least 1. Starts at the number of CPUs of the machine.
void set_max_threads(int n);
int max_threads();

// Rises in a forked child, once a pool has been used: of its team, the forking thread is the only one left.
int forks();

// What thread 0 throws when it finds itself in such a child: the work has to begin again with a new team.
struct TeamLost {};

// Calls body(thread, barrier) on 0..barrier.threads()-1, thread 0 being the caller. Runs on `threads`, or on 1 where
// the pool is in use already. body may throw nothing but TeamLost, and only thread 0 may look at the outside world.
void run_on_threads(int threads, const std::function<void(int, Barrier&)>& body);

}  // namespace chainfit
