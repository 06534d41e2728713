from __future__ import annotations

import asyncio
import logging
import signal
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from fastapi import FastAPI
from prometheus_client import CollectorRegistry, Counter

from millrace.failures import CommandError, PortTaken
from millrace.http import app as pages
from millrace.http.app import create_app
from millrace.http.server import listen, serving

Ask = Callable[..., Awaitable[Any]]


class Engine:
    """An engine whose servers are as they are told to be."""

    def __init__(self, **servers: str) -> None:
        self.servers = servers or {"database": "ok", "redis": "ok", "kafka": "ok"}
        self.hangs = False
        self.still: dict[str, str] = {}

    def stalls(self) -> dict[str, str]:
        return self.still

    async def health(self) -> dict[str, str]:
        if self.hangs:
            await asyncio.sleep(3_600)
        return self.servers

    def asyncapi(self) -> dict[str, Any]:
        return {"asyncapi": "3.0.0", "channels": {}}


@asynccontextmanager
async def running(app: FastAPI) -> AsyncIterator[str]:
    listener = listen("127.0.0.1", 0)
    port = listener.getsockname()[1]
    async with serving(app, listener):
        yield f"http://127.0.0.1:{port}"


async def test_health_asks_no_server(ask: Ask) -> None:
    engine = Engine(database="gone")
    engine.hangs = True
    async with running(create_app(engine, version="1")) as url:
        answer = await ask(f"{url}/health")
    assert (answer.status, answer.json) == (200, {"ok": True})


async def test_health_is_503_and_says_which_lane_does_not_move(ask: Ask) -> None:
    engine = Engine()
    engine.still = {"runs": "nothing of 3 records in hand has moved for 121 s"}
    async with running(create_app(engine, version="1")) as url:
        answer = await ask(f"{url}/health")
    assert (answer.status, answer.json) == (503, {"ok": False, "reasons": engine.still})


async def test_deep_health_lists_the_servers(ask: Ask) -> None:
    async with running(create_app(Engine(), version="1")) as url:
        answer = await ask(f"{url}/health/deep")
    assert answer.status == 200
    assert answer.json == {"status": "ok", "database": "connected", "redis": "connected", "kafka": "connected"}


async def test_deep_health_is_503_and_says_which_server_is_away_but_not_where_it_is(ask: Ask) -> None:
    engine = Engine(database="ok", redis="ConnectionError: redis://:secret@host", kafka="ok")
    async with running(create_app(engine, version="1")) as url:
        answer = await ask(f"{url}/health/deep")
    assert answer.status == 503
    assert answer.json == {
        "status": "degraded",
        "database": "connected",
        "redis": "disconnected",
        "kafka": "connected",
        "reasons": {"redis": "ConnectionError"},
    }


@pytest.mark.parametrize("state", ["stopped", "waiting"])
async def test_deep_health_says_why_a_lane_stands_still(ask: Ask, state: str) -> None:
    engine = Engine(database="ok", runs=f"{state}: Kafka deleted records: 6 to 8")
    async with running(create_app(engine, version="1")) as url:
        answer = await ask(f"{url}/health/deep")
    assert (answer.status, answer.json["runs"]) == (503, state)
    assert answer.json["reasons"] == {"runs": "Kafka deleted records: 6 to 8"}


async def test_deep_health_answers_even_if_a_probe_does_not(ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pages, "HEALTH_SECONDS", 0.05)
    engine = Engine()
    engine.hangs = True
    async with running(create_app(engine, version="1")) as url:
        answer = await ask(f"{url}/health/deep")
    assert (answer.status, answer.json["status"]) == (503, "degraded")


async def test_metrics_are_in_the_format_of_prometheus(ask: Ask) -> None:
    registry = CollectorRegistry()
    Counter("millrace_things_total", "Things.", registry=registry).inc(3)
    async with running(create_app(Engine(), version="1", registry=registry)) as url:
        answer = await ask(f"{url}/metrics")
    assert answer.type.startswith("text/plain")
    assert b"millrace_things_total 3.0" in answer.body


async def test_the_asyncapi_document_is_json(ask: Ask) -> None:
    async with running(create_app(Engine(), version="1")) as url:
        answer = await ask(f"{url}/asyncapi")
    assert answer.json == {"asyncapi": "3.0.0", "channels": {}}


@pytest.mark.parametrize(
    ("method", "path", "status", "error"),
    [
        ("GET", "/nothing", 404, "not_found"),
        ("POST", "/health", 405, "method_not_allowed"),
        ("GET", "/docs", 404, "not_found"),
        ("GET", "/asyncapi?broken", 500, "internal_server_error"),
    ],
)
async def test_every_error_has_the_same_shape(ask: Ask, method: str, path: str, status: int, error: str) -> None:
    engine = Engine()
    if "broken" in path:
        engine.asyncapi = lambda: {}["secret"]  # type: ignore[method-assign]
    logging.getLogger("uvicorn.error").disabled = True
    async with running(create_app(engine, version="1")) as url:
        answer = await ask(url + path, method)
    logging.getLogger("uvicorn.error").disabled = False
    assert answer.status == status
    assert answer.json.keys() == {"error", "detail", "status_code"}
    assert (answer.json["error"], answer.json["status_code"]) == (error, status)
    assert b"secret" not in answer.body


async def test_bad_input_has_that_shape_too(ask: Ask) -> None:
    app = create_app(Engine(), version="1")

    @app.get("/list")
    async def items(limit: int) -> int:
        return limit

    async with running(app) as url:
        answer = await ask(f"{url}/list?limit=many")
    assert answer.status == 422
    assert answer.json["error"].startswith("unprocessable")
    assert "query.limit" in answer.json["detail"]


async def test_a_taken_port_is_one_clear_line() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(PortTaken, match=f"HTTP_PORT {port} on 127.0.0.1 is taken"):
            listen("127.0.0.1", port)


async def test_an_address_of_another_machine_is_one_clear_line() -> None:
    with pytest.raises(CommandError, match=r"cannot listen on HTTP_HOST 203\.0\.113\.1"):
        listen("203.0.113.1", 8000)


async def test_signals_stay_with_the_worker(ask: Ask) -> None:
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    async with running(create_app(Engine(), version="1")) as url:
        await ask(f"{url}/health")
        assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] == before


async def test_the_port_is_free_again_afterwards(ask: Ask) -> None:
    async with running(create_app(Engine(), version="1")) as url:
        await ask(f"{url}/health")
        port = int(url.rpartition(":")[2])
    listen("127.0.0.1", port).close()
