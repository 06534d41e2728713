"""What was paid for while Postgres was away, or its asker was: recorded once, paid for once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import asyncpg
import pytest

from devstack.standin.control import Control
from handlers.llm import Asker, Llm
from handlers.llm.ledger import Ledger as PaidAnswers
from storage.database import Database
from storage.faults import Fault as DatabaseFault
from storage.faults import fault_of
from tests.support.llm import EMBEDDER, Ledger, MakeLlm, Respond, until

OTHERS = "select pg_terminate_backend(pid) from pg_stat_activity where datname = $1 and pid <> pg_backend_pid()"


@asynccontextmanager
async def away(postgres: str, database: Database) -> AsyncIterator[None]:
    """The database of this test takes no connections: to its users, Postgres is away."""
    name = database.engine.url.database
    connection = await asyncpg.connect(postgres)
    try:
        await connection.execute(f"alter database {name} connection limit 0")
        await connection.fetch(OTHERS, name)
        yield
    finally:
        await connection.execute(f"alter database {name} connection limit -1")
        await connection.close()


class Held:
    """Answers that are here and not yet on their way to Postgres: until `go_on`."""

    def __init__(self) -> None:
        self.arrived, self.go_on = asyncio.Event(), asyncio.Event()


@pytest.fixture
def held(monkeypatch: pytest.MonkeyPatch) -> Held:
    held, record = Held(), PaidAnswers.record

    async def later(answers: PaidAnswers, *answer: Any) -> None:
        held.arrived.set()
        await held.go_on.wait()
        await record(answers, *answer)

    monkeypatch.setattr(PaidAnswers, "record", later)
    return held


@pytest.fixture
def hasty(make_llm: MakeLlm) -> Llm:
    """A client that waits for Postgres a fifth of a second."""
    return make_llm(ledger_seconds=0.2)


async def test_an_answer_that_postgres_cannot_take_is_recorded_later_and_not_paid_for_twice(
    hasty: Llm, respond: Respond, postgres: str, database: Database, openai: Control, ledger: Ledger, held: Held
) -> None:
    asking = asyncio.ensure_future(respond(hasty))
    await until(held.arrived.is_set)
    async with away(postgres, database):
        held.go_on.set()
        with pytest.raises(TimeoutError) as caught:
            await asking
        assert fault_of(caught.value) is DatabaseFault.BROKEN  # the lane looks whether Postgres is away, and waits
        with pytest.raises(TimeoutError):
            await respond(hasty)
    await recorded(hasty)

    [row] = await ledger()
    again = await respond(hasty)
    assert (again.text, again.reused) == (row["answer"], True)
    assert openai.calls().received == {"responses": 1}


async def test_nothing_else_is_paid_for_while_an_answer_waits_for_postgres(
    hasty: Llm, asker: Asker, postgres: str, database: Database, openai: Control, ledger: Ledger
) -> None:
    batch = await hasty.embed(asker, EMBEDDER, ["one"])
    async with away(postgres, database):
        with pytest.raises(TimeoutError):
            await hasty.record(batch.call)
        await until(lambda: hasty._ledger._delayed)  # Postgres may have been slow to refuse it
        for _ in range(2):
            with pytest.raises(TimeoutError):
                await hasty.embed(asker, EMBEDDER, ["two"])
    await recorded(hasty)

    assert openai.calls().received == {"embeddings": 1}
    assert [row["call_id"] for row in await ledger()] == [batch.call.call_id]
    await hasty.embed(asker, EMBEDDER, ["two"])


async def test_a_short_outage_is_not_noticed(llm: Llm, asker: Asker, postgres: str, database: Database, ledger: Ledger) -> None:
    batch = await llm.embed(asker, EMBEDDER, ["one"])
    async with away(postgres, database):
        recording = asyncio.create_task(llm.record(batch.call))
        await asyncio.sleep(0.3)
    await recording

    assert len(await ledger()) == 1


async def test_an_asker_that_is_stopped_while_its_answer_is_recorded_finds_it_there(
    llm: Llm, respond: Respond, postgres: str, database: Database, openai: Control, ledger: Ledger, held: Held
) -> None:
    asking = asyncio.ensure_future(respond())
    await until(held.arrived.is_set)
    async with away(postgres, database):
        held.go_on.set()
        await until(lambda: llm._ledger._delayed)
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking

    assert (await respond()).reused
    assert openai.calls().received == {"responses": 1}
    assert len(await ledger()) == 1


async def test_closing_records_what_is_left(
    make_llm: MakeLlm,
    asker: Asker,
    postgres: str,
    database: Database,
    ledger: Ledger,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("handlers.llm.ledger.LAST_WAIT", 60.0)
    llm = make_llm(ledger_seconds=0.1)
    batch = await llm.embed(asker, EMBEDDER, ["one"])
    async with away(postgres, database):
        with pytest.raises(TimeoutError):
            await llm.record(batch.call)
    await llm.close()

    assert len(await ledger()) == 1


async def test_recording_a_call_twice_is_recording_it_once(llm: Llm, asker: Asker, ledger: Ledger) -> None:
    batch = await llm.embed(replace(asker, event_key=None), EMBEDDER, ["one"])
    await asyncio.gather(llm.record(batch.call), llm.record(batch.call))

    assert len(await ledger()) == 1


async def recorded(llm: Llm) -> None:
    """Returns once nothing waits for Postgres any more."""
    while True:
        try:
            return await llm.settled()
        except TimeoutError:
            await asyncio.sleep(0.05)
