from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

import docker
import pytest
from docker.errors import DockerException

from devstack.failures import ServerFailed
from tests.support.composition import image
from tests.support.containers import Containers, engine_answers
from tests.support.fake_engine import FakeContainer, FakeEngine, faked_engine
from tests.support.images import KINDS
from tests.support.markdown import CHECKOUT


@pytest.fixture
def engine() -> Iterator[FakeEngine]:
    with faked_engine() as faked:
        yield faked


@pytest.fixture
def containers(engine: FakeEngine) -> Containers:
    """Those that are asked over the network whether they serve are taken at their word."""
    unasked = {name: replace(KINDS[name], is_ready=lambda *_: True) for name in ("kafka", "openai")}
    return Containers({**KINDS, **unasked})


def published(container: FakeContainer) -> tuple[int, int]:
    """The port within the container, and on the host."""
    ((inside, outside),) = container.arguments["ports"].items()
    return int(inside), outside


def test_the_images_are_those_of_the_composition(containers: Containers, engine: FakeEngine) -> None:
    containers.start()
    assert [each.image for each in engine.made] == [image(name) for name in ("postgres", "redis", "kafka", "stand-in")]
    assert {each.state for each in engine.made} == {"running"}


def test_each_address_leads_to_the_port_that_was_published(containers: Containers, engine: FakeEngine) -> None:
    containers.start()
    env = containers.env()
    inside, outside = zip(*(published(each) for each in engine.made), strict=True)
    assert inside == (5432, 6379, 9092, 8080)
    told = (env["DATABASE_URL"], env["REDIS_URL"], f"kafka://{env['KAFKA_BOOTSTRAP_SERVERS']}", env["OPENAI_BASE_URL"])
    assert tuple(urlsplit(url).port for url in told) == outside
    assert len(set(outside)) == 4


def test_kafka_sends_its_clients_to_the_address_that_they_know(containers: Containers, engine: FakeEngine) -> None:
    containers.start(["kafka"])
    told: dict[str, Any] = engine.of(image("kafka")).arguments["environment"]
    advertised = dict(each.split("://") for each in told["KAFKA_ADVERTISED_LISTENERS"].split(","))
    assert advertised["PLAINTEXT"] == containers.env()["KAFKA_BOOTSTRAP_SERVERS"]
    assert told["KAFKA_INTER_BROKER_LISTENER_NAME"] in advertised
    listeners = [each.split("://")[0] for each in told["KAFKA_LISTENERS"].split(",")]
    assert listeners == [each.split(":")[0] for each in told["KAFKA_LISTENER_SECURITY_PROTOCOL_MAP"].split(",")]
    assert told["KAFKA_AUTO_CREATE_TOPICS_ENABLE"] == "false"


def test_postgres_makes_the_role_and_the_database_by_the_same_script_as_the_composition(
    containers: Containers, engine: FakeEngine
) -> None:
    containers.start(["postgres"])
    made = engine.of(image("postgres")).arguments
    script = str(CHECKOUT / "containers" / "postgres.sql")
    assert made["volumes"] == {script: {"bind": "/docker-entrypoint-initdb.d/millrace.sql", "mode": "ro"}}
    assert made["environment"]["POSTGRES_PASSWORD"] == urlsplit(containers.env()["DATABASE_URL"]).password


def test_every_session_has_passwords_of_its_own(engine: FakeEngine) -> None:
    urls = []
    for _ in range(2):
        own = Containers()
        own.start(["redis"])
        urls.append(urlsplit(own.env()["REDIS_URL"]))
    assert urls[0].password != urls[1].password
    assert urls[0].password in engine.made[0].arguments["command"]


def test_a_server_is_made_once_and_started_again_after_a_kill(containers: Containers, engine: FakeEngine) -> None:
    containers.start(["redis"])
    containers.kill("redis")
    containers.start(["redis", "redis"])
    (redis,) = engine.made
    assert (redis.state, redis.starts) == ("running", 2)


def test_a_container_that_ends_by_itself_is_told_with_its_log(containers: Containers, engine: FakeEngine) -> None:
    engine.fails = True
    with pytest.raises(ServerFailed, match="container of redis is exited") as caught:
        containers.start(["redis"])
    assert "the end of its log" in str(caught.value)


def test_all_containers_are_removed_with_their_data(containers: Containers, engine: FakeEngine) -> None:
    containers.start()
    containers.erase()
    assert [each.removed for each in engine.made] == [True] * 4


def test_an_engine_that_answers_is_there(engine: FakeEngine) -> None:
    assert engine_answers()


def test_an_engine_that_does_not_answer_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(**_: Any) -> None:
        raise DockerException("no such file or directory")

    monkeypatch.setattr(docker, "from_env", refuse)
    assert not engine_answers()
