"""Asks every server how it is, all at once, each for a bounded time."""

from __future__ import annotations

import asyncio
import importlib
from collections.abc import Awaitable, Callable, Sequence

from events.failures import Failure, Outage
from millrace.cli.servers import START_THEM, kafka_of, reaching_database, reaching_kafka
from millrace.composition import database_of, keys_of, llm_of, objects_of
from millrace.doctor.judging import (
    DAY_MILLISECONDS,
    Check,
    State,
    of_database,
    of_inbox,
    of_lanes,
    of_openai,
    of_openai_failure,
    of_topics,
)
from millrace.failures import CommandError, Unreachable
from millrace.secrecy import without_passwords
from millrace.settings import Settings
from storage.condition import look
from storage.database import Database
from storage.faults import fault_of
from storage.lanes import states
from storage.migrate import newest_revision, older_revisions
from streams.topics import differences, missing_topics, wanted_topics

SECONDS = 15.0
REDIS_SECONDS = 10.0
# Written over by the next look; a store need not let anything be deleted.
PROBE_URI, PROBE = "millrace-doctor.txt", b"Written by `millrace doctor` to see whether objects can be stored.\n"

Ask = Callable[[Settings], Awaitable[Sequence[Check]]]


async def ask_all(chosen: Settings) -> list[Check]:
    """The checks of every server that has an address, in the table's order."""
    if chosen.openai_api_key is not None:
        # Takes a second, in which no other answer could be heard in time.
        importlib.import_module("handlers.llm.sdk")
    asked = [(name, ask) for setting, name, ask in SERVERS if getattr(chosen, setting) is not None]
    found = await asyncio.gather(*(_bounded(name, ask, chosen) for name, ask in asked))
    return [check for checks in found for check in checks]


async def database(chosen: Settings) -> list[Check]:
    """Versions, tables, roles and clock."""
    url = chosen.need("database_url")
    opened = Database(url, pool_size=1, application_name="millrace-cli")
    try:
        with reaching_database(url):
            async with opened.connection() as connection:
                found = await look(connection)
                checks = of_database(found, newest_revision(), older_revisions())
                # Tables that are older have none of lanes.
                known = found.revision is not None and found.revision not in older_revisions()
                return checks + (of_lanes((await states(connection)).values()) if known else [])
    finally:
        await opened.close()


async def redis(chosen: Settings) -> list[Check]:
    """Whether it answers."""
    # A worker would not wait as long; but here all servers are asked at once, and each for the first time.
    keys = keys_of(chosen, timeout=REDIS_SECONDS)
    try:
        await keys.ping()
    except Exception as error:
        if fault_of(error) is None:
            raise
        reason = str(error).partition("\n")[0] or type(error).__name__
        raise Unreachable(f"Redis at {chosen.need('redis_url')} does not answer: {reason}", START_THEM) from None
    finally:
        await keys.close()
    return [Check("redis", State.OK, "answers")]


async def kafka(chosen: Settings) -> list[Check]:
    """Whether it answers, and has the topics."""
    wanted = wanted_topics(chosen.topic_partitions, chosen.topic_retention_days * DAY_MILLISECONDS)
    with reaching_kafka(chosen):
        missing = await missing_topics(kafka_of(chosen), wanted)
        there = [topic for topic in wanted if topic.name not in missing]
        differing = await differences(kafka_of(chosen), there) if there else []
    kept = of_inbox(chosen.inbox_days, chosen.topic_retention_days, differing)
    return [Check("kafka", State.OK, "answers"), *of_topics(missing, differing), kept]


async def objects(chosen: Settings) -> list[Check]:
    """Whether an object that is stored can be read again."""
    store = objects_of(chosen)
    try:
        await store.put(PROBE_URI, PROBE)
        found = await store.get(PROBE_URI, len(PROBE))
    except Outage as outage:
        raise Unreachable(f"the object store does not answer: {outage.message}", "See OBJECT_STORE_URL.") from None
    except Failure as failure:
        raise CommandError(f"takes no objects: {failure}", "Uploads need to write, workers to read.") from None
    if found != PROBE:
        return [Check("object store", State.WRONG, f"{PROBE_URI} does not read as it was written")]
    return [Check("object store", State.OK, "objects can be written and read")]


async def openai(chosen: Settings) -> list[Check]:
    """Whether it answers and takes the key; asks for what costs nothing."""
    opened = database_of(chosen)
    llm = llm_of(chosen, opened)
    try:
        await llm.probe()
    except Failure as failure:
        return [of_openai_failure(failure)]
    finally:
        await llm.close()
        await opened.close()
    return [of_openai(llm.config.provider, stand_in=llm.config.is_stand_in)]


SERVERS: tuple[tuple[str, str, Ask], ...] = (
    ("database_url", "database", database),
    ("redis_url", "redis", redis),
    ("kafka_bootstrap_servers", "kafka", kafka),
    ("object_store_url", "object store", objects),
    ("openai_api_key", "openai", openai),
)


async def _bounded(name: str, ask: Ask, chosen: Settings) -> Sequence[Check]:
    try:
        async with asyncio.timeout(SECONDS):
            return await ask(chosen)
    except TimeoutError:
        return [Check(name, State.AWAY, f"did not answer within {SECONDS:g} s")]
    except CommandError as error:
        state = State.AWAY if isinstance(error, Unreachable) else State.WRONG
        return [Check(name, state, without_passwords(str(error)), error.advice)]
