"""Workers that die one after the other, and what is to hold of their notes then."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager

import orjson

from tests.support.accounts import all_is_finished
from tests.support.rig import Rig
from tests.support.worker_process import Workers

# Three starts without progress, then three deaths with the record alone in hand.
DEATHS_OF_ONE = 6
# A fetch before the record's own may still be finished by one of the first workers, which counts as progress.
PROGRESS = 3
OUTCOMES = "(select count(*) from inbox) + (select count(*) from dead_letters where event_id is null)"
# As they do by themselves after a minute.
LEASES_END = "update retries set leased_until = now() - interval '1 second' where leased_until is not null"
# Whoever stores as many rows as that, or more, waits for the lock until he is let go.
DAM = """
create function dam() returns trigger language plpgsql as $$ begin
    if (select count(*) from {table} where {condition}) >= {number} then perform pg_advisory_xact_lock_shared(1); end if;
    return null;
end $$;
create trigger dam after insert or update on {table} for each statement execute function dam()
"""


@asynccontextmanager
async def dammed(rig: Rig, table: str, number: int, condition: str = "true") -> AsyncIterator[None]:
    """Transactions that make the rows of a table so many do not commit meanwhile: who is to die amid its work has some left.

    Without it a worker may be done before a test that stands still for a moment comes to kill it.
    """
    async with rig.database.connection() as connection:
        await connection.execute(DAM.format(table=table, number=number, condition=condition))
        await connection.execute("select pg_advisory_lock(1)")
        try:
            yield
        finally:
            await connection.execute("select pg_advisory_unlock(1)")


async def killed_amid(
    rig: Rig, crew: Workers, table: str, kills: Sequence[int], dam: int, of: float, condition: str = "true"
) -> None:
    """Kills one worker after the other once so many rows are stored, of which there are to be `of`; each dies amid its work."""
    async with dammed(rig, table, dam, condition):
        for kill_at in kills:
            worker = await crew.start()
            await rig.until(f"select count(*) >= {kill_at} from {table} where {condition}", expected=True)
            await worker.kill()
            [stored] = await rig.rows(f"select count(*) from {table} where {condition}")
            assert kill_at <= stored["count"] < of, "the kill did not land in the middle"


async def deaths_until(rig: Rig, crew: Workers, outcomes: int, most: int) -> int:
    """Starts a worker for each that dies, until so many records have their outcome; how many have died."""
    deaths, worker = 0, await crew.start()
    while (await rig.rows(f"select {OUTCOMES} as number"))[0]["number"] < outcomes:
        if not worker.is_running():
            deaths += 1
            assert deaths <= most, f"{deaths} workers have died"
            await rig.rows(LEASES_END)
            worker = await crew.start()
        await asyncio.sleep(0.1)
    await all_is_finished(rig)
    assert worker.is_running()
    return deaths


async def every_note_is_completed_once(rig: Rig, ids: Iterable[str], killing: Iterable[str] = ()) -> None:
    """All but the killing ones have completed, and those have failed; a completion that is repeated has the same id."""
    expected = dict.fromkeys(ids, "completed") | dict.fromkeys(killing, "failed")
    told, completion_ids = dict[str, str](), defaultdict[str, set[str]](set)
    for record in await rig.published(rig.spec.completed_topic, len(expected)):
        completion = orjson.loads(record.value or b"")
        told[completion["causationid"]] = completion["data"]["status"]
        completion_ids[completion["causationid"]].add(completion["id"])
    assert told == expected
    assert {len(each) for each in completion_ids.values()} == {1}
    done = [event_id for event_id, status in expected.items() if status == "completed"]
    assert sorted(row["event_id"] for row in await rig.rows("select event_id from notes")) == sorted(done)
