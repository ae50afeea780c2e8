// Arguments of the kernels that make steps on one row or on a few (SmallStepKernels). Floor: shared by the engine and
// the kernels, as the table.
#pragma once

#include "kernels/table.hpp"

namespace chainfit {

// Rows that are few: from 2 to this many.
inline constexpr Index kFewRows = 8;

// A layer on the way back of a few rows. Lanes are units.
template <class T>
struct FewRowsLayer {
    Index rows = 0;
    Index n_in = 0;
    Index n_out = 0;
    // Lines of units in panels with room for as many rows as there are lanes.
    const T* a = nullptr;             // (rows, n_in)
    const T* delta = nullptr;         // (rows, n_out)
    T* below = nullptr;               // (rows, n_in): W delta, W from before the update; null for the first layer
    T* w = nullptr;                   // packed panels
    T* slot[2] = {nullptr, nullptr};  // as w; a slot that the optimizer lacks points at w
    Index panel = 0;
    StepScalars<T> scalars;
};

// Steps that the kernels of one row make in one call, at most.
inline constexpr Index kOneRowSteps = 64;

// A layer as one row goes through it. Lines of units are padded to lanes.
template <class T>
struct OneRowLayer {
    Index n_in = 0;
    Index n_out = 0;
    T* w = nullptr;                   // packed panels
    T* slot[2] = {nullptr, nullptr};  // as w; a slot that the optimizer lacks points at w
    Index panel = 0;
    Index activation = 0;  // of the layer below, its place in the table; the first layer has none
    T* a = nullptr;        // (n_in) of the layer below; the first layer reads x instead
    T* kept = nullptr;     // (n_in) of the layer below, what its derivative is had from: a itself, or f'(z)
    T* delta = nullptr;    // (n_out) of the layer above
    // Room for W and its slots transposed, [n_in / lanes][n_out][lanes of units below], while the steps are made: of
    // narrow layers in place of W (see one_row.inl), of tiny nets beside it.
    T* transposed[3] = {nullptr, nullptr, nullptr};
};

// Steps on one row each, one after the other: those of `range`, in one call or in several. Losses wait for one another,
// and so they follow from all `count` steps, whatever the calls.
template <class T>
struct OneRowSteps {
    OneRowLayer<T>* layers = nullptr;
    Index n_layers = 0;
    OutputRule<T> rule;
    Values<T> loss_values;   // of all units, where the rule is plain:
    bool plain = false;      // one block of outputs, and the loss's own link
    StepScalars<T> scalars;  // but for eta, l2 and decay
    Index count = 0;
    Range range;
    const T* x[kOneRowSteps] = {};  // (n_0) each
    const T* y[kOneRowSteps] = {};  // (n_L) each
    T row_weight[kOneRowSteps] = {};
    T eta[kOneRowSteps] = {};
    T l2[kOneRowSteps] = {};
    T decay[kOneRowSteps] = {};
    // scratch, (n_L, lanes) each: the output layer of one row, and of as many rows as there are lanes
    T* output = nullptr;
    T* target = nullptr;
    T* gradient = nullptr;
    T* outputs = nullptr;
    T* targets = nullptr;
    // filled by the kernel
    double data_loss = 0;              // plus the sum of all steps' row_weight * loss
    T sum_squares[kOneRowSteps] = {};  // of all weights, biases excluded, before each update
};

}  // namespace chainfit
