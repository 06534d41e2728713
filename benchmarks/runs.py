"""Runs from event to completion: how long a large one takes and in how much memory, and how soon a small one is answered.

    python -m benchmarks.runs [--only large,long,small] [--workers 2] [--json FILE] [--quick]

`large`: 100,000 positions × 100 scenarios × PV; `long`: 1,000,000 × 20; `small`: one position, one scenario, one run after
another. Starts servers and workers of its own (`millrace worker --flows runs,slices`). The clock is this process's: it runs
from the call that produces the event to the moment its completion is read. Then rows and values are counted by SQL; a wrong
count ends the benchmark. Memory is each worker's peak.
"""

from __future__ import annotations

import argparse
import asyncio
import io
import json
import logging
import os
import statistics
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.request import urlopen
from uuid import uuid4

import asyncpg
import numpy as np
import orjson
import pyarrow as pa
import pyarrow.parquet as pq
from aiokafka import AIOKafkaProducer

from benchmarks.readings import producing
from benchmarks.servers import Bench, machine, servers
from benchmarks.ways import running
from benchmarks.work import peak_mb
from devstack.ports import pick
from storage.objects import ObjectStore
from streams.read import Reader, reader
from streams.topics import ensure_topics, wanted_topics

CURVE = {"interpolation": "linear_zero", "compounding": "continuous", "day_count": "ACT/365F"}
PILLARS = ["2026-01-15", "2027-01-15", "2029-01-15", "2031-01-15", "2036-01-15", "2046-01-15", "2056-01-15"]
RATES = {"USD": 0.036, "EUR": 0.021}
MARKET = {
    "snapshot_id": "bench",
    "as_of": "2026-01-15",
    "curves": {
        name: CURVE | {"pillars": PILLARS, "zero_rates": [rate + 0.001 * place for place in range(len(PILLARS))]}
        for name, rate in RATES.items()
    },
    "fx_spot": {"EURUSD": 1.0875},
}
ROW_GROUP = 50_000
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
            with _team(arguments.workers if part != "small" else 1) as pids:
                figures[part] = asyncio.run(PARTS[part](bench, scale))
                figures[part]["peak_mb"] = [round(peak_mb(pid)) for pid in pids]
            print(part, json.dumps(figures[part]), flush=True)
    if arguments.json:
        arguments.json.write_text(json.dumps(figures, indent=2) + "\n")


async def large(bench: Bench, scale: float) -> dict[str, Any]:
    """100,000 positions × 100 scenarios."""
    return await _large(bench, int(100_000 * scale), 100)


async def long(bench: Bench, scale: float) -> dict[str, Any]:
    """1,000,000 positions × 20 scenarios."""
    return await _large(bench, int(1_000_000 * scale), 20)


async def small(bench: Bench, scale: float) -> dict[str, Any]:
    """One position, one scenario: milliseconds."""
    taken = []
    position = {name: column[0] for name, column in _book(1).to_pydict().items()}
    async with reader(bench.kafka, ["runs.completed"]) as completions, producing(bench.kafka) as producer:
        for _ in range(max(20, int(300 * scale))):
            run = _run({"positions": [position]}, [{"id": "base"}])
            taken.append(await _answered(producer, completions, run))
    quantiles = statistics.quantiles(taken, n=20)
    return {"runs": len(taken), "median_ms": 1000 * statistics.median(taken), "p95_ms": 1000 * quantiles[-1]}


async def _large(bench: Bench, positions: int, scenarios: int) -> dict[str, Any]:
    uri = f"book-{positions}.parquet"
    content = _parquet(positions)
    await ObjectStore(os.environ["OBJECT_STORE_URL"]).put(uri, content)
    shocks = [{"id": f"s{number}", "shocks": [{"kind": "rate_parallel", "bp": number}]} for number in range(scenarios)]
    run = _run({"uri": uri}, shocks)
    async with reader(bench.kafka, ["runs.completed"]) as completions, producing(bench.kafka) as producer:
        seconds = await _answered(producer, completions, run)
    await _check(bench, run["run_id"], positions, scenarios)
    values = positions * scenarios
    return {"values": values, "book_mb": len(content) / 1e6, "seconds": seconds, "values_per_second": values / seconds}


async def _answered(producer: AIOKafkaProducer, completions: Reader, run: dict[str, Any]) -> float:
    """Seconds from the run's event to its completion."""
    envelope = {"specversion": "1.0", "id": str(uuid4()), "source": "/bench", "type": "run.requested.v1", "clientid": "acme"}
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


async def _check(bench: Bench, run_id: str, positions: int, scenarios: int) -> None:
    """Ends the benchmark unless SQL finds each value."""
    connection = await asyncpg.connect(bench.database_url)
    try:
        found = await connection.fetchrow(COUNTED, run_id)
        if tuple(found) != (positions, positions * scenarios, 0):
            raise SystemExit(f"{dict(found)} are stored for {positions} positions × {scenarios} scenarios")
    finally:
        await connection.close()


def _run(portfolio: dict[str, Any], scenarios: Sequence[dict[str, Any]]) -> dict[str, Any]:
    return {
        "run_id": str(uuid4()),
        "valuation_date": "2026-01-15",
        "portfolio": portfolio,
        "market": {"snapshot": MARKET},
        "scenarios": list(scenarios),
        "measures": ["PV"],
    }


def _book(positions: int) -> pa.Table:
    """Bonds of all lives, in two currencies."""
    draw = np.random.default_rng(7)
    years = draw.integers(1, 30, positions)
    months, days = draw.integers(1, 13, positions), draw.integers(1, 28, positions)
    maturity = [f"{2026 + year}-{month:02}-{day:02}" for year, month, day in zip(years, months, days, strict=True)]
    return pa.table(
        {
            "position_id": [f"bond-{number:07}" for number in range(positions)],
            "product_type": pa.repeat("FIXED_BOND", positions),
            "currency": draw.choice(list(RATES), positions),
            "notional": draw.integers(1, 500, positions) * 10_000.0,
            "start_date": pa.repeat("2021-01-15", positions),
            "maturity_date": maturity,
            "coupon": np.round(draw.uniform(0.005, 0.07, positions), 4),
            "day_count": pa.repeat("30/360", positions),
            "frequency": draw.choice([1, 2, 4], positions),
            "stub": pa.repeat("short_first", positions),
        }
    )


def _parquet(positions: int) -> bytes:
    data = io.BytesIO()
    pq.write_table(_book(positions), data, row_group_size=ROW_GROUP)
    return data.getvalue()


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


PARTS = {"large": large, "long": long, "small": small}

if __name__ == "__main__":
    main()
