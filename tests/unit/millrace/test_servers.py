from __future__ import annotations

from pathlib import Path

import pytest

from devstack.stack import Stack
from millrace.cli import servers
from millrace.settings import load

pytestmark = pytest.mark.usefixtures("no_environment")

OBJECTS = {"OBJECT_STORE_URL": "file:///objects"}
STAND_IN = {"OPENAI_BASE_URL": "http://127.0.0.1:20000/v1", "OPENAI_API_KEY": "stand-in"}


def test_who_has_nothing_for_openai_gets_the_stand_in() -> None:
    assert servers.beside_own_openai(OBJECTS | STAND_IN, load()) == OBJECTS | STAND_IN


def test_what_the_stack_exported_before_is_exported_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:30000/v1")
    monkeypatch.setenv("OPENAI_API_KEY", "stand-in")
    assert servers.beside_own_openai(STAND_IN, load()) == STAND_IN


@pytest.mark.parametrize("name", ["OPENAI_API_KEY", "OPENAI_BASE_URL"])
def test_who_has_a_key_or_a_server_of_their_own_goes_on_to_use_it(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv(name, "http://own.example/v1")
    assert servers.beside_own_openai(OBJECTS | STAND_IN, load()) == OBJECTS


def test_a_key_in_a_file_counts_too(monkeypatch: pytest.MonkeyPatch, no_environment: Path) -> None:
    (no_environment / "key").write_text("sk-own\n")
    monkeypatch.setenv("OPENAI_API_KEY_FILE", str(no_environment / "key"))
    assert servers.beside_own_openai(OBJECTS | STAND_IN, load()) == OBJECTS
    monkeypatch.delenv("OPENAI_API_KEY_FILE")
    (no_environment / ".env").write_text("OPENAI_API_KEY=sk-own\n")
    assert servers.beside_own_openai(OBJECTS | STAND_IN, load()) == OBJECTS


def test_a_key_of_ones_own_never_meets_the_address_of_the_stand_in(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(servers, "running_stack", lambda: {"REDIS_URL": "redis://127.0.0.1:1/0"} | STAND_IN)
    without = servers.settings()
    assert without.openai_base_url == STAND_IN["OPENAI_BASE_URL"]
    monkeypatch.setenv("OPENAI_API_KEY", "sk-own")
    chosen = servers.settings()
    assert chosen.openai_api_key is not None
    assert (chosen.openai_api_key.get_secret_value(), chosen.openai_base_url) == ("sk-own", None)


@pytest.mark.parametrize(("pids", "found"), [((1, None), True), ((None, None), False)])
def test_a_server_that_is_down_is_named_as_long_as_another_runs(
    monkeypatch: pytest.MonkeyPatch, pids: tuple[int | None, int | None], found: bool
) -> None:
    named = {"DATABASE_URL": "postgresql://127.0.0.1:1/millrace", "REDIS_URL": "redis://127.0.0.1:1/0"}
    status = {name: {"pid": pid} for name, pid in zip(("postgres", "redis"), pids, strict=True)}
    monkeypatch.setattr(Stack, "status", lambda _stack: status)
    monkeypatch.setattr(Stack, "env", lambda _stack: named)
    assert servers.running_stack() == (named if found else {})
