"""How a database is: as migrated, before that, and as another role sees it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from itertools import cycle
from uuid import uuid4

import pytest
from sqlalchemy.engine import make_url

from devstack.stack import Stack
from storage.condition import Condition, look
from storage.database import Database
from storage.migrate import newest_revision, older_revisions
from tests.support.databases import PATIENT, execute


class Clock:
    """The time, put back by so many seconds at one look after the other, and how long it was from the first to the last."""

    def __init__(self, *back: float) -> None:
        self._back: Iterator[float] = cycle(back)
        self._told: list[float] = []

    def __call__(self) -> float:
        self._told.append(time.time())
        return self._told[-1] - next(self._back)

    @property
    def error(self) -> float:
        """What the middle can be off by; a server in a container has a clock that is almost this one."""
        return (self._told[-1] - self._told[0]) / 2 + 0.01


async def condition(url: str, clock: Clock | None = None) -> Condition:
    database = Database(url, pool_size=1, limits=PATIENT)
    try:
        async with database.connection() as connection:
            return await look(connection, clock or time.time)
    finally:
        await database.close()


async def test_a_migrated_database_has_everything(database_url: str) -> None:
    found = await condition(database_url, clock := Clock(0, 0))
    assert found.revision == newest_revision()
    assert found.revision not in older_revisions()
    assert found.pgvector == found.pgvector_offered
    assert (found.has_tenant_role, found.may_become_tenant, found.owns_tables) == (True, True, True)
    assert abs(found.clock_ahead) <= clock.error


@pytest.mark.usefixtures("database_template")
async def test_an_empty_database_says_what_it_could_have(empty_database_url: str) -> None:
    found = await condition(empty_database_url)
    assert found.revision is None
    assert found.pgvector_offered is not None
    assert found.owns_tables  # there is none that another owns


async def test_a_role_that_did_not_migrate_owns_nothing_and_is_no_tenant(servers: Stack, database_url: str) -> None:
    role = f"reader_{uuid4().hex[:8]}"
    await execute(servers.superuser_url(), f"create role {role} login password 'x'")
    await execute(database_url, f"grant select on alembic_version to {role}")
    try:
        found = await condition(make_url(database_url).set(username=role, password="x").render_as_string(hide_password=False))
    finally:
        await execute(database_url, f"revoke select on alembic_version from {role}")
        await execute(servers.superuser_url(), f"drop role {role}")
    assert (found.has_tenant_role, found.may_become_tenant, found.owns_tables) == (True, False, False)


async def test_the_clocks_are_compared_by_the_middle_of_the_question(database_url: str) -> None:
    found = await condition(database_url, clock := Clock(101, 99))
    assert found.clock_ahead == pytest.approx(100, abs=clock.error)
