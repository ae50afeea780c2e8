"""How arrays lie in memory changes nothing: order, strides, alignment, broadcasting."""

from dataclasses import replace

import numpy as np
import pytest


def misaligned(a):
    raw = np.zeros(a.nbytes + 1, np.uint8)
    out = raw[1:].view(a.dtype).reshape(a.shape)
    out[...] = a
    assert not out.flags.aligned
    return out


def in_records(a):
    """Return a view into records of itemsize + 1 bytes: its strides aren't whole elements."""
    records = np.zeros(a.shape, np.dtype([("value", a.dtype), ("other", np.uint8)]))
    records["value"] = a
    return records["value"]


def read_only(a):
    a = a.copy()
    a.flags.writeable = False
    return a


def every_second(a):
    wide = np.zeros([2 * n for n in a.shape], a.dtype)[tuple(slice(None, None, 2) for _ in a.shape)]
    wide[...] = a
    return wide


LAYOUTS = {
    "C": np.ascontiguousarray,
    "F": np.asfortranarray,
    "rows backwards": lambda a: a[::-1].copy()[::-1],
    "all backwards": lambda a: np.flip(np.flip(a).copy()),
    "every second": every_second,
    "part": lambda a: np.pad(a, 3)[tuple(slice(3, -3) for _ in a.shape)],
    "misaligned": misaligned,
    "in records": in_records,
    "read-only": read_only,
}


def after_training(net, batch_size):
    """Return all that gradient, loss and a run on such batches give, as bytes."""
    trainer = net.trainer(eta=1e-3)
    loss, penalty, dW, db = net.gradient(trainer, l2=0.1)
    run = net.train(trainer, batch_size=batch_size)
    assert np.isfinite(run.loss_curve).all()
    W, b = trainer.parameters()
    return loss, penalty, run.loss_curve, [a.tobytes() for a in (*dW, *db, *W, *b)]


@pytest.mark.parametrize("layout", LAYOUTS)
def test_layouts_do_not_matter(layout, isa, dtype, make_net):
    as_laid_out = LAYOUTS[layout]
    net = make_net([19, 5, 3], "tanh", "log_loss", dtype, rows=37, weighted=True)
    W, b = ([as_laid_out(a) for a in arrays] for arrays in (net.W, net.b))
    data = {name: as_laid_out(getattr(net, name)) for name in ("X", "Y", "weight")}
    other = replace(net, W=W, b=b, **data)
    for a, original in zip(
        (*W, *b, *data.values()), (*net.W, *net.b, net.X, net.Y, net.weight), strict=True
    ):
        np.testing.assert_array_equal(a, original)
    for rows in (1, 3, 37):
        got = other.predict(as_laid_out(net.X)[:rows])
        np.testing.assert_array_equal(got, net.predict(net.X[:rows]), strict=True)
    for batch_size in (1, 3, 9, 20):
        assert after_training(other, batch_size) == after_training(net, batch_size)


@pytest.mark.parametrize("batch_size", [1, 3, 9, 20])
def test_broadcast_arrays(batch_size, isa, dtype, make_net):
    """Strides of 0, as np.broadcast_to makes them."""
    net = make_net([18, 3], rows=37, dtype=dtype)
    for X in (net.X[:1], net.X[:, :1]):
        X = np.broadcast_to(X, (37, 18))
        broadcast, whole = replace(net, X=X), replace(net, X=X.copy())
        assert after_training(broadcast, batch_size) == after_training(whole, batch_size)
        for rows in (3, 37):
            got = broadcast.predict(X[:rows])
            np.testing.assert_array_equal(got, whole.predict(X.copy()[:rows]), strict=True)
