"""From items to the rows of the tables: pure, one function a table."""

from __future__ import annotations

import re
from collections.abc import Mapping
from hashlib import sha256
from typing import Any
from uuid import UUID

from events.build import Asker, completion, late_completion, request
from events.failures import Failure, Kind
from events.identity import Identity, completion_key
from events.text import printable
from events.topics import dlq
from handlers.answer import Answer, Request
from handlers.flow import FlowSpec
from storage.dead_letters import DeadLetterRow
from storage.headers import pack_headers
from storage.inbox import InboxRow
from storage.keys import as_uuid
from storage.outbox import OutboxRow
from storage.retries import RetryRow
from streams.decisions import RetryPolicy
from streams.item import Item

VARYING = re.compile(r"[0-9a-f]{8}-[0-9a-f-]{27}|\d+|'[^']*'")


def identity(item: Item) -> Identity:
    """The identity of an item whose envelope was valid."""
    assert item.identity is not None  # noqa: S101 - others never come here
    return item.identity


def inbox_row(item: Item) -> InboxRow:
    event = item.event
    return InboxRow(
        item.uuid,
        event.flow,
        event.source,
        event.id,
        event.generation,
        event.client_id,
        event.payload_sha256,
        "completed" if item.failure is None else "failed",
    )


def retry_row(item: Item, policy: RetryPolicy) -> RetryRow:
    """The row of an event whose attempt failed for a passing reason; one that only waits has spent none."""
    who, failure = identity(item), _failure(item)
    spent = item.attempts - (failure.kind is Kind.WAITING)
    return RetryRow(
        event_key=item.uuid,
        flow=who.flow,
        source=who.source,
        event_id=who.id,
        generation=who.generation,
        client_id=who.client_id,
        payload_sha256=who.payload_sha256,
        topic=item.topic,
        partition=item.partition,
        offset=item.offset,
        key=item.key,
        value=item.value or b"",
        headers=pack_headers(item.headers),
        attempts=spent,
        delay=policy.delay(failure, item.attempts, item.waited),
        error_class=type(failure).__name__,
        last_error=str(failure),
        is_waiting=failure.kind is Kind.WAITING,
        leased_attempts=item.attempts if item.is_retry else None,
    )


def dead_letter_row(flow: str, item: Item) -> DeadLetterRow:
    """The row of a record that was rejected or of an event that failed for good."""
    who, failure = item.identity, _failure(item)
    return DeadLetterRow(
        flow=flow,
        topic=item.topic,
        partition=item.partition,
        offset=item.offset,
        source=who.source if who else None,
        event_id=who.id if who else None,
        generation=who.generation if who else None,
        client_id=who.client_id if who else None,
        key=item.key,
        value=item.value,
        headers=pack_headers(item.headers),
        reason=failure.code,
        error_class=type(failure).__name__,
        message=failure.message,
        fingerprint=fingerprint(flow, failure),
        attempts=item.attempts,
    )


def fingerprint(flow: str, failure: Failure) -> str:
    """Equal for failures that differ only in their ids, numbers and quoted names."""
    alike = VARYING.sub("*", failure.message)
    return sha256(f"{flow} {failure.code} {alike}".encode()).hexdigest()[:16]


def said_rows(spec: FlowSpec, item: Item, answer: Answer, owner: UUID, now: str) -> list[OutboxRow]:
    """What an answer says: the completion, if there is one, and the requests that hand on work; `now` as events say it."""
    said = []
    if answer.data is not None:
        said = [_completion_row(spec, item, who, answer.data, owner, now) for who in answer.to]
    for other in answer.also:
        said += said_rows(spec, item, other, owner, now)
    if answer.requests:
        said += [_request_row(spec, item, each, owner, now) for each in answer.requests]
    return said


def _completion_row(spec: FlowSpec, item: Item, who: Asker | None, data: Mapping[str, Any], owner: UUID, now: str) -> OutboxRow:
    event, key = item.event, spec.key(item.event.data).encode()
    if who is None:
        row_id = completion_of(spec, event)
        value = completion(event, spec.completed_type, data, now, str(row_id))
    else:
        row_id = as_uuid(completion_key(who.flow, who.source, who.id, who.generation, spec.completed_type))
        value = late_completion(who, spec.completed_type, data, now, str(row_id))
    return OutboxRow(row_id, event.flow, event.client_id, spec.completed_topic, key, value, None, owner)


def _request_row(spec: FlowSpec, item: Item, asked: Request, owner: UUID, now: str) -> OutboxRow:
    event = item.event
    assert spec.requests_topic is not None  # noqa: S101 - only a flow that has one hands on work
    parts = (event.flow, event.source, event.id, event.generation, spec.requests_type, asked.part)
    row_id = as_uuid(completion_key(*parts))
    value = request(event, spec.requests_type, asked.data, now, str(row_id))
    return OutboxRow(row_id, event.flow, event.client_id, spec.requests_topic, asked.key.encode(), value, None, owner)


def completion_of(spec: FlowSpec, who: Identity) -> UUID:
    """The id of an event's completion."""
    return as_uuid(completion_key(who.flow, who.source, who.id, who.generation, spec.completed_type))


def dlq_row(flow: str, item: Item, owner: UUID) -> OutboxRow:
    """The record as it came, for the dead-letter topic, with headers that say why and where from."""
    failure = _failure(item)
    said = {
        "dlq-reason": failure.code,
        "dlq-error-class": type(failure).__name__,
        "dlq-message": printable(failure.message),
        "dlq-attempts": str(item.attempts),
        "dlq-topic": item.topic,
        "dlq-partition": str(item.partition),
        "dlq-offset": str(item.offset),
    }
    headers = [*item.headers, *((name, text.encode()) for name, text in said.items())]
    return OutboxRow(
        dlq_id(flow, item),
        flow,
        item.identity.client_id if item.identity else None,
        dlq(item.topic),
        item.key,
        item.value,
        pack_headers(headers),
        owner,
    )


def dlq_id(flow: str, item: Item) -> UUID:
    """The id of a record's copy on the dead-letter topic: the same whenever it is made."""
    return as_uuid(completion_key(flow, item.topic, f"{item.partition}:{item.offset}", 0, "dead_letter"))


def _failure(item: Item) -> Failure:
    assert item.failure is not None  # noqa: S101 - only what failed has such rows
    return item.failure
