"""Reports unexpected errors to Sentry, and a tenth of the traces; nothing of what events say, and nobody's data.

What is expected to fail (the tree of events.failures) is counted and kept as dead letters and is not reported. A report
holds the type of the error, where in the code it arose, and the flow, topic, partition and offset; its message stays in
the log, because messages quote values.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from types import TracebackType
from typing import Any, TypeAlias

import sentry_sdk
from sentry_sdk.integrations.atexit import AtexitIntegration
from sentry_sdk.integrations.dedupe import DedupeIntegration
from sentry_sdk.integrations.excepthook import ExcepthookIntegration
from sentry_sdk.integrations.threading import ThreadingIntegration
from sentry_sdk.types import Event, Hint

from events.failures import MillraceError
from millrace.logging import exception_of

TRACES = 0.1
WITHHELD = "withheld: see the log"
TAGS = ("agent", "topic", "partition", "offset", "logger")
# Parts of a report that could hold what an event says, or who sent it.
PRIVATE = ("request", "user", "extra", "breadcrumbs", "logentry", "message", "modules", "server_name")

ExcInfo: TypeAlias = tuple[type[BaseException], BaseException, TracebackType | None]


def configure(dsn: str | None, environment: str, release: str) -> None:
    """Starts reporting; without a DSN nothing is ever sent. Call it after logging is configured, which it listens to."""
    if not dsn:
        return
    sentry_sdk.init(
        dsn=dsn,
        environment=environment,
        release=release,
        traces_sample_rate=TRACES,
        include_local_variables=False,
        include_source_context=False,
        max_request_body_size="never",
        max_breadcrumbs=0,
        # None of those that watch libraries: they report statements, addresses and values.
        default_integrations=False,
        auto_enabling_integrations=False,
        integrations=[
            AtexitIntegration(callback=_quietly),
            ExcepthookIntegration(),
            ThreadingIntegration(),
            DedupeIntegration(),
        ],
        before_send=before_send,
        before_send_transaction=before_send_transaction,
    )
    root = logging.getLogger()
    if not any(isinstance(handler, Reporter) for handler in root.handlers):
        root.addHandler(Reporter())


def trace(flow: str, stage: str) -> AbstractContextManager[object]:
    """A trace of one batch or group in one stage of a lane, if traces are reported at all."""
    return _traced(flow, stage) if sentry_sdk.is_initialized() else nullcontext()


@contextmanager
def _traced(flow: str, stage: str) -> Iterator[None]:
    # A scope of its own, because tasks that work at the same time share the one they were started with.
    with sentry_sdk.new_scope(), sentry_sdk.start_transaction(op=f"lane.{stage}", name=f"{flow}.{stage}"):
        yield


def flush(seconds: float) -> None:
    """Waits until what was reported is sent."""
    sentry_sdk.flush(seconds)


class Reporter(logging.Handler):
    """Reports the exception of every log record of level ERROR and above that has one."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)

    def emit(self, record: logging.LogRecord) -> None:
        """Sends the record's exception with the context that the line was logged with."""
        error = _exception(record)
        if error is None:
            return
        line = record.msg if isinstance(record.msg, Mapping) else {}
        with sentry_sdk.new_scope() as scope:
            for name in TAGS:
                if name in line:
                    scope.set_tag(name, line[name])
            scope.set_tag("logger", record.name)
            sentry_sdk.capture_exception(error)


def is_expected(error: BaseException) -> bool:
    """Whether the error is one that Millrace foresees and deals with."""
    return isinstance(error, MillraceError | KeyboardInterrupt | SystemExit)


def before_send(report: Event, hint: Hint) -> Event | None:
    """The report without anything private; None, so that it is not sent, for an expected error."""
    if "exc_info" in hint and is_expected(hint["exc_info"][1]):
        return None
    stripped: Any = {name: value for name, value in report.items() if name not in PRIVATE}
    for exception in (stripped.get("exception") or {}).get("values", []):
        exception["value"] = WITHHELD
        for frame in (exception.get("stacktrace") or {}).get("frames", []):
            frame.pop("vars", None)
    _keep_known_tags(stripped)
    return stripped  # type: ignore[no-any-return]  # Sentry's own types are not exported as such


def before_send_transaction(report: Event, _hint: Hint) -> Event | None:
    """The trace without anything private: names and times of its steps."""
    stripped: Any = {name: value for name, value in report.items() if name not in PRIVATE}
    for span in stripped.get("spans", []):
        span.pop("data", None)
    _keep_known_tags(stripped)
    return stripped  # type: ignore[no-any-return]  # as above


def _keep_known_tags(report: Any) -> None:
    report["tags"] = {name: value for name, value in (report.get("tags") or {}).items() if name in TAGS}


def _exception(record: logging.LogRecord) -> BaseException | None:
    given: Any = record.exc_info
    if given is None and isinstance(record.msg, Mapping):
        given = record.msg.get("exc_info")
    return exception_of(given)


def _quietly(_pending: int, _timeout: float) -> None:
    """Says nothing at exit; by default Sentry prints to stderr."""
