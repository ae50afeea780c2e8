// Epochs of batches, and when to stop. Floor: engine.
#include "engine/fit.hpp"

#include <cmath>

namespace chainfit {

namespace {

// One step whose gradient is stored, for the hook if there is one, before the optimizer gets it.
template <class T>
void stored_step(Stepper<T>& stepper, Batches<T>& batches, Optimizer<T>& optimizer, GradientHook<T>* hook,
                 Buffer<T>& gradient, Progress<T>& progress, int max_threads) {
    const Index steps = optimizer.schedule.steps;
    stepper.run(batches, optimizer.store_in(gradient), progress);
    optimizer.schedule.steps = steps;  // none is made before apply() is through
    if (progress.interrupted) return;
    if (hook) hook->on_gradient(gradient.data());
    optimizer.apply(gradient, max_threads);
}

// One pass over the rows.
template <class T>
void epoch(const Source<T>& source, Roads<T>& roads, Optimizer<T>& optimizer, GradientHook<T>* hook,
           Buffer<T>& gradient, Progress<T>& progress, int max_threads) {
    source.for_each_run([&](Batches<T> batches) {
        while (batches.left() && !progress.interrupted) try {
                Stepper<T>& stepper = roads.choose(batches.size, source.is_sparse(), max_threads);
                if (hook || !stepper.fuses(optimizer.rule()))
                    stored_step(stepper, batches, optimizer, hook, gradient, progress, max_threads);
                else
                    stepper.run(batches, optimizer.fused(), progress);
            } catch (const TeamLost&) {
                roads.forget_teams();
            }
    });
}

// Counts consecutive epochs without an improvement of tol, by scikit-learn's rule.
void count_improvement(Run& run, double loss, Observer& observer) {
    bool improved;
    if (run.early_stopping) {
        const double score = observer.validation_score();
        improved = !(score < run.best_validation_score + run.tol);
        if (score > run.best_validation_score) run.best_validation_score = score;
    } else {
        improved = !(loss > run.best_loss - run.tol);
        if (loss < run.best_loss) run.best_loss = loss;
    }
    run.no_improvement_count = improved ? 0 : run.no_improvement_count + 1;
}

// Sets eta for the next epoch; returns why there is none, or "".
template <class T>
const char* end_epoch(Run& run, double loss, Schedule<T>& schedule, Observer& observer) {
    const bool last = observer.epoch_ended(loss);
    if (std::isnan(loss)) return "diverged";  // the weights are NaN too: nothing can come of further steps
    schedule.end_epoch(run.t);
    if (static_cast<double>(run.no_improvement_count) > run.n_iter_no_change) {
        if (!schedule.slow_down()) return "converged";
        run.no_improvement_count = 0;
        observer.on_learning_rate(schedule.eta);
    }
    return last || run.n_iter >= run.max_iter ? "max_iter" : "";
}

}  // namespace

template <class T>
void fit(const Samples<T>& samples, std::int64_t* order, Roads<T>& roads, Optimizer<T>& optimizer, Run& run,
         Observer& observer, GradientHook<T>* hook, int max_threads) {
    const Source<T> source(samples, order, run.batch_size);
    // all memory that the run needs, before anything changes
    Buffer<T> gradient;
    source.for_each_run([&](const Batches<T>& batches) {
        const Stepper<T>& stepper = roads.choose(batches.size, source.is_sparse(), max_threads);
        if (hook || !stepper.fuses(optimizer.rule())) optimizer.store_in(gradient);
    });

    optimizer.schedule.settings = run;
    run.stopped.clear();
    run.n_iter = 0;
    InterruptPoll poll(observer, roads.net().isa);
    while (run.stopped.empty()) {
        if (run.shuffle) observer.shuffle(order, source.rows());
        Progress<T> progress{optimizer.schedule, poll, run.loss_scale};
        epoch(source, roads, optimizer, hook, gradient, progress, max_threads);
        if (progress.interrupted) return;
        const double loss = progress.loss / static_cast<double>(source.rows());
        ++run.n_iter;
        run.t += source.rows();
        run.loss_curve.push_back(loss);
        observer.on_epoch(loss);
        count_improvement(run, loss, observer);
        run.stopped = end_epoch(run, loss, optimizer.schedule, observer);
    }
}

template void fit(const Samples<float>&, std::int64_t*, Roads<float>&, Optimizer<float>&, Run&, Observer&,
                  GradientHook<float>*, int);
template void fit(const Samples<double>&, std::int64_t*, Roads<double>&, Optimizer<double>&, Run&, Observer&,
                  GradientHook<double>*, int);

}  // namespace chainfit
