"""Work on flows of many positions, segment by segment: those of position i lie between `bounds[i]` and `bounds[i + 1]`."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from handlers.price.arrays import Floats, Ints, offsets, pieces

# Flows × scenarios in hand at once.
PIECE_CELLS = 1_000_000


def positions(bounds: Ints, scenarios: int) -> Iterator[Ints]:
    """The positions in parts of bounded numbers of flows × scenarios."""
    return pieces(np.arange(bounds.size - 1), np.diff(bounds) * scenarios, PIECE_CELLS)


def flows_of(bounds: Ints, chosen: Ints) -> tuple[Ints, Ints]:
    """Where the flows of the chosen positions stand, and their own bounds."""
    counts = np.diff(bounds)[chosen]
    own = offsets(counts)
    return np.repeat(bounds[:-1][chosen] - own[:-1], counts) + np.arange(own[-1]), own


def running_sums(values: Floats, bounds: Ints) -> Floats:
    """The sum of each segment's values up to each of them; what a segment comes to does not depend on its neighbours."""
    sums, counts = values.copy(), np.diff(bounds)
    order = np.argsort(-counts, kind="stable")
    first, counts = bounds[:-1][order], counts[order]
    longer = np.searchsorted(-counts, -np.arange(1, counts[0] if counts.size else 1), side="left").tolist()
    for place, segments in enumerate(longer, start=1):
        at = first[:segments] + place
        sums[at] += sums[at - 1]
    return sums
