"""Which dead letters go again, and as what."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid4

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from events.event import MAX_EVENT_BYTES
from ops.again import BATCH_BYTES, BATCH_LETTERS, batches, refusal, row_of, value_of, was_accepted
from storage.dead_letters import Letter
from storage.headers import pack_headers, unpack_headers

TOPIC = "runs.requested"


def letter(**changes: Any) -> Letter:
    """An event that failed for good."""
    whole = Letter(
        id=uuid4(),
        flow="runs",
        topic=TOPIC,
        source="/s",
        event_id="e-1",
        generation=0,
        client_id="acme",
        key=b"key",
        value=orjson.dumps({"id": "e-1", "source": "/s", "type": "run.requested.v1", "clientid": "acme", "data": {}}),
        headers=None,
        reason="portfolio_not_found",
        error_class="Permanent",
        status="dead",
    )
    return whole._replace(**changes)


def why_not(found: Letter | None) -> str | None:
    return refusal(found, {TOPIC}, "r-1")


@pytest.mark.parametrize("error_class", ["Permanent", "Transient", "Waiting", "SomethingNew"])
def test_an_event_that_failed_for_good_goes_again_as_an_accepted_one(error_class: str) -> None:
    assert why_not(letter(error_class=error_class)) is None
    assert was_accepted(letter(error_class=error_class))


@pytest.mark.parametrize("error_class", ["Rejection", "UnknownVersion"])
def test_a_rejected_record_goes_again_although_it_was_never_accepted(error_class: str) -> None:
    assert why_not(letter(error_class=error_class)) is None
    assert not was_accepted(letter(error_class=error_class))


@pytest.mark.parametrize(
    ("found", "said"),
    [
        (None, "no such"),
        (letter(status="replayed"), "replayed already"),
        (letter(status="discarded"), "discarded already"),
        (letter(error_class="Conflict", reason="input_conflict"), "input_conflict: its id stands for something else"),
        (letter(topic="gone"), "no topic gone"),
    ],
)
def test_a_letter_that_cannot_go_again_is_refused_with_the_reason(found: Letter | None, said: str) -> None:
    assert said in (why_not(found) or "")


def test_an_event_that_its_generation_would_make_too_large_is_refused_and_a_rejected_record_is_not() -> None:
    value = orjson.dumps({"id": "e-1", "data": {"text": "x" * (MAX_EVENT_BYTES - 50)}})
    assert len(value) <= MAX_EVENT_BYTES
    assert "larger" in (why_not(letter(value=value)) or "")
    assert why_not(letter(value=value, error_class="Rejection")) is None


@given(st.one_of(st.none(), st.binary()))
def test_what_was_allotted_no_generation_goes_as_it_came(value: bytes | None) -> None:
    assert value_of(letter(value=value), None, "r-1") == value


def test_the_record_goes_to_its_topic_under_its_key_with_the_headers_it_came_with() -> None:
    came = [("trace", b"\xff"), ("null", None), ("trace", b"2"), ("x-dlq-", b"")]
    put_back = letter(headers=pack_headers([*came, ("dlq-reason", b"garbage"), ("dlq-offset", b"7")]))
    owner = uuid4()
    row = row_of(put_back, b"value", owner)
    assert (row.id, row.topic, row.key, row.value, row.owner) == (put_back.id, TOPIC, b"key", b"value", owner)
    assert unpack_headers(row.headers) == came


@given(st.lists(st.tuples(st.uuids(), st.integers(0, 2 * BATCH_BYTES)), max_size=300))
def test_batches_are_bounded_and_hold_every_letter_in_order(sizes: list[tuple[UUID, int]]) -> None:
    found = list(batches(sizes))
    left = iter(sizes)
    for batch in found:
        taken = [next(left) for _ in batch]
        assert batch == [letter_id for letter_id, _ in taken]
        assert len(batch) <= BATCH_LETTERS
        assert len(batch) == 1 or sum(size for _, size in taken) <= BATCH_BYTES
    assert next(left, None) is None
    assert all(found)
