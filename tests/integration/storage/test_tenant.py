from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import asyncpg
import pytest

from storage.database import Connection, Database
from storage.models import Base
from storage.result_views import read_results
from storage.results import ResultRows, copy_results
from storage.runs import RunRow, insert_runs, read_run
from storage.tenant import tenant_session
from tests.support.databases import PATIENT

MakeRun = Callable[..., RunRow]
MakeResults = Callable[..., ResultRows]

WHO = "select current_user::text, coalesce(current_setting('app.client_id', true), '')"
CONTENT = {
    *("runs", "run_generations", "run_results", "run_values", "run_progress", "run_plans", "run_slices", "run_totals"),
    *("documents", "document_chunks", "audits", "audit_findings", "llm_calls"),
    *("market_snapshots", "portfolios"),
}
SHA256 = "sha256('')"
IDENTITY = f"'/docs', 'e1', 'c1', {SHA256}, {SHA256}, now(), now()"
# One row of each table but those of runs, for the client $1.
OTHERS = (
    f"""
    insert into run_generations (run_id, generation, client_id, status, valuation_date, reporting_currency, scenario_ids,
        measures, pricer_version, source, event_id, correlation_id, input_sha256, request_sha256)
    values (uuidv7(), 1, $1, 'planned', '2026-01-15', 'USD', '{{base}}', '{{PV}}', '1', '/docs', 'e1', 'c1', {SHA256}, {SHA256})
    """,
    """
    insert into run_totals (run_id, generation, group_values, measure, client_id, "values")
    values (uuidv7(), 0, '{}', 'PV', $1, '{1.5}')
    """,
    "insert into run_plans (run_id, generation, client_id, request, subject) values (uuidv7(), 0, $1, '', 's')",
    """
    insert into run_slices (run_id, generation, slice_no, client_id, first_row, positions, byte_ranges)
    values (uuidv7(), 0, 0, $1, 0, 1, '{}')
    """,
    f"""
    insert into documents (document_id, version, client_id, status, uri, filename, embedding_model, dimensions, chunker,
        failure_code, source, event_id, correlation_id, input_sha256, request_sha256, started_at, completed_at)
    values (uuidv7(), 1, $1, 'failed', 'a.pdf', 'a.pdf', 'm', 1536, 'c', 'corrupt', {IDENTITY})
    """,
    f"""
    insert into document_chunks (document_id, version, client_id, ordinal, page, start_char, end_char, content,
        content_sha256, tokens, embedding, embedding_model)
    values (uuidv7(), 1, $1, 0, 1, 0, 1, 'a', {SHA256}, 1, array_fill(0.5::float4, array[1536])::vector, 'm')
    """,
    f"""
    insert into audits (audit_id, client_id, status, title, model, prompt_version,
        source, event_id, correlation_id, input_sha256, request_sha256, started_at, completed_at)
    values (uuidv7(), $1, 'completed', 't', 'm', '1', {IDENTITY})
    """,
    """
    insert into audit_findings (audit_id, client_id, generation, ordinal, severity, title, description, recommendation,
        citations)
    values (uuidv7(), $1, 0, 0, 'low', 't', 'd', 'r', '[]')
    """,
    f"""
    insert into llm_calls (client_id, flow, endpoint, provider, model, request_sha256, outcome, answer_sha256,
        input_tokens, cached_tokens, output_tokens, cost_usd, latency_ms)
    values ($1, 'audits', 'responses', 'p', 'm', {SHA256}, 'answered', {SHA256}, 1, 0, 1, 0, 1)
    """,
    """
    insert into market_snapshots (client_id, snapshot_id, as_of, content_sha256, content)
    values ($1, 'eod', '2026-01-15', sha256('{}'), '{}')
    """,
    f"""
    insert into portfolios (client_id, portfolio_id, content_sha256, uri, object_sha256, object_bytes, positions)
    values ($1, 'desk', {SHA256}, 'a.csv', {SHA256}, 0, 0)
    """,
)
ENGINE = sorted(set(Base.metadata.tables) - CONTENT)


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    """One connection only, so that each session gets what the one before left."""
    opened = Database(database_url, pool_size=1, limits=PATIENT)
    yield opened
    await opened.close()


@pytest.fixture
async def runs(database: Database, make_run: MakeRun, make_results: MakeResults) -> dict[str, RunRow]:
    """A run with two rows for each of two clients, and a row of every other table of content."""
    made = {client: make_run(client_id=client) for client in ("acme", "rival")}
    async with database.transaction() as connection:
        await insert_runs(connection, list(made.values()))
        rows = [make_results(run.run_id, [[1.0, 2.0], [3.0, 4.0]], client_id=client) for client, run in made.items()]
        await copy_results(connection, rows)
        for statement in OTHERS:
            await connection.executemany(statement, [(client,) for client in made])
    return made


