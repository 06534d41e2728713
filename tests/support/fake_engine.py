"""A Docker engine that only remembers: as much of one as testcontainers and our container provider ask for."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

import docker
import pytest
from docker.errors import APIError
from testcontainers.core.config import testcontainers_config


class FakeContainer:
    """A container in the states that Docker has. What is known of its state is as old as the last `reload`, as with Docker."""

    def __init__(self, number: int, image: str, arguments: dict[str, Any]) -> None:
        self.id, self.short_id = f"container-{number}", str(number)
        self.image, self.arguments = image, arguments
        self.state = self.status = "created"
        self.starts = 0
        self.fails = False
        """Whether it ends as soon as it was started."""
        self.removed = False

    def reload(self) -> None:
        self.status = self.state

    def start(self) -> None:
        self._must_be("created", "exited", "running")
        self.starts += self.state != "running"
        self.state = "exited" if self.fails else "running"

    def stop(self, timeout: int) -> None:
        assert timeout > 0
        # Docker waits for a paused container in vain.
        self._must_be("created", "exited", "running")
        self.state = "exited"

    def kill(self) -> None:
        self._must_be("running", "paused")
        self.state = "exited"

    def pause(self) -> None:
        self._must_be("running")
        self.state = "paused"

    def unpause(self) -> None:
        self._must_be("paused")
        self.state = "running"

    def exec_run(self, **arguments: Any) -> Any:
        self._must_be("running")
        return _Executed((0, b"PONG" if "redis-cli" in arguments["cmd"] else b""))

    def logs(self, **_: Any) -> bytes:
        return b"the end of its log"

    def remove(self, *, force: bool, v: bool) -> None:
        self.removed = force and v

    def _must_be(self, *states: str) -> None:
        if self.state not in states:
            raise APIError(f"409: the container is {self.state}")


class _Executed(tuple[int, bytes]):
    """What docker's ExecResult is: a pair with names."""

    __slots__ = ()

    @property
    def output(self) -> bytes:
        return self[1]


class FakeEngine:
    """In the place of docker.DockerClient."""

    def __init__(self) -> None:
        self.made: list[FakeContainer] = []
        self.fails = False
        """Whether containers that are made from now on end as soon as they were started."""
        self.api = SimpleNamespace(headers={}, base_url="http+docker://localhost")
        self.images = SimpleNamespace(get=lambda name: name)
        self.networks = SimpleNamespace(list=lambda **_: [])
        self.containers = SimpleNamespace(create=self._create)

    def ping(self) -> bool:
        return True

    def close(self) -> None:
        pass

    def of(self, image: str) -> FakeContainer:
        """The one container of an image."""
        (found,) = [each for each in self.made if each.image == image]
        return found

    def _create(self, image: str, **arguments: Any) -> FakeContainer:
        container = FakeContainer(len(self.made), image, arguments)
        container.fails = self.fails
        self.made.append(container)
        return container


@contextmanager
def faked_engine() -> Iterator[FakeEngine]:
    """Has testcontainers speak to a faked engine, without the container by which it tidies up."""
    engine = FakeEngine()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(docker, "from_env", lambda **_: engine)
        patch.setattr(testcontainers_config, "ryuk_disabled", True)
        yield engine
