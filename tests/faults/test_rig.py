"""The short form of the fault rig."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.faults.rig.driver import Course, Driver
from tests.faults.rig.scenarios import TOGETHER
from tests.faults.rig.world import World
from tests.support.fault_rig import RATE, run

SEED = 20_261_128
WORKERS = 2
RECORDS = 2_000


@pytest.mark.timeout(2400)
def test_every_fault_once_leaves_nothing_lost_doubled_or_stuck(tmp_path: Path) -> None:
    async def steps(built: World) -> Course:
        return await Driver(built, rate=RATE, workers=WORKERS).each_once(TOGETHER, RECORDS)

    course, told = run(tmp_path, SEED, steps)
    assert not course.findings, f"{told}\nagain: python -m tests.faults.rig --once --seed {SEED}"
    assert course.judgement.accepted > 1_000
