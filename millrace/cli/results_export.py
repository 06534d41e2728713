"""`millrace results run ID --parquet FILE`: every value of a run, in a file."""

from __future__ import annotations

import asyncio
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import TYPE_CHECKING

from millrace.cli.asking import as_seen_by
from millrace.cli.output import note

if TYPE_CHECKING:
    from storage.database import Connection, Database
    from storage.runs import RunRow

FINISHED = ("completed", "partial")


def export(found: RunRow, client: str | None, file: Path) -> int:
    """Writes the values of a finished run, showing progress; how many there are. The file is whole or not there at all.

    All of them are of the generation that was found, also where the run is done again meanwhile. Raises CommandError for a run
    without values, where rows were deleted meanwhile, and where the file cannot be written.
    """
    from handlers.price.parquet import FileNotWrittenError
    from millrace.cli.servers import reaching_database, settings
    from millrace.failures import CommandError

    if found.status not in FINISHED:
        advice = "Wait for its end first, with --follow" if found.status == "planned" else ""
        raise CommandError(f"run {found.run_id} is {found.status} and has no values to export", advice)
    url = settings("database_url").need("database_url")
    try:
        with reaching_database(url):
            written = asyncio.run(_export(url, found, client, file))
    except FileNotWrittenError as error:
        raise CommandError(f"{file} cannot be written: {error}") from None
    note(f"[dim]{written:,} values in {file}[/]")
    return written


async def _export(url: str, found: RunRow, client: str | None, file: Path) -> int:
    from storage.database import Database

    database = Database(url, pool_size=1, application_name="millrace-cli")
    try:
        return await _write(database, found, client, file)
    finally:
        await database.close()


async def _write(database: Database, found: RunRow, client: str | None, file: Path) -> int:
    from handlers.price.parquet import results_file
    from millrace.cli.publish import progress
    from millrace.cli.results_run import as_plain
    from millrace.failures import CommandError
    from storage.exports import count_results, result_pages, slices_told

    def session() -> AbstractAsyncContextManager[Connection]:
        return as_seen_by(database, client)

    async with session() as connection:
        rows = await count_results(connection, found.run_id, found.generation)
        run = as_plain(found) | await slices_told(connection, found.run_id, found.generation)
    with results_file(file, run) as written, progress("rows", rows) as show:
        done = 0
        async for page in result_pages(session, found.run_id, found.generation, len(found.scenario_ids)):
            written.write(page)
            done += len(page)
            show(done)
        if done != rows:
            told = f"{rows:,} rows of run {found.run_id} were there, but {done:,} could be read; nothing was written"
            raise CommandError(told, "It was done again, and what was read is pruned (RUN_HISTORY_DAYS): export it again.")
    return written.values
