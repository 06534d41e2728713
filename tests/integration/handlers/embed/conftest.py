"""Desks: workers of the flow `documents` on one database."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from devstack.standin.control import Control
from handlers.embed.parsing import ParserPool
from storage.database import Database
from storage.objects import ObjectStore
from tests.support.desk import Desk
from tests.support.patience import UNHURRIED

MakeDesk = Callable[..., Desk]


@pytest.fixture
async def make_desk(
    database: Database, object_store_url: str, openai: Control, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[MakeDesk]:
    """A new worker each time, with nothing in mind of what others did; options are those of the desk."""
    monkeypatch.setattr("handlers.embed.parsing.CLOSE_SECONDS", 60.0)  # as long as a busy machine takes to end a process
    desks: list[Desk] = []
    objects = ObjectStore(object_store_url)
    async with ParserPool(1) as parsers:

        def make(**options: Any) -> Desk:
            desks.append(Desk(database, objects, parsers, openai, **UNHURRIED | options))
            return desks[-1]

        yield make
        for desk in desks:
            await desk.close()


@pytest.fixture
def desk(make_desk: MakeDesk) -> Desk:
    """A worker."""
    return make_desk()
