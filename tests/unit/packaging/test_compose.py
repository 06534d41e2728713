from __future__ import annotations

import re
from itertools import takewhile
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from handlers.flow import FLOWS
from millrace.cli.app import app
from millrace.settings import Settings, load
from tests.support.composition import complaints, composition, variables
from tests.support.dockerfile import named, stages
from tests.support.markdown import CHECKOUT, read

SERVERS = {"postgres", "redis", "kafka"}
ONCE = {"migrate", "topics"}
MILLRACE = {*ONCE, "worker"}
SETTINGS = {name.upper() for name in Settings.model_fields}

Services = dict[str, dict[str, Any]]


@pytest.fixture
def services() -> Services:
    found: Services = composition()["services"]
    return found


def test_the_composition_is_valid() -> None:
    assert complaints() == ""


def test_these_are_its_services(services: Services) -> None:
    assert set(services) == SERVERS | MILLRACE | {"stand-in"}
    assert {name for name, service in services.items() if service.get("build")} == MILLRACE
    assert {name for name, service in services.items() if service.get("profiles")} == {"stand-in"}


@pytest.mark.parametrize("name", sorted(MILLRACE))
def test_what_is_set_is_a_setting_and_has_a_right_value(services: Services, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    environment = services[name]["environment"]
    assert set(environment) <= SETTINGS
    for setting in SETTINGS:
        monkeypatch.delenv(setting, raising=False)
    for setting, value in environment.items():
        if value is not None:
            monkeypatch.setenv(setting, value)
    settings = load(env_file=None)
    for needed in ("database_url", "redis_url", "kafka_bootstrap_servers", "object_store_url"):
        settings.need(needed)


def test_what_may_be_set_besides_settings_is_told() -> None:
    text = read("docs/containers.md")
    assert [name for name in variables() if name not in SETTINGS and f"`{name}`" not in text] == []


@pytest.mark.parametrize("name", sorted(MILLRACE))
def test_its_command_is_one_of_millrace(services: Services, name: str) -> None:
    command = list(takewhile(lambda word: not word.startswith("-"), services[name]["command"]))
    shown = CliRunner().invoke(app, [*command, "--help"])
    assert shown.exit_code == 0
    assert f"Usage: millrace {' '.join(command)} " in shown.output


def test_without_a_key_the_worker_does_what_needs_none() -> None:
    flows = {spec.name for spec in FLOWS}
    with_key, without, chosen = (
        _flows(**surroundings) for surroundings in ({"OPENAI_API_KEY": "sk-x"}, {}, {"WORKER_FLOWS": "audits"})
    )
    assert set(with_key) == flows
    assert set(without) == {spec.name for spec in FLOWS if "openai" not in spec.needs}
    assert chosen == ["audits"]


def test_nobody_starts_before_what_it_needs(services: Services) -> None:
    healthy, completed = {"condition": "service_healthy"}, {"condition": "service_completed_successfully"}
    assert services["migrate"]["depends_on"] == {"postgres": healthy}
    assert services["topics"]["depends_on"] == {"kafka": healthy}
    assert services["worker"]["depends_on"] == dict.fromkeys(SERVERS, healthy) | dict.fromkeys(ONCE, completed)
    assert all(services[name]["healthcheck"]["test"] for name in SERVERS)


def test_what_ends_is_neither_restarted_nor_asked_for_its_health(services: Services) -> None:
    assert {name for name, service in services.items() if service.get("restart") == "no"} == ONCE
    assert all(services[name]["healthcheck"] == {"disable": True} for name in ONCE)
    assert "healthcheck" not in services["worker"], "the image has one"


def test_nothing_is_reached_from_other_machines(services: Services) -> None:
    published = [port for service in services.values() for port in service.get("ports", [])]
    assert published
    assert [port for port in published if not port.startswith("127.0.0.1:")] == []


def test_every_image_has_a_version(services: Services) -> None:
    foreign = [service["image"] for service in services.values() if "build" not in service]
    assert [image for image in foreign if not re.search(r":\d", image)] == []


def test_postgres_is_18_with_a_sound_pgvector(services: Services) -> None:
    tag = re.fullmatch(r"pgvector/pgvector:(\d+)\.(\d+)\.(\d+)-pg18-\w+", services["postgres"]["image"])
    assert tag
    assert tuple(map(int, tag.groups())) >= (0, 8, 4)


def test_kafka_is_the_one_of_the_local_servers(services: Services) -> None:
    jar = re.search(r"org\.apache\.kafka:kafka_[\d.]+:([\d.]+)$", read("devstack/kafka-jars.lock"), re.MULTILINE)
    assert jar
    assert services["kafka"]["image"] == f"apache/kafka:{jar[1]}"


def test_kafka_is_advertised_where_its_clients_look_for_it(services: Services) -> None:
    environment = services["kafka"]["environment"]
    advertised = dict(each.split("://") for each in environment["KAFKA_ADVERTISED_LISTENERS"].split(","))
    listeners = dict(each.split("://") for each in environment["KAFKA_LISTENERS"].split(","))
    protocols = dict(each.split(":") for each in environment["KAFKA_LISTENER_SECURITY_PROTOCOL_MAP"].split(","))
    assert advertised["PLAINTEXT"] == services["worker"]["environment"]["KAFKA_BOOTSTRAP_SERVERS"]
    assert f"127.0.0.1{advertised['HOST'].removeprefix('localhost')}{listeners['HOST']}" in services["kafka"]["ports"]
    assert set(protocols) == set(listeners) == {*advertised, environment["KAFKA_CONTROLLER_LISTENER_NAMES"]}


def test_data_outlives_containers(services: Services) -> None:
    mounted = {name: [volume.split(":") for volume in service.get("volumes", [])] for name, service in services.items()}
    kept = {source: target for volumes in mounted.values() for source, target, *_ in volumes if not source.startswith(".")}
    assert set(kept) == set(composition()["volumes"])
    assert kept["postgres"] == "/var/lib/postgresql", "where PostgreSQL 18 has its data"
    assert services["kafka"]["environment"]["KAFKA_LOG_DIRS"] == kept["kafka"]
    assert services["worker"]["environment"]["OBJECT_STORE_URL"] == f"file://{kept['objects']}"
    made = " ".join(each.value for each in named(stages()[-1], "RUN"))
    assert f"--owner=millrace --group=millrace {Path(kept['objects']).parent} {kept['objects']}" in made


def test_what_is_mounted_from_the_checkout_exists(services: Services) -> None:
    volumes = [volume for service in services.values() for volume in service.get("volumes", [])]
    sources = [volume.split(":")[0] for volume in volumes if volume.startswith(".")]
    assert len(sources) == 2
    assert [source for source in sources if not (CHECKOUT / source).exists()] == []


def test_the_worker_has_time_to_finish_what_is_in_hand(services: Services) -> None:
    grace = re.fullmatch(r"(\d+)s", services["worker"]["stop_grace_period"])
    assert grace
    assert float(grace[1]) > Settings.model_fields["shutdown_seconds"].default


def test_the_stand_in_runs_on_the_same_python_as_the_worker(services: Services) -> None:
    assert f"ARG PYTHON_IMAGE={services['stand-in']['image']}\n" in read("Dockerfile")


def test_millrace_may_do_as_little_as_it_needs(services: Services) -> None:
    for name in (*MILLRACE, "stand-in"):
        service = services[name]
        assert service["read_only"] is True
        assert service["cap_drop"] == ["ALL"]
        assert service["security_opt"] == ["no-new-privileges:true"]


def _flows(**surroundings: str) -> list[str]:
    command = composition(**surroundings)["services"]["worker"]["command"]
    assert command[:2] == ["worker", "--flows"]
    flows: list[str] = command[2].split(",")
    return flows
