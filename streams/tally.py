"""Counting what became of a group."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from streams import metrics
from streams.item import Item, Verdict

BY_VERDICT = {
    Verdict.COMPLETE: metrics.COMPLETED,
    Verdict.FAIL: metrics.FAILED,
    Verdict.RETRY: metrics.RETRIED,
    Verdict.DUPLICATE: metrics.DEDUPLICATED,
}


def tally(flow: str, verdicts: Sequence[tuple[Item, Verdict]]) -> None:
    """Counts what became of the items of a group."""
    for verdict, number in Counter(became for _, became in verdicts).items():
        if verdict in BY_VERDICT:
            BY_VERDICT[verdict].labels(flow).inc(number)
    for item, became in verdicts:
        if became is Verdict.REJECT and item.failure is not None:
            metrics.REJECTED.labels(flow, item.failure.code).inc()
