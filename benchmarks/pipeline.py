"""Events a second through the full lane, beside FastStream's way of one message at a time, in the same run.

    python -m benchmarks.pipeline [--events 100000] [--rounds 3] [--json FILE] [--quick]

Starts servers of its own. Each round gives each way a topic full of events, one worker process and an empty table, in
turn; what is printed are medians. The rows and the completions are counted from outside after each round.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import asyncpg
import redis.asyncio
from rich.console import Console
from rich.table import Table

from benchmarks.trivial import TABLE, reading
from devstack.stack import Stack
from storage.migrate import migrate
from streams.kafka import KafkaConfig
from streams.publish import Outgoing, publish
from streams.read import reader
from streams.topics import WantedTopic, ensure_topics

PARTITIONS = 12
# FastStream's way takes 200 times as long for each event; its rate does not depend on how many there are.
FASTSTREAM_SHARE = 50


def main() -> None:
    arguments = _arguments()
    with _servers() as stack:
        os.environ.update(stack.env())
        asyncio.run(migrate(os.environ["DATABASE_URL"]))
        rounds = [_round(number, arguments.events) for number in range(arguments.rounds)]
    report = {"machine": machine(), "events": arguments.events, "rounds": rounds, "median": _medians(rounds)}
    _print(report)
    if arguments.json:
        arguments.json.write_text(json.dumps(report, indent=2) + "\n")


def machine() -> str:
    """The processor and how many of its cores there are."""
    lines = Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").exists() else []
    model = next((line.partition(": ")[2] for line in lines if line.startswith("model name")), platform.machine())
    return f"{model}, {os.cpu_count()} cores shared with the servers, Python {platform.python_version()}"


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--quick", action="store_true", help="one round of 20,000 events")
    arguments = parser.parse_args()
    if arguments.quick:
        arguments.events, arguments.rounds = 20_000, 1
    return arguments


@contextmanager
def _servers() -> Iterator[Stack]:
    with tempfile.TemporaryDirectory(prefix="millrace-bench-", ignore_cleanup_errors=True) as folder:
        Path(folder).chmod(0o755)
        stack = Stack(Path(folder) / "state", attached=True)
        stack.start()
        try:
            yield stack
        finally:
            stack.erase()


def _round(number: int, events: int) -> dict[str, Any]:
    counts = {"millrace": events, "faststream": max(500, events // FASTSTREAM_SHARE)}
    return {way: _measure(way, count, f"{way}-{number}") for way, count in counts.items()}


def _measure(way: str, count: int, prefix: str) -> dict[str, Any]:
    asyncio.run(_prepare(prefix, count))
    command = [sys.executable, "-m", "benchmarks.trivial", way, str(count), prefix]
    worker = subprocess.run(command, stdout=subprocess.PIPE, check=True, timeout=900)
    measured: dict[str, Any] = json.loads(worker.stdout.splitlines()[-1])
    asyncio.run(_judge(prefix, count))
    measured["per_second"] = count / measured["wall_s"]
    measured["cpu_us"] = measured["cpu_s"] / count * 1e6
    return measured


async def _prepare(prefix: str, count: int) -> None:
    kafka = KafkaConfig(os.environ["KAFKA_BOOTSTRAP_SERVERS"])
    topics = [f"{prefix}.readings", f"{prefix}.readings.stored", f"{prefix}.readings.dlq"]
    await ensure_topics(kafka, [WantedTopic(name, PARTITIONS, 3_600_000) for name in topics])
    connection = await asyncpg.connect(os.environ["DATABASE_URL"])
    await connection.execute(TABLE)
    await connection.execute("truncate readings, inbox, outbox")
    await connection.close()
    async with redis.asyncio.Redis.from_url(os.environ["REDIS_URL"]) as keys:
        await keys.flushall()
    await publish(kafka, [Outgoing(topics[0], str(number).encode(), reading(number)) for number in range(count)])


async def _judge(prefix: str, count: int) -> None:
    """Every event has one row and one completion, or the figures are worth nothing."""
    connection = await asyncpg.connect(os.environ["DATABASE_URL"])
    rows, distinct = await connection.fetchrow("select count(*), count(distinct event_id) from readings")
    await connection.close()
    completions = 0
    kafka = KafkaConfig(os.environ["KAFKA_BOOTSTRAP_SERVERS"])
    async with asyncio.timeout(60), reader(kafka, [f"{prefix}.readings.stored"], from_start=True) as records:
        while completions < count:
            completions += len(await records.some())
    if (rows, distinct, completions) != (count, count, count):
        raise SystemExit(f"{prefix}: {rows} rows, {distinct} distinct, {completions} completions for {count} events")


def _medians(rounds: list[dict[str, Any]]) -> dict[str, Any]:
    medians: dict[str, Any] = {
        way: {name: statistics.median(each[way][name] for each in rounds) for name in rounds[0][way]} for way in rounds[0]
    }
    ratios = [each["millrace"]["per_second"] / each["faststream"]["per_second"] for each in rounds]
    return medians | {"ratio": statistics.median(ratios)}


def _print(report: dict[str, Any]) -> None:
    table = Table(title=f"{report['events']:,} events, medians of {len(report['rounds'])} rounds", caption=report["machine"])
    for name in ("way", "events/s", "µs CPU an event", "peak MB"):
        table.add_column(name, justify="left" if name == "way" else "right")
    for way in ("millrace", "faststream"):
        row = report["median"][way]
        table.add_row(way, f"{row['per_second']:,.0f}", f"{row['cpu_us']:,.0f}", f"{row['peak_mb']:,.0f}")
    console = Console()
    console.print(table)
    console.print(f"Millrace is {report['median']['ratio']:,.0f} times FastStream's per-message way.")


if __name__ == "__main__":
    main()
