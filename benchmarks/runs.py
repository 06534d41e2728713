"""Runs from event to completion: how long large ones take and in how much memory, and how soon a small one is answered.

    python -m benchmarks.runs [--only large,long,small] [--workers 2] [--json FILE] [--quick]

Each part is one run, but for the small ones, of which one is asked for after another:

    large    100,000 bonds × 100 scenarios × PV
    long     1,000,000 bonds × 20 scenarios × PV
    wide     2,000 bonds × 5,000 scenarios × PV
    krd      100,000 bonds × 10 scenarios × KRD of seven pillars
    issuers  100,000 bonds of 2,000 issuers, each with a spread curve, × 100 scenarios of rates × PV
    credit   the same, while each scenario moves the spreads of one rating too
    groups   200,000 bonds × 100 scenarios × PV, with totals of 5,000 groups
    small    one bond, one scenario; the event holds the market
    named    the same, while the event names a stored snapshot with the curves of 2,000 issuers

Starts servers and workers of its own (`millrace worker --flows runs,slices`). The clock is this process's: it runs
from the call that produces the event to the moment its completion is read. Then rows and values are counted by SQL; a wrong
count ends the benchmark. Memory is each worker's peak.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Coroutine, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.request import urlopen
from uuid import uuid4

import asyncpg
import orjson
from aiokafka import AIOKafkaProducer

from benchmarks.readings import producing
from benchmarks.runs_books import MARKET, Shocks, book, credit_moves, issuers_market, parquet, rates_move
from benchmarks.servers import Bench, machine, servers
from benchmarks.ways import running
from benchmarks.work import peak_mb
from devstack.ports import pick
from storage.objects import ObjectStore
from streams.read import Reader, reader
from streams.topics import ensure_topics, wanted_topics

ISSUERS = 2_000
COUNTED = """
select count(*) as rows, coalesce(sum(array_length("values", 1)), 0) as values,
    count(*) filter (where error is not null) as errors
from run_results where run_id = $1
"""


def main() -> None:
    arguments = _arguments()
    logging.getLogger("aiokafka").setLevel(logging.ERROR)
    scale = 0.05 if arguments.quick else 1.0
    figures: dict[str, Any] = {"machine": machine(), "workers": arguments.workers}
    with servers() as bench:
        asyncio.run(ensure_topics(bench.kafka, wanted_topics()))
        for part in arguments.only:
            with _team(1 if part in ALONE else arguments.workers) as pids:
                figures[part] = asyncio.run(PARTS[part](bench, scale))
                figures[part]["peak_mb"] = [round(peak_mb(pid)) for pid in pids]
            print(part, json.dumps(figures[part]), flush=True)
    if arguments.json:
        arguments.json.write_text(json.dumps(figures, indent=2) + "\n")


@dataclass(frozen=True, slots=True)
class Large:
    """A run of one measure over a book of bonds; `widths`: the rows that a position has of it."""

    positions: int
    scenarios: int
    measure: str = "PV"
    widths: int = 1
    issuers: int = 0
    desks: int = 0
    shocks: Callable[[int], Shocks] = rates_move

    async def __call__(self, bench: Bench, scale: float) -> dict[str, Any]:
        """Stores the book and its market, prices it once, and counts what is stored."""
        positions = int(self.positions * scale)
        store, content = ObjectStore(os.environ["OBJECT_STORE_URL"]), parquet(book(positions, self.issuers, self.desks))
        names = f"book-{positions}-{self.issuers}-{self.desks}.parquet", f"market-{self.issuers}.json"
        await store.put(names[0], content)
        await store.put(names[1], orjson.dumps(issuers_market(self.issuers)))
        scenarios = [{"id": f"s{number}", "shocks": self.shocks(number)} for number in range(self.scenarios)]
        run = _run({"uri": names[0]}, {"uri": names[1]}, scenarios, self.measure)
        run["group_by"] = ["desk"] if self.desks else []
        async with reader(bench.kafka, ["runs.completed"]) as completions, producing(bench.kafka) as producer:
            seconds = await _answered(producer, completions, run)
        rows = positions * self.widths
        await _check(bench, run["run_id"], rows, self.scenarios, self.desks)
        values = rows * self.scenarios
        return {"values": values, "book_mb": len(content) / 1e6, "seconds": seconds, "values_per_second": values / seconds}


async def small(bench: Bench, scale: float) -> dict[str, Any]:
    """One position, one scenario: milliseconds."""
    return await _small(bench, scale, {"snapshot": MARKET})


async def named(bench: Bench, scale: float) -> dict[str, Any]:
    """The same on a snapshot that is loaded first."""
    file = bench.folder / "market.json"
    file.write_bytes(orjson.dumps(issuers_market(ISSUERS)))
    load = [sys.executable, "-m", "millrace", "market", "load", str(file), "--client", CLIENT, "--id", "issuers"]
    await asyncio.to_thread(subprocess.run, load, check=True, stdout=subprocess.DEVNULL)
    return await _small(bench, scale, {"snapshot_id": "issuers"})


async def _small(bench: Bench, scale: float, market: dict[str, Any]) -> dict[str, Any]:
    taken = []
    position = {name: column[0] for name, column in book(1).to_pydict().items()}
    async with reader(bench.kafka, ["runs.completed"]) as completions, producing(bench.kafka) as producer:
        for _ in range(max(20, int(300 * scale))):
            run = _run({"positions": [position]}, market, [{"id": "base"}])
            taken.append(await _answered(producer, completions, run))
    quantiles = statistics.quantiles(taken, n=20)
    return {"runs": len(taken), "median_ms": 1000 * statistics.median(taken), "p95_ms": 1000 * quantiles[-1]}


async def _answered(producer: AIOKafkaProducer, completions: Reader, run: dict[str, Any]) -> float:
    """Seconds from the run's event to its completion."""
    envelope = {"specversion": "1.0", "id": str(uuid4()), "source": "/bench", "type": "run.requested.v1", "clientid": CLIENT}
    begun = time.perf_counter()
    await producer.send("runs.requested", orjson.dumps(envelope | {"data": run}), run["run_id"].encode())
    async for found in completions.records():
        completion = orjson.loads(found.value or b"")
        if completion["causationid"] == envelope["id"]:
            taken = time.perf_counter() - begun
            if completion["data"]["status"] != "completed":
                raise SystemExit(f"the run is {completion['data']['status']}: {completion['data'].get('failure')}")
            return taken
    raise SystemExit("the topic has ended")


