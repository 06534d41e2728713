"""Which lanes wait when one model is away."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from devstack.standin.api import KEY
from devstack.standin.control import Control
from devstack.standin.faults import Fault
from events.failures import Outage
from handlers.embed.parsing import ParserPool
from handlers.flow import FLOWS
from handlers.llm import Asker, Llm, LlmConfig, Prices
from handlers.resources import Resources
from storage.database import Database
from storage.idempotency import IdempotencyKeys
from storage.objects import ObjectStore
from streams.app import Engine
from streams.config import EngineConfig
from streams.kafka import KafkaConfig
from tests.support.llm import AUDITOR, EMBEDDER, SCHEMA
from tests.support.patience import PATIENCE, UNHURRIED

ASKER = Asker("acme", "tests", None)


@pytest.fixture
async def engine(
    kafka: str, database_url: str, redis_url: str, object_store_url: str, openai: Control
) -> AsyncIterator[Engine]:
    """An engine of all flows, not started; one try for each call."""
    database, keys = Database(database_url), IdempotencyKeys(redis_url)
    config = LlmConfig(api_key=KEY, base_url=openai.base_url, provider="stand-in", tries=1, **UNHURRIED)
    llm = Llm(config, database, Prices())
    resources = Resources(database, ObjectStore(object_store_url), llm=llm, parsers=ParserPool())
    engine = Engine(EngineConfig(), FLOWS, kafka=KafkaConfig(kafka), keys=keys, resources=resources)
    for each in (*engine.dependencies.servers.values(), *engine.dependencies.models.values()):
        each.timeout = PATIENCE
    yield engine
    engine.dependencies.close()
    await resources.close()
    await keys.close()
    await database.close()


async def waiting(engine: Engine) -> set[str]:
    """The flows whose lanes find OpenAI away."""
    found = set()
    for lane in engine.lanes:
        if any(name.startswith("openai") for name in await lane.outages.away()):
            assert not lane.gate.is_open
            found.add(lane.spec.name)
    return found


async def ask_both(engine: Engine) -> None:
    """Asks each model once, and hears whatever it says."""
    llm = engine.resources.need_llm()
    with pytest.raises(Outage):
        await llm.respond(
            ASKER, AUDITOR, instructions="Audit.", prompt="?", schema=SCHEMA, schema_name="audit", max_output_tokens=100
        )
    await llm.embed(ASKER, EMBEDDER, ["one"])


async def test_a_model_of_audits_that_is_away_stops_audits_alone(engine: Engine, openai: Control) -> None:
    openai.add(Fault("server_error", endpoint="responses", times=None))
    await ask_both(engine)

    assert await waiting(engine) == {"audits"}
    health = await engine.health()
    assert health["openai"] == "Outage: openai_away: status 500 (server)"
    assert health["audits"] == f"waiting: openai/responses/{AUDITOR}: openai_away: status 500 (server)"
    assert "documents" not in health


async def test_a_model_of_vectors_that_is_away_stops_who_may_need_vectors(engine: Engine, openai: Control) -> None:
    openai.add(Fault("server_error", endpoint="embeddings", times=None))
    with pytest.raises(Outage):
        await engine.resources.need_llm().embed(ASKER, EMBEDDER, ["one"])

    assert await waiting(engine) == {"documents", "audits"}


async def test_where_all_is_well_no_lane_waits(engine: Engine) -> None:
    assert await waiting(engine) == set()
