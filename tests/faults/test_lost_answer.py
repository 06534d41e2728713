"""A commit that was applied although its answer never came."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import asyncpg
import pytest

from storage import retries
from storage.retries import DueRow
from streams.group import GroupSaver, Saved
from streams.item import Item
from tests.support.notes import note, notes
from tests.support.rig import Rig

# So long that nobody else comes to publish what was left behind.
LONG_CLAIM = "alter table outbox alter column claimed_until set default now() + interval '1 hour'"
BUSY = 60


class Treacherous(GroupSaver):
    """Loses the answers of the first `left` commits: they are applied all the same."""

    left = 0

    async def _transaction(self, items: Sequence[Item], *, careful: bool, after_break: bool) -> Saved:
        saved = await super()._transaction(items, careful=careful, after_break=after_break)
        if Treacherous.left:
            Treacherous.left -= 1
            raise asyncpg.ConnectionDoesNotExistError("connection was closed in the middle of operation")
        return saved


# Three in a row have a group split; of two groups side by side each may meet as many.
@pytest.mark.parametrize("times", [1, 2, 3, 4, 6])
async def test_an_applied_commit_without_an_answer_is_completed_once_and_published_promptly(
    rig: Rig, monkeypatch: pytest.MonkeyPatch, times: int
) -> None:
    monkeypatch.setattr("streams.app.GroupSaver", Treacherous)
    monkeypatch.setattr(Treacherous, "left", times)
    await rig.rows(LONG_CLAIM)
    await rig.publish([note("n-1", behave="permanent"), note("n-2"), b"{", note("n-3")])
    async with rig.engine():
        completions = await rig.completions(3)
        dead = await rig.dead(2)
        await rig.idle()

    assert Treacherous.left == 0
    found = Counter((each["causationid"], each["data"]["status"]) for each in completions)
    assert found == Counter([("n-1", "failed"), ("n-2", "completed"), ("n-3", "completed")])
    assert Counter(dict(each.headers)["dlq-error-class"] for each in dead) == Counter([b"Permanent", b"Rejection"])
    assert await rig.rows("select count(*) from notes") == [{"count": 2}]
    assert await rig.rows("select count(*) from dead_letters") == [{"count": 2}]


@pytest.mark.parametrize("times", [1, 2])
async def test_a_retry_that_was_kept_without_an_answer_is_kept_once(
    rig: Rig, monkeypatch: pytest.MonkeyPatch, times: int
) -> None:
    monkeypatch.setattr("streams.app.GroupSaver", Treacherous)
    monkeypatch.setattr(Treacherous, "left", times)
    await rig.publish([note("n-1", behave="transient:1")])
    async with rig.engine():
        [completion] = await rig.completions(1)
        await rig.idle()
        await rig.until("select count(*) from retries", 0)

    assert completion["data"]["status"] == "completed"
    assert await rig.rows("select count(*) from dead_letters") == [{"count": 0}]


async def test_a_retry_that_was_leased_without_an_answer_is_not_kept_by_a_lane_that_stays_busy(
    rig: Rig, monkeypatch: pytest.MonkeyPatch, topic_prefix: str
) -> None:
    lease, lost = retries.lease, list[Any]()

    async def treacherous(*arguments: Any) -> list[DueRow]:
        due = await lease(*arguments)
        if due and not lost:
            lost.extend(due)
            raise asyncpg.ConnectionDoesNotExistError("connection was closed in the middle of operation")
        return due

    monkeypatch.setattr(retries, "lease", treacherous)
    monkeypatch.setattr("streams.retry.TERM", 1.5)
    monkeypatch.setattr("streams.retry.POLL", 0.2)
    await rig.publish([note("n-1", behave="transient:1"), *(note(f"b-{number}", behave="sleep:0.3") for number in range(BUSY))])
    async with rig.engine(spec=notes(topic_prefix, batch=1, hands=1)):
        await rig.until("select count(*) from inbox where event_id = 'n-1'", 1)
        others = await rig.count("inbox") - 1
        await rig.idle()

    assert len(lost) == 1
    assert others < BUSY, "it was stuck until the lane had nothing else to do"
    assert await rig.rows("select count(*) from dead_letters") == [{"count": 0}]