async def _check(bench: Bench, run_id: str, rows: int, scenarios: int, groups: int) -> None:
    """Ends the benchmark unless SQL finds each value, and each group's total."""
    connection = await asyncpg.connect(bench.database_url)
    try:
        found = await connection.fetchrow(COUNTED, run_id)
        if tuple(found) != (rows, rows * scenarios, 0):
            raise SystemExit(f"{dict(found)} are stored for {rows} rows × {scenarios} scenarios")
        found = await connection.fetchval("select count(*) from run_totals where run_id = $1", run_id)
        if found != groups:
            raise SystemExit(f"{found} groups have totals, not {groups}")
    finally:
        await connection.close()


def _run(
    portfolio: dict[str, Any], market: dict[str, Any], scenarios: Sequence[dict[str, Any]], measure: str = "PV"
) -> dict[str, Any]:
    return {
        "run_id": str(uuid4()),
        "valuation_date": "2026-01-15",
        "portfolio": portfolio,
        "market": market,
        "scenarios": list(scenarios),
        "measures": [measure],
    }


@contextmanager
def _team(workers: int) -> Iterator[list[int]]:
    """Workers that consume; their process ids."""
    with ExitStack() as stack:
        pids = []
        for _ in range(workers):
            port = pick(("http",), {})["http"]
            os.environ |= {"HTTP_PORT": str(port), "LOG_LEVEL": "WARNING"}
            pids.append(
                stack.enter_context(running([sys.executable, "-m", "millrace", "worker", "--flows", "runs,slices"])).pid
            )
            _wait_for(f"http://127.0.0.1:{port}/health/deep")
        time.sleep(3)  # for the group to settle
        yield pids


def _wait_for(url: str) -> None:
    for _ in range(300):
        with suppress(OSError), urlopen(url):  # noqa: S310 - our own worker
            return
        time.sleep(0.2)
    raise SystemExit(f"{url} does not become ready")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--only", type=lambda text: text.split(","), default=list(PARTS))
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--quick", action="store_true", help="a smoke test: one position in twenty")
    return parser.parse_args()


PARTS: dict[str, Callable[[Bench, float], Coroutine[Any, Any, dict[str, Any]]]] = {
    "large": Large(100_000, 100),
    "long": Large(1_000_000, 20),
    "wide": Large(2_000, 5_000),
    "krd": Large(100_000, 10, "KRD", widths=7),
    "issuers": Large(100_000, 100, issuers=ISSUERS),
    "credit": Large(100_000, 100, issuers=ISSUERS, shocks=credit_moves),
    "groups": Large(200_000, 100, desks=5_000),
    "small": small,
    "named": named,
}
ALONE = ("small", "named")
CLIENT = "acme"

if __name__ == "__main__":
    main()
