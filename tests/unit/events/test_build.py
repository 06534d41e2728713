from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from events.build import completion, of_generation
from events.envelope import Envelope
from events.event import Event, decode
from events.identity import payload_sha256
from events.model import Data
from events.run import RunFailure

NOW = datetime(2026, 11, 20, 10, 0, 1, tzinfo=UTC)
ANSWER_ID = UUID(int=7)


@pytest.fixture
def event(envelope: dict[str, Any], decoded: Callable[[dict[str, Any]], Event]) -> Event:
    return decoded(envelope)


def test_a_completion_is_a_valid_envelope_that_answers_its_event(event: Event) -> None:
    answer = json.loads(completion(event, "run.completed.v1", {"positions": 2}, NOW, ANSWER_ID))
    Envelope[dict[str, Any]].model_validate(answer)
    assert answer == {
        "specversion": "1.0",
        "id": str(ANSWER_ID),
        "source": "/millrace",
        "type": "run.completed.v1",
        "time": "2026-11-20T10:00:01Z",
        "datacontenttype": "application/json",
        "clientid": "acme",
        "correlationid": "e1",
        "causationid": "e1",
        "generation": 0,
        "subject": event.subject,
        "data": {"positions": 2},
    }


def test_a_completion_carries_on_the_correlation_and_the_trace(
    envelope: dict[str, Any], decoded: Callable[[dict[str, Any]], Event]
) -> None:
    event = decoded(envelope | {"correlationid": "c1", "causationid": "before", "traceparent": "00-ab-cd-01"})
    answer = json.loads(completion(event, "run.completed.v1", {}, NOW, ANSWER_ID))
    assert (answer["correlationid"], answer["causationid"], answer["traceparent"]) == ("c1", "e1", "00-ab-cd-01")


def test_the_subject_is_the_natural_key_when_the_event_named_none(
    envelope: dict[str, Any], decoded: Callable[[dict[str, Any]], Event]
) -> None:
    del envelope["subject"]
    answer = json.loads(completion(decoded(envelope), "run.completed.v1", {}, NOW, ANSWER_ID))
    assert answer["subject"] == envelope["data"]["run_id"]


def test_there_is_no_subject_without_a_natural_key() -> None:
    event = decode(b'{"id":"e","source":"s","type":"t.v1","clientid":"c","data":{}}', "bench", {"t.v1": Data})
    assert "subject" not in json.loads(completion(event, "t.completed.v1", {}, NOW, ANSWER_ID))


def test_a_model_is_written_like_a_dict(event: Event) -> None:
    failure = RunFailure(code="too_large", message="x")
    assert completion(event, "t.v1", failure, NOW, ANSWER_ID) == completion(
        event, "t.v1", {"code": "too_large", "message": "x"}, NOW, ANSWER_ID
    )


def test_dates_are_iso_and_infinite_numbers_null(event: Event) -> None:
    answer = json.loads(
        completion(event, "t.v1", {"day": date(2026, 1, 15), "pv": float("nan")}, "2026-11-20T10:00:01Z", ANSWER_ID)
    )
    assert answer["data"] == {"day": "2026-01-15", "pv": None}
    assert answer["time"] == "2026-11-20T10:00:01Z"


numbers = st.one_of(st.integers(-(10**30), 10**30), st.floats(allow_nan=False, allow_infinity=False))
values = st.recursive(
    st.one_of(st.none(), st.booleans(), numbers, st.text(st.characters(exclude_categories=["Cs"]), max_size=5)),
    lambda inside: st.one_of(st.lists(inside, max_size=3), st.dictionaries(st.text("ab", max_size=2), inside, max_size=3)),
    max_leaves=8,
)


@given(st.dictionaries(st.text("xyz", max_size=2), values, max_size=3), st.booleans(), st.booleans())
def test_an_event_of_another_generation_says_the_same_under_it(data: dict[str, Any], ascii_only: bool, again: bool) -> None:
    said = {"id": "e1", "type": "run.requested.v1", "clientid": "acme", "data": data, "unknown": [1]}
    if again:
        said |= {"generation": 1, "replayid": "r1"}
    value = json.dumps(said, ensure_ascii=ascii_only).encode()

    anew = orjson.loads(of_generation(value, 2, "r2"))

    assert (anew["generation"], anew["replayid"]) == (2, "r2")
    assert {**anew, "generation": 1, "replayid": "r1"} == {**orjson.loads(value), "generation": 1, "replayid": "r1"}
    received = orjson.loads(value)["data"]
    assert payload_sha256("t", "acme", anew["data"]) == payload_sha256("t", "acme", received)
