// Steps on batches of any size, by a team of threads: the rows phase, the weights phase, and the memory that they work
// in. Floor: engine.
//
//   rows phase      each thread, for its rows:  gather -> z, a layer by layer -> loss, delta[L] -> delta, last to first
//      barrier
//   weights phase   each thread, for its tiles: dW = a.T @ delta over the whole batch -> optimizer
//      barrier
#pragma once

#include <atomic>
#include <functional>
#include <vector>

#include "engine/gradient_parts.hpp"
#include "engine/input.hpp"
#include "engine/output.hpp"
#include "engine/plan.hpp"
#include "engine/stepper.hpp"
#include "engine/threads.hpp"

namespace chainfit {

template <class T>
class TileStepper final : public Stepper<T> {
   public:
    // Room for batches of up to batch_rows. The net outlives the stepper.
    TileStepper(const Net<T>& net, Index batch_rows, bool sparse, int max_threads);

    void run(Batches<T>& batches, const Update<T>& update, Progress<T>& progress) override;

   private:
    // A step as all threads of a team see it.
    struct Step {
        const Samples<T>& samples;
        const Update<T>& update;
        const std::function<bool()>& cancelled;  // asked by thread 0
        BatchRows batch;
        const Samples<T>* x;  // what the first layer reads ...
        BatchRows x_rows;     // ... and where: the samples and the batch, or a copy of it with values dropped
        Share share;          // what they count: all of the batch, or a part of it
        StepScalars<T> scalars;
    };
    // What a block of rows is worked on with.
    struct Block {
        const Step& step;
        Input<T> input;
        Index first;       // the panel of the batch that is held as panel 0
        Index unit_split;  // whose copy of the inputs
    };

    // Called by all threads of a team; the last call of a step is followed by a barrier. Once cancelled while rows are
    // worked on, the weights phase does not happen and all threads return false. A phase that only stores the gradient
    // can be cut short too.
    bool make(const Step& step, int thread, Barrier& barrier);
    // What thread 0 does before the others begin, the memory of a sparse batch included.
    void begin(Step& step, const BatchRows& batch, const Progress<T>& progress);
    void rows_phase(const Step& step, int thread, Barrier& barrier);
    // The pieces of the rows phase work on panels of rows as they are held in memory, from 0 on.
    Range rows_held(const Block& block, Range panels) const;
    void gather_inputs(const Block& block, Range panels);
    void forward_layer(const Block& block, std::size_t l, Range rows, Range units);
    void loss_of_panel(const Block& block, Index q, T* scratch);
    void backward_layer(const Block& block, std::size_t l, Range rows, Range units);
    void weights_phase(const Step& step, int thread, int threads);
    void block_gradient(Index held, Index rows, T* out);
    Index gradient_size() const;  // of one block, in elements
    StepSums sums(const Step& step) const;

    // what the derivative of layer l is had from
    const T* kept(std::size_t l) const { return (keeps_slope(l) ? slope_ : a_)[l].data(); }
    bool keeps_slope(std::size_t l) const {
        return l > 0 && l < last_ && (net_.functions.keeps_slope(l) || dropouts_.drops(l));
    }
    // a[0] as threads (r, u) gathered it for themselves, for all r
    T* inputs(Index u) { return a_[0].data() + u * (a_[0].size() / plan_.unit_splits); }

    const Net<T>& net_;
    const Network<T>& network_;
    const Kernels<T>& kernels_;
    Output<T> output_;
    Plan plan_;
    std::size_t last_;  // index of the output layer, L
    Dropouts<T> dropouts_;

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
    BatchColumns<T> columns_;         // of a sparse batch
    MaskedRows<T> masked_rows_;       // of a sparse batch whose values are dropped
    Samples<T> masked_x_;
    WorkQueues row_queues_, task_queues_;
    GradientParts<T> parts_;  // of a gradient that somebody waits for
    std::atomic<bool> cancel_{false};
};

}  // namespace chainfit
