"""What becomes of published events: their completions, by id, and rejections, by the record on a dead-letter topic."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson

from events.topics import dlq
from handlers.flow import FLOWS
from millrace.outgoing import Outgoing

# The other dead letters follow a failed completion, which answers the event.
REJECTING = {"Rejection", "Conflict", "UnknownVersion"}
# How a completion can end that is no success: of an audit that the model refused to write there is nothing to read.
UNSUCCESSFUL = {"failed", "cancelled", "refused"}


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of one event: `status` is the completion's, or `rejected` with the reason."""

    event: Outgoing
    status: str
    reason: str = ""
    message: str = ""
    completion: Mapping[str, Any] | None = None

    @property
    def is_completed(self) -> bool:
        """Whether there are results; a failed completion has none."""
        return self.status != "rejected" and self.status not in UNSUCCESSFUL


@dataclass(slots=True)
class Awaiting:
    """The events that are still unanswered.

    An event that is in the file twice is one event. Payloads that share an id are answered apart: at most one by the
    completion, the others by rejections.
    """

    waiting: dict[tuple[str, bytes], Outgoing]
    known: dict[bytes, Outgoing]
    rejected: set[bytes] = field(default_factory=set)

    @classmethod
    def of(cls, events: Iterable[Outgoing]) -> Awaiting:
        """All of these, each once."""
        known = {event.value: event for event in events}
        return cls({(str(event.completion_id), value): event for value, event in known.items()}, known)

    def heard(self, topic: str, value: bytes | None, headers: Mapping[str, bytes | None]) -> Answer | None:
        """The answer that a record of a completion or dead-letter topic gives to one of the waiting, if it does."""
        if topic in DEAD_LETTER_TOPICS:
            return None if value is None else self._rejected(value, headers)
        completion = completion_of(value)
        event = self._answered(completion["id"]) if completion else None
        if completion is None or event is None:
            return None
        data = completion["data"]
        failure = data.get("failure") or {}
        return Answer(event, data["status"], failure.get("code", ""), failure.get("message", ""), completion)

    def _rejected(self, value: bytes, headers: Mapping[str, bytes | None]) -> Answer | None:
        event = self.known.get(value)
        if event is None or value in self.rejected or _word(headers, "dlq-error-class") not in REJECTING:
            return None
        self.rejected.add(value)
        self._answered(str(event.completion_id), value)
        return Answer(event, "rejected", _word(headers, "dlq-reason"), _word(headers, "dlq-message"))

    def _answered(self, completion_id: str, value: bytes | None = None) -> Outgoing | None:
        """Takes one event of that completion out of the waiting: that with `value` if it is among them."""
        alike = [key for key in self.waiting if key[0] == completion_id]
        if not alike:
            return None
        chosen = (completion_id, value) if value is not None and (completion_id, value) in self.waiting else alike[0]
        return self.waiting.pop(chosen)


def completion_of(value: bytes | None) -> dict[str, Any] | None:
    """The completion that a record's value holds, with its `id` and its data's `status`; None for anything else."""
    try:
        found = orjson.loads(value or b"")
    except orjson.JSONDecodeError:
        return None
    if not isinstance(found, dict) or not isinstance(found.get("id"), str):
        return None
    data = found.get("data")
    return found if isinstance(data, dict) and isinstance(data.get("status"), str) else None


DEAD_LETTER_TOPICS = frozenset(dlq(spec.topic) for spec in FLOWS)


def answering_topics(events: Iterable[Outgoing]) -> list[str]:
    """The topics on which answers to these events can come."""
    asked = {event.topic for event in events}
    return [name for spec in FLOWS if spec.topic in asked for name in (spec.completed_topic, dlq(spec.topic))]


def exit_code(answers: Iterable[Answer], expected: int) -> int:
    """0 when all of the `expected` events were completed, 3 when some were, 1 when none was."""
    completed = Counter(answer.is_completed for answer in answers)[True]
    if completed >= expected:
        return 0
    return 3 if completed else 1


def _word(headers: Mapping[str, bytes | None], name: str) -> str:
    return (headers.get(name) or b"").decode(errors="replace")
