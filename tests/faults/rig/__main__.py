"""`make faults`: python -m tests.faults.rig [--seed N] [--seconds S] [--rate R] [--workers N] [--fault NAME …] [--json FILE]

Without --seconds each fault is caused alone, in a short form; with it they are mixed at random for that long, in their real
durations. Exit code 0: everything came out as it must.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import tempfile
import time
from pathlib import Path

from tests.faults.rig.driver import Course, Driver
from tests.faults.rig.hands import Hands
from tests.faults.rig.report import show, summary
from tests.faults.rig.scenarios import ALL, TOGETHER
from tests.faults.rig.story import stories
from tests.faults.rig.times import LONG, SHORT
from tests.faults.rig.world import World, world
from tests.support.providers import own_servers

SEED = 20_261_128
RATE, WORKERS = 40.0, 2


def main() -> int:
    arguments = _arguments()
    folder = Path(tempfile.mkdtemp(prefix="millrace-faults-"))
    with own_servers() as servers:
        code = Hands(servers).run(lambda hands: _run(arguments, hands, folder))
    if code == 0:
        shutil.rmtree(folder)
    return code


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--seconds", type=float, help="mixed faults for so long")
    parser.add_argument("--rate", type=float, default=RATE, help="records a second")
    parser.add_argument("--workers", type=int, default=WORKERS)
    parser.add_argument("--fault", action="append", choices=ALL, metavar="NAME", help=f"only these: {', '.join(ALL)}")
    parser.add_argument("--once", action="store_true", help="every fault once, side by side, as in `make test`")
    parser.add_argument("--json", type=Path)
    return parser.parse_args()


async def _run(arguments: argparse.Namespace, servers: Hands, folder: Path) -> int:
    began = time.monotonic()

    def say(line: str) -> None:
        sys.stderr.write(f"{time.monotonic() - began:7.1f} s  {line}\n")
        sys.stderr.flush()

    times = LONG if arguments.seconds else SHORT
    say(f"seed {arguments.seed}; logs of the workers in {folder}")
    async with world(servers, folder, arguments.seed, times, say) as built:
        driver = Driver(built, rate=arguments.rate, workers=arguments.workers)
        course = await _course(driver, arguments)
        return await _tell(built, course, arguments)


async def _course(driver: Driver, arguments: argparse.Namespace) -> Course:
    if arguments.once:
        return await driver.each_once(tuple(arguments.fault or TOGETHER))
    if arguments.seconds:
        return await driver.mixed(arguments.seconds)
    return await driver.alone(tuple(arguments.fault or ALL))


async def _tell(built: World, course: Course, arguments: argparse.Namespace) -> int:
    told = summary(built, course)
    show(told)
    if arguments.json:
        arguments.json.write_text(json.dumps(told, indent=2) + "\n")
    if not course.findings:
        return 0
    again = f"python -m tests.faults.rig {' '.join(sys.argv[1:])}"
    if "--seed" not in sys.argv:
        again += f" --seed {built.seed}"
    sys.stderr.write("\n".join([*await stories(built, course.findings), "", f"again: {again}", ""]))
    return 1


if __name__ == "__main__":
    sys.exit(main())
