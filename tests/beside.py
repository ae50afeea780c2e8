"""What the tests of several threads share: what another does beside a call, and small models."""

import threading

import numpy as np

from chainfit import MLPRegressor


class Others:
    """Threads that repeat calls until the block ends; its first error is raised then."""

    def __init__(self, *calls):
        self.errors, self.rounds = [], [0] * len(calls)
        self._stop = threading.Event()
        self._threads = [
            threading.Thread(target=self._repeat, args=(n, call)) for n, call in enumerate(calls)
        ]

    def _repeat(self, n, call):
        while not self._stop.is_set() and not self.errors:
            try:
                call()
                self.rounds[n] += 1
            except BaseException as error:
                self.errors.append(error)

    def __enter__(self):
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self._stop.set()
        for thread in self._threads:
            thread.join()
        if self.errors:
            raise self.errors[0]


class Meanwhile:
    """Rows that do something when they are read first: what another thread would do just then."""

    def __init__(self, rows, act):
        self.rows, self.act = rows, act

    def __array__(self, dtype=None, copy=None):
        act, self.act = self.act, lambda: None
        act()
        return np.array(self.rows, dtype=dtype)


def regressor(**parameters):
    defaults = {"hidden_layer_sizes": (16,), "max_iter": 5, "random_state": 0}
    return MLPRegressor(**{**defaults, **parameters})


def assert_equal_weights(a, b):
    for mine, other in zip([*a.coefs_, *a.intercepts_], [*b.coefs_, *b.intercepts_], strict=True):
        np.testing.assert_array_equal(mine, other)
