from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import asyncpg
import pytest
from sqlalchemy.exc import TimeoutError as PoolTimeout

from events.failures import Outage
from ops.replay.failures import GaveUp, Stopped
from ops.replay.patience import Patience, away_of
from streams.backoff import Backoff

AWAY = Outage("kafka_unreachable", "nothing answers there")


def patience(seconds: float, remarks: list[str] | None = None, stop: asyncio.Event | None = None) -> Patience:
    said = remarks if remarks is not None else []
    return Patience(seconds, stop or asyncio.Event(), said.append, Backoff(base=0.01, cap=0.02))


def failing(times: int, error: Exception) -> Callable[[], Awaitable[str]]:
    left = [error] * times

    async def step() -> str:
        if left:
            raise left.pop()
        return "done"

    return step


async def test_a_step_is_repeated_until_the_server_answers_and_people_are_told_once_of_each() -> None:
    remarks: list[str] = []
    assert await patience(60, remarks).until_done(failing(3, AWAY)) == "done"
    assert remarks == ["Kafka is away: nothing answers there; waiting for it, at most 60 s", "it answers again"]


async def test_nothing_is_said_of_a_step_that_is_done_at_once() -> None:
    remarks: list[str] = []
    assert await patience(60, remarks).until_done(failing(0, AWAY)) == "done"
    assert remarks == []


async def test_patience_ends() -> None:
    with pytest.raises(GaveUp, match="Kafka is away: nothing answers there"):
        await patience(0.1).until_done(failing(1000, AWAY))
    with pytest.raises(GaveUp):
        await patience(0).until_done(failing(1, AWAY))


async def test_waiting_ends_at_once_when_the_process_is_told_to_stop() -> None:
    stop = asyncio.Event()
    stop.set()
    with pytest.raises(Stopped):
        await patience(60, stop=stop).until_done(failing(1000, AWAY))


async def test_what_is_no_outage_is_raised() -> None:
    with pytest.raises(ZeroDivisionError):
        await patience(60).until_done(failing(1, ZeroDivisionError()))
    with pytest.raises(asyncpg.UniqueViolationError):
        await patience(60).until_done(failing(1, asyncpg.UniqueViolationError("twice")))


def test_an_outage_of_kafka_that_an_error_of_the_network_caused_is_kafkas() -> None:
    try:
        raise AWAY from OSError("connection refused")
    except Outage as outage:
        found = away_of(outage)
    assert found is not None
    assert found.server == "Kafka"


@pytest.mark.parametrize(
    "error",
    [
        OSError("refused"),
        asyncpg.CannotConnectNowError("starting"),
        asyncpg.DeadlockDetectedError("x"),
        asyncpg.TooManyConnectionsError("all are taken"),
        asyncpg.QueryCanceledError("it took too long"),
        PoolTimeout("none is free"),
    ],
)
def test_what_passes_by_itself_in_the_database_is_waited_for(error: Exception) -> None:
    found = away_of(error)
    assert found is not None
    assert found.server == "PostgreSQL"
