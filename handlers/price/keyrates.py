"""Key rates: what each pillar of a curve, a basis point higher, changes in values that discount factors are part of."""

from __future__ import annotations

import numpy as np
from scipy.sparse import csr_array

from handlers.price.arrays import Days, Floats, Ints, offsets
from handlers.price.curves import Nodes
from handlers.price.names import NOTHING


def key_rates(nodes: Nodes, place: Ints, weights: Floats, first: Ints, rows: int) -> Floats:
    """The changes (rows × S) of flows, each worth its weight times the discount factor at node `place`.

    `weights` (F) do not depend on the scenario. `first` (F) is the row of the first pillar of each flow's curve.
    """
    shape = (rows, nodes.time.size)
    sides = zip((nodes.left, nodes.right), nodes.pillar_bumps(), strict=True)
    left, right = (_sparse(weights * bump[place], place, first + node[place], shape) for node, bump in sides)
    found = np.asarray((left + right) @ nodes.discount)
    for pillar, moved, gains in nodes.cubic_bumps():
        chosen, at = _on(moved, place, nodes.time.size)
        found += product(weights[chosen], at, first[chosen] + pillar, nodes.discount[moved] * gains, rows)
    return found


def add_key_rates(sums: Floats, nodes: Nodes, place: Ints, values: Floats, first: Ints) -> None:
    """Adds the same to `sums` for single flows of each position, whose present values (F × S) may depend on the scenario.

    No two of them share the rows that begin at `first`.
    """
    for node, bump in zip((nodes.left, nodes.right), nodes.pillar_bumps(), strict=True):
        sums[first + node[place]] += values * bump[place][:, None]
    for pillar, moved, gains in nodes.cubic_bumps():
        chosen, at = _on(moved, place, nodes.time.size)
        sums[first[chosen] + pillar] += values[chosen] * gains[at]


def _on(moved: Ints, place: Ints, nodes: int) -> tuple[Ints, Ints]:
    """The flows on these nodes, and which of them each is on."""
    at = np.full(nodes, NOTHING)
    at[moved] = np.arange(moved.size)
    chosen = np.flatnonzero(at[place] != NOTHING)
    return chosen, at[place[chosen]]


def product(weights: Floats, column: Ints, row: Ints, dense: Floats, rows: int) -> Floats:
    """A sparse matrix of these weights at (row, column), times `dense`."""
    return np.asarray(_sparse(weights, column, row, (rows, dense.shape[0])) @ dense)


def _sparse(weights: Floats, column: Ints, row: Ints, shape: tuple[int, int]) -> csr_array:
    if (row[1:] < row[:-1]).any():
        order = np.argsort(row, kind="stable")
        weights, column, row = weights[order], column[order], row[order]
    return _segments(weights, column, offsets(np.bincount(row, minlength=shape[0])), shape)


def segment_product(weights: Floats, column: Ints | Days, bounds: Ints, dense: Floats) -> Floats:
    """The same with the weights of row r at `bounds[r]` to `bounds[r + 1]`."""
    return np.asarray(_segments(weights, column, bounds, (bounds.size - 1, dense.shape[0])) @ dense)


def _segments(weights: Floats, column: Ints | Days, bounds: Ints, shape: tuple[int, int]) -> csr_array:
    return csr_array((weights, column.astype(np.int32, copy=False), bounds.astype(np.int32)), shape=shape)
