"""Real servers for every test that asks for one: each starts with the first test that needs it, once a session.

A test gets a database and a Redis of its own, and names for topics that nobody else uses.
"""

from __future__ import annotations

import asyncio
import gc
import warnings
from collections.abc import AsyncIterator, Iterator
from itertools import cycle
from pathlib import Path
from urllib.parse import urlsplit
from uuid import uuid4

import pytest
import redis.asyncio
from alembic import command
from hypothesis import settings

from devstack.standin.control import Control
from storage.database import Database
from storage.migrate import configuration
from tests.support.databases import PATIENT, Databases, at_database, execute, insist, own_database
from tests.support.providers import own_servers
from tests.support.servers import Servers

# How long an example takes says nothing about it on a busy machine.
settings.register_profile("millrace", deadline=None)
settings.load_profile("millrace")

TEMPLATE = "millrace_template"
# The shared server goes with the session, and what a process wrote before it was killed stays: only a machine could lose it.
# Nobody vacuums there: what comes about once a minute would change a plan, or a count of pages, in one test of a thousand.
HASTY = (
    *(f"alter system set {name} = off" for name in ("fsync", "full_page_writes", "autovacuum")),
    "select pg_reload_conf()",
)


def pytest_collection_finish() -> None:
    """What was imported to collect the tests stays: no collection of garbage has to look through it again, and each would."""
    gc.collect()
    gc.freeze()


@pytest.fixture(autouse=True)
def connections_left_behind(request: pytest.FixtureRequest) -> Iterator[None]:
    """A client of aiokafka leaves the connection that it was opening when it was closed to the garbage collector.

    It is collected here, where it was left, rather than in whichever test comes next.
    """
    yield
    if {"kafka", "stack"} & set(request.fixturenames):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ResourceWarning)
            gc.collect()


@pytest.fixture(scope="session")
def servers() -> Iterator[Servers]:
    """Servers of this session's own beside any others, nothing started yet; they go with the session."""
    with own_servers() as own:
        yield own


@pytest.fixture(scope="session")
def postgres(servers: Servers) -> str:
    """The address of a database that nobody migrates, as a role that may create databases and roles, no superuser."""
    servers.start(["postgres"])
    for statement in HASTY:
        asyncio.run(execute(servers.superuser_url(), statement))
    return servers.env()["DATABASE_URL"]


@pytest.fixture(scope="session")
def database_template(postgres: str) -> str:
    """The address of a migrated database to copy from; nobody may stay connected to it."""
    asyncio.run(insist(postgres, f"create database {TEMPLATE}"))
    # As migrate() does but for its looks before and after, for which it soon gives up to connect.
    command.upgrade(configuration(at_database(postgres, TEMPLATE)), "head")
    return at_database(postgres, TEMPLATE)


@pytest.fixture
async def empty_database_url(postgres: str) -> AsyncIterator[str]:
    """A database of this test's own, not migrated."""
    async with own_database(postgres, "template1") as url:
        yield url


@pytest.fixture(scope="session")
def databases(postgres: str, database_template: str) -> Databases:
    """Migrated databases, one test's at a time."""
    return Databases(postgres, TEMPLATE)


@pytest.fixture
async def database_url(databases: Databases) -> AsyncIterator[str]:
    """A database of this test's own, migrated."""
    async with databases.one() as url:
        yield url


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    """A pool on this test's own database."""
    opened = Database(database_url, limits=PATIENT)
    yield opened
    await opened.close()


@pytest.fixture(scope="session")
def redis_databases(servers: Servers) -> Iterator[str]:
    """Addresses of the numbered databases of one Redis, round and round."""
    servers.start(["redis"])
    base = urlsplit(servers.env()["REDIS_URL"])
    return cycle(base._replace(path=f"/{number}").geturl() for number in range(1, 16))


@pytest.fixture
async def redis_url(redis_databases: Iterator[str]) -> str:
    """An empty Redis database of this test's own."""
    url = next(redis_databases)
    async with redis.asyncio.Redis.from_url(url) as client:
        await client.flushdb()
    return url


@pytest.fixture(scope="session")
def kafka(servers: Servers) -> str:
    """Kafka's bootstrap servers."""
    servers.start(["kafka"])
    return servers.env()["KAFKA_BOOTSTRAP_SERVERS"]


@pytest.fixture(scope="session")
def openai_url(servers: Servers) -> str:
    """The base URL of the stand-in for OpenAI."""
    servers.start(["openai"])
    return servers.env()["OPENAI_BASE_URL"]


@pytest.fixture
def openai(openai_url: str) -> Control:
    """The stand-in for OpenAI: nothing asked of it so far, no faults; `base_url` is for clients, whose key is `KEY`."""
    control = Control(openai_url)
    control.reset()
    return control


@pytest.fixture
def topic_prefix() -> str:
    """What the names of this test's topics and consumer groups begin with."""
    return f"t{uuid4().hex[:12]}."


@pytest.fixture
def object_store_url(tmp_path: Path) -> str:
    """An empty object store of this test's own, in a folder."""
    folder = tmp_path / "objects"
    folder.mkdir()
    return folder.as_uri()
