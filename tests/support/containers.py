"""Servers in containers of a Docker engine, by testcontainers. It removes them, also after this process was killed."""

from __future__ import annotations

import gc
import secrets
import time
import warnings
from collections.abc import Callable, Collection, Mapping
from contextlib import closing
from dataclasses import dataclass

from docker.errors import DockerException
from docker.models.containers import Container
from testcontainers.core.container import DockerContainer
from testcontainers.core.docker_client import DockerClient

from devstack.failures import NeverStarted, NotRunning, ServerFailed, UnknownServer
from devstack.ports import pick
from devstack.postgres import SUPERUSER
from tests.support.images import KINDS, Address, Kind, postgres_url

ENGINE_SECONDS = 5
READY_SECONDS = 180.0
POLL_SECONDS = 0.1
STOP_SECONDS = 20
LOG_LINES = 20


def engine_answers() -> bool:
    """Whether there is a Docker engine to run containers."""
    with warnings.catch_warnings():
        # Docker's client leaves a socket that did not connect to the garbage collector.
        warnings.simplefilter("ignore", ResourceWarning)
        answers = _ping()
        gc.collect()
    return answers


@dataclass(frozen=True, slots=True)
class Made:
    """A server that was made: what it is, its container, its address."""

    kind: Kind
    container: DockerContainer
    address: Address

    def engines(self) -> Container:
        """The container as the engine has it now."""
        found = self.container.get_wrapped_container()
        found.reload()
        return found


class Containers:
    """The servers of one session of tests, each in a container that is made when it is started first.

    Its port on the engine's host is chosen here and kept, because Docker would choose another one at each start.
    """

    def __init__(self, kinds: Mapping[str, Kind] = KINDS) -> None:
        self._kinds = kinds
        self._made: dict[str, Made] = {}

    def start(self, names: Collection[str] | None = None) -> None:
        """As `Servers` tells."""
        chosen = list(self._kinds) if names is None else list(dict.fromkeys(names))
        for name in chosen:
            self._require_known(name)
        for name in chosen:
            if name in self._made:
                _wake(self._made[name].engines())
            else:
                self._made[name] = _make(self._kinds[name])
        for name in chosen:
            _await(name, self._made[name])

    def stop(self, names: Collection[str] | None = None) -> None:
        """As `Servers` tells."""
        for name in self._made if names is None else names:
            self._require_known(name)
            found = self._made[name].engines() if name in self._made else None
            if found is not None and found.status == "paused":
                found.unpause()
            if found is not None:
                found.stop(timeout=STOP_SECONDS)

    def kill(self, name: str) -> None:
        """As `Servers` tells."""
        self._running(name).kill()

    def pause(self, name: str) -> None:
        """As `Servers` tells."""
        found = self._running(name)
        if found.status != "paused":
            found.pause()

    def resume(self, name: str) -> None:
        """As `Servers` tells."""
        found = self._running(name)
        if found.status == "paused":
            found.unpause()

    def env(self) -> dict[str, str]:
        """As `Servers` tells."""
        if not self._made:
            raise NeverStarted("No container was ever started: start one first.")
        return {name: value for made in self._made.values() for name, value in made.kind.variables(made.address).items()}

    def superuser_url(self) -> str:
        """As `Servers` tells."""
        if "postgres" not in self._made:
            raise NeverStarted("PostgreSQL was never started: start it first.")
        return postgres_url(self._made["postgres"].address, SUPERUSER)

    def erase(self) -> None:
        """Removes all containers, with their data."""
        while self._made:
            self._made.popitem()[1].container.stop()

    def _running(self, name: str) -> Container:
        self._require_known(name)
        found = self._made[name].engines() if name in self._made else None
        if found is None or found.status not in {"running", "paused"}:
            raise NotRunning(f"{name} is not running: start it first.")
        return found

    def _require_known(self, name: str) -> None:
        if name not in self._kinds:
            raise UnknownServer(f"There is no server {name!r}, but {', '.join(self._kinds)}.")


def _ping() -> bool:
    try:
        with closing(DockerClient(timeout=ENGINE_SECONDS).client) as client:
            return bool(client.ping())
    except DockerException:
        return False


def _make(kind: Kind) -> Made:
    """A started container, which need not serve yet. Paths of the checkout must mean the same to the engine."""
    container = DockerContainer(kind.image)
    address = Address(container.get_docker_client().host(), pick(("client",), {})["client"], secrets.token_hex(12))
    container.with_bind_ports(kind.port, address.port).with_envs(**kind.environment(address))
    command = kind.command(address)
    if command is not None:
        container.with_command(command)
    for place, path in kind.files.items():
        container.with_volume_mapping(path, place)
    return Made(kind, container.start(), address)


def _wake(found: Container) -> None:
    if found.status == "paused":
        found.unpause()
    elif found.status != "running":
        found.start()


def _await(name: str, made: Made, clock: Callable[[], float] = time.monotonic) -> None:
    """Waits until the server serves. Raises ServerFailed with the end of its log when it has ended, or takes too long."""
    deadline = clock() + READY_SECONDS
    while not made.kind.is_ready(made.container, made.address):
        found = made.engines()
        if found.status in {"exited", "dead"} or clock() > deadline:
            log = found.logs(tail=LOG_LINES).decode(errors="replace")
            raise ServerFailed(f"The container of {name} is {found.status} and does not serve. Its log ends with\n{log}")
        time.sleep(POLL_SECONDS)
