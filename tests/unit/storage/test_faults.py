"""What errors of Postgres and Redis mean."""

from __future__ import annotations

import asyncpg
import pytest
import redis.exceptions
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from storage.faults import Fault, fault_of


def postgres_error(sqlstate: str) -> asyncpg.PostgresError:
    return asyncpg.PostgresError.new({"C": sqlstate, "M": "told so"})


@pytest.mark.parametrize(
    ("sqlstate", "expected"),
    [
        ("40001", Fault.AGAIN),
        ("40P01", Fault.AGAIN),
        ("55P03", Fault.AGAIN),
        ("57014", Fault.CUT),
        ("08006", Fault.BROKEN),
        ("25P03", Fault.BROKEN),
        ("25P04", Fault.CUT),
        ("57P01", Fault.BROKEN),
        ("57P03", Fault.OUTAGE),
        ("53300", Fault.BUSY),
        ("53100", Fault.OUTAGE),
        ("25006", Fault.OUTAGE),
        ("42P01", Fault.OUTAGE),
        ("23505", Fault.BAD),
        ("22021", Fault.BAD),
        ("42601", Fault.BAD),
    ],
)
def test_a_sqlstate_has_its_meaning(sqlstate: str, expected: Fault) -> None:
    assert fault_of(postgres_error(sqlstate)) is expected


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (ConnectionRefusedError(), Fault.BROKEN),
        (ConnectionResetError(), Fault.BROKEN),
        (TimeoutError(), Fault.BROKEN),
        (EOFError(), Fault.BROKEN),
        (asyncpg.InterfaceError("connection is closed"), Fault.BROKEN),
        (asyncpg.DataError("cannot encode"), Fault.BAD),
        (PoolTimeout("pool is full"), Fault.BUSY),
        (redis.exceptions.ConnectionError("away"), Fault.OUTAGE),
        (redis.exceptions.BusyLoadingError("loading"), Fault.OUTAGE),
        (ValueError("a bug"), None),
        (KeyError("a bug"), None),
    ],
)
def test_an_exception_has_its_meaning(error: Exception, expected: Fault | None) -> None:
    assert fault_of(error) is expected


def test_what_an_error_wraps_is_looked_at() -> None:
    wrapped = DBAPIError("select 1", None, postgres_error("57P03"))
    assert fault_of(wrapped) is Fault.OUTAGE
    outer = RuntimeError("while loading")
    outer.__cause__ = postgres_error("40P01")
    assert fault_of(outer) is Fault.AGAIN


def test_a_connection_that_the_server_has_ended_means_what_it_said_last() -> None:
    ended = asyncpg.ConnectionDoesNotExistError("connection was closed in the middle of operation")
    assert fault_of(ended) is Fault.BROKEN
    ended.__cause__ = postgres_error("25P04")
    assert fault_of(ended) is Fault.CUT
