// The only door between the ISA-free engine and the kernels: plain structs of function pointers and names, one
// `Kernels<T>` per dtype and instruction set. Floor: shared by both halves; standard headers only.
// To extend: add a field here, fill it in kernels/kernels.inl, call it from engine/.
#pragma once

#include <cstddef>
#include <cstdint>

namespace chainfit {

using Index = std::ptrdiff_t;

// Rows of samples are held in panels of `lanes` rows, feature-major: [rows / lanes][feature][lanes]. Weights are held
// in panels of `lanes` output units: [n_out / lanes][n_in + 1][lanes], the last line being the biases, as if from a
// unit that is always 1. A vector has 64 bytes on every instruction set, so these layouts are the same everywhere.
template <class T>
inline constexpr Index kLanes = 64 / sizeof(T);

// Every element of a matrix product is a sum of chains of this many FMAs, each from +0, added left to right. Part of
// the numerics contract: changing it changes results in the last bits.
inline constexpr Index kChain = 128;

// A constant array and its length. Not std::span: an inline function of a standard template, used inside a target
// region, could be merged by the linker with the baseline's copy.
template <class Item>
struct List {
    const Item* items = nullptr;
    Index count = 0;
    const Item* begin() const { return items; }
    const Item* end() const { return items + count; }
};

// Half-open range of indices.
struct Range {
    Index begin = 0;
    Index end = 0;
};

// Sparse matrix by rows (CSR): row r holds value[n] at column[n] for n in [start[r], start[r + 1]), columns ascending.
template <class T>
struct SparseRows {
    const std::int64_t* start = nullptr;
    const std::int32_t* column = nullptr;
    const T* value = nullptr;
};

// Rows of a batch by columns: column i holds value[n] at row[n], for n in [start[i], start[i + 1]), rows ascending.
template <class T>
struct SparseColumns {
    const std::int64_t* start = nullptr;
    const std::int32_t* row = nullptr;
    const T* value = nullptr;
};

// Samples as the user holds them. Y is row-major and contiguous; X may have any strides (in elements), or be sparse.
template <class T>
struct Samples {
    const T* X = nullptr;       // (rows, n_0); null where X is sparse
    Index x_row = 0;            // stride from row to row
    Index x_column = 1;         // stride from column to column
    const T* Y = nullptr;       // (rows, n_L)
    const T* weight = nullptr;  // (rows,) or null: all rows weigh 1
    Index rows = 0;
    SparseRows<T> sparse;
    T* outputs = nullptr;  // (all rows, n_L), where z[L] of each row goes, if anybody asks

    bool is_sparse() const { return !X; }
};

// W(i, j) = w[j / lanes * panel + i * row + j % lanes], bias(j) = bias[j / lanes * bias_panel + j % lanes]: packed
// panels while training (row = lanes), the user's own row-major array when predicting (panel = bias_panel = lanes).
template <class T>
struct Weights {
    Index n_in = 0;
    Index n_out = 0;
    const T* w = nullptr;
    Index panel = 0;
    Index row = 0;
    const T* bias = nullptr;
    Index bias_panel = 0;
};

// Panels of rows: element (r, f) = data[r / lanes * panel + f * lanes + r % lanes].
template <class T>
struct Panels {
    T* data = nullptr;
    Index panel = 0;
};

// Lines of units: element (r, f) = data[f / lanes * panel + r * lanes + f % lanes].
template <class T>
struct Lines {
    T* data = nullptr;
    Index panel = 0;
};

// A number that a rule (an activation, a loss, an optimizer) leaves to its user. Validation, documentation and tests
// read it here.
struct Parameter {
    const char* name;  // no two rules share one, unless they mean the same by it
    double initial;    // its default
    double low;
    double high;
    bool low_open;   // whether the bound itself is out of range
    bool high_open;  // the same above; a bound at infinity is always open
    const char* doc;
};

inline constexpr int kMaxParameters = 4;  // of one rule

// What a rule's parameters are set to, in the order of its list and in the dtype of the net.
template <class T>
struct Values {
    T value[kMaxParameters] = {};
    T one_minus[kMaxParameters] = {};  // 1 - value, rounded once
};

// Scalars of one optimizer step: those that change from step to step, and the optimizer's parameters.
template <class T>
struct StepScalars : Values<T> {
    T eta = 0;  // step size; for Adam with its bias correction
    T l2 = 0;   // L2 penalty over the batch's weight sum
    // Share of each weight that goes, where the optimizer decays weights beside the gradient: eta, without its bias
    // correction, times weight_decay. No part of J, and none of the penalty that is reported.
    T decay = 0;
    // What only `update_regularized` reads: the L1 penalty over the batch's weight sum, and what w^2 and |w| count for
    // in the sum that it returns.
    T l1 = 0;
    T square_share = 1;
    T size_share = 0;
};

template <class T>
struct Dropout;

// What follows a product, in place: bias and activation, or on the way back the activation's derivative. It knows the
// layer, and each call says where in the batch its values lie, for whatever goes by position, as a random mask would.
template <class T>
struct Epilogue {
    // `count` vectors of values from c on, the first of them of `row` and `unit`. other: the bias of these units, or
    // what activations kept.
    using Function = void (*)(const Epilogue& epilogue, T* c, const T* other, Index count, Index row, Index unit);

