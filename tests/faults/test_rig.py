"""The short form of the fault rig; and the judge, which must see what it is there to see."""

from __future__ import annotations

import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from tests.faults.rig import large_runs
from tests.faults.rig.driver import Course, Driver
from tests.faults.rig.faults_runs import published, until_ended
from tests.faults.rig.hands import Hands
from tests.faults.rig.report import summary
from tests.faults.rig.scenarios import TOGETHER
from tests.faults.rig.story import stories
from tests.faults.rig.times import SHORT
from tests.faults.rig.world import World, world
from tests.support.providers import own_servers

SEED = 20_261_128
RATE, WORKERS = 40.0, 2
# What a broken world leaves undone is not waited for.
IMPATIENCE = 10.0

Steps = Callable[[World], Awaitable[Course]]


def run(folder: Path, seed: int, steps: Steps, *statements: str) -> tuple[Course, str]:
    """What a run in a world of its own comes to, and its stories."""

    async def inside(hands: Hands) -> tuple[Course, str]:
        async with world(hands, folder, seed, SHORT, _say, *statements) as built:
            course = await steps(built)
            told = [str(summary(built, course)), *await stories(built, course.findings)]
            return course, "\n".join(told)

    with own_servers() as servers:
        return Hands(servers).run(inside)


def _say(line: str) -> None:
    sys.stderr.write(f"{line}\n")


def kinds(course: Course) -> set[str]:
    return {finding.kind for finding in course.findings}


@pytest.mark.timeout(1500)
def test_every_fault_once_leaves_nothing_lost_doubled_or_stuck(tmp_path: Path) -> None:
    async def steps(built: World) -> Course:
        return await Driver(built, rate=RATE, workers=WORKERS).each_once(TOGETHER)

    course, told = run(tmp_path, SEED, steps)
    assert not course.findings, f"{told}\nagain: python -m tests.faults.rig --once --seed {SEED}"
    assert course.judgement.accepted > 1_000


def test_without_the_inboxs_primary_key_the_judge_is_red(tmp_path: Path) -> None:
    async def steps(built: World) -> Course:
        # Or Redis would know the duplicates.
        built.redis.refuse(refusing=True)
        return await Driver(built, rate=RATE, workers=1, patience=IMPATIENCE).quiet(120)

    course, told = run(tmp_path, 1, steps, "alter table inbox drop constraint pk_inbox")
    assert "more than one outcome" in kinds(course), told
    assert "a duplicate" in told


def test_when_offsets_are_committed_early_the_judge_is_red(tmp_path: Path) -> None:
    async def steps(built: World) -> Course:
        driver = Driver(built, rate=RATE, workers=1, patience=IMPATIENCE)
        liar = await driver.slots[0].fill(commits_early=True, kill=("before_commit", 1))
        await built.publish(built.author.take(100))
        await liar.wait()
        return await driver.quiet(120)

    course, told = run(tmp_path, 2, steps)
    assert kinds(course) >= {"offset ahead of what is durable", "no outcome"}, told
    assert "published" in told


def test_when_a_slice_is_counted_twice_the_judge_is_red(tmp_path: Path) -> None:
    async def steps(built: World) -> Course:
        driver = Driver(built, rate=RATE, workers=1, patience=IMPATIENCE)
        await driver.slots[0].fill(counts_twice=True)
        await until_ended(built, await published(built, large_runs.long(built.author)))
        return await driver.quiet(20)

    course, told = run(tmp_path, 3, steps)
    assert "another effect" in kinds(course), told
    assert "slices that are counted" in told
