"""The worker: the one place where everything that runs is put together, and taken apart in good order."""

from __future__ import annotations

import asyncio
import gc
import os
import signal
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from importlib.metadata import version

import structlog

from handlers.flow import FlowSpec
from millrace import composition, logging, telemetry
from millrace.http.app import create_app
from millrace.http.server import listen, serving
from millrace.settings import Settings
from streams.app import Engine

log = structlog.get_logger(__name__)

# One small object an event lives for a moment; looking at them 70 times as rarely saves a sixth of the worker's time.
GC_THRESHOLD = 50_000
SIGNALS = (signal.SIGTERM, signal.SIGINT)


def run(settings: Settings, flows: Sequence[str] = ()) -> int:
    """Works until SIGTERM or SIGINT, then finishes what is in hand; returns the exit code.

    A second signal ends the process at once: what was in hand is done by another worker. Raises CommandError for what
    keeps it from starting; servers that are away do not, they are waited for.
    """
    logging.configure(settings.environment, settings.log_level, secrets=settings.secrets())
    dsn = settings.need("sentry_dsn") if settings.sentry_dsn else None
    telemetry.configure(dsn, settings.environment, f"millrace@{version('millrace')}")
    chosen = composition.chosen_flows(flows)
    try:
        asyncio.run(_work(settings, chosen))
    finally:
        telemetry.flush(2.0)
    return 0


async def _work(settings: Settings, flows: Sequence[FlowSpec]) -> None:
    stop = _stop_on_signals()
    listener = listen(settings.http_host, settings.http_port)
    async with _engine(settings, flows) as engine:
        app = create_app(engine, version=version("millrace"))
        async with serving(app, listener):
            host, port = listener.getsockname()[:2]
            log.info("worker starts", flows=[flow.name for flow in flows], http=f"http://{host}:{port}")
            await _work_until(stop, engine, settings.shutdown_seconds)
    log.info("worker ends")


async def _work_until(stop: asyncio.Event, engine: Engine, shutdown_seconds: float) -> None:
    """Starts the engine, which may take as long as servers are away, and stops it when asked to, even before it runs."""
    starting = asyncio.create_task(_start(engine), name="start")
    stopping = asyncio.create_task(stop.wait(), name="stop")
    try:
        await asyncio.wait({starting, stopping}, return_when=asyncio.FIRST_COMPLETED)
        if starting.done():
            starting.result()
            await stopping
        log.info("worker stops", within_seconds=shutdown_seconds)
    finally:
        starting.cancel()
        stopping.cancel()
        await asyncio.gather(starting, stopping, return_exceptions=True)
        await engine.stop(shutdown_seconds)


async def _start(engine: Engine) -> None:
    await engine.start()
    gc.collect()
    gc.freeze()
    gc.set_threshold(GC_THRESHOLD)
    log.info("worker runs")


@asynccontextmanager
async def _engine(settings: Settings, flows: Sequence[FlowSpec]) -> AsyncIterator[Engine]:
    database, keys = composition.database_of(settings), composition.keys_of(settings)
    try:
        resources = composition.resources_of(settings, database)
        config, kafka = composition.engine_config(settings), composition.kafka_config(settings)
        yield Engine(config, flows, kafka=kafka, database=database, keys=keys, resources=resources)
    finally:
        await keys.close()
        await database.close()


def _stop_on_signals() -> asyncio.Event:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()

    def ask(number: int) -> None:
        if stop.is_set():
            os._exit(128 + number)
        stop.set()

    for number in SIGNALS:
        loop.add_signal_handler(number, ask, number)
    return stop
