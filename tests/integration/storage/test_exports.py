"""A run's rows, read a page at a time."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Any
from uuid import UUID, uuid4

import numpy as np
import pytest

from storage import exports
from storage.database import Connection, Database
from storage.exports import ResultPage, count_results, result_pages
from storage.results import ResultRows, copy_results
from storage.tenant import tenant_session

MakeResults = Callable[..., ResultRows]


async def write(database: Database, *written: ResultRows) -> None:
    async with database.transaction() as connection:
        await copy_results(connection, written)


async def pages(database: Database, run_id: UUID, scenarios: int, generation: int = 0) -> list[ResultPage]:
    return [page async for page in result_pages(database.connection, run_id, generation, scenarios)]


@pytest.mark.parametrize("rows_a_page", [1, 2, 3, 7, 100])
async def test_every_row_comes_once_and_in_order_however_long_the_pages(
    database: Database, make_results: MakeResults, monkeypatch: pytest.MonkeyPatch, rows_a_page: int
) -> None:
    monkeypatch.setattr(exports, "PAGE_ROWS", rows_a_page)
    run_id, values = uuid4(), np.arange(12.0).reshape(6, 2)
    places: dict[str, Any] = {
        "row_no": [0, 0, 0, 1, 1, 2],
        "measure": ["KRD", "KRD", "PV", "KRD", "PV", "PV"],
        "bucket": ["2027-01-15", "EUR:2027-01-15", "", "2027-01-15", "", ""],
    }
    await write(database, make_results(run_id, values.tolist(), **places), make_results(uuid4(), [[1.0, 2.0]]))
    read = await pages(database, run_id, 2)
    assert np.concatenate([page.values for page in read]).tolist() == values.tolist()
    for name, column in places.items():
        assert [each for page in read for each in getattr(page, name)] == column
    assert all(len(page) <= rows_a_page for page in read)


async def test_what_is_null_is_nan_and_every_other_bit_is_kept(database: Database, make_results: MakeResults) -> None:
    run_id, values = uuid4(), np.random.default_rng(1).normal(scale=1e9, size=(20, 3))
    values[3, 1] = np.nan
    values[4] = np.nan
    values[5, 0] = -0.0
    error = [None, None, None, "CALCULATION_FAILED", "UNSUPPORTED", *[None] * 15]
    detail = ["why" if each else None for each in error]
    await write(database, make_results(run_id, values.tolist(), error=error, error_detail=detail))
    [page] = await pages(database, run_id, 3)
    assert page.values.tobytes() == values.tobytes()
    assert (list(page.error), list(page.error_detail)) == (error, detail)


async def test_a_row_without_values_has_none_under_any_scenario(database: Database, make_results: MakeResults) -> None:
    run_id = uuid4()
    await write(database, make_results(run_id, [[1.0, 2.0]]))
    async with database.connection() as connection:
        await connection.execute("update run_results set \"values\" = '{}', error = 'CALCULATION_FAILED'")
    [page] = await pages(database, run_id, 2)
    assert np.isnan(page.values).all()
    assert page.values.shape == (1, 2)


async def test_other_generations_and_a_run_without_rows_are_left_out(database: Database, make_results: MakeResults) -> None:
    run_id = uuid4()
    await write(database, make_results(run_id, [[1.0]], generation=0), make_results(run_id, [[2.0]], generation=1))
    [page] = await pages(database, run_id, 1, generation=1)
    assert page.values.tolist() == [[2.0]]
    assert await pages(database, uuid4(), 1) == []
    async with database.connection() as connection:
        assert await count_results(connection, run_id, 1) == 1


async def test_a_client_reads_nothing_of_anothers_run(database: Database, make_results: MakeResults) -> None:
    run_id = uuid4()
    await write(database, make_results(run_id, [[1.0]]))

    def as_rival() -> AbstractAsyncContextManager[Connection]:
        return tenant_session(database, "rival")

    assert [page async for page in result_pages(as_rival, run_id, 0, 1)] == []


async def test_a_page_has_a_bounded_number_of_values(
    database: Database, make_results: MakeResults, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exports, "PAGE_CELLS", 10)
    run_id = uuid4()
    await write(database, make_results(run_id, np.ones((5, 4)).tolist()))
    assert [page.values.size for page in await pages(database, run_id, 4)] == [8, 8, 4]


async def test_a_page_is_found_behind_the_last_row_by_the_primary_key(database: Database, make_results: MakeResults) -> None:
    run_ids = [uuid4() for _ in range(20)]
    await write(database, *(make_results(run_id, [[1.0]] * 300) for run_id in run_ids))
    async with database.connection() as connection:
        await connection.execute("analyze run_results")
        plan = await connection.fetch(f"explain {exports.PAGE}", run_ids[3], 0, 200, "PV", "", 10)
    lines = [line for [line] in plan]
    assert any("Index Scan using pk_run_results" in line for line in lines), lines
    assert any("Index Cond" in line and "ROW(row_no, measure, bucket) > ROW(200" in line for line in lines), lines
    assert not any("Sort" in line for line in lines), lines
