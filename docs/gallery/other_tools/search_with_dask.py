"""
Dask: a grid search over many machines
======================================

scikit-learn's searches run their fits through joblib, and Dask is one of its backends: inside
``parallel_config(backend="dask")`` the fits run on the workers of a cluster.
"""

# %%
# A cluster of two processes on this machine. With many workers, each fit should use one thread.
from dask.distributed import Client
from joblib import parallel_config
from sklearn.datasets import load_digits
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from chainfit import MLPClassifier

X, y = load_digits(return_X_y=True)
net = MLPClassifier(early_stopping=True, max_iter=300, n_threads=1, random_state=0)
grid = {
    "mlpclassifier__hidden_layer_sizes": [(32,), (64,)],
    "mlpclassifier__learning_rate_init": [0.001, 0.01],
}
search = GridSearchCV(make_pipeline(StandardScaler(), net), grid, cv=3)

# Workers import this file, so starting the cluster has to be guarded.
if __name__ == "__main__":
    with Client(n_workers=2, threads_per_worker=1, dashboard_address=None), parallel_config("dask"):
        search.fit(X, y)
    print(f"best: {search.best_score_:.4f}")
    for name, value in search.best_params_.items():
        print(f"    {name}: {value}")

# %%
# .. code-block:: text
#
#     best: 0.9321
#         mlpclassifier__hidden_layer_sizes: (64,)
#         mlpclassifier__learning_rate_init: 0.01
