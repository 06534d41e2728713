from __future__ import annotations

from random import Random
from typing import Any

import orjson
import pytest

from handlers.flow import FLOWS
from ops.replay.standing import Reading, Standing, read, standing
from storage.generations import Allotment
from storage.standing import Known
from streams.read import Incoming
from tests.support.runs import run_data, run_event

RUNS = FLOWS[0]
OTHER = b"o" * 32


def reading(value: bytes | None) -> Reading:
    return read(Incoming("runs.requested", 0, 7, 1, b"key", value, ()), RUNS)


def run(**changes: Any) -> Reading:
    return reading(orjson.dumps(orjson.loads(run_event("e-1", run_data(Random(1)))) | changes))


def known(each: Reading, state: str, payload: bytes | None = None) -> Known:
    assert each.identity is not None
    return Known(payload or each.identity.payload_sha256, state)


def test_an_event_that_nobody_knows_is_new_whatever_letter_its_place_left_before_it_was_valid() -> None:
    assert standing(run(), None, None) is Standing.NEW
    assert standing(run(), None, "Rejection") is Standing.NEW
    assert standing(run(), None, "UnknownVersion") is Standing.NEW


@pytest.mark.parametrize(
    ("state", "expected"), [("completed", Standing.DONE), ("failed", Standing.DEAD), ("waiting", Standing.WAITING)]
)
def test_an_event_that_is_known_stands_as_it_is_stored_and_with_another_payload_it_conflicts(
    state: str, expected: Standing
) -> None:
    each = run()
    assert standing(each, known(each, state), None) is expected
    assert standing(each, known(each, state, OTHER), None) is Standing.CONFLICTING


def test_an_event_whose_natural_key_was_taken_is_known_by_the_letter_of_its_place() -> None:
    assert standing(run(), None, "Conflict") is Standing.CONFLICTING


@pytest.mark.parametrize("value", [None, b"", b"\xff", b"[]", b"{}", run_event("e-1", {"run_id": "no"})])
def test_what_is_no_event_is_rejected_even_if_its_key_is_known(value: bytes | None) -> None:
    each = reading(value)
    found = known(each, "completed") if each.identity is not None else None
    assert standing(each, found, None) is Standing.REJECTED


def test_a_version_that_nobody_knew_is_rejected_unless_its_event_is_known() -> None:
    each = run(type="run.requested.v9")
    assert standing(each, None, None) is Standing.REJECTED
    assert standing(each, known(each, "waiting"), None) is Standing.WAITING
    assert standing(each, known(each, "completed"), None) is Standing.DONE


def test_a_later_generation_has_to_have_been_allotted() -> None:
    each = run(generation=2, replayid="r-1")
    assert each.allotment == Allotment("/tests", "e-1", 2, "r-1")
    assert run().allotment is None
    assert standing(each, known(each, "completed"), None, is_allotted=False) is Standing.REJECTED
    assert standing(each, known(each, "completed"), None) is Standing.DONE
    assert standing(run(generation=2), None, None) is Standing.REJECTED
