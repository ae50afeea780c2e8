"""When a step's sums over ranks begin and are waited for: what a network has time for meanwhile.

The rank here is alone, and its sums are what they were: only the order of things counts.
"""

from itertools import pairwise

import numpy as np
import pytest
from thread_ranks import Alone

from chainfit import _core


class Watching(Alone):
    """Notes what is there when a sum begins and when sums are waited for.

    A sum's array is the memory where a layer's gradient lies in every step.
    """

    def __init__(self, trainer, batches, batch_size):
        super().__init__(batches, batch_size)
        self._trainer, self._places = trainer, []
        self.steps, self._events = [], []

    def _note(self, what):
        gradient = [values.copy() for values in self._places]
        weights = b"".join(a.tobytes() for part in self._trainer.parameters() for a in part)
        self._events.append((what, gradient, weights))

    def begin_sum(self, values):
        if not self.steps:
            self._places.append(values)
        self._note("begin")

    def finish_sums(self):
        self._note("wait")
        self.steps.append(self._events)
        self._events = []


@pytest.mark.parametrize("clip_norm", [0.0, 0.1])
@pytest.mark.parametrize(
    ("hidden", "batch_size", "buckets"),
    [([70, 50], 5, {4: 3, 8: 3}), ([70, 50], 64, {4: 3, 8: 3}), ([700, 100], 16, {4: 4, 8: 6})],
)
def test_a_sum_begins_before_the_next_gradient_is_made(
    hidden, batch_size, buckets, clip_norm, make_net, dtype
):
    """Buckets are layers, of larger ones parts of one megabyte to two."""
    count = buckets[dtype.itemsize]
    net = make_net([750, *hidden, 5], "tanh", "log_loss", dtype, rows=4 * batch_size)
    trainer, run = net.trainer("adam"), _core.Run()
    run.batch_size, run.shuffle, run.clip_norm = batch_size, False, clip_norm
    watching = Watching(trainer, 4, batch_size)
    trainer.run(net.X, net.Y, None, None, None, run, None, 1, None, None, watching)
    assert len(watching.steps) == 4
    for events in watching.steps:
        assert [what for what, _, _ in events] == ["begin"] * count + ["wait"]
        # no weight moves between the first sum's begin and the wait
        assert len({weights for _, _, weights in events}) == 1
    assert len({events[0][2] for events in watching.steps}) == 4
    for events in watching.steps[1:]:
        gradients = [gradient for _, gradient, _ in events]
        made = [
            [not np.array_equal(*layer) for layer in zip(before, after, strict=True)]
            for before, after in pairwise(gradients)
        ]
        # from one begin to the next, and from the last one to the wait
        assert made == [[next == k + 1 for next in range(count)] for k in range(count)]
