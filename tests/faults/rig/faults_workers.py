"""What is done to workers: killed at a point or at random, ended, frozen, joined and left, slowed down, misled about the time.

Each takes the place of one worker; who comes next fills it again.
"""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Awaitable, Callable, Sequence
from functools import partial

from aiokafka import AIOKafkaConsumer
from aiokafka.errors import KafkaError

from devstack.standin.faults import Fault
from tests.faults.rig import large_runs
from tests.faults.rig.crew import Worker
from tests.faults.rig.manifest import CONSUMED, GROUPS, Record
from tests.faults.rig.worker import Orders
from tests.faults.rig.world import World
from tests.faults.rig.wrapping import SLICE_POINTS

PASSES = 4  # a kill point strikes at one of its first passages
PATIENCE = 240.0  # a slow machine takes its time to come to a point
HOUR = 3_600.0
PATIENCE_WITH_DEATHS = 300.0


class Slot:
    """A place in the crew that always has a worker; whoever holds it may hurt that one."""

    def __init__(self, world: World, neighbours: list[Slot]) -> None:
        self.world, self.all = world, neighbours
        self.worker: Worker | None = None

    async def fill(self, **orders: object) -> Worker:
        """A worker with these orders: the one that is here, if it lives and has them, else a new one."""
        wanted = Orders(short_waits=self.world.times.short_waits, **orders)  # type: ignore[arg-type]
        if self.worker is None or not self.worker.is_alive or self.worker.orders != wanted:
            await self.empty()
            self.worker = await self.world.crew.start(wanted)
        return self.worker

    async def empty(self) -> None:
        """Ends the worker in good order."""
        if self.worker is not None and self.worker.is_alive:
            await self.worker.terminate()
        self.worker = None


WorkerFault = Callable[[World, Slot], Awaitable[None]]


def killed_at(point: str) -> WorkerFault:
    """SIGKILL at a named point."""
    return partial(_killed_at, point)


async def _killed_at(point: str, world: World, slot: Slot) -> None:
    nth = world.draw.randint(1, PASSES)
    with world.fault(f"a worker is killed at {point}, passage {nth}") as noted:
        worker = await slot.fill(kill=(point, nth))
        if point in SLICE_POINTS:
            await world.publish([large_runs.long(world.author)])
        async with asyncio.timeout(PATIENCE):
            code = await worker.wait()
        noted.told = f"{worker.name} ended with {code}"
        assert code == -signal.SIGKILL, f"{worker.name} ended with {code} before it came to {point}: {worker.log}"


async def killed_at_random(world: World, slot: Slot) -> None:
    worker = await slot.fill()
    await asyncio.sleep(world.draw.uniform(0.2, 1.5))
    with world.fault(f"worker {worker.name} is killed"):
        await worker.kill()


async def terminated(world: World, slot: Slot) -> None:
    """SIGTERM in the middle of whatever it does."""
    worker = await slot.fill()
    await asyncio.sleep(world.draw.uniform(0.2, 1.5))
    with world.fault(f"worker {worker.name} gets SIGTERM") as noted:
        code = await worker.terminate()
        noted.told = f"it ended with {code}"
        assert code == 0, f"{worker.name} ended with {code} after SIGTERM: {worker.log}"


async def frozen(world: World, slot: Slot) -> None:
    """SIGSTOP for longer than the session time-out, then SIGCONT: a zombie that believes it still has its partitions."""
    worker = await slot.fill()
    with world.fault(f"worker {worker.name} is frozen"):
        worker.signal(signal.SIGSTOP)
        await asyncio.sleep(world.times.stopped)
        worker.signal(signal.SIGCONT)
    await asyncio.sleep(1)


async def an_hour_ahead(world: World, slot: Slot) -> None:
    await _with_clock(HOUR, world, slot)


async def an_hour_behind(world: World, slot: Slot) -> None:
    await _with_clock(-HOUR, world, slot)


async def _with_clock(seconds: float, world: World, slot: Slot) -> None:
    worker = await slot.fill(clock=seconds)
    with world.fault(f"the clock of worker {worker.name} is {seconds / HOUR:+g} h off"):
        await asyncio.sleep(world.times.storm / 2)


async def storm(world: World, slot: Slot) -> None:
    """Members join and leave every few seconds: workers, and consumers that take partitions and do nothing with them."""
    with world.fault("a storm of rebalances") as noted:
        loop, count = asyncio.get_running_loop(), 0
        ends = loop.time() + world.times.storm
        while loop.time() < ends:
            await asyncio.gather(*(_visit(world, *each) for each in zip(GROUPS, CONSUMED, strict=True)))
            await slot.empty()
            await slot.fill()
            count += 1
        noted.told = f"{count} times"


async def _visit(world: World, flow: str, topic: str) -> None:
    """One consumer that joins a flow's group and leaves again."""
    member = AIOKafkaConsumer(
        topic,
        bootstrap_servers=world.sight.kafka,
        group_id=f"millrace.{flow}",
        enable_auto_commit=False,
        session_timeout_ms=6_000,
        rebalance_timeout_ms=20_000,
        request_timeout_ms=30_000,
    )
    try:
        async with asyncio.timeout(25):
            await member.start()
            await asyncio.sleep(world.draw.uniform(0.2, 1))
    except (KafkaError, TimeoutError):
        pass
    finally:
        await member.stop()


async def slow_handler(world: World, slot: Slot) -> None:
    """An answer that takes longer than max.poll.interval, and less than its own time-out."""
    await slot.fill()
    with world.fault("audits take longer than max.poll.interval") as noted:
        await world.ask_for(Fault("slow", endpoint="responses", seconds=world.times.slow_answer))
        await world.publish(world.author.audit())
        await asyncio.sleep(world.times.slow_answer)
        left = await asyncio.to_thread(world.control.faults)
        noted.told = "still to come" if any(each.kind == "slow" and each.endpoint == "responses" for each in left) else "once"


async def killing_event(world: World, slot: Slot) -> None:
    """An event that ends whoever works on it, until it has its dead letter; each worker that dies is replaced."""
    await slot.fill()
    with world.fault("an event kills its workers") as noted:
        before, deaths = world.crew.unexpected_ends(), 0
        await world.publish([record := world.author.poison()])
        async with asyncio.timeout(PATIENCE_WITH_DEATHS):
            ended = False
            while not ended:
                ended = await _is_dead(world, record)
                deaths += _excused(world.crew.unexpected_ends(), before)
                for each in slot.all:
                    await each.fill()
                await asyncio.sleep(0.5)
        noted.told = f"{deaths} deaths"
        assert deaths, "it killed nobody"


def _excused(ended: Sequence[Worker], before: Sequence[Worker]) -> int:
    """Takes it that whoever has ended since was killed by the event, in a place that others may have filled by now."""
    killed = [worker for worker in ended if worker not in before]
    for worker in killed:
        worker.asked_to_end = True
    return len(killed)


async def _is_dead(world: World, record: Record) -> bool:
    assert record.asked is not None
    return bool(await world.sight.rows("select from dead_letters where event_id = $1", record.asked.id))


async def busy(world: World, slot: Slot) -> None:
    """Large runs that keep the processor busy while heartbeats are due."""
    await slot.fill()
    with world.fault("large runs keep the processor busy"):
        await world.publish([world.author.large() for _ in range(3)])
        await asyncio.sleep(world.times.between)
