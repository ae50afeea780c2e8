"""
Optuna: search parameters, and prune
====================================

Optuna's pruners stop unpromising trials. A callback of the estimator reports the score of each
epoch to Optuna, and returns True if training should stop.
"""

# %%
# ``hidden_layer_sizes`` may be a string such as "64-32", which suits categorical search spaces.
import optuna
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

from chainfit import MLPClassifier

X, y = load_digits(return_X_y=True)
X_train, X_val, y_train, y_val = train_test_split(X / 16, y, random_state=0)


def objective(trial):
    """Return the score of the validation rows after the best epoch."""

    def report(record):
        trial.report(record["validation_score"], record["epoch"])
        return trial.should_prune()

    model = MLPClassifier(
        trial.suggest_categorical("hidden_layer_sizes", ["32", "64", "64-32"]),
        learning_rate_init=trial.suggest_float("learning_rate_init", 1e-4, 1e-1, log=True),
        alpha=trial.suggest_float("alpha", 1e-6, 1e-1, log=True),
        max_iter=200,
        early_stopping=True,
        random_state=0,
        callbacks=[report],
    )
    model.fit(X_train, y_train, X_val=X_val, y_val=y_val)
    if trial.should_prune():
        raise optuna.TrialPruned
    return model.best_validation_score_


optuna.logging.set_verbosity(optuna.logging.WARNING)
study = optuna.create_study(
    direction="maximize",
    sampler=optuna.samplers.TPESampler(seed=0),
    pruner=optuna.pruners.MedianPruner(n_startup_trials=4, n_warmup_steps=5),
)
study.optimize(objective, n_trials=16)

# %%
# The result of the search.
pruned = sum(trial.state == optuna.trial.TrialState.PRUNED for trial in study.trials)
print(f"{len(study.trials)} trials, {pruned} of them pruned")
print(f"best: {study.best_value:.4f}")
for name, value in study.best_params.items():
    print(f"    {name}: {value if isinstance(value, str) else round(value, 4)}")

# %%
# .. code-block:: text
#
#     16 trials, 9 of them pruned
#     best: 0.9844
#         hidden_layer_sizes: 64-32
#         learning_rate_init: 0.0216
#         alpha: 0.0224
