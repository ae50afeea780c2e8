"""An exported model on onnxruntime, and how far it may be from what chainfit predicts."""

import numpy as np
import pytest

from chainfit import reference

pytest.importorskip("onnx")
onnxruntime = pytest.importorskip("onnxruntime")

#: Roundings of one elementwise function: a rule's tree has at most ten nodes, each of which
#: onnxruntime and the core compute to 4 ulp, from values of at most 1.8 (1 + |z|) in size.
ELEMENTWISE = 80
STEEPEST = 1.76  # selu's slope below 0


def run(model, inputs):
    """Return what a model gives, by the names of its outputs."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
    names = [value.name for value in session.get_outputs()]
    return dict(zip(names, session.run(None, inputs), strict=True))


def far(net, X):
    """Return how far two ways of computing the outputs (rows, n_L) may lie apart.

    A sum of n products is off by (n + 2) u times the sum of their sizes, whatever its order
    (Higham 2002, section 3.1), errors of its factors pass through, and each of the two may be off.
    """
    u = float(np.finfo(X.dtype).eps) / 2
    a = X.astype(np.float64)
    E_a = np.zeros_like(a)
    for layer, (W, b) in enumerate(zip(net.coefs_, net.intercepts_, strict=True), 1):
        W = W.astype(np.float64)
        z = a @ W + b
        E_z = (len(W) + 2) * u * (abs(a) @ abs(W) + abs(b)) + E_a @ abs(W)
        if layer < len(net.coefs_):
            f = reference.ACTIVATIONS[reference.layer_activation(net.activation, layer)].f
            a = f(z.copy())
            E_a = STEEPEST * E_z + ELEMENTWISE * u * (1 + abs(z))
    # f' of a link is at most 1 between the two, or that of exp; the softmax's rows add up to 1/2
    steepest = np.exp(z + E_z) if net.out_activation_ in ("exp", "mean_variance") else 1.0
    if net.out_activation_ == "softmax":
        E_z = E_z.max(axis=1, keepdims=True)
    E = np.maximum(steepest, 1) * (E_z + ELEMENTWISE * u) + ELEMENTWISE * u * abs(z)
    return 2 * 1.1 * E  # the second order of it all


def agree(found, wanted, bound):
    """Assert that two results are no further apart than the bound."""
    found, wanted = np.asarray(found, np.float64), np.asarray(wanted, np.float64)
    apart = abs(found - wanted.reshape(found.shape))
    assert (apart <= np.reshape(bound, np.shape(bound))).all(), apart.max()
