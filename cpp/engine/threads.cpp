// The thread pool. Floor: engine.
#include "engine/threads.hpp"

#include <algorithm>
#include <chrono>
#include <memory>
#include <system_error>
#include <thread>
#include <vector>

#if defined(__unix__) || defined(__APPLE__)
#include <pthread.h>
#include <unistd.h>
#endif

namespace chainfit {

namespace {

// Longer than the pause between two phases of a step that pays at all, far shorter than a scheduler's time slice.
constexpr auto kSpinTime = std::chrono::microseconds(50);

void pause_cpu() {
#if defined(__x86_64__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

// Returns once `value` is no longer `old`.
void wait_for_change(std::atomic<std::uint32_t>& value, std::uint32_t old) {
    const auto start = std::chrono::steady_clock::now();
    do {
        for (int i = 0; i < 64; ++i) {
            if (value.load(std::memory_order_acquire) != old) return;
            pause_cpu();
        }
    } while (std::chrono::steady_clock::now() - start < kSpinTime);
    while (value.load(std::memory_order_acquire) == old) value.wait(old, std::memory_order_acquire);
}

class Pool {
   public:
    void run(int threads, const std::function<void(int, Barrier&)>& body) {
        const Turn turn(busy_);
        threads = turn.taken ? 1 + hire(threads - 1) : 1;
        if (threads == 1) {
            Barrier alone(1);
            body(0, alone);
            return;
        }
        Barrier barrier(threads);
        body_ = &body;
        barrier_ = &barrier;
        done_.store(0, std::memory_order_relaxed);
        for (int i = 1; i < threads; ++i) {
            workers_[static_cast<std::size_t>(i - 1)]->orders.fetch_add(1, std::memory_order_release);
            workers_[static_cast<std::size_t>(i - 1)]->orders.notify_one();
        }
        body(0, barrier);
        const auto others = static_cast<std::uint32_t>(threads - 1);
        for (std::uint32_t seen = done_.load(std::memory_order_acquire); seen != others;
             seen = done_.load(std::memory_order_acquire))
            wait_for_change(done_, seen);
    }

   private:
    // Taken by one caller at a time. No mutex, whose holder may not try to lock it again: the handler of a signal that
    // comes while a team is at work may train another net.
    struct Turn {
        explicit Turn(std::atomic<bool>& busy_pool)
            : busy(busy_pool), taken(!busy.exchange(true, std::memory_order_acquire)) {}
        ~Turn() {
            if (taken) busy.store(false, std::memory_order_release);
        }
        Turn(const Turn&) = delete;
        Turn& operator=(const Turn&) = delete;

        std::atomic<bool>& busy;
        const bool taken;
    };
    struct Worker {
        alignas(64) std::atomic<std::uint32_t> orders{0};
    };

    // Makes sure of up to `count` workers; returns how many there are of those.
    int hire(int count) {
        workers_.reserve(static_cast<std::size_t>(count));  // a worker at work can't be lost for want of memory
        while (static_cast<int>(workers_.size()) < count) {
            auto worker = std::make_unique<Worker>();
            try {
                std::thread(&Pool::work, this, worker.get(), static_cast<int>(workers_.size()) + 1).detach();
            } catch (const std::system_error&) {
                break;  // the system has no more threads for us: go on with those we have
            }
            workers_.push_back(std::move(worker));
        }
        return std::min(count, static_cast<int>(workers_.size()));
    }

    void work(Worker* worker, int thread) {
        for (std::uint32_t seen = 0;; ++seen) {
            wait_for_change(worker->orders, seen);
            (*body_)(thread, *barrier_);
            done_.fetch_add(1, std::memory_order_release);
            done_.notify_one();
        }
    }

    std::atomic<bool> busy_{false};
    std::vector<std::unique_ptr<Worker>> workers_;
    const std::function<void(int, Barrier&)>* body_ = nullptr;
    Barrier* barrier_ = nullptr;
    alignas(64) std::atomic<std::uint32_t> done_{0};
};

// Of the machine, where the system tells: the process may be given more of them later than it has now.
int cpus() {
#if defined(_SC_NPROCESSORS_ONLN)
    return static_cast<int>(std::max(1l, sysconf(_SC_NPROCESSORS_ONLN)));
#else
    return static_cast<int>(std::max(1u, std::thread::hardware_concurrency()));
#endif
}

std::atomic<Pool*> g_pool{nullptr};
std::atomic<int> g_max_threads{cpus()};
std::atomic<int> g_forks{0};

// Never destroyed: its threads may outlive static destructors. After a fork the child has none of them and forgets it.
Pool& pool() {
    Pool* current = g_pool.load(std::memory_order_acquire);
    if (current) return *current;
#if defined(__unix__) || defined(__APPLE__)
    static const int registered = pthread_atfork(nullptr, nullptr, [] {
        g_pool.store(nullptr);
        g_forks.fetch_add(1);
    });
    static_cast<void>(registered);
#endif
    auto fresh = std::make_unique<Pool>();
    if (g_pool.compare_exchange_strong(current, fresh.get())) return *fresh.release();
    return *current;
}

}  // namespace

void Barrier::wait() {
    if (threads_ == 1) return;
    const std::uint32_t generation = generation_.load(std::memory_order_acquire);
    if (arrived_.fetch_add(1, std::memory_order_acq_rel) == threads_ - 1) {
        arrived_.store(0, std::memory_order_relaxed);
        // not just a release: libstdc++ wakes nobody where it sees nobody wait, and on x86 it would look before the
        // store can be seen by one who is about to
        generation_.store(generation + 1, std::memory_order_seq_cst);
        generation_.notify_all();
    } else {
        wait_for_change(generation_, generation);
    }
}

void set_max_threads(int n) { g_max_threads.store(std::max(1, n)); }
int max_threads() { return g_max_threads.load(); }
int forks() { return g_forks.load(std::memory_order_relaxed); }

void run_on_threads(int threads, const std::function<void(int, Barrier&)>& body) {
    if (threads <= 1) {
        Barrier alone(1);
        body(0, alone);
        return;
    }
    pool().run(threads, body);
}

}  // namespace chainfit
