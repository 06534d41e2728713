"""Which dead letters can go again, and as what: pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import replace
from uuid import UUID

from events.build import of_generation
from events.envelope import MAX_GENERATION
from events.event import MAX_EVENT_BYTES
from events.failures import Conflict, Rejection, UnknownVersion
from storage.dead_letters import Letter
from storage.headers import Headers, pack_headers, unpack_headers
from storage.outbox import OutboxRow
from streams.read import Incoming

# Bounds on what is decided in one transaction.
BATCH_LETTERS = 100
BATCH_BYTES = 4 * 1024 * 1024

NEVER_ACCEPTED = frozenset({Rejection.__name__, UnknownVersion.__name__})
OURS = "dlq-"


def was_accepted(letter: Letter) -> bool:
    """Whether the record was an event that failed, so that its key is done with; else it was rejected."""
    return letter.error_class not in NEVER_ACCEPTED


def refusal(letter: Letter | None, topics: Collection[str], replay_id: str) -> str | None:
    """Why the letter's record does not go again; None if it does. `topics` are those that Kafka has."""
    if letter is None:
        return "there is no such dead letter"
    if letter.status != "dead":
        return f"it has been {letter.status} already"
    if letter.error_class == Conflict.__name__:
        return f"{letter.reason}: its id stands for something else and will again; it needs an id of its own"
    if letter.topic not in topics:
        return f"Kafka has no topic {letter.topic}"
    if was_accepted(letter) and len(value_of(letter, MAX_GENERATION, replay_id) or b"") > MAX_EVENT_BYTES:
        return "its generation would make it larger than an event may be"
    return None


def value_of(letter: Letter, generation: int | None, replay_id: str) -> bytes | None:
    """What goes out: the event for its new generation, or, where none was allotted, the bytes as they came."""
    if generation is None or letter.value is None:
        return letter.value
    return of_generation(letter.value, generation, replay_id)


def row_of(letter: Letter, value: bytes | None, owner: UUID) -> OutboxRow:
    """The record on its way to the topic it came from, under its key, with the headers it came with.

    A letter goes out at most once, so that its id names the row too.
    """
    headers = pack_headers(without_ours(unpack_headers(letter.headers)))
    return OutboxRow(letter.id, letter.flow, letter.client_id, letter.topic, letter.key, value, headers, owner)


def without_ours(headers: Headers) -> Headers:
    """Headers without those that a dead-letter topic adds: somebody may have put its record back by hand."""
    return [(name, value) for name, value in headers if not name.startswith(OURS)]


def as_it_was(record: Incoming) -> Incoming:
    """The record as it was before any dead-letter topic had it."""
    if not any(name.startswith(OURS) for name, _ in record.headers):
        return record
    return replace(record, headers=without_ours(record.headers))


def batches(sizes: Iterable[tuple[UUID, int]]) -> Iterator[list[UUID]]:
    """Letters, each with the bytes of its record, in the batches that one transaction takes."""
    batch, held = list[UUID](), 0
    for letter_id, size in sizes:
        if batch and (len(batch) == BATCH_LETTERS or held + size > BATCH_BYTES):
            yield batch
            batch, held = [], 0
        batch.append(letter_id)
        held += size
    if batch:
        yield batch
