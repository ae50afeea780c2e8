// Which instruction set runs: the best that the processor has, or the one that CHAINFIT_ISA names. Floor: engine.
#pragma once

#include <string>
#include <vector>

#include "kernels/table.hpp"

namespace chainfit {

// Those built into this binary, best first.
const std::vector<const Isa*>& isas();

// The chosen one. Throws std::runtime_error where CHAINFIT_ISA names one that is not built or does not run here.
const Isa& isa();

// Makes another one the choice for what is made from now on: for tests and benchmarks. Throws std::invalid_argument.
void set_isa(const std::string& name);

}  // namespace chainfit
