// Epochs of batches, and when to stop. Floor: engine.
#include "engine/fit.hpp"

#include <chrono>
#include <cmath>

#include "engine/gradient_norm.hpp"
#include "engine/rank_sums.hpp"

namespace chainfit {

namespace {

using Clock = std::chrono::steady_clock;

double seconds_between(Clock::time_point begin, Clock::time_point end) {
    return std::chrono::duration<double>(end - begin).count();
}

// Ends the run where the observer does, or when its time is up; ranks agree on this between epochs.
class Deadline final : public Interrupt {
   public:
    Deadline(Observer& observer, double limit, bool between_epochs)
        : observer_(observer), limit_(limit), between_epochs_(between_epochs) {}
    Clock::time_point start() const { return start_; }
    bool reached(Clock::time_point now) const { return seconds_between(start_, now) >= limit_; }
    bool interrupted() override { return (!between_epochs_ && reached(Clock::now())) || observer_.interrupted(); }

   private:
    Observer& observer_;
    double limit_;
    bool between_epochs_;
    Clock::time_point start_ = Clock::now();
};

// One step whose gradient is stored, goes through the hook, if there is one, and is applied.
template <class T>
void step_in_two(Stepper<T>& stepper, Batches<T>& batches, Optimizer<T>& optimizer, GradientHook<T>* hook,
                 Buffer<T>& gradient, Progress<T>& progress, int max_threads) {
    const Index steps = optimizer.schedule.steps;
    Update<T> update = optimizer.store_in(gradient);
    update.hook = hook;
    stepper.run(batches, update, progress);
    optimizer.schedule.steps = steps;  // none is made before apply() is through
    if (progress.interrupted) return;
    if (hook) hook->on_gradient(gradient.data());
    optimizer.apply(gradient, max_threads);
}

// One step on the next batch, whose loss is made outside: forward, to have its outputs, and then the step itself, whose
// targets are what was made of them.
template <class T>
void step_by_hook(LossHook<T>& loss, Roads<T>& roads, bool sparse, Batches<T>& batches, Optimizer<T>& optimizer,
                  GradientHook<T>* hook, Buffer<T>& gradient, Buffer<T>& not_used, Progress<T>& progress,
                  int max_threads) {
    Stepper<T>& stepper = roads.tiles(batches.size, sparse, max_threads);
    Batches<T> batch = batches, forward = batches;
    batch.rows.end = forward.rows.end = batches.next + batches.size;
    const Index steps = optimizer.schedule.steps;
    Progress<T> alone{optimizer.schedule, progress.poll};
    stepper.run(forward, optimizer.store_in(not_used), alone);
    optimizer.schedule.steps = steps;
    progress.interrupted = alone.interrupted;
    if (progress.interrupted) return;
    const double value = loss.on_outputs(batches.at(batches.next));
    if (gradient.size())
        step_in_two(stepper, batch, optimizer, hook, gradient, progress, max_threads);
    else
        stepper.run(batch, optimizer.fused(), progress);
    if (batch.next == batches.next) return;
    const double counted =
        batches.share ? batches.share->part * batches.share->rows : static_cast<double>(batches.size);
    progress.loss += progress.loss_scale * value * counted;
    batches.next = batch.next;
}

// One pass over the rows, those after the first `done` in windows; with others, over those of this rank.
template <class T, class Between>
void epoch(const Source<T>& source, Shares<T>* shares, LocalSteps<T>* local, Roads<T>& roads, Optimizer<T>& optimizer,
           GradientHook<T>* hook, LossHook<T>* loss, Buffer<T>& gradient, Progress<T>& progress, int max_threads,
           Index done, const Between& between) {
    Buffer<T> not_used;
    const auto make_steps = [&](Batches<T> batches) {
        while (batches.left() && !progress.interrupted) try {
                if (loss) {
                    step_by_hook(*loss, roads, source.is_sparse(), batches, optimizer, hook, gradient, not_used,
                                 progress, max_threads);
                    continue;
                }
                const Update<T> fused = optimizer.fused();
                Stepper<T>& stepper =
                    batches.share ? roads.tiles(batches.size, source.is_sparse(), max_threads)
                                  : roads.choose(batches.size, source.is_sparse(), fused.whole_steps, max_threads);
                if (gradient.size())
                    step_in_two(stepper, batches, optimizer, hook, gradient, progress, max_threads);
                else
                    stepper.run(batches, fused, progress);
            } catch (const TeamLost&) {
                roads.forget_tiles();
            }
        return !progress.interrupted;
    };
    if (!shares) {
        source.for_each_run(done, make_steps, between);
        return;
    }
    shares->begin_epoch();
    for (Index k = 0; k < shares->batches(); ++k) {
        if (!make_steps(shares->batch(k))) return;
        if (local) local->stepped(k);
    }
}

// Counts consecutive epochs without an improvement of tol, by scikit-learn's rule.
void count_improvement(Run& run, double loss, EpochRecord& epoch, Observer& observer) {
    bool improved = true;
    if (run.validate || run.early_stopping) {
        const auto [score, validation_loss] = observer.validate();
        improved = !(score < run.best_validation_score + run.tol);
        if (score > run.best_validation_score) run.best_validation_score = score;
        epoch.validation_score = score;
        epoch.validation_loss = validation_loss;
    }
    if (!run.early_stopping) {
        improved = !(loss > run.best_loss - run.tol);
        if (loss < run.best_loss) run.best_loss = loss;
    }
    run.no_improvement_count = improved ? 0 : run.no_improvement_count + 1;
}

// Sets eta for the next epoch; returns why there is none, or "". Once more, it changes nothing and returns the same.
template <class T>
const char* next_epoch(Run& run, Schedule<T>& schedule, Observer& observer) {
    schedule.end_epoch(run.t);
    if (static_cast<double>(run.no_improvement_count) > run.n_iter_no_change) {
        if (!schedule.slow_down()) return "converged";
        run.no_improvement_count = 0;
        observer.on_learning_rate(schedule.eta);
    }
    return run.n_iter >= run.max_iter ? "max_iter" : "";
}

template <class T>
const char* end_epoch(Run& run, double loss, Schedule<T>& schedule, Observer& observer) {
    const bool last = observer.epoch_ended(loss);
    if (std::isnan(loss)) return "diverged";  // the weights are NaN too: nothing can come of further steps
    const char* why = next_epoch(run, schedule, observer);
    return last && !*why ? "max_iter" : why;
}

}  // namespace

template <class T>
void fit(const Source<T>& source, Roads<T>& roads, Optimizer<T>& optimizer, Run& run, Observer& observer,
         GradientHook<T>* hook, LossHook<T>* loss_hook, Shares<T>* shares, int max_threads) {
    Schedule<T>& schedule = optimizer.schedule;
    optimizer.prepare(run);
    // all memory that the run needs, before anything changes
    source.for_each_size(
        [&](Index size) { roads.choose(size, source.is_sparse(), optimizer.fused().whole_steps, max_threads); });
    Buffer<T> gradient;
    std::optional<GradientSum<T>> sum;
    std::optional<LocalSteps<T>> local;
    if (shares && shares->settings().sync_every > 0) local.emplace(*shares, optimizer);
    if (shares && !local) hook = &sum.emplace(roads.net(), shares->ranks(), gradient, hook);
    const Index rows = shares ? shares->all_rows() : source.rows();
    const Index batches = shares ? shares->batches() : source.batches();
    GradientNorm<T> norm(roads.net(), run.clip_norm, hook);
    const bool takes_norm = run.clip_norm > 0 || run.records_norm;
    if (takes_norm) hook = &norm;
    if (hook || optimizer.averages()) optimizer.store_in(gradient);

    run.stopped.clear();
    if (run.n_iter) run.stopped = next_epoch(run, optimizer.schedule, observer);
    Deadline deadline(observer, run.time_limit, shares != nullptr);
    InterruptPoll poll(deadline, roads.net().isa);
    auto start = deadline.start();  // of the epoch
    while (run.stopped.empty()) {
        const Index steps_done = run.so_far.rows / run.batch_size;
        if (run.schedule == LearningRate::given) {
            schedule.first_given = schedule.steps - steps_done;
            schedule.given = observer.step_sizes(schedule.first_given, batches);
        }
        if (run.shuffle) observer.shuffle(source.order(), source.rows());
        Progress<T> progress{schedule, poll, run.loss_scale};
        progress.loss = run.so_far.loss;
        norm.resume(run.so_far.norms, steps_done);
        const double seconds_before = run.so_far.seconds;
        const auto seconds = [&] { return seconds_before + seconds_between(start, Clock::now()); };
        const auto between = [&](Index rows_done) {
            run.so_far = {rows_done, progress.loss, norm.sum(), seconds()};
            observer.on_window();
        };
        epoch(source, shares, local ? &*local : nullptr, roads, optimizer, hook, loss_hook, gradient, progress,
              max_threads, run.so_far.rows, between);
        if (progress.interrupted) {
            if (deadline.reached(Clock::now())) run.stopped = "time_limit";
            return;
        }
        double totals[] = {progress.loss, deadline.reached(Clock::now()) ? 1.0 : 0.0};
        if (shares) shares->ranks().sum(totals, 2);
        const double loss = totals[0] / static_cast<double>(rows);
        run.so_far = {};
        ++run.n_iter;
        run.t += rows;
        run.loss_curve.push_back(loss);
        observer.on_epoch(loss);
        EpochRecord record;
        count_improvement(run, loss, record, observer);
        record.eta = schedule.eta_of(schedule.steps - 1);
        if (takes_norm) record.gradient_norm = norm.take_mean();
        record.seconds = seconds();
        run.epochs.push_back(record);
        run.stopped = end_epoch(run, loss, schedule, observer);
        if (!run.stopped.empty()) return;
        start = Clock::now();
        if (shares ? totals[1] > 0 : deadline.reached(start)) run.stopped = "time_limit";
    }
}

template void fit(const Source<float>&, Roads<float>&, Optimizer<float>&, Run&, Observer&, GradientHook<float>*,
                  LossHook<float>*, Shares<float>*, int);
template void fit(const Source<double>&, Roads<double>&, Optimizer<double>&, Run&, Observer&, GradientHook<double>*,
                  LossHook<double>*, Shares<double>*, int);

}  // namespace chainfit
