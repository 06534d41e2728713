from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import numpy as np
import pytest

from storage import result_views, results
from storage.database import Database
from storage.result_views import read_results
from storage.results import ResultRows, copy_results
from storage.runs import RunRow, insert_runs

MakeRun = Callable[..., RunRow]
MakeResults = Callable[..., ResultRows]

ALL_ROWS = """
select run_id, client_id, generation, row_no, position_id, measure, bucket, "values", error, error_detail
from run_results order by run_id, generation, row_no, measure, bucket
"""


def as_rows(written: ResultRows) -> list[tuple[Any, ...]]:
    """What the table should hold, the plain way."""
    values = [[cell if np.isfinite(cell) else None for cell in row] for row in written.values.tolist()]
    columns = (
        written.row_no,
        written.position_id,
        written.measure,
        written.bucket,
        values,
        written.error,
        written.error_detail,
    )
    return [(written.run_id, written.client_id, written.generation, *row) for row in zip(*columns, strict=True)]


async def stored(database: Database) -> list[tuple[Any, ...]]:
    async with database.connection() as connection:
        return [tuple(row) for row in await connection.fetch(ALL_ROWS)]


async def write(database: Database, *written: ResultRows) -> None:
    async with database.transaction() as connection:
        await copy_results(connection, written)


@pytest.mark.parametrize("scenarios", [1, 2, 50])
async def test_rows_are_stored_to_the_last_bit_with_nulls_where_a_number_is_not_finite(
    database: Database, make_results: MakeResults, scenarios: int
) -> None:
    values = np.random.default_rng(scenarios).normal(scale=1e9, size=(300, scenarios))
    values[::7, 0] = np.nan
    values[3, -1], values[4, -1] = np.inf, -np.inf
    values[5] = np.nan
    values[6] = -0.0
    written = make_results(uuid4(), values.tolist())

    await write(database, written)

    assert await stored(database) == as_rows(written)


async def test_texts_of_any_length_and_alphabet_are_stored_as_they_are(database: Database, make_results: MakeResults) -> None:
    written = make_results(
        uuid4(),
        [[1.0]] * 4,
        client_id="a-client.of_64",
        generation=7,
        row_no=np.array([3, 4, 5, 2**31 - 1]),
        position_id=["", "Ünïcode 🜚", "x" * 100_000, "tab\there"],
        measure=["PV", "KRD", "KRD", "DV01"],
        bucket=["", "2031-01-15", "EUR:2031-01-15", ""],
        error=[None, "UNSUPPORTED", "", None],
        error_detail=[None, "a curve\nis missing", None, None],
    )

    await write(database, written)

    assert await stored(database) == as_rows(written)


async def test_many_small_runs_and_one_of_several_chunks_go_in_together(
    database: Database, make_results: MakeResults, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(results, "CHUNK_ROWS", 10)
    sizes = [(1, 2), (9, 2), (1, 2), (3, 3), (35, 3), (10, 1), (0, 1), (2, 5)]
    written = [
        make_results(UUID(int=number), [[float(number)] * scenarios] * rows) if rows else make_results(UUID(int=number), [])
        for number, (rows, scenarios) in enumerate(sizes)
    ]

    await write(database, *written)

    assert await stored(database) == [row for run in written for row in as_rows(run)]


async def test_no_rows_at_all_are_written_without_complaint(database: Database) -> None:
    await write(database)

    assert await stored(database) == []


async def test_a_row_that_is_there_refuses_the_whole_copy(database: Database, make_results: MakeResults) -> None:
    run_id = uuid4()
    await write(database, make_results(run_id, [[1.0]]))

    with pytest.raises(asyncpg.UniqueViolationError):
        await write(database, make_results(uuid4(), [[2.0]]), make_results(run_id, [[3.0]]))
    assert len(await stored(database)) == 1


def test_columns_of_different_lengths_are_refused(make_results: MakeResults) -> None:
    with pytest.raises(ValueError, match="not equally long"):
        make_results(uuid4(), [[1.0], [2.0]], measure=["PV"])


async def test_a_page_is_in_the_order_of_the_portfolio_and_can_hold_errors_alone(
    database: Database, make_run: MakeRun, make_results: MakeResults
) -> None:
    run = make_run(status="partial", errors=2)
    errors = [None, "UNSUPPORTED", None, "INVALID_TERMS"]
    written = make_results(
        run.run_id,
        [[1.0, 2.0], [np.nan] * 2, [3.0, 4.0], [np.nan] * 2],
        row_no=[1, 1, 0, 2],
        measure=["PV", "DV01", "PV", "PV"],
        error=errors,
        error_detail=["why" if error else None for error in errors],
    )
    async with database.transaction() as connection:
        await insert_runs(connection, [run])
        await copy_results(connection, [written])

        everything = await read_results(connection, run.run_id, run.generation, limit=10)
        page = await read_results(connection, run.run_id, run.generation, limit=2, offset=1)
        bad = await read_results(connection, run.run_id, run.generation, limit=10, errors_only=True)

    assert [(row["row_no"], row["measure"]) for row in everything] == [(0, "PV"), (1, "DV01"), (1, "PV"), (2, "PV")]
    assert page == everything[1:3]
    assert bad == [everything[1], everything[3]]
    assert everything[1] == {
        "row_no": 1, "position_id": "p1", "measure": "DV01", "bucket": "", "values": [None, None],
        "error": "UNSUPPORTED", "error_detail": "why",
    }  # fmt: skip


async def test_readers_see_the_generation_that_the_run_names_and_the_view_none_of_an_unfinished_run(
    database: Database, make_run: MakeRun, make_results: MakeResults
) -> None:
    run, planned = make_run(generation=1), make_run(status="planned", completed_at=None)
    async with database.transaction() as connection:
        await insert_runs(connection, [run, planned])
        for generation in range(3):
            await copy_results(connection, [make_results(run.run_id, [[generation, generation + 0.5]], generation=generation)])
        await copy_results(connection, [make_results(planned.run_id, [[9.0, 9.0]])])

        page = await read_results(connection, run.run_id, run.generation, limit=10)
        unfinished = await read_results(connection, planned.run_id, 0, limit=10)
        cells = await connection.fetch("select * from run_values order by scenario_id")

    assert [row["values"] for row in page] == [[1.0, 1.5]]
    assert [row["values"] for row in unfinished] == [[9.0, 9.0]]
    assert [tuple(cell) for cell in cells] == [
        (run.run_id, "acme", "p0", "PV", "", "base", 1.0, 1),
        (run.run_id, "acme", "p0", "PV", "", "up100", 1.5, 1),
    ]


async def test_reading_a_page_uses_the_primary_key(database: Database, make_run: MakeRun, make_results: MakeResults) -> None:
    runs = [make_run() for _ in range(50)]
    async with database.transaction() as connection:
        await insert_runs(connection, runs)
        await copy_results(connection, [make_results(run.run_id, [[1.0, 2.0]] * 200) for run in runs])
        await connection.execute("analyze runs, run_results")
        plan = await connection.fetch(f"explain {result_views.PAGE}", runs[0].run_id, 0, False, 20, 0, None)

    text = "\n".join(row[0] for row in plan)
    assert "Index Scan using pk_run_results" in text
    assert "Seq Scan" not in text
