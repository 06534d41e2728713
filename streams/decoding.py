"""From a record's bytes to the event it is, or to why it is none."""

from __future__ import annotations

import structlog

from events.event import decode
from events.failures import Reason, Rejection, UnknownVersion
from handlers.flow import FlowSpec
from streams.context import context
from streams.item import Item

log = structlog.get_logger(__name__)


def read(item: Item, spec: FlowSpec) -> bool:
    """Whether the item is an event to work on; if not, it has its failure."""
    if item.identity is not None:
        return True  # a twin: it has been here before
    try:
        item.accept(decode(item.value, spec.name, spec.models))
    except (Rejection, UnknownVersion) as failure:
        item.know(failure.identity)
        item.failure = failure.to_keep()
    except Exception as error:
        # A fault in a model must not end the lane at this record for ever.
        log.exception("unexpected_error", step="decode", **context(spec.name, item))
        item.failure = Rejection(Reason.INTERNAL, f"decoding failed: {type(error).__name__}")
    return item.failure is None
