"""Counts from outside, after a worker has ended, what there is of rows and completions."""

from __future__ import annotations

from dataclasses import dataclass

import asyncpg
import orjson

from benchmarks.servers import Bench
from streams.read import reader

COUNTED = "select count(*), count(distinct event_id) from readings"
# So many times that nothing came: reading waits a fifth of a second each time.
QUIET = 50


@dataclass(frozen=True, slots=True)
class Count:
    """Rows and completions, and of how many events."""

    rows: int
    rows_of: int
    completions: int
    completions_of: int


def answered(value: bytes) -> str:
    """The id of the event that a completion answers."""
    completion = orjson.loads(value)
    found: str = completion.get("causationid") or completion["id"]
    return found


async def count(bench: Bench, target: str, least: int) -> Count:
    """What is there, once so many completions are readable and no more come, or none has come for a while."""
    connection = await asyncpg.connect(bench.database_url)
    rows, rows_of = await connection.fetchrow(COUNTED)
    await connection.close()
    ids: list[str] = []
    async with reader(bench.kafka, [target], from_start=True) as records:
        quiet = 0
        while quiet < (1 if len(ids) >= least else QUIET):
            some = await records.some()
            ids += [answered(record.value or b"") for record in some]
            quiet = 0 if some else quiet + 1
    return Count(rows, rows_of, len(ids), len(set(ids)))


async def require(bench: Bench, target: str, events: int) -> None:
    """Every event has one row and one completion, or the figures are worth nothing."""
    found = await count(bench, target, events)
    if found != Count(events, events, events, events):
        raise SystemExit(f"{target}: {found} for {events} events")
