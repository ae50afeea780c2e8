"""Paths from a weight to the loss: how many there are, and the largest of them.

A `Flow` is the part of the net above a weight, for one row, as a graph of layers t = 0..T: the node
`start` of layer 0 is the unit that the weight enters, and a path takes one node of each layer. What
a path is worth is end[node_T] times all its edges and slopes. Nothing here enumerates all paths
unless they are few.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np

from .formula import Array

Nodes = tuple[int, ...]


@dataclass(frozen=True, eq=False)
class Flow:
    """A graph of layers with a number on every node (f'(z)) and edge (a weight).

    `slopes` are T+1 arrays (n_t,), `edges` T arrays (n_t, n_{t+1}); `end` is a last number for each
    node of the last layer: the derivative of the loss.
    """

    start: int
    slopes: list[Array]
    edges: list[Array]
    end: Array

    @property
    def sizes(self) -> list[int]:
        return [len(slope) for slope in self.slopes[1:]]

    @property
    def n_paths(self) -> int:
        return math.prod(self.sizes)

    def worth(self, nodes: Nodes) -> float:
        """Return the product along the path start, *nodes, from the end backwards."""
        path = (self.start, *nodes)
        value = float(self.end[path[-1]])
        for t in range(len(path) - 1, -1, -1):
            value *= float(self.slopes[t][path[t]])
            if t:
                value *= float(self.edges[t - 1][path[t - 1], path[t]])
        return value


def count_alive(flow: Flow) -> int:
    """Return how many paths have no zero on them, as an exact integer."""
    # int64 overflows at 2^63: Python's integers where there are so many paths
    kind: Any = np.int64 if flow.n_paths < 2**63 else object
    count = (flow.end != 0).astype(kind) * (flow.slopes[-1] != 0)
    for t in range(len(flow.edges) - 1, -1, -1):
        count = (flow.edges[t] != 0).astype(kind) @ count * (flow.slopes[t] != 0)
    return int(count[flow.start])


def largest(flow: Flow, k: int) -> list[Nodes]:
    """Return the k paths of largest absolute worth, largest first; all of them if they are fewer.

    Dynamic programming from the loss down: with the k best continuations of every node of a layer
    known, those of a node below are among its edges to its k best next nodes. So a layer costs
    n_t n_{t+1} + n_t k^2, however many paths there are. Paths of worth 0 are left out, unless all
    paths are kept.
    """
    if flow.n_paths <= k:
        return sorted(product(*map(range, flow.sizes)), key=lambda nodes: -abs(flow.worth(nodes)))
    top = len(flow.edges)
    worth = np.abs(flow.end * flow.slopes[-1])[:, np.newaxis]  # (n_t, continuations kept)
    choice: list[Array] = []  # from the last layer down: (n_t, kept, 2): next node, its rank
    for t in range(top - 1, -1, -1):
        rows = slice(flow.start, flow.start + 1) if t == 0 else slice(None)
        edges = np.abs(flow.edges[t][rows] * flow.slopes[t][rows, np.newaxis])
        best = _top(edges * worth[:, 0], k)  # (n_t, at most k) next nodes
        step = np.take_along_axis(edges, best, axis=1)
        candidates = (step[:, :, np.newaxis] * worth[best]).reshape(len(edges), -1)
        kept = _top(candidates, k)
        next_node = np.take_along_axis(best, kept // worth.shape[1], axis=1)
        choice.append(np.stack([next_node, kept % worth.shape[1]], axis=2))
        worth = np.take_along_axis(candidates, kept, axis=1)
    paths = []
    for rank in range(worth.shape[1]):
        if not worth[0, rank] > 0:
            break
        nodes, row = [], 0
        for table in reversed(choice):
            node, rank = map(int, table[row, rank])
            nodes.append(node)
            row = node
        paths.append(tuple(nodes))
    return paths


def _top(values: Array, k: int) -> Array:
    """Return the columns of the k largest values of each row, largest first."""
    k = min(k, values.shape[1])
    if k < values.shape[1]:
        columns = np.sort(np.argpartition(values, -k, axis=1)[:, -k:], axis=1)
    else:
        columns = np.broadcast_to(np.arange(k), values.shape)
    order = np.argsort(-np.take_along_axis(values, columns, axis=1), axis=1, kind="stable")
    return np.take_along_axis(columns, order, axis=1)
