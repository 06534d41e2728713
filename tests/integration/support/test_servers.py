"""What every provider of servers does alike. A Docker engine is one of them where it answers; a faked one always is."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace

import pytest

from devstack.failures import NeverStarted, NotRunning, UnknownServer
from tests.support.containers import Containers
from tests.support.fake_engine import faked_engine
from tests.support.images import KINDS
from tests.support.providers import PROVIDERS, engine_answers
from tests.support.servers import Servers

NAMES = ["postgres", "redis", "openai"]
REAL = sorted(PROVIDERS) if engine_answers() else ["devstack"]


@contextmanager
def by_a_faked_engine() -> Iterator[Servers]:
    with faked_engine():
        yield Containers({name: replace(kind, is_ready=lambda *_: True) for name, kind in KINDS.items()})


@pytest.fixture(params=[*REAL, "faked engine"])
def own(request: pytest.FixtureRequest) -> Iterator[Servers]:
    chosen: AbstractContextManager[Servers] = (
        by_a_faked_engine() if request.param == "faked engine" else PROVIDERS[request.param]()
    )
    with chosen as servers:
        yield servers


def test_addresses_are_known_of_what_was_started(own: Servers) -> None:
    with pytest.raises(NeverStarted):
        own.env()
    own.start(["redis"])
    assert "REDIS_URL" in own.env()
    assert "DATABASE_URL" not in own.env()
    own.start(["openai"])
    assert {"REDIS_URL", "OPENAI_BASE_URL", "OPENAI_API_KEY"} <= set(own.env())


def test_the_superuser_and_the_owner_share_a_database(own: Servers) -> None:
    with pytest.raises(NeverStarted):
        own.superuser_url()
    own.start(["postgres"])
    owner = own.env()["DATABASE_URL"]
    assert owner.startswith("postgresql://millrace:")
    assert own.superuser_url() == owner.replace("//millrace:", "//postgres:")


def test_a_second_start_leaves_everything_as_it_is(own: Servers) -> None:
    own.start(NAMES)
    before = own.env()
    own.start(NAMES)
    assert own.env() == before


@pytest.mark.parametrize("name", NAMES)
def test_a_server_that_was_killed_comes_back_where_it_was(own: Servers, name: str) -> None:
    own.start([name])
    before = own.env()
    own.kill(name)
    with pytest.raises(NotRunning):
        own.kill(name)
    own.start([name])
    assert own.env() == before
    own.kill(name)


def test_a_server_is_paused_and_goes_on(own: Servers) -> None:
    own.start(["redis"])
    own.pause("redis")
    own.pause("redis")
    own.resume("redis")
    own.resume("redis")
    own.pause("redis")
    own.start(["redis"])
    own.pause("redis")
    own.kill("redis")


def test_a_paused_server_can_be_stopped(own: Servers) -> None:
    own.start(["redis"])
    own.pause("redis")
    own.stop(["redis"])
    with pytest.raises(NotRunning):
        own.resume("redis")


def test_what_is_down_cannot_be_hurt_and_may_be_stopped(own: Servers) -> None:
    for hurt in (own.kill, own.pause, own.resume):
        with pytest.raises(NotRunning):
            hurt("redis")
    own.start(["redis"])
    own.stop()
    own.stop()
    for hurt in (own.kill, own.pause, own.resume):
        with pytest.raises(NotRunning):
            hurt("redis")


def test_a_server_that_nobody_knows_is_refused(own: Servers) -> None:
    for ask in (own.kill, own.pause, own.resume):
        with pytest.raises(UnknownServer):
            ask("mysql")
    for several in (own.start, own.stop):
        with pytest.raises(UnknownServer):
            several(["mysql"])
