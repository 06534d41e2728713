from __future__ import annotations

import re
from datetime import UTC, datetime

import pytest

from events.failures import NotAsked, Outage, Permanent, Transient
from handlers.llm import LlmConfig, errors
from handlers.llm.errors import CallError, NotAskedError, Trouble, failure_of, told_wait, trouble_of, wait_before_next

CONFIG = LlmConfig(api_key="k", base_url=None, provider="p", tries=3, first_wait=0.5, longest_wait=30.0)
ROW = re.compile(r"^(\w+) +(yes|no)\b.*? {2,}(Outage|Transient|Permanent) (\w+)$", re.MULTILINE)
NOW = datetime(2026, 11, 20, 10, tzinfo=UTC)


@pytest.mark.parametrize(
    ("status", "code", "trouble"),
    [
        (401, "invalid_api_key", "key"),
        (403, None, "forbidden"),
        (403, "model_not_found", "model"),
        (400, "model_not_found", "model"),
        (429, "rate_limit_exceeded", "rate_limit"),
        (429, None, "rate_limit"),
        (429, "insufficient_quota", "quota"),
        (429, "billing_not_active", "quota"),
        (500, None, "server"),
        (503, "overloaded", "server"),
        (408, None, "server"),
        (409, None, "server"),
        (400, "context_length_exceeded", "request"),
        (404, "model_not_found", "model"),
        (413, None, "request"),
        (422, None, "request"),
    ],
)
def test_what_a_status_means(status: int, code: str | None, trouble: str) -> None:
    assert trouble_of(status, code) == trouble


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"retry-after": "7"}, 7),
        ({"retry-after": "0.5"}, 0.5),
        ({"retry-after": "7", "retry-after-ms": "250"}, 0.25),
        ({"retry-after": "7", "retry-after-ms": "soon"}, 7),
        ({"retry-after": "Fri, 20 Nov 2026 10:01:00 GMT"}, 60),
        ({"retry-after": "Fri, 20 Nov 2026 09:00:00 GMT"}, 0),
        ({"retry-after": "-3"}, 0),
        ({"retry-after": "nan"}, None),
        ({"retry-after": "inf"}, None),
        ({"retry-after": "later"}, None),
    ],
)
def test_how_long_a_server_asks_to_wait(headers: dict[str, str], seconds: float | None) -> None:
    assert told_wait(headers, NOW) == seconds


@pytest.mark.parametrize("trouble", ["connection", "server", "rate_limit"])
def test_what_may_pass_is_tried_again_with_growing_waits(trouble: str) -> None:
    error = CallError(Trouble(trouble), "")
    assert [wait_before_next(error, attempt, CONFIG, lambda: 1.0) for attempt in (1, 2, 3)] == [0.5, 1.0, None]
    assert wait_before_next(error, 1, CONFIG, lambda: 0.0) == 0.25


@pytest.mark.parametrize("trouble", ["timeout", "quota", "key", "forbidden", "model", "request"])
def test_what_does_not_pass_or_may_be_paid_for_is_not(trouble: str) -> None:
    assert wait_before_next(CallError(Trouble(trouble), ""), 1, CONFIG, lambda: 1.0) is None


def test_a_malformed_answer_is_asked_for_again_at_once() -> None:
    error = CallError(Trouble.MALFORMED, "")
    assert [wait_before_next(error, attempt, CONFIG, lambda: 1.0) for attempt in (1, 2, 3)] == [0.0, 0.0, None]


def test_nobody_comes_back_before_the_server_wants_and_not_all_at_once() -> None:
    error = CallError(Trouble.RATE_LIMIT, "", after=20.0)
    assert wait_before_next(error, 1, CONFIG, lambda: 0.0) == 20.25
    assert wait_before_next(error, 1, CONFIG, lambda: 1.0) == 20.5


def test_a_wait_that_is_too_long_is_left_to_the_event() -> None:
    assert wait_before_next(CallError(Trouble.RATE_LIMIT, "", after=30.5), 1, CONFIG, lambda: 0.0) is None


def test_what_was_not_asked_is_not_asked_again() -> None:
    assert wait_before_next(NotAskedError(Trouble.SERVER, ""), 1, CONFIG, lambda: 0.0) is None


@pytest.mark.parametrize(
    ("trouble", "kind", "code"),
    [
        ("connection", Outage, "openai_away"),
        ("server", Outage, "openai_away"),
        ("timeout", Outage, "openai_away"),
        ("quota", Outage, "openai_quota"),
        ("key", Outage, "openai_refuses_key"),
        ("forbidden", Outage, "openai_refuses_key"),
        ("model", Outage, "openai_lacks_model"),
        ("rate_limit", Transient, "rate_limited"),
        ("malformed", Transient, "malformed_answer"),
        ("request", Permanent, "model_refused"),
    ],
)
def test_what_follows_for_the_event(trouble: str, kind: type[Exception], code: str) -> None:
    failure = failure_of(CallError(Trouble(trouble), "told", after=4.0))
    assert (type(failure), failure.code, failure.message) == (kind, code, "told")
    assert getattr(failure, "after", None) == ((4.0 if trouble == "rate_limit" else 0.0) if kind is Transient else None)


def test_what_was_not_asked_is_an_outage_of_its_own_kind() -> None:
    failure = failure_of(NotAskedError(Trouble.MODEL, "not asked"))
    assert (type(failure), failure.code, failure.message) == (NotAsked, "openai_lacks_model", "not asked")


def test_what_the_server_told_is_no_part_of_the_failure() -> None:
    error = CallError(Trouble.RATE_LIMIT, "status 429", told="Rate limit reached in organization org-1")
    assert "org-1" not in f"{error} {failure_of(error)}"


def test_the_table_in_the_module_is_what_happens() -> None:
    rows = ROW.findall(errors.__doc__ or "")
    assert {name for name, *_ in rows} == set(Trouble)
    for name, again, kind, code in rows:
        error = CallError(Trouble(name), "")
        failure = failure_of(error)
        told = "no" if wait_before_next(error, 1, CONFIG, lambda: 1.0) is None else "yes"
        assert (told, type(failure).__name__, failure.code) == (again, kind, code)
