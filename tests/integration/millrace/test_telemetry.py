"""Reports as Sentry would get them: a local server takes the envelopes."""

from __future__ import annotations

import asyncio
import gzip
import io
import json
import logging as stdlib
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest
import sentry_sdk
import structlog

from events.failures import Conflict, Outage, Permanent
from millrace import logging, telemetry

SECRET = "customer-4711-balance"


class Sink:
    """What has been received: the items of all envelopes, as (type, payload)."""

    def __init__(self, dsn: str) -> None:
        self.dsn = dsn
        self.items: list[tuple[str, Any]] = []
        self.raw = b""

    def take(self, body: bytes) -> None:
        self.raw += body
        _, *rest = body.split(b"\n")
        for header, payload in zip(rest[::2], rest[1::2], strict=False):
            self.items.append((json.loads(header)["type"], json.loads(payload)))

    def reports(self) -> list[Any]:
        telemetry.flush(60)
        return [payload for kind, payload in self.items if kind == "event"]

    def traces(self) -> list[Any]:
        telemetry.flush(60)
        return [payload for kind, payload in self.items if kind == "transaction"]


@pytest.fixture
def sink() -> Iterator[Sink]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            received.take(gzip.decompress(body) if self.headers.get("content-encoding") == "gzip" else body)
            self.send_response(200)
            self.send_header("content-length", "2")
            self.end_headers()
            self.wfile.write(b"{}")

        def log_message(self, *arguments: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    received = Sink(f"http://key@127.0.0.1:{server.server_port}/1")
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield received
    sentry_sdk.get_client().close()
    sentry_sdk.get_global_scope().set_client(None)
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def reporting(sink: Sink) -> Iterator[Sink]:
    root = stdlib.getLogger()
    handlers, level = root.handlers[:], root.level
    logging.configure("production", stream=io.StringIO())
    telemetry.configure(sink.dsn, "test", "millrace@1")
    yield sink
    root.handlers[:], root.level = handlers, level
    structlog.reset_defaults()


def fail(error: Exception, _content: str) -> None:
    raise error


def report(error: Exception, **context: Any) -> None:
    content = SECRET  # a local variable that a report must not have
    try:
        fail(error, content)
    except Exception:  # noqa: BLE001 - whatever it is
        structlog.get_logger("streams.lane").exception(f"failed on {content}", **context)


def test_an_unexpected_error_is_reported_with_where_it_happened(reporting: Sink) -> None:
    report(KeyError(SECRET), agent="runs", topic="runs.requested", partition=3, offset=7, client_id=SECRET, event_id=SECRET)
    (event,) = reporting.reports()
    (exception,) = event["exception"]["values"]
    assert (exception["type"], exception["value"]) == ("KeyError", telemetry.WITHHELD)
    assert exception["stacktrace"]["frames"][-1]["function"] == "fail"
    assert event["tags"] == {
        "agent": "runs", "topic": "runs.requested", "partition": 3, "offset": 7, "logger": "streams.lane",
    }  # fmt: skip
    assert (event["environment"], event["release"]) == ("test", "millrace@1")


def test_nothing_of_what_events_say_leaves_the_process(reporting: Sink) -> None:
    report(ValueError(f"bad {SECRET}"), client_id=SECRET, event_id=SECRET)
    with sentry_sdk.new_scope() as scope:
        scope.set_user({"id": SECRET})
        scope.set_extra("body", SECRET)
        scope.set_tag("client_id", SECRET)
        sentry_sdk.add_breadcrumb(message=SECRET)
        sentry_sdk.capture_event({"message": SECRET, "request": {"data": SECRET, "url": f"http://x/{SECRET}"}})
    assert len(reporting.reports()) == 2
    assert SECRET.encode() not in reporting.raw


@pytest.mark.parametrize("error", [Permanent("too_large", "x"), Conflict("input_conflict", "x"), Outage("kafka", "x")])
def test_expected_failures_are_not_reported(reporting: Sink, error: Exception) -> None:
    report(error)
    sentry_sdk.capture_exception(error)
    assert reporting.reports() == []


def test_the_standard_library_s_errors_are_reported_too(reporting: Sink) -> None:
    try:
        fail(RuntimeError(SECRET), "")
    except RuntimeError:
        stdlib.getLogger("asyncio").exception("Task exception was never retrieved")
    (event,) = reporting.reports()
    assert event["tags"] == {"logger": "asyncio"}


def test_a_line_without_an_exception_is_not_reported(reporting: Sink) -> None:
    structlog.get_logger().error("lane_stopped")
    stdlib.getLogger("aiokafka").error("no leader")
    assert reporting.reports() == []


def test_traces_have_names_and_times_only(reporting: Sink, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sentry_sdk.get_client().options, "traces_sample_rate", 1.0)
    with sentry_sdk.start_transaction(name="runs.save") as transaction:
        transaction.set_tag("client_id", SECRET)
        with sentry_sdk.start_span(op="db", name="copy") as span:
            span.set_data("db.params", SECRET)
    (trace,) = reporting.traces()
    assert trace["transaction"] == "runs.save"
    assert SECRET.encode() not in reporting.raw


def test_a_stage_of_a_lane_is_a_trace(reporting: Sink, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sentry_sdk.get_client().options, "traces_sample_rate", 1.0)
    with telemetry.trace("runs", "save"):
        pass
    (trace,) = reporting.traces()
    assert (trace["transaction"], trace["contexts"]["trace"]["op"]) == ("runs.save", "lane.save")


async def test_stages_at_the_same_time_are_traces_apart(reporting: Sink, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sentry_sdk.get_client().options, "traces_sample_rate", 1.0)

    async def stage(name: str) -> None:
        with telemetry.trace("runs", name):
            await asyncio.sleep(0.01)

    shared = sentry_sdk.get_current_scope()
    await asyncio.gather(*(stage(name) for name in ("decode", "work", "save")))
    assert shared.span is None
    traces = await asyncio.to_thread(reporting.traces)
    assert sorted(trace["transaction"] for trace in traces) == ["runs.decode", "runs.save", "runs.work"]
    assert len({trace["contexts"]["trace"]["span_id"] for trace in traces}) == 3


def test_a_tenth_of_the_traces_is_kept(reporting: Sink) -> None:
    assert sentry_sdk.get_client().options["traces_sample_rate"] == 0.1


def test_without_an_address_nothing_is_reported(sink: Sink) -> None:
    before = stdlib.getLogger().handlers[:]
    telemetry.configure(None, "test", "millrace@1")
    assert stdlib.getLogger().handlers == before
    sentry_sdk.capture_exception(ValueError("x"))
    assert sink.reports() == []


def test_a_sink_that_is_away_costs_no_error(reporting: Sink) -> None:
    telemetry.configure("http://key@127.0.0.1:1/1", "test", "millrace@1")
    report(ValueError("x"))
    telemetry.flush(2)
