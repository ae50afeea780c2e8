"""
MLflow: track runs and keep models
==================================

MLflow's scikit-learn flavour logs chainfit's estimators just like scikit-learn's. A callback logs
the loss of each epoch.
"""

# %%
# A temporary tracking store; in practice it may be a server.
from pathlib import Path
from tempfile import mkdtemp

import mlflow
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

from chainfit import MLPClassifier

mlflow.set_tracking_uri(f"sqlite:///{Path(mkdtemp()) / 'runs.db'}")
mlflow.set_experiment("digits")

X, y = load_digits(return_X_y=True)
X_train, X_test, y_train, y_test = train_test_split(X / 16, y, random_state=0)


def log(record):
    """Log the record of an epoch."""
    mlflow.log_metric("loss", record["loss"], step=record["epoch"])


# %%
# The model is logged without the callback, which belongs to this script. With
# ``skops_trusted_types`` MLflow saves it without a pickle.
with mlflow.start_run() as run:
    model = MLPClassifier((64,), random_state=0, early_stopping=True, callbacks=[log])
    model.fit(X_train, y_train)
    mlflow.log_params({name: getattr(model, name) for name in ("hidden_layer_sizes", "solver")})
    mlflow.log_metric("accuracy", model.score(X_test, y_test))
    model.set_params(callbacks=None)
    logged = mlflow.sklearn.log_model(
        model, name="net", skops_trusted_types=["chainfit.MLPClassifier"]
    )

# %%
# The logged model loads as an estimator again.
loaded = mlflow.sklearn.load_model(logged.model_uri)
print((loaded.predict(X_test) == model.predict(X_test)).all())
losses = mlflow.MlflowClient().get_metric_history(run.info.run_id, "loss")
print(f"{len(losses)} losses, the last {losses[-1].value:.4f}")

# %%
# .. code-block:: text
#
#     True
#     45 losses, the last 0.2585
