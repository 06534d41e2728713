"""What the servers are as containers: their images, those of docker-compose.yml, and how each is told what it shall be."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from docker.errors import APIError
from testcontainers.core.container import DockerContainer

from devstack.kafka import PROPERTIES
from devstack.kafka_probe import serves_groups
from devstack.postgres import DATABASE, OWNER
from devstack.standin.api import KEY
from devstack.standin.control import Control
from tests.support.composition import image
from tests.support.markdown import CHECKOUT

STAND_IN_PORT = 8080
# The listener for the broker itself; clients come by the one called PLAINTEXT.
INTERNAL, CONTROLLER = "INTERNAL://localhost:19092", "CONTROLLER://localhost:19093"


@dataclass(frozen=True, slots=True)
class Address:
    """Where clients find a server on its host, and the password that it wants."""

    host: str
    port: int
    password: str

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"


Command = list[str] | None


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of server: how its container is made, how it is asked whether it serves, and how clients find it."""

    image: str
    port: int
    environment: Callable[[Address], Mapping[str, str]]
    variables: Callable[[Address], dict[str, str]]
    is_ready: Callable[[DockerContainer, Address], bool]
    command: Callable[[Address], Command] = lambda _: None
    files: Mapping[str, str] = field(default_factory=dict)
    """What is mounted, read-only: paths of the checkout by their place in the container."""


def postgres_url(address: Address, role: str) -> str:
    """The database `millrace` as that role."""
    return f"postgresql://{role}:{address.password}@{address}/{DATABASE}"


def _kafka_environment(address: Address) -> dict[str, str]:
    listeners = {
        "listeners": f"PLAINTEXT://:9092,{INTERNAL},{CONTROLLER}",
        "advertised.listeners": f"PLAINTEXT://{address},{INTERNAL}",
        "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,INTERNAL:PLAINTEXT,CONTROLLER:PLAINTEXT",
        "inter.broker.listener.name": "INTERNAL",
        "controller.quorum.voters": f"1@{CONTROLLER.removeprefix('CONTROLLER://')}",
    }
    return {f"KAFKA_{name.upper().replace('.', '_')}": value for name, value in (PROPERTIES | listeners).items()}


def _answers(container: DockerContainer, *command: str) -> bytes | None:
    """What a command in the container prints; None where it fails, or the container has ended."""
    try:
        ended = container.exec(list(command))
    except APIError:
        return None
    return ended.output if ended.exit_code == 0 else None


def _postgres_is_ready(container: DockerContainer, _: Address) -> bool:
    # By TCP, which is closed while the first start still prepares the database.
    asked = _answers(container, "pg_isready", "--host=127.0.0.1", f"--username={OWNER}", f"--dbname={DATABASE}")
    return asked is not None


def _redis_is_ready(container: DockerContainer, _: Address) -> bool:
    return b"PONG" in (_answers(container, "redis-cli", "ping") or b"")


def _stand_in_is_ready(_: DockerContainer, address: Address) -> bool:
    try:
        Control(f"http://{address}/v1").faults()
    except (OSError, ValueError):
        return False
    return True


KINDS: Mapping[str, Kind] = MappingProxyType(
    {
        "postgres": Kind(
            image("postgres"),
            5432,
            environment=lambda address: {"POSTGRES_PASSWORD": address.password},
            variables=lambda address: {"DATABASE_URL": postgres_url(address, OWNER)},
            is_ready=_postgres_is_ready,
            files={"/docker-entrypoint-initdb.d/millrace.sql": str(CHECKOUT / "containers" / "postgres.sql")},
        ),
        "redis": Kind(
            image("redis"),
            6379,
            environment=lambda address: {"REDISCLI_AUTH": address.password},
            variables=lambda address: {"REDIS_URL": f"redis://:{address.password}@{address}/0"},
            is_ready=_redis_is_ready,
            command=lambda address: ["redis-server", "--appendonly", "yes", "--requirepass", address.password],
        ),
        "kafka": Kind(
            image("kafka"),
            9092,
            environment=_kafka_environment,
            variables=lambda address: {"KAFKA_BOOTSTRAP_SERVERS": str(address)},
            is_ready=lambda _, address: serves_groups(address.host, address.port),
        ),
        "openai": Kind(
            image("stand-in"),
            STAND_IN_PORT,
            environment=lambda _: {"PYTHONPATH": "/app", "PYTHONDONTWRITEBYTECODE": "1"},
            variables=lambda address: {"OPENAI_BASE_URL": f"http://{address}/v1", "OPENAI_API_KEY": KEY},
            is_ready=_stand_in_is_ready,
            command=lambda _: ["python", "-m", "devstack.standin", str(STAND_IN_PORT), "0.0.0.0"],
            files={"/app/devstack": str(CHECKOUT / "devstack")},
        ),
    }
)
