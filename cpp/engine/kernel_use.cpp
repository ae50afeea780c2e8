// The parameters of rules, checked. Floor: engine.
#include "engine/kernel_use.hpp"

#include <cmath>
#include <sstream>

namespace chainfit {

namespace {

bool in_range(const Parameter& parameter, double value) {
    const bool above = parameter.low_open ? value > parameter.low : value >= parameter.low;
    const bool below = parameter.high_open ? value < parameter.high : value <= parameter.high;
    return above && below;
}

std::string out_of_range(const Parameter& parameter, const std::string& rule, double value) {
    std::ostringstream text;
    text << parameter.name << " of " << rule << " must be in " << (parameter.low_open ? '(' : '[') << parameter.low
         << ", " << parameter.high << (parameter.high_open ? ')' : ']') << ", got " << value;
    return text.str();
}

}  // namespace

ParameterValues take_values(const List<Parameter>& parameters, const std::string& rule, Settings& given) {
    ParameterValues values{};
    std::size_t i = 0;
    for (const Parameter& parameter : parameters) {
        values[i] = parameter.initial;
        if (const auto found = given.find(parameter.name); found != given.end()) {
            values[i] = found->second;
            if (!in_range(parameter, values[i])) throw std::invalid_argument(out_of_range(parameter, rule, values[i]));
            given.erase(found);
        }
        ++i;
    }
    return values;
}

}  // namespace chainfit
