// The files of the bindings, each of which adds its part to the module. Floor: bindings.
#pragma once

#include <pybind11/pybind11.h>

namespace chainfit {

void bind_run(pybind11::module_& m);
void bind_training(pybind11::module_& m);
void bind_prediction(pybind11::module_& m);
void bind_kernels(pybind11::module_& m);

}  // namespace chainfit
