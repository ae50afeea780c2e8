// All kernels, in the order in which they use one another. Floor: compiled once per instruction set, inside its
// namespace, after its vector type.

#include "kernels/rules.inl"
#include "kernels/vecmath.inl"
// rules and vecmath first: activations, links, losses and optimizers are written on them
#include "kernels/activations.inl"
#include "kernels/dropout.inl"
#include "kernels/gemm.inl"
#include "kernels/links.inl"
#include "kernels/losses.inl"
#include "kernels/optimizers.inl"
#include "kernels/phases.inl"
#include "kernels/specialized.inl"
// lines and sparse use phases, one_row uses optimizers
#include "kernels/lines.inl"
#include "kernels/one_row.inl"
#include "kernels/sparse.inl"
// the others use one_row, kernels uses them all
#include "kernels/few_rows.inl"
#include "kernels/one_row_steps.inl"
#include "kernels/predict_row.inl"
// clang-format off
#include "kernels/kernels.inl"
// clang-format on
