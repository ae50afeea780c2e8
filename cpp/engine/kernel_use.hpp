// What everyone needs who calls kernels: finding one by its name, what its parameters are set to, and the control word
// for denormals. Floor: engine.
#pragma once

#include <array>
#include <map>
#include <stdexcept>
#include <string>

#include "kernels/table.hpp"

namespace chainfit {

// The item called `name`; std::invalid_argument lists the known ones. `what` names the kind in the message.
template <class Item>
const Item& find_by_name(const List<Item>& list, const std::string& name, const char* what) {
    std::string known;
    for (const Item& item : list) {
        if (name == item.name) return item;
        if (!known.empty()) known += ", ";
        known += "'" + std::string(item.name) + "'";
    }
    throw std::invalid_argument("unknown " + std::string(what) + " '" + name + "', must be one of " + known);
}

// What users set parameters of rules to, by name.
using Settings = std::map<std::string, double>;

// The values of a rule's parameters, in its order: those given, and the defaults of the others. What is used is taken
// out of `given`. std::invalid_argument where one is out of range.
using ParameterValues = std::array<double, kMaxParameters>;
ParameterValues take_values(const List<Parameter>& parameters, const std::string& rule, Settings& given);

// In the dtype of the net.
template <class T>
Values<T> rounded(const ParameterValues& values) {
    Values<T> out;
    for (int i = 0; i < kMaxParameters; ++i) {
        const double value = values[static_cast<std::size_t>(i)];
        out.value[i] = static_cast<T>(value);
        out.one_minus[i] = static_cast<T>(1 - value);
    }
    return out;
}

// Where the kernels of one row and of a few have what belongs to `rule`, an optimizer or the rule that stores the
// gradient, which is the last of them. No rule beyond has such kernels.
template <class T>
Index place_of(const Kernels<T>& kernels, const OptimizerKernel<T>& rule) {
    return &rule == &kernels.store ? kernels.small_steps.count - 1 : &rule - kernels.optimizers.items;
}
template <class T>
bool has_whole_steps(const Kernels<T>& kernels, const OptimizerKernel<T>& rule) {
    return kernels.small_steps.items[place_of(kernels, rule)].one_row;
}

// Flushes denormals on this thread for as long as it lives.
class DenormalsFlushed {
   public:
    explicit DenormalsFlushed(const Isa& isa) : isa_(isa), control_(isa.flush_denormals()) {}
    ~DenormalsFlushed() { isa_.restore_denormals(control_); }
    DenormalsFlushed(const DenormalsFlushed&) = delete;
    DenormalsFlushed& operator=(const DenormalsFlushed&) = delete;

   private:
    const Isa& isa_;
    std::uint64_t control_;
};

// The other way round, inside of it: this thread's control word is `control` for as long as this lives.
class DenormalsAs {
   public:
    DenormalsAs(const Isa& isa, std::uint64_t control) : isa_(isa), flushed_(isa.flush_denormals()) {
        isa_.restore_denormals(control);
    }
    ~DenormalsAs() { isa_.restore_denormals(flushed_); }
    DenormalsAs(const DenormalsAs&) = delete;
    DenormalsAs& operator=(const DenormalsAs&) = delete;

   private:
    const Isa& isa_;
    std::uint64_t flushed_;
};

}  // namespace chainfit
