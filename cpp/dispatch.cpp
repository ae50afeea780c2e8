// The list of instruction sets, best first, and the choice among them. Floor: engine.
#include "dispatch.hpp"

#include <atomic>
#include <cstdlib>
#include <stdexcept>
#include <string>

#include "isa/isa.hpp"

namespace chainfit {

namespace {

const Isa& choose() {
    const char* wanted = std::getenv("CHAINFIT_ISA");
    std::string built;
    for (const Isa* candidate : isas()) {
        built += (built.empty() ? "'" : ", '") + std::string(candidate->name) + "'";
        if (wanted && *wanted && std::string(wanted) != candidate->name) continue;
        if (candidate->runs_here()) return *candidate;
        if (wanted && *wanted)
            throw std::runtime_error("CHAINFIT_ISA='" + std::string(wanted) +
                                     "' does not run on this processor; unset it to let chainfit choose");
    }
    throw std::runtime_error("CHAINFIT_ISA='" + std::string(wanted) + "' is not known; this build has " + built);
}

}  // namespace

const std::vector<const Isa*>& isas() {
    static const std::vector<const Isa*> list = {
#if defined(__x86_64__) && !defined(CHAINFIT_GENERIC_ONLY)
        &kAvx512,
        &kAvx2,
#endif
        &kGeneric,
    };
    return list;
}

namespace {

std::atomic<const Isa*>& chosen() {
    static std::atomic<const Isa*> choice{&choose()};
    return choice;
}

}  // namespace

const Isa& isa() { return *chosen().load(); }

void set_isa(const std::string& name) {
    for (const Isa* candidate : isas())
        if (name == candidate->name && candidate->runs_here()) {
            chosen().store(candidate);
            return;
        }
    throw std::invalid_argument("instruction set '" + name + "' is not built or does not run on this processor");
}

}  // namespace chainfit
