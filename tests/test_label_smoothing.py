"""label_smoothing: the targets, what is decided by them, and what shows them.

That a net trains as PyTorch's, tests/test_torch.py says.
"""

import pickle

import numpy as np
import pytest

import chainfit
from chainfit import MLPClassifier

X = np.random.RandomState(0).randn(90, 4)
TARGETS = {
    "two": np.where(X[:, 0] > 0, "yes", "no"),
    "three": np.array(["a", "b", "c"])[np.digitize(X[:, 0], [-0.5, 0.5])],
    "multilabel": (X[:, :3] > 0).astype(int),
}
pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


def model(share=0.2, **settings):
    settings = {"hidden_layer_sizes": (5,), "max_iter": 4, "random_state": 0, **settings}
    return MLPClassifier(label_smoothing=share, **settings)


@pytest.mark.parametrize("kind", TARGETS)
def test_the_targets_are_what_is_trained_on(kind):
    """Step by step by the core, on targets written here."""
    y = TARGETS[kind]
    fitted = model(solver="lbfgs").fit(X, y)
    if kind == "three":
        Y = 0.8 * (y[:, np.newaxis] == ["a", "b", "c"]) + 0.2 / 3
    else:
        Y = 0.8 * (y.reshape(90, -1) == (1 if kind == "multilabel" else "yes")) + 0.1
    p = fitted.predict_proba(X)
    p = p[:, 1:] if kind == "two" else p
    loss = -(Y * np.log(p))
    if kind != "three":
        loss -= (1 - Y) * np.log(1 - p)
    penalty = fitted.alpha / 2 * sum((W**2).sum() for W in fitted.coefs_) / 90
    assert fitted.loss_ == pytest.approx(loss.sum() / 90 + penalty, rel=1e-12)


@pytest.mark.parametrize("kind", TARGETS)
@pytest.mark.parametrize("early_stopping", [False, True])
def test_labels_stay_labels(kind, early_stopping, tmp_path):
    y = TARGETS[kind]
    fitted = model(0.6, early_stopping=early_stopping, max_iter=100, learning_rate_init=0.02).fit(
        X, y
    )
    assert early_stopping or fitted.score(X, y) > 0.5
    if early_stopping:
        assert max(fitted.validation_scores_) > 0.3
    fitted.save(tmp_path / "model")
    for again in (chainfit.load(tmp_path / "model"), pickle.loads(pickle.dumps(fitted))):
        assert again.label_smoothing == 0.6
        np.testing.assert_array_equal(again.predict(X), fitted.predict(X))


def test_partial_fit_small_and_large():
    """The quick way through the checks, and the other."""
    quick, other = model(solver="sgd"), model(solver="sgd")
    for _ in range(3):
        quick.partial_fit(X, TARGETS["three"], classes=["a", "b", "c"])
        other.partial_fit(X.tolist(), TARGETS["three"].tolist(), classes=["a", "b", "c"])
    for a, b in zip(quick.coefs_, other.coefs_, strict=True):
        np.testing.assert_array_equal(a, b)


def test_none_is_as_without():
    for W, V in zip(model(0.0).fit(X, TARGETS["three"]).coefs_,
                    model(0).fit(X, TARGETS["three"]).coefs_, strict=True):  # fmt: skip
        assert W.tobytes() == V.tobytes()


@pytest.mark.parametrize("kind", TARGETS)
def test_the_explained_gradient_is_the_applied_one(kind):
    y = TARGETS[kind]
    fitted = model(alpha=0.0).fit(X, y)
    shown, applied = chainfit.trace(fitted, X, y), fitted.gradients(X, y)
    for a, b in zip(shown.dW, applied.coefs, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-10, atol=1e-14)
    assert chainfit.explain(fitted, X, y, "w_12^(1)").verification.kernel is not None


@pytest.mark.parametrize("share", [1.0, -0.1, "0.1", None])
def test_what_is_refused(share):
    with pytest.raises(ValueError, match="The 'label_smoothing' parameter of MLPClassifier"):
        model(share).fit(X, TARGETS["two"])
