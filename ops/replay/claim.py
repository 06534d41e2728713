"""One process's hold on a replay: taken, renewed with all that it keeps, given back."""

from __future__ import annotations

from collections.abc import Collection
from datetime import timedelta
from uuid import UUID, uuid4

from ops.replay.failures import NoSuchReplay, NotApplicable, TakenOver, UnderWay
from storage import replays
from storage.database import Database
from storage.replays import Replay, Span


class Claim:
    """A claim on the replay of that id, for `term` from the last time that anything was kept.

    All that is asked raises what the database raises, and TakenOver once the replay is another's.
    """

    def __init__(self, database: Database, replay_id: UUID, term: timedelta) -> None:
        self.database, self.replay_id, self.term = database, replay_id, term
        self.owner = uuid4()

    async def take(self, by: str, rate: float) -> Replay:
        """The replay as it is now, which is this process's from here. Raises NoSuchReplay, NotApplicable and UnderWay."""
        async with self.database.connection() as connection:
            taken = await replays.claim(connection, self.replay_id, self.owner, by, self.term, rate)
            found = known(await replays.one(connection, self.replay_id), self.replay_id)
        if not taken:
            raise _refusal(found)
        return found

    async def renew(self) -> str:
        """The replay's status."""
        async with self.database.connection() as connection:
            return self._ours(await replays.renew(connection, self.replay_id, self.owner, self.term))

    async def keep(self, spans: Collection[Span]) -> str:
        """Keeps how far it has come; the replay's status."""
        async with self.database.connection() as connection:
            return self._ours(await replays.keep(connection, self.replay_id, self.owner, self.term, list(spans)))

    async def finish(self) -> bool:
        """Whether it is applied now; if not, it was aborted."""
        async with self.database.connection() as connection:
            if await replays.finish(connection, self.replay_id, self.owner):
                return True
            # Or it was done before, and the answer was lost.
            return known(await replays.one(connection, self.replay_id), self.replay_id).status == "applied"

    async def release(self, why: str) -> None:
        """Gives it back, paused if it was being applied; `why` goes into its history."""
        async with self.database.connection() as connection:
            await replays.release(connection, self.replay_id, self.owner, why)

    def _ours(self, status: str | None) -> str:
        if status is None:
            raise TakenOver("its claim ran out meanwhile, and another applies it now")
        return status


def known(replay: Replay | None, replay_id: UUID) -> Replay:
    """The replay. Raises NoSuchReplay where there is none."""
    if replay is None:
        raise NoSuchReplay(f"there is no replay {replay_id}")
    return replay


def _refusal(replay: Replay) -> UnderWay | NotApplicable:
    if replay.status in {"applied", "aborted"}:
        when = replay.finished_at.strftime("%Y-%m-%d %H:%M:%S %Z") if replay.finished_at else "once"
        return NotApplicable(f"the replay was {replay.status} at {when}")
    return UnderWay(f"{replay.applied_by} has it, and would have to be silent for {replay.claim_left:.0f} s more")
