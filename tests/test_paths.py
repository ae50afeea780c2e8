"""Paths of a flow: the largest ones and their number, against all of them, one by one."""

from itertools import pairwise, product

import numpy as np
import pytest

from chainfit._explain.paths import Flow, count_alive, largest


def random_flow(seed, sizes, zeros=0.0):
    rng = np.random.RandomState(seed)

    def numbers(*shape):
        values = rng.normal(size=shape)
        values[rng.uniform(size=shape) < zeros] = 0
        return values

    slopes = [numbers(n) for n in sizes]
    edges = [numbers(n, m) for n, m in pairwise(sizes)]
    return Flow(int(rng.randint(sizes[0])), slopes, edges, numbers(sizes[-1]))


def every_path(flow):
    return list(product(*(range(n) for n in flow.sizes)))


SIZES = [[3], [2, 5], [4, 3, 6], [5, 1, 7, 2], [2, 4, 3, 5, 3]]


@pytest.mark.parametrize("zeros", [0.0, 0.4])
@pytest.mark.parametrize("sizes", SIZES)
@pytest.mark.parametrize("k", [1, 3, 10, 1000])
def test_largest_are_the_largest(sizes, k, zeros):
    for seed in range(20):
        flow = random_flow(seed, sizes, zeros)
        paths = largest(flow, k)
        worth = sorted((abs(flow.worth(nodes)) for nodes in every_path(flow)), reverse=True)
        assert len(set(paths)) == len(paths)
        if flow.n_paths > k:
            worth = [size for size in worth[:k] if size > 0]
        np.testing.assert_allclose([abs(flow.worth(p)) for p in paths], worth, rtol=1e-13)


@pytest.mark.parametrize("zeros", [0.0, 0.3, 1.0])
@pytest.mark.parametrize("sizes", SIZES)
def test_count_alive(sizes, zeros):
    for seed in range(20):
        flow = random_flow(seed, sizes, zeros)
        alive = sum(flow.worth(nodes) != 0 for nodes in every_path(flow))
        assert count_alive(flow) == alive


def test_more_paths_than_int64_can_count():
    n, layers = 40, 14
    flow = Flow(0, [np.ones(n)] * layers, [np.ones((n, n))] * (layers - 1), np.ones(n))
    assert flow.n_paths == n ** (layers - 1) > 2**63
    assert count_alive(flow) == n ** (layers - 1)
    assert len(largest(flow, 5)) == 5
