"""The worker: the one place where everything that runs is put together, and taken apart in good order."""

from __future__ import annotations

import asyncio
import gc
import logging as stdlib_logging
import os
import signal
import threading
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import structlog

from handlers.flow import FlowSpec
from millrace import composition, logging, telemetry
from millrace.failures import CommandError
from millrace.http.app import create_app
from millrace.http.server import listen, serving
from millrace.settings import Settings
from millrace.version import version
from streams.app import Engine

log = structlog.get_logger(__name__)

# One small object an event lives for a moment; looking at them 70 times as rarely saves a sixth of the worker's time.
GC_THRESHOLD = 50_000
FLUSH_SECONDS = 2.0
# Of the time for a shutdown, what is left for giving back what could not be finished.
GIVE_BACK_SECONDS = 8.0
# After that time, what is left for connections to end; whatever hangs then is left behind.
END_SECONDS = 4.5
SIGNALS = (signal.SIGTERM, signal.SIGINT)


def run(settings: Settings, flows: Sequence[str] = ()) -> int:
    """Works until SIGTERM or SIGINT, then finishes what is in hand; returns the exit code.

    A second signal ends the process at once: what was in hand is done by another worker. Raises CommandError for what
    keeps it from starting; servers that are away do not, they are waited for.
    """
    logging.configure(settings.environment, settings.log_level, secrets=settings.secrets())
    dsn = settings.need("sentry_dsn") if settings.sentry_dsn else None
    telemetry.configure(dsn, settings.environment, f"millrace@{version()}")
    chosen = composition.chosen_flows(flows)
    with asyncio.Runner() as runner:
        finished, code = False, 0
        try:
            finished = runner.run(_work(settings, chosen))
        except CommandError:
            finished = True
            raise
        except Exception:
            log.exception("worker_failed")
            code = 1
        finally:
            telemetry.flush(FLUSH_SECONDS)
            if not finished:
                _leave(code)
    return code


def _leave(code: int) -> None:
    """Ends the process at once. A thread that still computes cannot be ended, and the runner would wait for it."""
    stdlib_logging.shutdown()
    os._exit(code)


async def _work(settings: Settings, flows: Sequence[FlowSpec]) -> bool:
    """Works until it is told to stop; whether all that was in hand was finished."""
    stop = _stop_on_signals(settings.shutdown_seconds + END_SECONDS)
    listener = listen(settings.http_host, settings.http_port)
    async with _engine(settings, flows) as engine, serving(create_app(engine, version=version()), listener):
        host, port = listener.getsockname()[:2]
        log.info("worker_starts", flows=[flow.name for flow in flows], http=f"http://{host}:{port}")
        try:
            await _until(stop, engine)
        finally:
            finished = await _stop(engine, settings.shutdown_seconds)
    log.info("worker_ended")
    return finished


async def _until(stop: asyncio.Event, engine: Engine) -> None:
    """Runs the engine until `stop`, which may come before it has started; raises what the engine itself ends with."""
    working = asyncio.create_task(_run(engine), name="engine")
    stopping = asyncio.create_task(stop.wait(), name="stop")
    await asyncio.wait({working, stopping}, return_when=asyncio.FIRST_COMPLETED)
    for task in (working, stopping):
        task.cancel()
    ended, _ = await asyncio.gather(working, stopping, return_exceptions=True)
    if isinstance(ended, Exception):
        raise ended


async def _run(engine: Engine) -> None:
    await engine.start()
    gc.collect()
    gc.freeze()
    gc.set_threshold(GC_THRESHOLD)
    log.info("worker_runs")
    await engine.run()


async def _stop(engine: Engine, seconds: float) -> bool:
    log.info("worker_stops", within_seconds=seconds)
    try:
        async with asyncio.timeout(seconds):
            finished = await engine.stop(max(seconds - GIVE_BACK_SECONDS, seconds / 2))
    except TimeoutError:
        finished = False
    if not finished:
        log.warning("worker_stopped_with_work_in_hand", then="other workers do it")
    return finished


@asynccontextmanager
async def _engine(settings: Settings, flows: Sequence[FlowSpec]) -> AsyncIterator[Engine]:
    database, keys = composition.database_of(settings), composition.keys_of(settings)
    resources = None
    try:
        resources = composition.resources_of(settings, database, flows)
        config, kafka = composition.engine_config(settings), composition.kafka_config(settings)
        yield Engine(config, flows, kafka=kafka, keys=keys, resources=resources, trace=telemetry.trace)
    finally:
        if resources is not None:
            await resources.close()
        await keys.close()
        await database.close()


def _stop_on_signals(seconds: float) -> asyncio.Event:
    """An event that is set by the first signal. A second one ends the process at once, and so do `seconds` after the first."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()

    def ask(number: int) -> None:
        if stop.is_set():
            os._exit(128 + number)
        stop.set()
        _leave_after(seconds)

    for number in SIGNALS:
        loop.add_signal_handler(number, ask, number)
    return stop


def _leave_after(seconds: float) -> None:
    """Ends the process then, if it is still there. A thread keeps the time: the loop may be what hangs."""

    def leave() -> None:
        log.warning("worker_left_behind_what_hangs", after_seconds=seconds)
        _leave(0)

    timer = threading.Timer(seconds, leave)
    timer.daemon = True
    timer.start()
