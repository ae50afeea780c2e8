// All kernels, in the order in which they use one another. Floor: compiled once per instruction set, inside its
// namespace, after its vector type.

#include "kernels/vecmath.inl"
// vecmath first: activations, losses and optimizers are written on it
#include "kernels/activations.inl"
#include "kernels/gemm.inl"
#include "kernels/losses.inl"
#include "kernels/optimizers.inl"
#include "kernels/phases.inl"
// micro uses optimizers, row uses micro, sparse uses phases, kernels uses them all
#include "kernels/micro.inl"
#include "kernels/row.inl"
#include "kernels/sparse.inl"
// clang-format off
#include "kernels/kernels.inl"
// clang-format on
