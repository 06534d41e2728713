"""A book of lines passes by when it is planned: what a process holds does not grow with it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

LINES = {
    ".csv": ("position_id,product_type,currency,notional,comment\n", "p{number:07},CASH,USD,{number}.5,{comment}\n"),
    ".jsonl": (
        "",
        '{{"position_id": "p{number:07}", "product_type": "CASH", "notional": {number}, "c": "{comment}"}}\n',
    ),
}
# In a process of its own, because the most that one has held never falls again.
PLAN = """
import asyncio, sys
from pathlib import Path
from events.model import StoredObject
from handlers.price.planning import Bounds, plan_object
from storage.objects import ObjectStore

async def plan(folder, name):
    size = (Path(folder) / name).stat().st_size
    bounds = Bounds(10_000, 1 << 30)
    planned = await plan_object(ObjectStore(f"file://{folder}"), StoredObject(uri=name), size, bounds)
    told = Path("/proc/self/status").read_text().splitlines()
    print(planned.positions, size, next(int(line.split()[1]) * 1024 for line in told if line.startswith("VmHWM")))

asyncio.run(plan(*sys.argv[1:]))
"""
MEGABYTE = 1 << 20


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells the most memory that a process has held")
@pytest.mark.parametrize("ending", LINES)
def test_a_book_ten_times_as_large_is_planned_in_the_same_memory(tmp_path: Path, ending: str) -> None:
    few, small, little = planned(tmp_path, f"few{ending}", 5_000)
    many, large, much = min(planned(tmp_path, f"many{ending}", 50_000) for _ in range(2))  # a busy machine only adds to it
    assert (few, many) == (5_000, 50_000)
    assert large - small > 120 * MEGABYTE
    assert much - little < 45 * MEGABYTE  # arrays of a piece, wherever they come to lie


def planned(folder: Path, name: str, count: int) -> tuple[int, int, int]:
    """Of a book of that many positions: how many are planned, how many bytes it has, the most that the process has held."""
    header, line = LINES[Path(name).suffix]
    with (folder / name).open("w") as file:
        file.write(header)
        file.writelines(line.format(number=number, comment="x" * 3_000) for number in range(count))
    command = [sys.executable, "-c", PLAN, str(folder), name]
    told = subprocess.run(command, check=True, capture_output=True, text=True)
    positions, size, most = map(int, told.stdout.split())
    return positions, size, most
