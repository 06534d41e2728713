from __future__ import annotations

import pytest

from handlers.llm.errors import CallError, Trouble
from handlers.llm.model import Target
from handlers.llm.routes import Routes

VECTORS: Target = ("embeddings", "small")
ANSWERS: Target = ("responses", "mini")


@pytest.fixture
def routes() -> Routes:
    return Routes(failures=2, seconds=5.0)


def error(trouble: str) -> CallError:
    return CallError(Trouble(trouble), "")


def is_open(routes: Routes, target: Target) -> bool:
    return any(breaker.error is not None for breaker in routes.breakers(target))


@pytest.mark.parametrize("trouble", ["model", "forbidden", "server", "timeout", "connection"])
def test_what_one_target_meets_is_its_own(routes: Routes, trouble: str) -> None:
    for _ in range(2):
        routes.failed(ANSWERS, error(trouble), 0.0)
    assert (is_open(routes, ANSWERS), is_open(routes, VECTORS)) == (True, False)
    assert routes.doubtful([VECTORS]) == []


@pytest.mark.parametrize("trouble", ["key", "quota"])
def test_what_the_account_meets_is_everybodys(routes: Routes, trouble: str) -> None:
    assert routes.failed(ANSWERS, error(trouble), 0.0)
    assert is_open(routes, VECTORS)
    assert routes.doubtful([VECTORS]) == [VECTORS]
    routes.succeeded(VECTORS)
    assert not is_open(routes, ANSWERS)
    assert routes.doubtful([VECTORS, ANSWERS]) == [ANSWERS]  # it alone may be without quota


def test_a_connection_that_fails_shows_in_the_list_of_models(routes: Routes) -> None:
    for _ in range(2):
        routes.failed(ANSWERS, error("connection"), 0.0)
    assert routes.doubtful([]) == []
    routes.listed()
    assert not is_open(routes, ANSWERS)


def test_the_list_of_models_clears_no_suspect(routes: Routes) -> None:
    routes.failed(ANSWERS, error("model"), 0.0)
    routes.listed()
    assert is_open(routes, ANSWERS)
    assert routes.doubtful([]) == [ANSWERS]


def test_a_list_that_is_not_to_be_had_counts_for_those_it_was_asked_for(routes: Routes) -> None:
    assert not routes.unlisted([ANSWERS], error("connection"), 0.0)
    assert routes.unlisted([ANSWERS], error("connection"), 0.0)
    assert not is_open(routes, VECTORS)
    assert routes.unlisted([ANSWERS], error("key"), 0.0)
    assert is_open(routes, VECTORS)


@pytest.mark.parametrize("trouble", ["quota", "key", "forbidden", "model"])
def test_what_every_call_would_hear_opens_a_breaker_at_once(routes: Routes, trouble: str) -> None:
    assert routes.failed(ANSWERS, error(trouble), 0.0)


@pytest.mark.parametrize("trouble", ["rate_limit", "request", "malformed"])
def test_a_server_that_answers_is_there(routes: Routes, trouble: str) -> None:
    for _ in range(2):
        routes.failed(ANSWERS, error("connection"), 0.0)
        assert not routes.failed(ANSWERS, error(trouble), 0.0)
    assert not is_open(routes, ANSWERS)


def test_workers_that_lost_openai_together_do_not_look_for_it_together() -> None:
    dues = []
    for drawn in (0.0, 0.5, 1.0):
        routes = Routes(failures=1, seconds=4.0, draw=lambda drawn=drawn: drawn)  # type: ignore[misc]
        routes.failed(ANSWERS, error("server"), 100.0)
        dues.append(routes.breakers(ANSWERS)[0].due)
    assert dues == [102.0, 103.0, 104.0]
