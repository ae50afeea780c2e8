"""
skops: save a pipeline safely
=============================

A pickle can run arbitrary code when it is loaded. `skops <https://skops.readthedocs.io>`__ files
hold arrays and names of types, and load only types that you trust. For a pipeline with a chainfit
net that is a single name.
"""

# %%
# A pipeline with a scaler and a net.
from pathlib import Path
from tempfile import mkdtemp

import skops.io
from sklearn.datasets import load_iris
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from chainfit import MLPClassifier

X, y = load_iris(return_X_y=True)
net = MLPClassifier((16,), max_iter=2000, random_state=0)
pipeline = make_pipeline(StandardScaler(), net).fit(X, y)

file = Path(mkdtemp()) / "iris.skops"
skops.io.dump(pipeline, file)

# %%
# scikit-learn's own types are trusted by default; only the estimator has to be named.
print(skops.io.get_untrusted_types(file=file))

loaded = skops.io.load(file, trusted=["chainfit.MLPClassifier"])
print((loaded.predict_proba(X) == pipeline.predict_proba(X)).all())

# %%
# .. code-block:: text
#
#     ['chainfit.MLPClassifier']
#     True

# %%
# A net by itself, a TabularClassifier or a TabularRegressor needs no other package:
# ``model.save(path)`` writes a safetensors file, which :func:`chainfit.load` reads. It contains no
# code either.
