from __future__ import annotations

from typing import Any

import orjson
import pytest

from millrace.answers import Answer, Awaiting, answering_topics, exit_code
from millrace.examples import fresh
from millrace.outgoing import Outgoing, check

DONE, DEAD = "runs.completed", "runs.requested.dlq"


def published(*changes: dict[str, Any]) -> list[Outgoing]:
    event = fresh("run.requested.v1", "acme")
    return check([orjson.dumps(event | change) for change in changes or ({},)]).events


def completion(event: Outgoing, status: str = "completed", **data: Any) -> bytes:
    return orjson.dumps({"id": str(event.completion_id), "causationid": event.event_id, "data": {"status": status, **data}})


def letter(error_class: str, reason: str = "payload_conflict") -> dict[str, bytes | None]:
    return {"dlq-error-class": error_class.encode(), "dlq-reason": reason.encode(), "dlq-message": b"why"}


def test_a_completion_answers_its_event() -> None:
    (event,) = published()
    awaiting = Awaiting.of([event])
    answer = awaiting.heard(DONE, completion(event), {})
    assert answer is not None
    assert (answer.event, answer.status, answer.is_completed) == (event, "completed", True)
    assert not awaiting.waiting


def test_completions_of_others_answer_nothing() -> None:
    (event,), (other,) = published(), published()
    awaiting = Awaiting.of([event])
    assert awaiting.heard(DONE, completion(other), {}) is None
    assert awaiting.heard(DONE, None, {}) is None
    assert len(awaiting.waiting) == 1


def test_a_rejection_answers_the_event_whose_bytes_it_holds() -> None:
    (event,) = published()
    awaiting = Awaiting.of([event])
    assert awaiting.heard(DEAD, b"something else", letter("Conflict")) is None
    answer = awaiting.heard(DEAD, event.value, letter("Conflict"))
    assert answer is not None
    assert (answer.status, answer.reason, answer.message, answer.is_completed) == ("rejected", "payload_conflict", "why", False)


def test_the_dead_letter_of_a_failure_is_no_answer_because_a_failed_completion_comes_too() -> None:
    (event,) = published()
    awaiting = Awaiting.of([event])
    assert awaiting.heard(DEAD, event.value, letter("Permanent", "too_large")) is None
    failed = completion(event, "failed", failure={"code": "too_large", "message": "too many cells"})
    answer = awaiting.heard(DONE, failed, {})
    assert answer is not None
    assert (answer.status, answer.reason, answer.is_completed) == ("failed", "too_large", False)


def test_an_event_that_is_sent_twice_has_one_answer() -> None:
    awaiting = Awaiting.of(published({}, {}))
    assert len(awaiting.waiting) == 1


@pytest.mark.parametrize("completion_first", [True, False])
@pytest.mark.parametrize("rejected", [0, 1])
def test_of_two_payloads_under_one_id_one_completes_and_the_other_is_rejected(*, completion_first: bool, rejected: int) -> None:
    events = published({}, {"data": fresh("run.requested.v1", "acme")["data"]})
    awaiting = Awaiting.of(events)
    heard = [(DONE, completion(events[0]), {}), (DEAD, events[rejected].value, letter("Conflict"))]
    answers = [awaiting.heard(*each) for each in (heard if completion_first else heard[::-1])]
    assert sorted(answer.status for answer in answers if answer) == ["completed", "rejected"]
    assert [answer.event for answer in answers if answer and answer.status == "rejected"] == [events[rejected]]
    assert not awaiting.waiting


def test_a_rejection_that_comes_twice_counts_once() -> None:
    events = published({}, {"data": fresh("run.requested.v1", "acme")["data"]})
    awaiting = Awaiting.of(events)
    assert awaiting.heard(DEAD, events[1].value, letter("Conflict")) is not None
    assert awaiting.heard(DEAD, events[1].value, letter("Conflict")) is None
    assert len(awaiting.waiting) == 1


@pytest.mark.parametrize(
    ("statuses", "expected", "code"),
    [
        (["completed", "partial"], 2, 0),
        (["completed", "failed"], 2, 3),
        (["completed"], 2, 3),
        (["rejected", "failed", "cancelled"], 3, 1),
        ([], 1, 1),
    ],
)
def test_the_exit_code_tells_whether_all_some_or_none_were_completed(statuses: list[str], expected: int, code: int) -> None:
    (event,) = published()
    assert exit_code([Answer(event, status) for status in statuses], expected) == code


def test_answers_are_looked_for_where_they_come() -> None:
    assert answering_topics(published()) == [DONE, DEAD]


@pytest.mark.parametrize("value", [None, b"", b"garbage", b"[]", b"{}", b'{"id": 1, "data": {}}', b'{"id": "a", "data": null}'])
def test_what_is_no_completion_answers_nothing(value: bytes | None) -> None:
    awaiting = Awaiting.of(published())
    assert awaiting.heard(DONE, value, {}) is None
    assert len(awaiting.waiting) == 1
