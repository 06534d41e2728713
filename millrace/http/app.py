"""The worker's pages: is it alive, can it work, what has it counted, what does it consume and publish."""

from __future__ import annotations

import asyncio
from typing import Any

import structlog
from fastapi import FastAPI
from fastapi.responses import JSONResponse, Response
from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, CollectorRegistry, generate_latest

from millrace.http.errors import answer_errors_alike
from millrace.http.watched import Watched

log = structlog.get_logger(__name__)

# Orchestrators give up on a probe after some seconds; an answer that says why is worth more.
HEALTH_SECONDS = 4.0
OK = "ok"
# What the answer for a lane that stands still begins with.
STANDING = {"stopped", "waiting"}


def create_app(engine: Watched, *, version: str, registry: CollectorRegistry = REGISTRY) -> FastAPI:
    """The application of one worker."""
    # The interactive pages load their scripts from elsewhere.
    app = FastAPI(title="Millrace worker", version=version, docs_url=None, redoc_url=None)
    answer_errors_alike(app)

    @app.get("/health")
    async def health() -> JSONResponse:
        """Liveness: 503 when a lane with work does not move, or has lost its consumer. Asks no server."""
        if stalls := engine.stalls():
            return JSONResponse({"ok": False, "reasons": stalls}, 503)
        return JSONResponse({"ok": True})

    @app.get("/health/deep")
    async def deep_health() -> JSONResponse:
        """Readiness: every server that the enabled flows need answers. 503 when one does not."""
        servers = await _servers(engine)
        states = {name: _state(answer) for name, answer in servers.items()}
        healthy = bool(servers) and all(answer == OK for answer in servers.values())
        body: dict[str, Any] = {"status": "ok" if healthy else "degraded"} | states
        if not healthy:
            body["reasons"] = {name: _reason(answer) for name, answer in servers.items() if answer != OK}
        return JSONResponse(body, 200 if healthy else 503)

    @app.get("/metrics", response_class=Response)
    async def metrics() -> Response:
        """Prometheus' text format."""
        return Response(generate_latest(registry), media_type=CONTENT_TYPE_LATEST)

    @app.get("/asyncapi")
    async def asyncapi() -> dict[str, Any]:
        """The AsyncAPI document: topics, events and their schemas."""
        return engine.asyncapi()

    return app


def _state(answer: str) -> str:
    if answer == OK:
        return "connected"
    standing = answer.partition(":")[0]
    return standing if standing in STANDING else "disconnected"


def _reason(answer: str) -> str:
    """Why a lane stands still; of a server's error the type alone, because the rest may say where it is."""
    first, _, rest = answer.partition(": ")
    return rest if first in STANDING else first


async def _servers(engine: Watched) -> dict[str, str]:
    try:
        return await asyncio.wait_for(engine.health(), HEALTH_SECONDS)
    except TimeoutError:
        log.warning("health_unknown", within_seconds=HEALTH_SECONDS)
        return {}