    Function apply = nullptr;
    Index layer = 0;                      // 1..L
    Index first_row = 0;                  // of the batch: what the views that go with it call row 0
    const T* out = nullptr;               // the whole of what c lies in ...
    T* kept = nullptr;                    // ... and where f'(z) goes, laid out alike; null where it isn't needed
    const Dropout<T>* dropout = nullptr;  // of the layer, where it drops units: `apply` is then Kernels::drop
};

// A random mask in one step: a unit of a row is dropped, or counts 1 / (1 - rate) times. Whether it is depends on
// the key, its row in the batch and its number alone (see kernels/dropout.inl).
template <class T>
struct Dropout {
    std::uint32_t key[2] = {};    // of seed, step and layer
    std::uint32_t threshold = 0;  // 2^32 times the rate
    T scale = 1;
    // The activation's, and whether it keeps f'(z). The layer's does: it has the mask's factor in it.
    typename Epilogue<T>::Function forward = nullptr;
    typename Epilogue<T>::Function backward = nullptr;
    bool keeps_slope = false;
};

template <class T>
struct ActivationKernel {
    const char* name;
    List<Parameter> parameters;
    // The backward pass is given f'(z) as the forward pass kept it; else it is given a = f(z).
    bool keeps_slope;
    // c (features, lanes) = f(c + bias[feature]): lanes are rows
    typename Epilogue<T>::Function forward;
    // c (rows, lanes) = f(c + bias): lanes are units
    typename Epilogue<T>::Function forward_lines;
    // delta *= f'(z), given what was kept; lanes are either
    typename Epilogue<T>::Function backward;
};

// An output activation. It takes a panel: lanes are rows.
template <class T>
struct LinkKernel {
    const char* name;
    bool unit_by_unit;  // it takes every unit by itself: lanes may be units just as well as rows
    double lowest;      // what outputs lie between
    double highest;
    // z (n_out, lanes) becomes a, in place
    void (*forward)(T* z, Index n_out);
    // delta (n_out, lanes) *= f'(z), given a; null where units depend on one another
    void (*backward)(T* delta, const T* a, Index n_out);
};

template <class T>
struct LossKernel {
    const char* name;
    const char* link;  // the output activation that is the loss's own
    bool inlined;      // the kernels of one row have it with that link, for a vector of units
    double lowest_target;
    double highest_target;
    bool lowest_target_open;
    double lowest_output;  // what a link must stay between
    double highest_output;
    List<Parameter> parameters;
    // With its own link: z (n_out, lanes) becomes a, in place; delta (n_out, lanes) = row_weight * dloss/dz
    void (*delta)(T* z, const T* y, const T* row_weight, T* delta, Index n_out, const Values<T>& values);
    // delta (n_out, lanes) = row_weight * dloss/da; null where the loss goes with its own link only
    void (*slope)(const T* a, const T* y, const T* row_weight, T* delta, Index n_out, const Values<T>& values);
    // The sum over the first `rows` lanes of row_weight * loss, given a (n_out, lanes)
    T (*loss)(const T* a, const T* y, const T* row_weight, Index n_out, Index rows, const Values<T>& values);
};

// Neighbouring units of the output layer: each block has a softmax, or values of the loss's parameters, of its own.
template <class T>
struct OutputBlock {
    Index units = 0;
    Values<T> values;
};

// What the output layer does with panels of rows.
template <class T>
struct OutputRule {
    const LossKernel<T>* loss = nullptr;
    const LinkKernel<T>* link = nullptr;
    bool own_link = true;
    List<OutputBlock<T>> blocks;

