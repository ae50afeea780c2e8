"""
skops: save a pipeline safely
=============================

A pickle may run any code when it is loaded. `skops <https://skops.readthedocs.io>`__ files hold
arrays and names of types, and load only types that you trust: of a pipeline with a net of chainfit
that is one name.
"""

# %%
# A pipeline of a scaler and a net.
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
# scikit-learn's own types are trusted already. All that is left to name is the estimator.
print(skops.io.get_untrusted_types(file=file))

loaded = skops.io.load(file, trusted=["chainfit.MLPClassifier"])
print((loaded.predict_proba(X) == pipeline.predict_proba(X)).all())

# %%
# A net alone, or a TabularClassifier or TabularRegressor, needs no other package:
# ``model.save(path)`` writes one safetensors file, which :func:`chainfit.load` reads. It holds no
# code either.
