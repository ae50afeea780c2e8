"""``chainfit demo``: the main job on real data, in seconds.

Handwritten digits from scikit-learn: a net is trained, tested on images held out, timed beside the
NumPy reference and scikit-learn doing the same work, and one of its weights shows its chain.
"""

from __future__ import annotations

import sys
import time
import warnings
from collections.abc import Callable
from contextlib import closing
from typing import Any, TextIO

import numpy as np
import numpy.typing as npt
from sklearn.datasets import load_digits
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier as SklearnMLPClassifier

from .. import reference
from .._estimators.callbacks import Progress
from .._estimators.classifier import MLPClassifier
from .._explain.explain import Chain, explain
from .explain import writes_unicode
from .progress import bar

Array = npt.NDArray[Any]

EPOCHS = 60
SETTINGS: dict[str, Any] = {
    "hidden_layer_sizes": (64,),
    "batch_size": 32,
    "learning_rate_init": 0.002,
    "max_iter": EPOCHS,
    "n_iter_no_change": EPOCHS,  # all three run all epochs: equal work
}


def run(*, seed: int = 0, out: TextIO | None = None) -> int:
    """Run the demo.

    Parameters
    ----------
    seed : int, default=0
        Of the split, the initial weights and the shuffles.
    out : text file, default=sys.stdout
        Where the report goes; the progress bar goes to stderr.

    Returns
    -------
    code : int
        0, the exit code.
    """
    out = sys.stdout if out is None else out
    digits = load_digits()
    X = (digits.data / 16).astype(np.float32)
    X_train, X_test, y_train, y_test = train_test_split(
        X, digits.target, test_size=0.2, random_state=seed, stratify=digits.target
    )
    print(
        f"digits: {len(X):,} images of 8 x 8 pixels, {len(X_train):,} to train on, "
        f"{len(X_test)} to test",
        file=out,
    )
    model = MLPClassifier(random_state=seed, **SETTINGS)
    with closing(bar(EPOCHS)) as shown:
        progress = Progress(lambda n_iter, loss: shown.update())
        seconds = {
            "chainfit": _seconds(lambda: model._fit_followed_by([progress], X_train, y_train))
        }
    sklearn_model = SklearnMLPClassifier(random_state=seed, **SETTINGS)
    W: list[Array] = []
    b: list[Array] = []
    seconds["NumPy reference"] = _seconds(
        lambda: _fit_reference(X_train, y_train, seed, model.alpha, W, b)
    )
    seconds["scikit-learn"] = _seconds(lambda: sklearn_model.fit(X_train, y_train))
    accuracy = {
        "chainfit": model.score(X_test, y_test),
        "NumPy reference": np.mean(
            reference.forward(X_test, W, b, "relu", "softmax")[-1].argmax(axis=1) == y_test
        ),
        "scikit-learn": sklearn_model.score(X_test, y_test),
    }
    print(f"net: 64-64-10, relu, Adam, batches of 32, {EPOCHS} epochs\n", file=out)
    print(f"{'':17}{'seconds':>9}{'times chainfit':>16}{'test accuracy':>16}", file=out)
    for name, elapsed in seconds.items():
        times = elapsed / seconds["chainfit"]
        print(f"{name:17}{elapsed:9.3f}{times:16.1f}{accuracy[name]:16.4f}", file=out)
    print(file=out)
    intro, chain = _one_chain(model, X_test[0], int(y_test[0]))
    print(intro, end="\n\n", file=out)
    print(chain.text(ascii=not writes_unicode(out)), file=out)
    return 0


def _seconds(work: Callable[[], object]) -> float:
    begin = time.perf_counter()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # all epochs were asked for
        work()
    return time.perf_counter() - begin


def _fit_reference(
    X: Array, y: Array, seed: int, l2: float, W: list[Array], b: list[Array]
) -> None:
    """Train the NumPy reference from the same draws as the estimators; fills W and b."""
    random_state = np.random.RandomState(seed)
    W[:], b[:] = reference.init_parameters([64, 64, 10], "relu", random_state, np.float32)
    state = reference.init_state(W, b, "adam", eta=SETTINGS["learning_rate_init"])
    reference.fit(
        X,
        np.eye(10, dtype=np.float32)[y],
        W,
        b,
        state,
        epochs=EPOCHS,
        random_state=random_state,
        batch_size=SETTINGS["batch_size"],
        activation="relu",
        loss="log_loss",
        l2=l2,
    )


def _one_chain(model: MLPClassifier, x: Array, label: int) -> tuple[str, Chain]:
    """Explain one output weight on one image, and say why this one."""
    _, h, p = reference.forward(x[None], model.coefs_, model.intercepts_, "relu", "softmax")
    # the most active hidden unit, and the class that is the strongest rival of the right one
    i = int(h[0].argmax())
    rivals = p[0].copy()
    rivals[label] = -1
    j = int(rivals.argmax())
    chain = explain(model, x, label, (1, i, j))
    intro = (
        f"The chain of one weight on a test image of a {label}: from the most active of the\n"
        f"hidden units to the {j}, the strongest rival of the {label}."
    )
    return intro, chain
