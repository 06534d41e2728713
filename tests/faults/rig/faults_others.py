"""What is done to Redis, Kafka and the stand-in for OpenAI."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import redis.asyncio
from aiokafka.admin import AIOKafkaAdminClient, NewPartitions

from devstack.standin.faults import Fault
from tests.faults.rig.manifest import CONSUMED
from tests.faults.rig.world import World

FULL = 1  # bytes


@asynccontextmanager
async def redis_itself(world: World) -> AsyncIterator[Any]:
    """A client that goes past the proxy."""
    async with redis.asyncio.Redis.from_url(world.redis.url) as client:
        yield client


async def redis_flushed(world: World) -> None:
    with world.fault("Redis forgets everything"):
        async with redis_itself(world) as client:
            await client.flushall()


async def redis_killed(world: World) -> None:
    with world.fault("Redis is killed and restarted"):
        await world.servers.kill("redis")
        await asyncio.sleep(world.times.postgres_down)
        await world.servers.start("redis")


async def redis_paused(world: World) -> None:
    with world.fault("Redis is paused"):
        await world.servers.pause("redis")
        await asyncio.sleep(world.times.redis_paused)
        await world.servers.resume("redis")


async def redis_refusing(world: World) -> None:
    with world.fault("Redis refuses connections"):
        world.redis.refuse(refusing=True)
        await asyncio.sleep(world.times.redis_refusing)
        world.redis.refuse(refusing=False)


async def redis_full(world: World) -> None:
    with world.fault("Redis is out of memory"):
        async with redis_itself(world) as client:
            await client.config_set("maxmemory", FULL)
            await asyncio.sleep(world.times.redis_full)
            await client.config_set("maxmemory", 0)


async def kafka_killed(world: World) -> None:
    with world.fault("Kafka is killed and restarted"):
        await world.servers.kill("kafka")
        await asyncio.sleep(world.times.kafka_down)
        await world.servers.start("kafka")


async def kafka_paused(world: World) -> None:
    with world.fault("Kafka is paused"):
        await world.servers.pause("kafka")
        await asyncio.sleep(world.times.kafka_paused)
        await world.servers.resume("kafka")


async def more_partitions(world: World) -> None:
    """One partition more for each input: what has one key may now lie in two places."""
    world.partitions += 1
    with world.fault(f"input topics have {world.partitions} partitions"):
        admin = AIOKafkaAdminClient(bootstrap_servers=world.sight.kafka, request_timeout_ms=60_000)
        await admin.start()
        try:
            await admin.create_partitions({topic: NewPartitions(world.partitions) for topic in CONSUMED})
        finally:
            await admin.close()


def openai(told: str, *faults: dict[str, Any]) -> Any:
    """The next calls to the stand-in meet these faults."""

    async def cause(world: World) -> None:
        with world.fault(f"OpenAI: {told}"):
            await world.ask_for(*(Fault(**each) for each in faults))
            await asyncio.sleep(world.times.between)

    return cause


async def openai_killed(world: World) -> None:
    """The faults that it still had to cause are asked for again, before anybody reaches it."""
    with world.fault("OpenAI is gone for a while"):
        async with world.openai_is_up:
            world.openai.refuse(refusing=True)
            left = world.control.faults()
            await world.servers.kill("openai")
            await asyncio.sleep(world.times.postgres_down)
            await world.servers.start("openai")
            world.control.add(*left)
            world.openai.refuse(refusing=False)
