"""Logs: one JSON line each in test, staging and production, a console for people in development; always on stderr.

What structlog and the standard library's loggers say goes the same way. Lines carry what is bound by
`structlog.contextvars`: event_id, task_id, client_id, agent (the flow), correlation_id, topic, partition, offset.
Passwords and keys are taken out of every line, whoever wrote it.
"""

from __future__ import annotations

import json
import logging
import sys
import traceback
from collections.abc import Collection, Iterator
from typing import Any, TextIO

import orjson
import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from millrace.damping import Damper
from millrace.secrecy import Scrubber

# These tell their own life in INFO; ours tells what matters of it.
QUIETER = {
    "aiokafka": logging.WARNING,
    "alembic": logging.WARNING,
    "faststream": logging.ERROR,
    "httpx2": logging.WARNING,
    "openai": logging.WARNING,
    "uvicorn": logging.WARNING,
}


def configure(environment: str, level: str = "INFO", *, secrets: Collection[str] = (), stream: TextIO | None = None) -> None:
    """Sends every log line of this process to `stream` (stderr), in the manner of `environment`, without `secrets`.

    Calling it again replaces what the last call set.
    """
    stream = stream or sys.stderr
    shared = _shared()
    renderer = _console(stream) if environment == "development" else _json()
    handler = logging.StreamHandler(stream)
    handler.addFilter(Damper())
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*shared, structlog.stdlib.ExtraAdder(allow=())],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *_last(renderer, Scrubber(secrets))],
        )
    )
    logging.basicConfig(handlers=[handler], level=level, force=True)
    _quieten(level)
    structlog.configure(
        processors=[structlog.stdlib.filter_by_level, *shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        wrapper_class=structlog.stdlib.BoundLogger,
        logger_factory=structlog.stdlib.LoggerFactory(),
    )


def _quieten(level: str) -> None:
    for name, least in QUIETER.items():
        logging.getLogger(name).setLevel(max(least, logging.getLevelName(level)))
        # Some bring a handler of their own, with a format of its own.
        for below in [logging.getLogger(known) for known in logging.root.manager.loggerDict if known.partition(".")[0] == name]:
            below.handlers.clear()
            below.propagate = True


def _shared() -> list[Processor]:
    return [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.stdlib.PositionalArgumentsFormatter(),
        structlog.processors.StackInfoRenderer(),
    ]


def _last(renderer: list[Processor], scrub: Scrubber) -> list[Processor]:
    # Scrubbing comes after exceptions have become text, because they quote what failed.
    return [without_content, structlog.processors.format_exc_info, scrub, *renderer]


def without_content(_logger: WrappedLogger, _method: str, line: EventDict) -> EventDict:
    """Lines about events have the type and the place of an exception, never its message: that quotes what was sent."""
    if "agent" in line and (error := exception_of(line.get("exc_info"))) is not None:
        del line["exc_info"]
        line["exception"] = "\n".join(_frames(error))
    return line


def exception_of(given: Any) -> BaseException | None:
    """The exception that a line's `exc_info` stands for: itself, a tuple with it, or True for the one being handled."""
    if given is True:
        given = sys.exc_info()
    if isinstance(given, tuple):
        given = given[1]
    return given if isinstance(given, BaseException) else None


def _frames(error: BaseException) -> Iterator[str]:
    while True:
        yield "".join(traceback.format_tb(error.__traceback__)) + type(error).__name__
        if error.__cause__ is None:
            return
        error = error.__cause__
        yield "caused by"


def _json() -> list[Processor]:
    return [_as_json]


def _as_json(_logger: WrappedLogger, _method: str, line: EventDict) -> str:
    first = {name: line.pop(name, None) for name in ("timestamp", "level", "event")}
    try:
        return orjson.dumps(first | dict(line), default=repr, option=orjson.OPT_NON_STR_KEYS).decode()
    except TypeError:  # an integer beyond 64 bits
        return json.dumps(first | dict(line), default=repr)


def _console(stream: TextIO) -> list[Processor]:
    colours = stream.isatty()
    return [structlog.dev.ConsoleRenderer(colors=colours, pad_event_to=32, timestamp_key="timestamp")]


def bind(**context: Any) -> None:
    """Adds to every later line of this task, and of the tasks it starts: names as the module's docstring lists them."""
    structlog.contextvars.bind_contextvars(**context)
