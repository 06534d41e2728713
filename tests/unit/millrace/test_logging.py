from __future__ import annotations

import io
import json
import logging as stdlib
from collections.abc import Iterator
from typing import Any

import pytest
import structlog

from millrace.logging import bind, configure


@pytest.fixture(autouse=True)
def logging_as_before() -> Iterator[None]:
    root = stdlib.getLogger()
    handlers, level = root.handlers[:], root.level
    levels = {name: stdlib.getLogger(name).level for name in ("aiokafka", "faststream", "alembic", "uvicorn")}
    yield
    root.handlers[:], root.level = handlers, level
    for name, before in levels.items():
        stdlib.getLogger(name).setLevel(before)
    structlog.reset_defaults()
    structlog.contextvars.clear_contextvars()


def lines(stream: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def fail(error: Exception) -> None:
    raise error


@pytest.mark.parametrize("environment", ["test", "staging", "production"])
def test_a_line_is_json_with_time_level_event_and_the_bound_context(environment: str) -> None:
    stream = io.StringIO()
    configure(environment, stream=stream)
    context = {
        "event_id": "e", "task_id": "t", "client_id": "acme", "agent": "runs", "correlation_id": "c",
        "topic": "runs.requested", "partition": 3, "offset": 12,
    }  # fmt: skip
    bind(**context)
    structlog.get_logger("streams.lane").info("completed", seconds=0.5)
    (line,) = lines(stream)
    assert list(line)[:3] == ["timestamp", "level", "event"]
    assert line.pop("timestamp").endswith("Z")
    assert line == context | {"level": "info", "event": "completed", "logger": "streams.lane", "seconds": 0.5}


def test_the_standard_library_goes_the_same_way() -> None:
    stream = io.StringIO()
    configure("production", stream=stream)
    bind(topic="runs.requested")
    stdlib.getLogger("aiokafka.conn").warning("closed %s", "node 1")
    (line,) = lines(stream)
    assert (line["event"], line["level"], line["logger"], line["topic"]) == (
        "closed node 1", "warning", "aiokafka.conn", "runs.requested",
    )  # fmt: skip


def test_development_has_a_console_without_colours_in_a_file() -> None:
    stream = io.StringIO()
    configure("development", stream=stream)
    structlog.get_logger("streams").info("started", flows=["runs"])
    assert "started" in stream.getvalue()
    assert "flows=['runs']" in stream.getvalue()
    assert not stream.getvalue().startswith("{")
    assert "\x1b" not in stream.getvalue()


@pytest.mark.parametrize("environment", ["development", "production"])
def test_no_line_holds_a_secret_not_even_an_exception(environment: str) -> None:
    stream = io.StringIO()
    configure(environment, secrets=["hunter2-hunter2"], stream=stream)
    log = structlog.get_logger("streams")
    try:
        fail(ConnectionError("cannot reach redis://:other-password@host, key hunter2-hunter2"))
    except ConnectionError:
        log.exception("away", url="postgresql://u:third-password@h/d", sasl_password="fourth-password")
        stdlib.getLogger("aiokafka").exception("away with hunter2-hunter2")
    for secret in ("hunter2-hunter2", "other-password", "third-password", "fourth-password"):
        assert secret not in stream.getvalue()
    assert stream.getvalue().count("ConnectionError: cannot reach redis://") == 2


def test_an_exception_is_one_line_of_json() -> None:
    stream = io.StringIO()
    configure("production", stream=stream)
    try:
        fail(ValueError("wrong"))
    except ValueError:
        structlog.get_logger("streams").exception("failed")
    (line,) = lines(stream)
    assert line["exception"].endswith("ValueError: wrong")


def test_what_is_below_the_level_is_not_logged() -> None:
    stream = io.StringIO()
    configure("production", "WARNING", stream=stream)
    structlog.get_logger("streams").info("quiet")
    stdlib.getLogger("anything").info("quiet")
    structlog.get_logger("streams").warning("loud")
    assert [line["event"] for line in lines(stream)] == ["loud"]


def test_a_library_that_repeats_itself_is_damped() -> None:
    stream = io.StringIO()
    configure("production", stream=stream)
    for _ in range(1_000):
        stdlib.getLogger("aiokafka").error("no leader for %s", "t")
    assert 0 < len(lines(stream)) < 10


def test_libraries_with_handlers_of_their_own_lose_them() -> None:
    theirs, stream = io.StringIO(), io.StringIO()
    logger = stdlib.getLogger("faststream.access")
    logger.addHandler(stdlib.StreamHandler(theirs))
    logger.propagate = False
    configure("production", stream=stream)
    logger.error("hello")
    assert theirs.getvalue() == ""
    assert [line["event"] for line in lines(stream)] == ["hello"]


def test_what_json_does_not_know_is_written_as_text() -> None:
    stream = io.StringIO()
    configure("production", stream=stream)
    structlog.get_logger("streams").info("odd", value=object, raw=b"\xff", number=2**70)
    (line,) = lines(stream)
    assert isinstance(line["value"], str)
    assert isinstance(line["raw"], str)


@pytest.mark.parametrize("environment", ["development", "production"])
def test_a_line_about_an_event_has_where_an_exception_arose_and_not_what_it_says(environment: str) -> None:
    stream, content = io.StringIO(), "sdrow nwo"[::-1]  # the source, which frames quote, must not hold it
    configure(environment, stream=stream)
    try:
        try:
            fail(ValueError(content))
        except ValueError as error:
            raise RuntimeError(content) from error
    except RuntimeError:
        structlog.get_logger("t").exception("unexpected_error", agent="runs", event_id="e-1")
    told = stream.getvalue()
    assert "own words" not in told
    assert "ValueError" in told
    assert "RuntimeError" in told
    assert "in fail" in told


def test_other_lines_have_the_whole_exception() -> None:
    stream = io.StringIO()
    configure("production", stream=stream)
    try:
        fail(ValueError("the disk is on fire"))
    except ValueError:
        structlog.get_logger("t").exception("worker_failed")
    assert "ValueError: the disk is on fire" in lines(stream)[0]["exception"]
