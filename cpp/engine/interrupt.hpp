// How the outside world ends a long computation. Floor: engine.
#pragma once

#include <algorithm>
#include <chrono>

#include "engine/kernel_use.hpp"
#include "engine/threads.hpp"

namespace chainfit {

// Asked about 20 times a second, on the caller's thread.
class Interrupt {
   public:
    virtual ~Interrupt() = default;
    // Whether to end. May run any code of the user's, and even return in a forked child.
    virtual bool interrupted() = 0;
};

// Asks at most every 50 ms, and looks at the clock only as often as that needs. To be made where the control word for
// denormals is the user's: the user's code runs with it.
class InterruptPoll {
   public:
    InterruptPoll(Interrupt& interrupt, const Isa& isa)
        : interrupt_(interrupt), isa_(isa), control_(isa.flush_denormals()), last_(Clock::now()) {
        isa_.restore_denormals(control_);
    }

    // For a place that is passed many times a microsecond.
    bool now_and_then() {
        if (--countdown_ > 0) return interrupted_;
        const auto before = last_look_;
        const bool answer = now();
        // aim at a look every millisecond or so
        const auto passed = last_look_ - before;
        stride_ = passed < std::chrono::microseconds(500) ? std::min(stride_ * 2, 1 << 16) : std::max(stride_ / 2, 1);
        countdown_ = stride_;
        return answer;
    }

    // As above, on thread 0 of a team. In a child forked by what was asked the team is gone: TeamLost.
    bool now_and_then_in_team() {
        const int before = forks();
        const bool answer = now_and_then();
        if (forks() != before) throw TeamLost();
        return answer;
    }

    bool now() {
        last_look_ = Clock::now();
        if (interrupted_ || last_look_ - last_ < std::chrono::milliseconds(50)) return interrupted_;
        last_ = last_look_;
        const DenormalsAs users(isa_, control_);
        return interrupted_ = interrupt_.interrupted();
    }

   private:
    using Clock = std::chrono::steady_clock;
    Interrupt& interrupt_;
    const Isa& isa_;
    std::uint64_t control_;
    Clock::time_point last_;
    Clock::time_point last_look_ = last_;
    bool interrupted_ = false;
    int stride_ = 1;
    int countdown_ = 1;
};

}  // namespace chainfit
