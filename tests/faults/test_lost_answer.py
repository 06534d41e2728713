"""A commit that was applied although its answer never came."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg
import pytest

from storage.database import Connection, Database
from tests.support.notes import note
from tests.support.rig import Rig


class Treacherous:
    """Loses the answer of the first `times` commits that wrote into the inbox: they are applied all the same."""

    def __init__(self, times: int) -> None:
        self.left = times
        self.honest = Database.transaction

    @asynccontextmanager
    async def transaction(self, database: Database) -> AsyncIterator[Connection]:
        async with self.honest(database) as connection:
            yield connection
            wrote = await connection.fetchval("select exists (select from inbox where xmin = pg_current_xact_id()::xid)")
        if wrote and self.left:
            self.left -= 1
            connection.terminate()
            raise asyncpg.ConnectionDoesNotExistError("connection was closed in the middle of operation")


@pytest.mark.parametrize("times", [1, 2])
async def test_an_applied_commit_without_an_answer_is_completed_once_and_published_promptly(
    rig: Rig, monkeypatch: pytest.MonkeyPatch, times: int
) -> None:
    treacherous = Treacherous(times)
    monkeypatch.setattr(Database, "transaction", lambda database: treacherous.transaction(database))
    # Nobody else may come to publish what was left behind.
    await rig.rows("alter table outbox alter column claimed_until set default now() + interval '1 hour'")
    await rig.publish([note("n-1", behave="permanent"), note("n-2"), b"{", note("n-3", behave="transient:1")])
    async with rig.engine():
        completions = await rig.completions(3)
        await rig.dead(2)
        await rig.idle()
        await rig.until("select count(*) from retries", 0)

    assert treacherous.left == 0
    found = Counter((each["causationid"], each["data"]["status"]) for each in completions)
    assert found == Counter([("n-1", "failed"), ("n-2", "completed"), ("n-3", "completed")])
    assert len(await rig.dead(2)) == 2
    assert await rig.rows("select count(*) from notes") == [{"count": 2}]
