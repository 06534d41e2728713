"""Runs of the fault rig within a test, on servers of their own."""

from __future__ import annotations

import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

from tests.faults.rig.driver import Course
from tests.faults.rig.hands import Hands
from tests.faults.rig.report import summary
from tests.faults.rig.story import stories
from tests.faults.rig.times import SHORT
from tests.faults.rig.world import World, world
from tests.support.providers import own_servers

RATE = 40.0

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
