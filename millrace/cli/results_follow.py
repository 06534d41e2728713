"""`millrace results run ID --follow`: how far a run is, until it has ended."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing, contextmanager
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol
from uuid import UUID

from millrace.cli.asking import as_seen_by
from millrace.cli.output import note, notes

if TYPE_CHECKING:
    from collections.abc import Iterator

    from storage.runs import RunRow

FIRST_PAUSE, LONGEST_PAUSE, SLOWER = 0.1, 1.0, 1.5


class Standing(NamedTuple):
    """How far a run is at one look. `slices` is 0 for a run that is priced at once, and shows when it has ended."""

    status: str
    slices: int
    slices_done: int
    positions: int
    errors: int
    seconds: float

    @property
    def seconds_left(self) -> float | None:
        """What the slices that are left take if they take as long as those that are done; None before the first is."""
        if not self.slices_done:
            return None
        return self.seconds / self.slices_done * (self.slices - self.slices_done)


class Show(Protocol):
    """Tells people how far a run is; None: it is not known yet."""

    def __call__(self, standing: Standing | None) -> None: ...


def follow(run_id: UUID, client: str | None, timeout: float | None) -> RunRow:
    """The generation that was followed, as it has ended.

    Raises CommandError when it has not `timeout` seconds after the first look, and Unreachable where PostgreSQL is away.
    """
    from millrace.cli.servers import reaching_database, settings

    url = settings("database_url").need("database_url")
    with reaching_database(url), showing(run_id) as show:
        return asyncio.run(_until_ended(url, run_id, client, timeout, show))


async def _until_ended(url: str, run_id: UUID, client: str | None, timeout: float | None, show: Show) -> RunRow:
    from millrace.failures import CommandError

    bound = asyncio.timeout(None)
    try:
        # Closed before the loop is: the connection goes in peace then.
        async with bound, aclosing(_looks(url, run_id, client)) as looks:
            async for found, now in looks:
                show(standing_of(found, now) if found else None)
                if found is not None and found.status != "planned":
                    return found
                # Not before the first look: a run that has ended would be told to be on where reaching it takes longer.
                if timeout is not None and bound.when() is None:
                    bound.reschedule(asyncio.get_running_loop().time() + timeout)
    except TimeoutError:
        if not bound.expired():
            raise
        raise CommandError(f"run {run_id} has not ended within {timeout:g} s", "What waits: millrace lag") from None
    raise AssertionError("looks never end")


async def _looks(url: str, run_id: UUID, client: str | None) -> AsyncGenerator[tuple[RunRow | None, datetime]]:
    """One look after another, quick at first: a small run ends within milliseconds."""
    from storage.database import Database

    database, pause = Database(url, pool_size=1, application_name="millrace-cli"), FIRST_PAUSE
    followed: int | None = None
    try:
        while True:
            async with as_seen_by(database, client) as connection:
                found, now = await _look(connection, run_id, followed)
            followed = found.generation if found else followed
            yield found, now
            await asyncio.sleep(pause)
            pause = min(pause * SLOWER, LONGEST_PAUSE)
    finally:
        await database.close()


async def _look(connection: Any, run_id: UUID, followed: int | None) -> tuple[RunRow | None, datetime]:
    """The generation in work unless a newer one was followed, or else that, whatever became of it, or else the one to be read.

    What is read next may be as it is then, but is not older.
    """
    from storage.run_generations import RunKey, generation_in_work, stored_generations
    from storage.runs import read_run

    found = await generation_in_work(connection, run_id)
    if followed is not None and (found is None or found.generation < followed):
        found = (await stored_generations(connection, [RunKey(run_id, followed)])).get(RunKey(run_id, followed))
    return found or await read_run(connection, run_id), await connection.fetchval("select clock_timestamp()")


def standing_of(found: RunRow, now: datetime) -> Standing:
    """How far the run is, by the database's clock."""
    seconds = ((found.completed_at or now) - found.started_at).total_seconds()
    return Standing(found.status, found.slices, found.slices_done, found.positions, found.errors, max(0.0, seconds))


def in_words(standing: Standing | None) -> str:
    """`planned: 3 of 12 slices, 30,000 positions, 2 errors, about 40 s left`."""
    if standing is None:
        return "not there yet: waiting for a worker to take it up (what waits: millrace lag)"
    slices = f"{standing.slices_done:,} of {standing.slices:,} slices, " if standing.slices else ""
    counted = f"{slices}{standing.positions:,} positions, {standing.errors:,} errors"
    return f"{standing.status}: {counted}{_time(standing)}"


def _time(standing: Standing) -> str:
    if standing.status != "planned":
        return f", in {_span(standing.seconds)}"
    return "" if standing.seconds_left is None else f", about {_span(standing.seconds_left)} left"


def _span(seconds: float) -> str:
    if seconds < 60:
        return f"{seconds:.0f} s" if seconds >= 10 else f"{seconds:.1f} s"
    return str(timedelta(seconds=round(seconds)))


@contextmanager
def showing(run_id: UUID) -> Iterator[Show]:
    """A bar on stderr while there is somebody to see it, else a line whenever something has changed."""
    if not notes().is_terminal:
        yield _Lines()
        return
    from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, console=notes(), transient=True) as bar:
        task = bar.add_task(f"run {run_id}", total=None)

        def show(standing: Standing | None) -> None:
            done, total = (standing.slices_done, standing.slices or None) if standing else (0, None)
            bar.update(task, description=in_words(standing), completed=done, total=total)

        yield show


class _Lines:
    def __init__(self) -> None:
        self.last = ""

    def __call__(self, standing: Standing | None) -> None:
        # An estimate alone is no news.
        known = standing and standing._replace(seconds=0.0)
        if (news := str(known)) != self.last:
            self.last = news
            note(in_words(standing))
