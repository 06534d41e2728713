"""The course of a run: events flow, faults happen, things settle, and the judge looks."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from itertools import groupby

from tests.faults.rig.author import PAPER_SHARE, PAPERS_A_SECOND
from tests.faults.rig.faults_workers import Slot, terminated
from tests.faults.rig.finding import Finding
from tests.faults.rig.judge import Judge, Judgement
from tests.faults.rig.scenarios import LONELY, OPENAI, RUNS, SERVERS, WORKERS
from tests.faults.rig.world import World

Fault = Callable[[], Awaitable[object]]
MORE_PARTITIONS = "kafka_more_partitions"
FAMILIES = ("kill_", "openai_")  # what passes quickly: one look for all of them
STANDSTILL = 60.0
LARGEST_SHARE_OF_TIME = 0.5  # after which the partitions stay as they are, so that every worker comes to know them


@dataclass(slots=True)
class Course:
    """What a run has come to. `troubles`: faults that did not come about, and workers that ended by themselves."""

    judgement: Judgement = field(default_factory=Judgement)
    troubles: list[Finding] = field(default_factory=list)
    published: int = 0
    seconds: float = 0.0

    @property
    def findings(self) -> list[Finding]:
        return [*self.troubles, *self.judgement.findings]


class Driver:
    """Runs faults in a world with `workers` workers, while `rate` records a second come in.

    What has not moved for `patience` seconds, once nothing is done to it any more, is stuck.
    """

    def __init__(self, world: World, *, rate: float, workers: int, patience: float = 120.0) -> None:
        self.world, self.rate, self.patience = world, rate, patience
        self.slots: list[Slot] = []
        self.slots += [Slot(world, self.slots) for _ in range(workers)]
        self.course = Course()
        world.author.paper_share = min(PAPER_SHARE, PAPERS_A_SECOND / rate)
        self._flow: asyncio.Task[int] | None = None

    async def alone(self, names: Iterable[str]) -> Course:
        """One fault after the other; after each, or each family, quiet and a look. Ends at what leaves something wrong."""
        began = time.monotonic()
        for _, family in groupby(names, key=_family):
            async with self._flowing():
                for name in family:
                    await asyncio.sleep(0.5)
                    await self._cause(name, self._fault(name, self.slots[0]))
                    if name == MORE_PARTITIONS:
                        for slot in self.slots:
                            await self._cause("a rolling restart", partial(terminated, self.world, slot))
            if not await self._is_well():
                break
        self.course.seconds = time.monotonic() - began
        return self.course

    async def each_once(self, names: Sequence[str], records: int = 0) -> Course:
        """Every fault once, in as many lines as there are workers, and one each for servers, runs and OpenAI, side by side.

        Events come in until it is over and `records` have come: a slow machine is not to be left with few.
        """
        draw = self.world.draw
        worker_faults = draw.sample(hurting := [name for name in names if name in WORKERS], len(hurting))
        server_faults = draw.sample(hurting := [name for name in names if name in SERVERS], len(hurting))
        server_faults.sort(key=lambda name: name != MORE_PARTITIONS)
        run_faults = draw.sample(hurting := [name for name in names if name in RUNS], len(hurting))
        openai_faults = draw.sample(hurting := [name for name in names if name in OPENAI], len(hurting))
        lines = [(worker_faults[place :: len(self.slots)], slot) for place, slot in enumerate(self.slots)]
        began = time.monotonic()
        async with self._flowing():
            await asyncio.gather(
                *(self._line(names, slot) for names, slot in lines),
                self._line(server_faults, None),
                self._line(run_faults, None),
                self._line(openai_faults, None),
            )
            await self._until_written(records)
        await self._is_well()
        self.course.seconds = time.monotonic() - began
        return self.course

    async def mixed(self, seconds: float) -> Course:
        """Faults drawn at random in the same lines, until `seconds` are over."""
        began = time.monotonic()
        async with self._flowing():
            await asyncio.gather(
                *(self._drawn(list(WORKERS), slot, began, seconds) for slot in self.slots),
                self._drawn(list(SERVERS), None, began, seconds),
                self._drawn(list(RUNS), None, began, seconds),
                self._drawn(list(OPENAI), None, began, seconds),
            )
        await self._is_well()
        self.course.seconds = time.monotonic() - began
        return self.course

    async def quiet(self, records: int) -> Course:
        """No fault but what the workers themselves do wrong: so many records, quiet, a look."""
        began = time.monotonic()
        async with self._flowing():
            await self._until_written(records)
        await self._is_well()
        self.course.seconds = time.monotonic() - began
        return self.course

    async def _until_written(self, records: int) -> None:
        """Waits for so many records, but not for workers who are too far behind and do not move: a look tells of those."""
        author, written, since = self.world.author, -1, time.monotonic()
        while author.serial < records and not (self._flow and self._flow.done()):
            if author.serial != written:
                written, since = author.serial, time.monotonic()
            elif time.monotonic() - since > self.patience:
                return
            await asyncio.sleep(0.1)

    @asynccontextmanager
    async def _flowing(self) -> AsyncIterator[None]:
        """Events come in as long as the body runs; afterwards the rest of the duplicates."""
        await asyncio.gather(*(slot.fill() for slot in self.slots))
        stop = asyncio.Event()
        self._flow = flow = asyncio.create_task(self.world.flow(self.rate, stop))
        try:
            yield
        finally:
            stop.set()
            self.course.published += await flow
            rest = self.world.author.rest()
            await self.world.publish(rest)
            self.course.published += len(rest)

    async def _line(self, names: Sequence[str], slot: Slot | None) -> None:
        for name in names:
            if self._flow is not None and self._flow.done():
                return  # nothing comes in any more, so nothing can be shown
            await self._cause(name, self._fault(name, slot))
            if slot is not None:
                await self._cause("a worker in that place", slot.fill)  # or nobody would work until the next one
            if name not in OPENAI:  # or a slow machine would do nothing but come up again
                await self.world.watch.progress(STANDSTILL)
            await asyncio.sleep(self.world.times.between * self.world.draw.uniform(0.5, 1.5))

    async def _drawn(self, names: Sequence[str], slot: Slot | None, began: float, seconds: float) -> None:
        while (gone := time.monotonic() - began) < seconds:
            name = self.world.draw.choice(names)
            if name == MORE_PARTITIONS and gone > LARGEST_SHARE_OF_TIME * seconds:
                continue
            await self._line([name], slot)

    def _fault(self, name: str, slot: Slot | None) -> Fault:
        if slot is not None and name in WORKERS:
            return partial(WORKERS[name], self.world, slot)
        if name in LONELY:
            return partial(LONELY[name], self.world, self.slots[0])
        return partial((SERVERS | RUNS | OPENAI)[name], self.world)

    async def _cause(self, name: str, fault: Fault) -> None:
        """A fault that does not come about is a finding, and the others go on."""
        try:
            await fault()
        except Exception as error:  # noqa: BLE001 - it is told, with everything else that is wrong
            self.course.troubles.append(Finding("a fault that did not come about", f"{name}: {error!r}"))

    async def _is_well(self) -> bool:
        """Waits until nothing is left to do, then judges all that has been published so far."""
        await asyncio.gather(*(slot.fill() for slot in self.slots))
        self.world.say("settling …")
        if not await self.world.settle(self.patience):
            self.course.troubles.append(Finding("stuck", f"lag is {self.world.watch.lag}"))
        for task in self.world.watching:
            if task.done():
                task.result()  # whoever looked on has stopped looking: nothing is proved
        self.course.judgement = await Judge(self.world.manifest, self.world.tail, self.world.sight).judge()
        self.course.judgement.findings += self.world.watch.findings
        for worker in self.world.crew.unexpected_ends():
            self.course.troubles.append(Finding("a worker ended by itself", f"{worker.name}: {worker.log}"))
        return not self.course.findings


def _family(name: str) -> str:
    return next((family for family in FAMILIES if name.startswith(family)), name)
