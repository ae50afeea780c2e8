"""
Text in sparse matrices
=======================

Text gives thousands of features, nearly all of them 0 in any row. A CSR matrix is used as it is and
never made dense.
"""

# %%
# The corpus is already installed: the docstrings of NumPy, SciPy's statistics module, scikit-learn
# and Matplotlib, split into paragraphs. Which package does a paragraph come from?
import inspect
import re

import matplotlib.axes
import matplotlib.pyplot as plt
import numpy as np
import scipy.stats
import sklearn.ensemble
import sklearn.linear_model
import sklearn.svm
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.metrics import ConfusionMatrixDisplay
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline

from chainfit import MLPClassifier

packages = {
    "NumPy": [np, np.linalg, np.fft],
    "SciPy": [scipy.stats],
    "scikit-learn": [sklearn.ensemble, sklearn.linear_model, sklearn.svm],
    "Matplotlib": [matplotlib.axes.Axes],
}
texts, labels = [], []
for package, modules in packages.items():
    found = set()
    for module in modules:
        for name, thing in inspect.getmembers(module, callable):
            if not name.startswith("_"):
                found.update(re.split(r"\n\s*\n", inspect.getdoc(thing) or ""))
    # leave out code and the packages' names, which would make it too easy
    plain = sorted(p for p in found if len(p) > 80 and ">>>" not in p)
    texts += [re.sub(r"(?i)numpy|scipy|np|sklearn|scikit|matplotlib", "", p) for p in plain]
    labels += [package] * len(plain)

# %%
# TF-IDF and one small hidden layer, in a pipeline.
train, test, y_train, y_test = train_test_split(texts, labels, stratify=labels, random_state=0)
words = TfidfVectorizer(min_df=3, sublinear_tf=True, dtype=np.float32)
net = MLPClassifier((16,), early_stopping=True, learning_rate_init=0.005, random_state=0)
model = make_pipeline(words, net).fit(train, y_train)
X = words.transform(train)
print(f"{X.shape[0]:,} paragraphs, {X.shape[1]:,} words, {X.nnz / np.prod(X.shape):.2%} not 0")
print(f"accuracy {model.score(test, y_test):.3f}")

# %%
# Which packages it confuses, and which words matter most: the gradient of an output with respect to
# the inputs, averaged over the test rows.
_, ax = plt.subplots(figsize=(5, 4.2), layout="constrained")
ConfusionMatrixDisplay.from_estimator(model, test, y_test, normalize="true", ax=ax, cmap="Blues")
plt.show()

names = words.get_feature_names_out()
rows = words.transform(test)
for output, package in enumerate(net.classes_):
    slope = net.input_gradient(rows, output, raw=True).mean(axis=0)
    print(f"{package:13}", ", ".join(names[np.argsort(-slope)[:8]]))
