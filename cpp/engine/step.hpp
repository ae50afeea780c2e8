// One training step: the rows phase, the weights phase, and the memory that they work in. Floor: engine.
//
//   rows phase      each thread, for its rows:  gather -> z, a layer by layer -> loss, delta[L] -> delta, last to first
//      barrier
//   weights phase   each thread, for its tiles: dW = a.T @ delta over the whole batch -> optimizer
//      barrier
#pragma once

#include <atomic>
#include <functional>
#include <vector>

#include "engine/functions.hpp"
#include "engine/network.hpp"
#include "engine/output.hpp"
#include "engine/plan.hpp"
#include "engine/threads.hpp"

namespace chainfit {

template <class T>
class Step {
   public:
    // Room for batches of up to batch_rows. Network and functions outlive the step.
    Step(const Network<T>& network, const Functions<T>& functions, Index batch_rows, bool sparse, int max_threads);

    const Plan& plan() const { return plan_; }

    // Called by all of plan().threads with the same arguments; the last call of a step is followed by a barrier.
    // `inverse_weight` is 1 / the batch's weight sum. Once `cancelled`, asked by thread 0 while rows are worked on,
    // says so, the weights phase does not happen and all threads return false. A phase that only stores the gradient
    // can be cut short too.
    bool run(int thread, Barrier& barrier, const Samples<T>& samples, const BatchRows& batch, double inverse_weight,
             Parameters<T>& parameters, const OptimizerKernel<T>& optimizer, const StepScalars<T>& scalars,
             const std::function<bool()>& cancelled);

    // Of the last step, once thread 0 is through it.
    double data_loss() const { return data_loss_; }
    double sum_squares() const { return sum_squares_; }  // of the weights before the update over the batch's weight sum

   private:
    // What a block of rows is worked on with.
    struct Block {
        const Samples<T>& samples;
        const BatchRows& batch;
        const Parameters<T>& parameters;
        double inverse_weight;
        Index first;       // the panel of the batch that is held as panel 0
        Index unit_split;  // whose copy of the inputs
    };

    void rows_phase(int thread, Barrier& barrier, const Samples<T>& samples, const BatchRows& batch,
                    double inverse_weight, const Parameters<T>& parameters, const std::function<bool()>& cancelled);
    // The pieces of the rows phase work on panels of rows as they are held in memory, from 0 on.
    Range rows_held(const Block& block, Range panels) const;
    void gather_inputs(const Block& block, Range panels);
    void forward_layer(const Block& block, std::size_t l, Range rows, Range units);
    void loss_of_panel(const Block& block, Index q, T* scratch);
    void backward_layer(const Block& block, std::size_t l, Range rows, Range units);
    void weights_phase(int thread, int threads, Index rows, bool sparse, Parameters<T>& parameters,
                       const OptimizerKernel<T>& optimizer, const StepScalars<T>& scalars,
                       const std::function<bool()>& cancelled);
    void block_gradient(Index held, Index rows, T* out);
    Index gradient_size() const;  // of one block, in elements
    // The batch's rows of a sparse X by columns, for the weights phase.
    void gather_columns(const Samples<T>& samples, const BatchRows& batch);
    void sum_up(Index rows, double inverse_weight);

    // what the derivative of layer l is had from
    const T* kept(std::size_t l) const { return (functions_.keeps_slope(l) ? slope_ : a_)[l].data(); }
    // a[0] as threads (r, u) gathered it for themselves, for all r
    T* inputs(Index u) { return a_[0].data() + u * (a_[0].size() / plan_.unit_splits); }

    const Network<T>& network_;
    const Kernels<T>& kernels_;
    const Functions<T>& functions_;
    Output<T> output_;
    Plan plan_;
    std::size_t last_;  // index of the output layer, L

    // l = 0..L: [rows / lanes][n_l + 1][lanes], the line n_l being all ones, or, by lines, [n_l / lanes][row][lanes];
    // a[0] for each unit split
    std::vector<Buffer<T>> a_;
    std::vector<Buffer<T>> slope_;             // f'(z) as a, of layers whose activation keeps it
    std::vector<Buffer<T>> delta_;             // l = 1..L, by lines only L: [rows / lanes][n_l rounded up][lanes]
    std::vector<Buffer<T>> delta_transposed_;  // l = 1..L: [n_l / lanes][row][lanes]
    std::vector<Index> a_panel_, delta_panel_;
    Index transposed_panel_ = 0;
    Buffer<T> block_sums_;            // the gradient of each block of rows, where plan_.by_blocks
    Buffer<T> panel_loss_;            // a sum for each panel of rows
    Buffer<T> task_squares_;          // sums for each task, one for each of its panels
    std::vector<Buffer<T>> scratch_;  // for each thread: targets and outputs of a panel, or gradient sums of a task
    std::vector<std::int64_t> column_start_;  // of a sparse batch, by columns
    std::vector<std::int32_t> column_row_;
    std::vector<T> column_value_;
    Turns row_turns_, task_turns_;
    std::atomic<bool> cancel_{false};
    double data_loss_ = 0;
    double sum_squares_ = 0;
};

}  // namespace chainfit
