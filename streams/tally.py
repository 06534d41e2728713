"""Saying what became of a group: each of its outcomes is counted, and those that are not plain success have a line."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import structlog

from streams import metrics
from streams.context import context
from streams.item import Item, Verdict

log = structlog.get_logger(__name__)

BY_VERDICT = {
    Verdict.COMPLETE: metrics.COMPLETED,
    Verdict.FAIL: metrics.FAILED,
    Verdict.RETRY: metrics.RETRIED,
    Verdict.DUPLICATE: metrics.DEDUPLICATED,
}
SAYINGS = {Verdict.FAIL: "event_failed", Verdict.REJECT: "record_rejected", Verdict.RETRY: "event_waits_for_retry"}


def tally(flow: str, became: Mapping[Verdict, Sequence[Item]]) -> None:
    """Counts and tells what became of the items of a group."""
    for verdict, items in became.items():
        if items and verdict in BY_VERDICT:
            BY_VERDICT[verdict].labels(flow).inc(len(items))
        if verdict in SAYINGS:
            for item in items:
                _tell(flow, item, verdict)


def _tell(flow: str, item: Item, became: Verdict) -> None:
    failure = item.failure
    assert failure is not None  # noqa: S101 - only a failure leads to these
    if became is Verdict.REJECT:
        metrics.REJECTED.labels(flow, failure.code).inc()
    # The message may quote what the event says, so the line has the code alone; the dead letter has the rest.
    log.warning(SAYINGS[became], **context(flow, item), reason=failure.code, attempts=item.attempts)
