"""What a running stack offers, and what it takes."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import asyncpg
import pytest
import redis
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from devstack.failures import NotRunning, UnknownServer
from devstack.stack import Stack

# What runs answers in the end.
SECONDS = 60


async def create_topic(servers: str, topic: str) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=servers)
    await admin.start()
    await admin.create_topics([NewTopic(topic, 1, 1)])
    await admin.close()


async def produce(servers: str, topic: str, value: bytes) -> None:
    async with AIOKafkaProducer(bootstrap_servers=servers, enable_idempotence=True) as producer:
        await producer.send_and_wait(topic, value)


async def consume(servers: str, topic: str) -> bytes | None:
    async with AIOKafkaConsumer(topic, bootstrap_servers=servers, group_id=topic, auto_offset_reset="earliest") as consumer:
        return (await consumer.getone()).value


def pids(stack: Stack) -> dict[str, int | None]:
    return {name: status["pid"] for name, status in stack.status().items()}


async def test_a_new_database_of_the_owner_has_vectors_though_the_owner_is_no_superuser(stack: Stack) -> None:
    owner = await asyncpg.connect(stack.env()["DATABASE_URL"])
    await owner.execute("create database fresh")
    fresh = await asyncpg.connect(stack.env()["DATABASE_URL"], database="fresh")
    assert await fresh.fetchval("select '[3,4]'::vector <-> '[0,0]'") == 5.0
    assert await fresh.fetchval("show is_superuser") == "off"
    await fresh.close()
    await owner.execute("drop database fresh")
    await owner.close()


async def test_the_superuser_has_an_address_of_its_own(stack: Stack) -> None:
    superuser = await asyncpg.connect(stack.superuser_url())
    assert await superuser.fetchval("show is_superuser") == "on"
    await superuser.close()


async def test_postgres_wants_the_password(stack: Stack) -> None:
    with pytest.raises(asyncpg.InvalidPasswordError):
        await asyncpg.connect(stack.env()["DATABASE_URL"], password="guessed")


def test_redis_wants_the_password(stack: Stack) -> None:
    address = redis.connection.parse_url(stack.env()["REDIS_URL"])
    stranger = redis.Redis(host=address["host"], port=address["port"], socket_timeout=SECONDS, retry=None)
    with stranger, pytest.raises(redis.AuthenticationError):
        stranger.ping()


async def test_kafka_carries_a_message_to_a_consumer_group(stack: Stack) -> None:
    servers = stack.env()["KAFKA_BOOTSTRAP_SERVERS"]
    await create_topic(servers, "carried")
    await produce(servers, "carried", b"x")
    assert await consume(servers, "carried") == b"x"


def test_status_names_process_address_and_data_of_each_server(stack: Stack) -> None:
    env, status = stack.env(), stack.status()
    assert {name: found["url"] for name, found in status.items()} == {
        "postgres": env["DATABASE_URL"],
        "redis": env["REDIS_URL"],
        "kafka": env["KAFKA_BOOTSTRAP_SERVERS"],
        "openai": env["OPENAI_BASE_URL"],
    }
    assert all(found["pid"] for found in status.values())
    assert {found["data"] for found in status.values()} == {f"{stack.folder}/{name}/data" for name in status}


def test_objects_have_a_folder(stack: Stack) -> None:
    assert stack.env()["OBJECT_STORE_URL"] == (stack.folder / "objects").as_uri()
    assert (stack.folder / "objects").is_dir()


def test_starting_again_leaves_running_servers_alone(stack: Stack) -> None:
    before = pids(stack)
    stack.start()
    assert pids(stack) == before


async def test_data_outlive_the_kill_of_every_server(stack: Stack) -> None:
    env = stack.env()
    await create_topic(env["KAFKA_BOOTSTRAP_SERVERS"], "outliving")
    await produce(env["KAFKA_BOOTSTRAP_SERVERS"], "outliving", b"kept")
    owner = await asyncpg.connect(env["DATABASE_URL"])
    await owner.execute("create table outliving as select 'kept' as value")
    for name in stack.status():
        stack.kill(name)
    assert set(pids(stack).values()) == {None}
    owner.terminate()

    assert stack.start().env == env
    owner = await asyncpg.connect(env["DATABASE_URL"])
    assert await owner.fetchval("select value from outliving") == "kept"
    await owner.close()
    assert await consume(env["KAFKA_BOOTSTRAP_SERVERS"], "outliving") == b"kept"


def test_a_paused_server_is_silent_until_it_is_resumed(stack: Stack) -> None:
    with redis.Redis.from_url(stack.env()["REDIS_URL"], socket_timeout=SECONDS, retry=None) as client:
        client.ping()
        stack.pause("redis")
        with ThreadPoolExecutor(1) as threads:
            answer = threads.submit(client.ping)
            try:
                with pytest.raises(TimeoutError):
                    answer.result(0.3)
            finally:
                stack.resume("redis")
            assert answer.result(SECONDS)


async def test_pausing_postgres_holds_the_connections_it_has(stack: Stack) -> None:
    owner = await asyncpg.connect(stack.env()["DATABASE_URL"])
    stack.pause("postgres")
    try:
        with pytest.raises(TimeoutError):
            await owner.execute("select 1", timeout=0.3)
    finally:
        stack.resume("postgres")
    owner.terminate()


def test_a_paused_server_goes_on_when_it_is_started(stack: Stack) -> None:
    before = pids(stack)
    stack.pause("redis")
    stack.start(["redis"])
    with redis.Redis.from_url(stack.env()["REDIS_URL"], socket_timeout=SECONDS) as client:
        assert client.ping()
    assert pids(stack) == before


def test_a_stopped_server_can_be_neither_killed_nor_paused(stack: Stack) -> None:
    stack.stop(["redis"])
    with pytest.raises(NotRunning, match="redis is not running"):
        stack.kill("redis")
    with pytest.raises(NotRunning, match="redis is not running"):
        stack.pause("redis")
    stack.start(["redis"])


def test_an_unknown_name_is_told_with_the_known_ones(stack: Stack) -> None:
    with pytest.raises(UnknownServer, match="'oracle': the stack has postgres, redis, kafka, openai"):
        stack.start(["oracle"])


def test_a_folder_may_have_any_name(folder: Path) -> None:
    odd = folder / 'naïve "room" #1 %41'
    odd.mkdir(mode=0o755)
    stack = Stack(odd / "state", attached=True)
    stack.start()
    assert all(server["pid"] for server in stack.status().values())
