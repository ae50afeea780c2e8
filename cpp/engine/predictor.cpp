// Prediction. Floor: engine.
#include "engine/predictor.hpp"

#include <algorithm>
#include <atomic>

#include "dispatch.hpp"
#include "engine/functions.hpp"
#include "engine/input.hpp"
#include "engine/plan.hpp"
#include "engine/threads.hpp"

namespace chainfit {

namespace {

constexpr Index kRowByRow = 4;  // so many rows one by one cost less than as a panel padded to its 16 lanes

constexpr Index kPredictPanels = 8;  // 128 rows of float32: each weight that streams by serves all of them

}  // namespace

template <class T>
void predict(const Samples<T>& samples, const std::vector<PlainLayer<T>>& layers,
             const std::vector<std::string>& activations, const LinkSettings& link, T* out, Interrupt& interrupt,
             int max_threads) {
    constexpr Index V = kLanes<T>;
    if (samples.rows <= kRowByRow && !samples.is_sparse() && (samples.x_column == 1 || layers[0].n_in == 1)) {
        const RowPredictor<T> predict_row(layers, activations, link);
        for (Index r = 0; r < samples.rows; ++r)
            predict_row(samples.X + r * samples.x_row, out + r * predict_row.n_out());
        return;
    }
    const Isa& instruction_set = isa();
    const Kernels<T>& kernels = instruction_set.kernels<T>();
    const auto hidden = find_activations(kernels, activations, layers.size() - 1);
    const LinkKernel<T>& output = find_by_name(kernels.links, link.name, "output activation");
    const std::vector<Index> blocks = blocks_of(link.blocks, layers.back().n_out);

    Index widest = samples.is_sparse() ? 0 : layers[0].n_in;
    for (const PlainLayer<T>& layer : layers) widest = std::max(widest, layer.n_out);
    const Index n_out = layers.back().n_out;
    const Index row_panels = (samples.rows + V - 1) / V;
    const Index block = std::min(kPredictPanels, row_panels);
    const int threads =
        static_cast<int>(std::min<Index>(threads_that_pay(prediction_flop(layers, samples.rows), max_threads),
                                         (row_panels + kPredictPanels - 1) / kPredictPanels));
    const Index panel = checked_product(padded_lines(widest), V);
    std::vector<Buffer<T>> values;  // two for each thread: a layer's input and its output
    for (int i = 0; i < 2 * threads; ++i) values.emplace_back(checked_product(block, panel));

    const Input<T> input(kernels, samples, layers[0].n_in);
    const BatchRows all{nullptr, {0, samples.rows}};
    InterruptPoll poll(interrupt, instruction_set);
    // Blocks as they come: a thread that had to be woken, or is slower, takes fewer.
    std::atomic<Index> next{0};
    const auto work = [&](int thread, Barrier&) {
        const DenormalsFlushed flushed(instruction_set);
        for (Index p; (p = next.fetch_add(block, std::memory_order_relaxed)) < row_panels;) {
            if (thread == 0 && poll.now_and_then_in_team()) next.store(row_panels, std::memory_order_relaxed);
            const Index panels = std::min(block, row_panels - p);
            Panels<T> in{values[static_cast<std::size_t>(2 * thread)].data(), panel};
            Panels<T> result{values[static_cast<std::size_t>(2 * thread + 1)].data(), panel};
            input.gather(all, p, {0, panels}, in);
            for (std::size_t l = 0; l < layers.size(); ++l) {
                const PlainLayer<T>& layer = layers[l];
                const Weights<T> w{layer.n_in, layer.n_out, layer.w, V, layer.n_out, layer.b, V};
                const Range units{0, (layer.n_out + V - 1) / V};
                Epilogue<T> epilogue;
                epilogue.apply = l < hidden.size() ? hidden[l]->forward : kernels.add_bias;
                if (l == 0)
                    input.forward(w, all, p, {in.data, panel}, result, {0, panels}, units, epilogue);
                else
                    kernels.forward(w, {in.data, panel}, result, {0, panels}, units, epilogue);
                std::swap(in, result);
            }
            for (Index q = 0; q < panels; ++q) {
                T* values_of_panel = in.data + q * panel;
                link_forward(output, {blocks.data(), static_cast<Index>(blocks.size())}, values_of_panel);
                const Index row = (p + q) * V;
                kernels.scatter(values_of_panel, n_out, out + row * n_out, n_out, std::min(V, samples.rows - row));
            }
        }
    };
    while (true) try {
            run_on_threads(threads, work);
            return;
        } catch (const TeamLost&) {
            next = 0;
        }
}

template <class T>
RowPredictor<T>::RowPredictor(const std::vector<PlainLayer<T>>& layers, const std::vector<std::string>& activations,
                              const LinkSettings& link)
    : isa_(isa()) {
    constexpr Index V = kLanes<T>;
    const Kernels<T>& kernels = isa_.kernels<T>();
    layers_.reserve(layers.size());
    for (const PlainLayer<T>& layer : layers) {
        layers_.push_back({layer.n_in, layer.n_out, layer.w, V, layer.n_out, layer.b, V});
        net_.widest = std::max(net_.widest, round_up(layer.n_out, V));
    }
    net_.layers = layers_.data();
    net_.n_layers = static_cast<Index>(layers_.size());
    activations_.reserve(layers.size() - 1);
    for (const ActivationKernel<T>* activation : find_activations(kernels, activations, layers.size() - 1))
        activations_.push_back(activation - kernels.activations.items);
    net_.activations = activations_.data();
    net_.link = &find_by_name(kernels.links, link.name, "output activation");
    blocks_ = blocks_of(link.blocks, n_out());
    net_.blocks = {blocks_.data(), static_cast<Index>(blocks_.size())};
    scratch_size_ = checked_sum(checked_product(2, net_.widest), checked_product(n_out(), V));
}

template <class T>
void RowPredictor<T>::operator()(const T* x, T* out) const {
    constexpr Index kOnStack = 4096;
    const DenormalsFlushed flushed(isa_);
    if (scratch_size_ <= kOnStack) {
        alignas(64) T scratch[kOnStack];
        isa_.kernels<T>().predict_row(net_, x, out, scratch);
    } else {
        Buffer<T> scratch(scratch_size_);
        isa_.kernels<T>().predict_row(net_, x, out, scratch.data());
    }
}

template class RowPredictor<float>;
template class RowPredictor<double>;

template void predict<float>(const Samples<float>&, const std::vector<PlainLayer<float>>&,
                             const std::vector<std::string>&, const LinkSettings&, float*, Interrupt&, int);
template void predict<double>(const Samples<double>&, const std::vector<PlainLayer<double>>&,
                              const std::vector<std::string>&, const LinkSettings&, double*, Interrupt&, int);

}  // namespace chainfit