async def visible(connection: Connection) -> dict[str, list[Any]]:
    """How many rows each table of content shows, by client."""
    counted = {}
    for name in sorted(CONTENT):
        found = await connection.fetch(f"select client_id, count(*) from {name} group by 1 order by 1")
        counted[name] = [tuple(row) for row in found]
    return counted


@pytest.mark.parametrize("client", ["acme", "rival"])
async def test_a_client_sees_its_own_rows_alone(database: Database, runs: dict[str, RunRow], client: str) -> None:
    async with tenant_session(database, client) as connection:
        rows = dict.fromkeys(CONTENT, 1) | {"run_results": 2, "run_values": 4, "run_progress": 2}
        assert await visible(connection) == {name: [(client, count)] for name, count in rows.items()}


async def test_a_client_cannot_read_the_run_of_another_by_its_id(database: Database, runs: dict[str, RunRow]) -> None:
    async with tenant_session(database, "acme") as connection:
        assert await read_run(connection, runs["acme"].run_id) == runs["acme"]
        assert len(await read_results(connection, runs["acme"].run_id, 0, limit=9)) == 2
        assert await read_run(connection, runs["rival"].run_id) is None
        assert await read_results(connection, runs["rival"].run_id, 0, limit=9) == []


@pytest.mark.parametrize("client", ["", "nobody", "acme' or true --", "%"])
async def test_a_client_that_is_none_sees_nothing(database: Database, runs: dict[str, RunRow], client: str) -> None:
    async with tenant_session(database, client) as connection:
        assert await visible(connection) == {name: [] for name in CONTENT}


async def test_the_role_without_a_client_sees_nothing(database: Database, runs: dict[str, RunRow]) -> None:
    async with database.transaction() as connection:
        await connection.execute("set local role millrace_tenant")
        assert await visible(connection) == {name: [] for name in CONTENT}


@pytest.mark.parametrize("table", [*ENGINE, "alembic_version"])
async def test_the_tables_of_the_engine_are_closed(database: Database, table: str) -> None:
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        async with tenant_session(database, "acme") as connection:
            await connection.fetch(f"select 1 from {table}")


@pytest.mark.parametrize("table", sorted(CONTENT - {"run_values", "run_progress"}))
@pytest.mark.parametrize("statement", ["delete from {}", "update {} set client_id = 'acme'", "insert into {} default values"])
async def test_a_client_cannot_write(database: Database, table: str, statement: str) -> None:
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        async with tenant_session(database, "acme") as connection:
            await connection.execute(statement.format(table))


async def test_the_next_user_of_the_connection_is_the_engine_again(database: Database, runs: dict[str, RunRow]) -> None:
    async with database.connection() as connection:
        before = tuple(await connection.fetchrow(WHO))

    async with tenant_session(database, "acme") as connection:
        assert tuple(await connection.fetchrow(WHO)) == ("millrace_tenant", "acme")
        seen = await connection.fetch("select client_id from runs order by client_id")

    async with database.connection() as connection:
        assert tuple(await connection.fetchrow(WHO)) == before
        assert before[0] != "millrace_tenant"
        everything = await connection.fetch("select client_id from runs order by client_id")
    assert [row["client_id"] for row in seen] == ["acme"]
    assert [row["client_id"] for row in everything] == ["acme", "rival"]


async def fail_in_the_database(connection: Connection) -> None:
    await connection.execute("select 1 / 0")


async def fail_in_the_caller(connection: Connection) -> None:
    raise ZeroDivisionError


@pytest.mark.parametrize("fail", [fail_in_the_database, fail_in_the_caller])
async def test_after_an_error_too(database: Database, runs: dict[str, RunRow], fail: Callable[..., Awaitable[None]]) -> None:
    with pytest.raises((ZeroDivisionError, asyncpg.DivisionByZeroError)):
        async with tenant_session(database, "acme") as connection:
            await fail(connection)

    async with database.connection() as connection:
        user, client = await connection.fetchrow(WHO)
        assert (user != "millrace_tenant", client) == (True, "")
        assert await connection.fetchval("select count(*) from runs") == 2


async def test_one_client_after_another_gets_no_plan_of_the_first(database: Database, runs: dict[str, RunRow]) -> None:
    for client in ("acme", "rival") * 6:
        async with tenant_session(database, client) as connection:
            assert await connection.fetchval("select min(client_id) from runs") == client
        async with database.transaction() as connection:
            assert await connection.fetchval("select min(client_id) from runs") == "acme"
