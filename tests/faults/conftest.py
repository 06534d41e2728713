"""Rigs on the session's servers, and a stack whose servers may be killed."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from devstack.standin.control import Control
from storage.migrate import migrate
from streams.config import ConsumerLimits, EngineConfig
from tests.support.databases import own_database
from tests.support.note_rig import note_rig
from tests.support.notes import TABLE, NotesFlow, notes
from tests.support.providers import own_servers
from tests.support.rig import Rig
from tests.support.servers import Servers
from tests.support.worker import flow_named
from tests.support.worker_process import Workers, workers

# Where nobody dies nobody has to be waited for: a machine that stands still for seconds makes nobody look dead.
PRODUCTION = EngineConfig()
# The claim that new rows of the outbox have, so short that a test can wait for another worker to take them over.
SHORT_CLAIM = "alter table outbox alter column claimed_until set default now() + interval '3 seconds'"


def patient(rig: Rig) -> Rig:
    """The rig, whose engines in this process have claims, leases and sessions as long as in production, and time to end well.

    Those of worker processes, which are killed, stay short.
    """
    rig.config = replace(rig.config, claim=PRODUCTION.claim, lease=PRODUCTION.lease, **_time_to_stand_still(rig))
    return rig


def _time_to_stand_still(rig: Rig) -> dict[str, Any]:
    consumer: ConsumerLimits = replace(rig.config.consumer, session_timeout=PRODUCTION.consumer.session_timeout)
    return {"consumer": consumer, "lane": replace(rig.config.lane, drain=30.0)}


@asynccontextmanager
async def prepared(rig: Rig) -> AsyncIterator[Rig]:
    """The rig with its topics; closed afterwards."""
    await rig.prepare()
    yield patient(rig)
    await rig.close()


@asynccontextmanager
async def mortal(rig: Rig, flow: str, prefix: str, folder: Path) -> AsyncIterator[Workers]:
    """Worker processes that may be killed, and an outbox whose claims end soon."""
    await rig.rows(SHORT_CLAIM)
    async with workers(rig, flow, prefix, folder) as crew:
        yield crew


@pytest.fixture
async def rig(kafka: str, database_url: str, redis_url: str, object_store_url: str, topic_prefix: str) -> AsyncIterator[Rig]:
    """Topics, tables and keys for the notes flow."""
    async with note_rig(topic_prefix, kafka, database_url, redis_url, object_store_url) as rig:
        yield patient(rig)


@pytest.fixture
async def runs_rig(
    kafka: str, database_url: str, redis_url: str, object_store_url: str, topic_prefix: str
) -> AsyncIterator[Rig]:
    """Topics, tables and keys for the flow of runs as Millrace has it."""
    async with prepared(Rig(flow_named("runs", topic_prefix), kafka, database_url, redis_url, object_store_url)) as rig:
        yield rig


@pytest.fixture
async def note_workers(rig: Rig, topic_prefix: str, tmp_path: Path) -> AsyncIterator[Workers]:
    """Worker processes that run the notes flow."""
    async with mortal(rig, "notes", topic_prefix, tmp_path) as crew:
        yield crew


@pytest.fixture
async def run_workers(runs_rig: Rig, topic_prefix: str, tmp_path: Path) -> AsyncIterator[Workers]:
    """Worker processes that run the flow of runs."""
    async with mortal(runs_rig, "runs", topic_prefix, tmp_path) as crew:
        yield crew


@pytest.fixture(scope="module")
def stack() -> Iterator[Servers]:
    """Servers that these tests may kill, beside those that the other tests share."""
    with own_servers() as own:
        own.start()
        yield own


@pytest.fixture
async def fragile(stack: Servers, topic_prefix: str, tmp_path: Path) -> AsyncIterator[Rig]:
    """The notes flow on servers that may be killed; they run again when the test begins and when it ends."""
    NotesFlow.forget()
    stack.start()
    env = stack.env()
    objects = tmp_path / "objects"
    objects.mkdir()
    async with own_database(env["DATABASE_URL"], "template1") as url:
        await migrate(url)
        rig = Rig(notes(topic_prefix), env["KAFKA_BOOTSTRAP_SERVERS"], url, env["REDIS_URL"], objects.as_uri())
        await rig.prepare(TABLE, SHORT_CLAIM)
        # What a crash of PostgreSQL undid is found again after some claims, so these stay short.
        rig.config = replace(rig.config, **_time_to_stand_still(rig))
        yield rig
        await rig.close()
        stack.start()


@pytest.fixture
async def documents_rig(
    kafka: str, database_url: str, redis_url: str, object_store_url: str, openai: Control, topic_prefix: str
) -> AsyncIterator[Rig]:
    """Topics, tables, keys and the stand-in for the flow of documents as Millrace has it."""
    spec = flow_named("documents", topic_prefix)
    async with prepared(Rig(spec, kafka, database_url, redis_url, object_store_url, openai.base_url)) as rig:
        yield rig


@pytest.fixture
async def document_workers(documents_rig: Rig, topic_prefix: str, tmp_path: Path) -> AsyncIterator[Workers]:
    """Worker processes that run the flow of documents."""
    async with mortal(documents_rig, "documents", topic_prefix, tmp_path) as crew:
        yield crew


@pytest.fixture
async def audits_rig(
    kafka: str, database_url: str, redis_url: str, object_store_url: str, openai: Control, topic_prefix: str
) -> AsyncIterator[Rig]:
    """Topics, tables, keys and the stand-in for the flow of audits as Millrace has it."""
    spec = flow_named("audits", topic_prefix)
    async with prepared(Rig(spec, kafka, database_url, redis_url, object_store_url, openai.base_url)) as rig:
        yield rig


@pytest.fixture
async def audit_workers(audits_rig: Rig, topic_prefix: str, tmp_path: Path) -> AsyncIterator[Workers]:
    """Worker processes that run the flow of audits."""
    async with mortal(audits_rig, "audits", topic_prefix, tmp_path) as crew:
        yield crew
