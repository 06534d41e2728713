from __future__ import annotations

from typing import Any

import orjson
import pytest

from events.event import MAX_EVENT_BYTES
from millrace.examples import fresh
from millrace.outgoing import check


def line(**changes: Any) -> bytes:
    return orjson.dumps(fresh("run.requested.v1", "acme") | changes)


def complaint(value: bytes) -> str:
    (only,) = check([value]).complaints
    return only.message


def test_a_valid_event_goes_to_its_topic_under_its_natural_key() -> None:
    event = fresh("run.requested.v1", "acme")
    (ready,) = check([orjson.dumps(event)]).events
    assert (ready.topic, ready.key) == ("runs.requested", event["data"]["run_id"].encode())
    assert (ready.event_id, ready.client_id, ready.subject) == (event["id"], "acme", event["data"]["run_id"])


def test_lines_are_counted_as_editors_do_and_empty_ones_are_nothing() -> None:
    checked = check([b"", line(), b"   ", b"garbage", line() + b"\r", b"{}"])
    assert [event.line for event in checked.events] == [2, 5]
    assert [wrong.line for wrong in checked.complaints] == [4, 6]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"clientid": "no spaces"}, "clientid"),
        ({"id": None}, "id"),
        ({"generation": 1}, "generation 1 has not been allotted"),
        ({"type": "run.requested.v2"}, "type run.requested.v2 is of a version not known here"),
        ({"type": "run.completed.v1"}, "type run.completed.v1 is not one of"),
        ({"data": {"run_id": "x"}}, "data.run_id"),
        ({"data": [1]}, "data"),
    ],
)
def test_a_complaint_names_the_field(changes: dict[str, Any], message: str) -> None:
    assert message in complaint(line(**changes))


@pytest.mark.parametrize("value", [b"[1]", b"nonsense", b"\xff\xfe", b'{"type": 7}', b'"text"', b"null"])
def test_garbage_is_a_complaint_and_no_crash(value: bytes) -> None:
    assert complaint(value)


def test_an_event_over_the_limit_is_too_large() -> None:
    assert "bytes" in complaint(line(padding="x" * MAX_EVENT_BYTES))
