"""The judge of the fault rig, which must see what it is there to see: worlds that are broken on purpose."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.faults.rig import large_runs
from tests.faults.rig.driver import Course, Driver
from tests.faults.rig.faults_runs import published, until_ended
from tests.faults.rig.world import World
from tests.support.fault_rig import RATE, run

# Servers and workers of its own have to come up for each.
pytestmark = pytest.mark.timeout(900)

# What a broken world leaves undone is not waited for as long as elsewhere, but a machine that stands still is.
IMPATIENCE = 25.0


def kinds(course: Course) -> set[str]:
    return {finding.kind for finding in course.findings}


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
