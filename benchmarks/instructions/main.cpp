// So many epochs of one small workload on one thread, for benchmarks/instructions/check.py to count the instructions
// of. Usage: main WORKLOAD EPOCHS. To add a workload: a line in kWorkloads, and `check.py --record`.
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <numeric>
#include <vector>

#include "engine/trainer.hpp"

namespace {

using chainfit::Index;

struct Workload {
    const char* name;
    std::vector<Index> units;
    const char* loss;
    const char* optimizer;
    Index batch_size;
    Index steps;  // of an epoch
};

const Workload kWorkloads[] = {
    {"seed", {4, 3, 2, 1}, "binary_log_loss", "sgd", 1, 200},
    {"tabular", {8, 64, 64, 1}, "squared_error", "adam", 32, 4},
    {"few", {8, 64, 64, 1}, "squared_error", "adam", 4, 32},
    {"mnist", {784, 128, 10}, "log_loss", "sgd", 128, 1},
};

class NobodyWatches final : public chainfit::Observer {
   public:
    std::vector<double> step_sizes(Index, Index) override { return {}; }
    void shuffle(std::int64_t*, Index) override {}
    void on_window() override {}
    void on_epoch(double) override {}
    chainfit::Validation validate() override { return {}; }
    void on_learning_rate(double) override {}
    bool epoch_ended(double) override { return false; }
    bool interrupted() override { return false; }
};

// Numbers in [-1, 1) by a linear congruential generator: the same everywhere.
std::vector<float> numbers(Index n) {
    std::vector<float> out(static_cast<std::size_t>(n));
    std::uint32_t state = 1;
    for (float& x : out) {
        state = state * 1664525u + 1013904223u;
        x = static_cast<float>(state >> 8) / static_cast<float>(1 << 23) - 1;
    }
    return out;
}

void train(const Workload& workload, Index epochs) {
    const Index rows = workload.batch_size * workload.steps, n_in = workload.units.front(),
                n_out = workload.units.back();
    const std::vector<float> X = numbers(rows * n_in);
    std::vector<float> Y(static_cast<std::size_t>(rows * n_out));
    for (Index r = 0; r < rows; ++r) Y[static_cast<std::size_t>(r * n_out + r % n_out)] = r % 2 || n_out > 1 ? 1 : 0;
    std::vector<std::int64_t> order(static_cast<std::size_t>(rows));
    std::iota(order.begin(), order.end(), 0);  // not null: rows are gathered, as in any shuffled fit

    chainfit::Trainer<float> trainer(workload.units, {"relu"}, {workload.loss, "", {}}, workload.optimizer, {});
    std::vector<std::vector<float>> coefs, intercepts;
    std::vector<chainfit::Matrix<const float>> w, b;
    for (std::size_t l = 0; l + 1 < workload.units.size(); ++l) {
        const Index in = workload.units[l], out = workload.units[l + 1];
        coefs.push_back(numbers(in * out));
        for (float& x : coefs.back()) x *= std::sqrt(6.0f / static_cast<float>(in + out));
        intercepts.push_back(numbers(out));
        w.push_back({coefs.back().data(), out, 1});
        b.push_back({intercepts.back().data(), 1, 1});
    }
    trainer.network().pack(w, b, trainer.optimizer().parameters.w.data());
    trainer.optimizer().schedule.eta = 1e-3;

    chainfit::Samples<float> samples{};
    samples.X = X.data();
    samples.Y = Y.data();
    samples.x_row = n_in;
    samples.rows = rows;
    chainfit::Run run;
    run.batch_size = workload.batch_size;
    run.max_iter = epochs;
    run.shuffle = false;
    NobodyWatches nobody;
    const chainfit::Source<float> source(samples, order.data(), run.batch_size);
    trainer.run(source, run, nobody, nullptr, nullptr, nullptr, 1);
    std::printf("%s: %lld steps, loss %.6f\n", workload.name, static_cast<long long>(epochs * workload.steps),
                run.loss_curve.back());
}

}  // namespace

int main(int argc, char** argv) {
    try {
        for (const Workload& workload : kWorkloads) {
            if (argc == 1) std::printf("%s %lld\n", workload.name, static_cast<long long>(workload.steps));
            if (argc != 3 || std::strcmp(workload.name, argv[1]) != 0) continue;
            train(workload, std::atoll(argv[2]));
            return 0;
        }
    } catch (const std::exception& error) {
        std::fprintf(stderr, "%s\n", error.what());
        return 1;
    }
    return argc == 1 ? 0 : 2;
}
