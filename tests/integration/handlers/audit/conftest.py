"""An engine, or the flow alone, for audits that ask the stand-in."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from dataclasses import replace
from typing import Any

import pytest

from devstack.standin.api import KEY
from devstack.standin.control import Control
from handlers.audit.flow import AuditsFlow
from handlers.audit.settings import AuditSettings
from handlers.flow import FLOWS
from handlers.llm import Llm, LlmConfig, Prices
from handlers.resources import Resources
from storage.database import Database
from storage.objects import ObjectStore
from tests.support.patience import UNHURRIED, unhurry
from tests.support.rig import Rig

[AUDITS] = [spec for spec in FLOWS if spec.name == "audits"]

MakeFlow = Callable[..., AuditsFlow]


@pytest.fixture
async def rig(
    kafka: str, database_url: str, redis_url: str, object_store_url: str, topic_prefix: str, openai: Control
) -> AsyncIterator[Rig]:
    spec = replace(AUDITS, topic=topic_prefix + AUDITS.topic, completed_topic=topic_prefix + AUDITS.completed_topic)
    rig = Rig(spec, kafka, database_url, redis_url, object_store_url, openai.base_url)
    await unhurry(rig)
    rig.llm |= UNHURRIED
    await rig.prepare()
    yield rig
    await rig.close()


@pytest.fixture
async def make_flow(database_url: str, object_store_url: str, openai: Control) -> AsyncIterator[MakeFlow]:
    """Makes a flow with a client and a pool of its own, as a worker that was just started; settings can be given."""
    async with AsyncExitStack() as closing:

        def make(**settings: Any) -> AuditsFlow:
            database = Database(database_url)
            llm = Llm(LlmConfig(api_key=KEY, base_url=openai.base_url, provider="stand-in", **UNHURRIED), database, Prices())
            resources = Resources(database, ObjectStore(object_store_url), llm=llm, audits=AuditSettings(**settings))
            closing.push_async_callback(database.close)
            closing.push_async_callback(resources.close)
            return AuditsFlow(resources)

        yield make
