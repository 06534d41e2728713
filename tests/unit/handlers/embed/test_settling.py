from __future__ import annotations

from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from events.failures import Conflict
from handlers.embed.settling import Settled, replaces, settle
from handlers.same_input import is_same_input
from storage.documents import DocumentRow, Standing
from tests.support.documents import document_row, failed_row

ONE = UUID(int=1)


def new(version: int = 1, **columns: object) -> DocumentRow:
    """A version of one document that has been embedded and is not stored yet."""
    return document_row(document_id=ONE, version=version, chunks_version=version, is_current=False, **columns)


def shown(settled: Settled) -> list[int]:
    return [row.version for row in settled.new.values() if row.is_current]


def test_the_first_version_is_current() -> None:
    row = new()
    settled = settle([row], {}, {})
    assert settled.holders == [row._replace(is_current=True)]
    assert settled.new == {0: row._replace(is_current=True)}
    assert not settled.has_conflicts


def test_a_higher_version_takes_the_place_of_the_current_one() -> None:
    assert shown(settle([new(2)], {}, {ONE: Standing("acme", 1)})) == [2]


def test_a_version_after_a_higher_one_is_superseded_and_what_it_cost_stays() -> None:
    [row] = settle([new(2)], {}, {ONE: Standing("acme", 3)}).holders
    assert isinstance(row, DocumentRow)
    assert (row.status, row.chunks_version, row.is_current, row.chunks, row.chunks_reused) == ("superseded", None, False, 0, 0)
    assert (row.pages, row.page_labels) == (0, [])
    assert (row.tokens, row.cost_usd) == (new().tokens, new().cost_usd)


def test_a_failed_version_is_neither_current_nor_superseded() -> None:
    failed = failed_row(document_id=ONE, version=2)
    assert settle([failed], {}, {ONE: Standing("acme", 3)}).holders == [failed]
    assert shown(settle([failed, new(1)], {}, {})) == [1]


def test_one_that_is_stored_answers_the_same_request() -> None:
    stored = document_row(document_id=ONE)
    settled = settle([new(event_id="e2")], {stored.key: stored}, {ONE: Standing("acme", 1)})
    assert settled.holders == [stored]
    assert settled.new == {}


def test_of_twins_the_first_is_written_and_answers_for_both() -> None:
    settled = settle([new(event_id="e1"), new(event_id="e2")], {}, {})
    assert [row.event_id for row in settled.new.values()] == ["e1"]
    assert settled.holders == [settled.new[0]] * 2


def test_twins_that_come_too_late_are_both_answered_that_they_are_superseded() -> None:
    settled = settle([new(), new()], {}, {ONE: Standing("acme", 2)})
    assert [holder.status for holder in settled.holders if isinstance(holder, DocumentRow)] == ["superseded"] * 2


def test_another_input_under_the_same_key_is_a_conflict() -> None:
    stored = document_row(document_id=ONE)
    other = new(input_sha256=b"o" * 32)
    assert isinstance(settle([other], {stored.key: stored}, {ONE: Standing("acme", 1)}).holders[0], Conflict)
    settled = settle([new(), other], {}, {})
    assert settled.has_conflicts
    assert isinstance(settled.holders[1], Conflict)


def test_a_document_of_another_client_is_a_conflict_whatever_the_version() -> None:
    assert settle([new(9)], {}, {ONE: Standing("rival", None)}).has_conflicts
    settled = settle([new(1), new(2, client_id="rival")], {}, {})
    assert [isinstance(holder, Conflict) for holder in settled.holders] == [False, True]


def test_a_failure_gives_way_to_the_same_request_in_a_higher_generation() -> None:
    failed = failed_row(document_id=ONE)
    again = new(generation=1, input_sha256=b"o" * 32)
    assert settle([again], {failed.key: failed}, {ONE: Standing("acme", None)}).new == {0: again._replace(is_current=True)}


def test_a_failure_answers_the_same_request_of_its_own_generation() -> None:
    failed = failed_row(document_id=ONE)
    assert settle([new()], {failed.key: failed}, {ONE: Standing("acme", None)}).holders == [failed]


def test_what_did_not_fail_gives_way_to_no_generation() -> None:
    stored = document_row(document_id=ONE)
    assert not replaces(new(generation=5), stored)
    assert not replaces(new(generation=1, request_sha256=b"o" * 32), failed_row(document_id=ONE))
    assert not replaces(new(generation=1), failed_row(document_id=ONE, generation=1))


def test_where_one_of_two_failed_the_request_alone_is_compared() -> None:
    assert is_same_input(failed_row(input_sha256=b"o" * 32), document_row())
    assert is_same_input(document_row(), failed_row(input_sha256=b"o" * 32))
    assert not is_same_input(failed_row(request_sha256=b"o" * 32), document_row())
    assert not is_same_input(document_row(input_sha256=b"o" * 32), document_row())


versions = st.lists(st.tuples(st.integers(1, 6), st.booleans(), st.sampled_from(["acme", "acme", "rival"])), max_size=8)


@given(versions, st.integers(0, 6))
def test_of_all_that_come_and_came_only_the_highest_with_chunks_is_current(
    asked: list[tuple[int, bool, str]], current: int
) -> None:
    rows = [
        failed_row(document_id=ONE, version=version, client_id=client) if fails else new(version, client_id=client)
        for version, fails, client in asked
    ]
    settled = settle(rows, {}, {ONE: Standing("acme", current)} if current else {})
    written = list(settled.new.values())
    assert len({row.key for row in written}) == len(written)
    assert len({row.client_id for row in written}) <= 1
    with_chunks = [row.version for row in (rows[place] for place in settled.new) if row.chunks_version is not None]
    highest = max(with_chunks, default=0)
    # A version that is current already cannot come again: it would be stored under its key.
    assert shown(settled) == ([highest] if highest >= max(current, 1) else [])
    assert all(row.is_current == (row.chunks_version is not None) for row in written)
    assert all(isinstance(holder, Conflict) or holder in written for holder in settled.holders)
