"""The statements about runs that stand in the docs: of a run that was done again they find one generation."""

from __future__ import annotations

from collections.abc import AsyncIterator
from uuid import UUID

import numpy as np
import pytest

from storage.database import Connection, Database
from storage.results import copy_results
from storage.run_generations import add_generations, replace_runs
from storage.runs import insert_runs
from storage.totals import TotalRows, copy_totals
from tests.integration.storage.conftest import MakeResults, MakeRun
from tests.support.markdown import CHECKOUT, documents, statements

SAID = [
    pytest.param(statement, id=f"{path.relative_to(CHECKOUT)}-{number}")
    for path in documents()
    for number, statement in enumerate(statements(path.read_text()))
    if "'…'" in statement and "run" in statement
]


@pytest.fixture
async def run_id(database: Database, make_run: MakeRun, make_results: MakeResults) -> UUID:
    """A run that is read as generation 1; 0 was before, and 2 is in work. All of them have rows and totals."""
    run = make_run(status="partial", errors=1, group_by=["desk"], slices=1, slices_done=1)
    async with database.transaction() as connection:
        await insert_runs(connection, [run])
        await replace_runs(connection, [run._replace(generation=1)])
        await add_generations(connection, [run._replace(generation=2, status="planned", completed_at=None, slices=2)])
        for number in range(3):
            values = [[10.0 * number, 1.0], [np.nan, np.nan]]
            errors = {"error": [None, "UNSUPPORTED"], "error_detail": [None, f"of generation {number}"]}
            await copy_results(connection, [make_results(run.run_id, values, generation=number, **errors)])
            total = {"PV": np.array([[10.0 * number, 1.0]])}
            await copy_totals(connection, [TotalRows(run.run_id, number, "acme", [["rates"]], total)])
            await connection.execute(A_SLICE, run.run_id, number)
    return run.run_id


A_SLICE = """
insert into run_slices (run_id, generation, slice_no, client_id, first_row, positions, byte_ranges)
values ($1, $2, 0, 'acme', 0, 2, '{}')
"""


@pytest.fixture
async def connection(database: Database) -> AsyncIterator[Connection]:
    async with database.connection() as connection:
        yield connection


@pytest.mark.parametrize("statement", SAID)
async def test_a_statement_of_the_docs_finds_what_it_would_if_there_were_no_other_generation(
    connection: Connection, run_id: UUID, statement: str
) -> None:
    asked = statement.replace("…", str(run_id)).replace("offset 2000", "offset 0")
    found = sorted(map(str, await connection.fetch(asked)))
    for table in ("run_results", "run_totals", "run_slices"):
        await connection.execute(f"delete from {table} where generation <> 1")
    assert found == sorted(map(str, await connection.fetch(asked)))
    assert found


def test_the_docs_have_statements_on_runs() -> None:
    assert len(SAID) >= 6