    // z (n_out, lanes) becomes a, in place; delta (n_out, lanes) = row_weight * dloss/dz
    void delta(T* z, const T* y, const T* row_weight, T* delta) const {
        for (const OutputBlock<T>& block : blocks) {
            if (own_link) {
                loss->delta(z, y, row_weight, delta, block.units, block.values);
            } else {
                link->forward(z, block.units);
                loss->slope(z, y, row_weight, delta, block.units, block.values);
                link->backward(delta, z, block.units);
            }
            const Index size = block.units * kLanes<T>;
            z += size, y += size, delta += size;
        }
    }
    // The sum over the first `rows` lanes of row_weight * loss, given a (n_out, lanes)
    T loss_of(const T* a, const T* y, const T* row_weight, Index rows) const {
        T sum = 0;
        for (const OutputBlock<T>& block : blocks) {
            sum += loss->loss(a, y, row_weight, block.units, rows, block.values);
            a += block.units * kLanes<T>, y += block.units * kLanes<T>;
        }
        return sum;
    }
};

// z (n_out, lanes) becomes a, in place.
template <class T>
void link_forward(const LinkKernel<T>& link, List<Index> blocks, T* z) {
    for (const Index units : blocks) {
        link.forward(z, units);
        z += units * kLanes<T>;
    }
}

// One task of the weights phase: lines [lines.begin, lines.end) of `panels` neighbouring weight panels of one layer.
template <class T>
struct GradientTask {
    const T* a = nullptr;  // activations of the layer below, its line n_in being all ones
    Index a_panel = 0;
    const T* delta = nullptr;  // deltas of the layer above, transposed: [n_out / lanes][row][lanes]
    Index delta_panel = 0;
    Index rows = 0;
    Range lines;
    Index panels = 1;
    T* out = nullptr;    // [panels][lines][lanes]
    SparseColumns<T> x;  // in place of `a` where start is set: the first layer of a sparse X with n_in columns
    Index n_in = 0;
};

// A net that one row goes through; W row-major (panel = lanes).
template <class T>
struct RowNet {
    const Weights<T>* layers = nullptr;
    Index n_layers = 0;
    Index widest = 0;                    // of the layers above the input, rounded up to lanes
    const Index* activations = nullptr;  // of each layer but the last, their places in the table
    const LinkKernel<T>* link = nullptr;
    List<Index> blocks;  // units of the output layer that the link takes together
};

template <class T>
struct OptimizerKernel {
    const char* name;
    int slots;
    // eta comes with the correction for means that began at 0, sqrt(1 - beta2^t) / (1 - beta1^t), where beta1 and beta2
    // are its first two parameters
    bool corrects_bias;
    bool decays_weights;  // by StepScalars::decay, in `update` too
    List<Parameter> parameters;
    // Gradient g (n) -> new weights w (n) and slots. Returns the sum of w^2 before the update. n is a multiple of
    // lanes; slot has two pointers, and one that the optimizer lacks points at w.
    T (*update)(const T* g, T* w, T* const* slot, Index n, const StepScalars<T>& scalars);
    // The same with an L1 penalty and decay. Returns the sum of square_share w^2 + size_share |w|.
    T (*update_regularized)(const T* g, T* w, T* const* slot, Index n, const StepScalars<T>& scalars);
};

// Arguments of the next kernels, in kernels/small_steps.hpp.
template <class T>
struct FewRowsLayer;
template <class T>
struct OneRowSteps;

// Whole steps on one row each, forward, loss, backward and update, for one optimizer.
template <class T>
struct OneRowKernel {
    void (*any)(OneRowSteps<T>& steps);
    // No layer above the input has more units than there are lanes; null where it would not pay.
    void (*tiny)(OneRowSteps<T>& steps);
};

template <class T>
struct Kernels {
    // Rows index[range] (or range itself when index is null) of a row-major or strided matrix into one panel; lanes
    // without a row become 0.
    void (*gather)(const T* x, Index row_stride, Index column_stride, Index columns, const std::int64_t* index,
                   Range rows, T* panel);
    // Layer forward for the given panels of rows and panels of output units, epilogue included.
    void (*forward)(const Weights<T>& weights, Panels<const T> in, Panels<T> out, Range row_panels, Range unit_panels,
                    const Epilogue<T>& epilogue);
    // delta of the layer below = (delta @ W.T) * f'(z), for the given panels of rows and units of the layer below.
    void (*backward)(const Weights<T>& weights, Panels<const T> delta, Panels<const T> kept, Panels<T> out,
                     Range row_panels, Range units, const Epilogue<T>& epilogue);
    // Panel [feature][lanes] of rows -> lines [row][lanes] of each panel of features.
    void (*transpose)(const T* panel, Index features, T* out, Index out_panel);
    // Panel [feature][lanes] -> row-major rows (count <= lanes).
    void (*scatter)(const T* panel, Index features, T* out, Index out_row, Index count);
    void (*gradient)(const GradientTask<T>& task);
    // As gather, forward, backward and gradient, with units in the lanes. Equal bits. Weights must be packed; forward
    // takes panels of units above, backward of units below.
    void (*gather_lines)(const T* x, Index row_stride, Index column_stride, Index columns, const std::int64_t* index,
                         Range rows, T* out, Index panel);
    void (*forward_lines)(const Weights<T>& weights, Lines<const T> in, Lines<T> out, Range rows, Range unit_panels,
                          const Epilogue<T>& epilogue);
    void (*backward_lines)(const Weights<T>& weights, Lines<const T> delta, Lines<const T> kept, Lines<T> out,
                           Range rows, Range unit_panels, const Epilogue<T>& epilogue);
    void (*gradient_lines)(const GradientTask<T>& task);
    // out (n) = the sum of `count` blocks (n) that lie `stride` apart, added left to right. n is a multiple of lanes.
    void (*add_blocks)(const T* blocks, Index stride, Index count, Index n, T* out);
    // As forward and gradient, for the first layer of a sparse X: work follows the values there. Equal bits. Forward
    // takes rows index[rows] into panel `row_panel`.
    void (*forward_sparse)(const Weights<T>& weights, const SparseRows<T>& x, const std::int64_t* index, Range rows,
                           Index row_panel, Panels<T> out, Range unit_panels, const Epilogue<T>& epilogue);
    void (*gradient_sparse)(const GradientTask<T>& task);
    // A layer of a few rows, W being read once for gradient, update and backward pass. Returns as update.
    T (*backward_few_rows)(const FewRowsLayer<T>& layer);
    // x (n_0) -> out (n_L), with the bits of forward; scratch has 2 widest + n_L lanes elements, aligned.
    void (*predict_row)(const RowNet<T>& net, const T* x, T* out, T* scratch);
    // The epilogue of the output layer: c += bias; its link comes with the loss.
    typename Epilogue<T>::Function add_bias;
    typename Epilogue<T>::Function add_bias_lines;

