"""Which generation is read, decided from what is stored."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handlers.price.generations import Placing, as_ended, as_failed, takes_place
from storage.plans import FailedSlices
from storage.run_generations import RunKey
from storage.runs import RunRow

RUN_ID, NOW = UUID(int=7), datetime(2026, 11, 20, 10, tzinfo=UTC)


def a_run(generation: int, status: str = "completed", **columns: Any) -> RunRow:
    known = dict.fromkeys(RunRow._fields) | RunRow._field_defaults
    failure = {"failure_code": "internal"} if status == "failed" else {}
    end = {"completed_at": None if status == "planned" else NOW}
    of = {"run_id": RUN_ID, "valuation_date": date(2026, 1, 15), "request_sha256": b"r" * 32, "input_sha256": b"i" * 32}
    return RunRow(**known | of | {"generation": generation, "status": status} | failure | end | columns)


def placing(held: RunRow, *aside: RunRow) -> Placing:
    return Placing({RUN_ID: held}, {RunKey(each.run_id, each.generation): each for each in aside}, NOW)


@pytest.mark.parametrize("before", ["completed", "partial", "cancelled", "failed"])
@pytest.mark.parametrize("status", ["completed", "partial"])
def test_what_is_finished_takes_the_place_of_an_earlier_generation(before: str, status: str) -> None:
    held, row = a_run(0, before), a_run(2, status)
    found = placing(held)
    assert found.put(row) is row
    assert (found.read, found.replacing, found.added) == ({RUN_ID: row}, {RUN_ID: row}, [])


@pytest.mark.parametrize("before", ["completed", "partial", "cancelled"])
@pytest.mark.parametrize("status", ["planned", "failed"])
def test_what_is_in_work_or_came_to_nothing_leaves_what_is_read(before: str, status: str) -> None:
    held, row = a_run(0, before), a_run(1, status)
    found = placing(held)
    assert found.put(row) is row
    assert (found.read, found.replacing, found.added) == ({RUN_ID: held}, {}, [row])


@pytest.mark.parametrize("status", ["planned", "failed"])
def test_of_a_failed_run_there_is_nothing_to_keep(status: str) -> None:
    row = a_run(1, status)
    found = placing(a_run(0, "failed"))
    assert found.put(row) is row
    assert (found.replacing, found.added) == ({RUN_ID: row}, [])


@pytest.mark.parametrize("status", ["completed", "planned", "failed"])
def test_what_comes_after_a_newer_generation_is_superseded(status: str) -> None:
    found = placing(a_run(3))
    told = found.put(a_run(2, status))
    assert (told.status, told.failure_code, told.completed_at) == ("superseded", None, NOW)
    assert (found.replacing, found.added) == ({}, [told])


@pytest.mark.parametrize(
    ("held", "row"),
    [
        (a_run(1), a_run(1, event_id="another")),
        (a_run(2), a_run(1, event_id="another")),
        (a_run(0, "planned"), a_run(1)),
        (a_run(0), a_run(1, request_sha256=b"o" * 32)),
    ],
)
def test_another_request_and_one_of_a_run_in_work_touch_nothing(held: RunRow, row: RunRow) -> None:
    found = placing(held)
    assert found.put(row) is held
    assert (found.replacing, found.added) == ({}, [])


@pytest.mark.parametrize("status", ["planned", "failed", "cancelled", "completed", "superseded"])
def test_a_generation_that_is_aside_answers_whoever_asks_for_it_too(status: str) -> None:
    aside = a_run(1, status)
    found = placing(a_run(0), aside)
    assert found.put(a_run(1, event_id="another")) is aside
    assert (found.replacing, found.added) == ({}, [])


def test_generations_of_one_transaction_follow_each_other() -> None:
    first, second, third = a_run(1), a_run(2, "partial"), a_run(3, "failed")
    found = placing(a_run(0))
    assert [found.put(each) for each in (first, second, third)] == [first, second, third]
    assert (found.replacing, found.added) == ({RUN_ID: second}, [first, third])


ENDS = st.sampled_from(["completed", "partial", "failed"])


@given(st.lists(st.tuples(st.integers(1, 6), ENDS), unique_by=lambda each: each[0]).flatmap(st.permutations), st.data())
def test_in_whatever_order_and_transactions_generations_end_the_newest_that_ended_well_is_read(
    ends: list[tuple[int, str]], data: st.DataObject
) -> None:
    held, aside, read = a_run(0), dict[RunKey, RunRow](), [0]
    left = list(ends)
    while left:
        size = data.draw(st.integers(1, len(left)))
        together, left = left[:size], left[size:]
        found = Placing({RUN_ID: held}, dict(aside), NOW)
        for generation, status in sorted(together):
            found.put(a_run(generation, status, errors=1))
        before, held = held, found.read[RUN_ID]
        aside = dict(found.aside)
        if held is not before:
            aside[RunKey(RUN_ID, before.generation)] = before
        read.append(held.generation)
    assert read == sorted(read)
    assert held.generation == max([0, *(generation for generation, status in ends if status != "failed")])
    # Each generation is stored once.
    assert {key.generation for key in aside} | {held.generation} == {0, *(generation for generation, _ in ends)}
    assert RunKey(RUN_ID, held.generation) not in aside


def test_a_generation_takes_no_place_from_itself() -> None:
    assert not takes_place(a_run(2), a_run(2))
    assert not takes_place(a_run(1), a_run(2, "failed"))
    assert takes_place(a_run(0, "failed"), None)


def test_the_end_of_a_generation_that_nobody_overtook_stays() -> None:
    row = a_run(1, "failed")
    assert as_ended(row, a_run(0), NOW) is row
    assert as_ended(row, None, NOW) is row


def lost(slices: int) -> FailedSlices | None:
    return FailedSlices(slices, 4, "checksum_mismatch", "the bytes have changed") if slices else None


def test_a_generation_that_lost_slices_has_failed_beside_a_whole_one() -> None:
    row = as_failed(a_run(1, "partial", slices=12, totals={"PV": {}}), lost(2), a_run(0), None)
    assert (row.status, row.failure_code, row.totals) == ("failed", "checksum_mismatch", {})
    assert row.failure_message == "2 of 12 slices failed; the first, slice 4: the bytes have changed"


def test_rows_with_errors_are_no_lost_slices() -> None:
    row = a_run(1, "partial", slices=12, errors=30)
    assert as_failed(row, None, a_run(0), None) is row


@pytest.mark.parametrize(
    ("held", "failed_before"),
    [(a_run(0, "failed"), None), (a_run(0, "cancelled"), None), (a_run(0, "partial"), lost(1)), (None, None)],
)
def test_what_is_not_whole_itself_gives_way_to_what_lost_slices_but_not_to_nothing(
    held: RunRow | None, failed_before: FailedSlices | None
) -> None:
    row = a_run(1, "partial", slices=12)
    assert as_failed(row, lost(11), held, failed_before) is row
    assert as_failed(row, lost(12), held, failed_before).status == "failed"


SLICES = 3
GENERATIONS = st.dictionaries(st.integers(0, 6), st.integers(0, SLICES), min_size=1).map(lambda of: of | {0: of.get(0, 0)})


@given(GENERATIONS, st.randoms(use_true_random=False))
def test_a_whole_result_is_replaced_by_whole_ones_alone(failed: dict[int, int], order: Any) -> None:
    later = [generation for generation in failed if generation]
    order.shuffle(later)
    held = a_run(0, "partial" if failed[0] else "completed", slices=SLICES)
    for generation in later:
        row = a_run(generation, "partial" if failed[generation] else "completed", slices=SLICES)
        row = as_ended(as_failed(row, lost(failed[generation]), held, lost(failed[held.generation])), held, NOW)
        before = held
        if takes_place(row, held):
            held = row
        assert held.generation >= before.generation
        assert failed[held.generation] == 0 or failed[before.generation] > 0
        assert held is before or failed[held.generation] < SLICES
        # It is told what became of it.
        assert (row.status in {"completed", "partial"}) == (held is row)
    whole = max((generation for generation in failed if not failed[generation]), default=-1)
    assert held.generation >= whole