    List<ActivationKernel<T>> activations;
    List<LinkKernel<T>> links;
    List<LossKernel<T>> losses;
    LossKernel<T> given_loss;  // no loss: the targets are dloss/dz
    List<OptimizerKernel<T>> optimizers;
    List<OneRowKernel<T>> one_row;  // of the first optimizers, in the same order, and one that stores the gradient
    OptimizerKernel<T> store;       // no optimizer: writes the gradient to slot 0 and leaves the weights alone

    // The epilogue of a hidden layer that drops units, in the place of its activation's: a and f'(z), which is always
    // kept, times the mask. Lanes are rows, or units.
    typename Epilogue<T>::Function drop;
    typename Epilogue<T>::Function drop_lines;
    typename Epilogue<T>::Function multiply_by_slope;  // on the way back: delta *= f'(z) as it was kept
    // Inputs times their mask: c (count, lanes) is (units from `unit` on, rows from `row` on), or with units in the
    // lanes the other way round; value (count) has the columns of one sparse row.
    void (*mask)(const Dropout<T>& dropout, T* c, Index count, Index row, Index unit);
    void (*mask_lines)(const Dropout<T>& dropout, T* c, Index count, Index row, Index unit);
    void (*mask_values)(const Dropout<T>& dropout, T* value, const std::int32_t* column, Index count, Index row);
};

struct Isa {
    const char* name;
    bool (*runs_here)();
    const Kernels<float>* f32;
    const Kernels<double>* f64;
    // Denormals are flushed to zero inside the kernels; the caller's control word comes back afterwards.
    std::uint64_t (*flush_denormals)();
    void (*restore_denormals)(std::uint64_t control);
    // A chain-free block of fused multiply-adds, to measure the peak: returns the number of FLOP done.
    double (*peak_f32)(Index repeats, float* sink);
    double (*peak_f64)(Index repeats, double* sink);

    template <class T>
    const Kernels<T>& kernels() const {
        if constexpr (sizeof(T) == 4)
            return *f32;
        else
            return *f64;
    }
};

}  // namespace chainfit
