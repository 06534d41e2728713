"""The stages of a run of bonds or loans apart, each with what it needs made ready."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np

from events.market import Market
from events.scenario import Scenario
from handlers.price.cashflows import cash_flows
from handlers.price.dates import to_day
from handlers.price.discounted import discounted
from handlers.price.engine import price_run
from handlers.price.market import MarketData
from handlers.price.measures import dv01, krd, present_value
from handlers.price.neighbours import side_by_side
from handlers.price.portfolio import Portfolio
from handlers.price.schedule import build

_SMALL_RUNS = 200


@dataclass(frozen=True)
class Stages:
    """Medians a second of the process's own time; PVs, values and cells are of one position under one scenario.

    `kernel`: present values with cash flows ready, discount factors included, under scenarios that move all rates alike;
    `kernel_bent`: under as many that move one pillar each; `kernel_many`: under ten times as many of these. `matrix`: what is
    left of `kernel` when discount factors or their samples are ready, over `flows_each` cash flows a position. `dv01`, `krd`:
    from the kernel's arrays, KRD with a cell for each pillar. `run_dv01`, `run_krd`: whole runs of these alone. `small_runs`:
    one position, one scenario.
    """

    product: str
    schedules: float
    flows: float
    kernel: float
    kernel_bent: float
    kernel_many: float
    matrix: float
    dv01: float
    krd: float
    run: float
    run_dv01: float
    run_krd: float
    from_json: float
    small_runs: float
    flows_each: float


def stages(
    product: str,
    book: Sequence[dict[str, Any]],
    market: Market,
    scenarios: Sequence[Scenario],
    bent: Sequence[Scenario],
    valuation: date,
    rounds: int,
) -> Stages:
    """Times each stage in turn, round after round; stages have positions in the order in which a run takes them."""
    portfolio, one = Portfolio.from_records(book), Portfolio.from_records(book[:1])
    terms: Any = portfolio.groups[0].terms
    terms = terms.take(side_by_side(terms, np.arange(len(book))))
    data, day = MarketData.of(market, scenarios, valuation), to_day(valuation)
    many = MarketData.of(market, bent, valuation)
    few = many.under(slice(len(scenarios)))
    flows = cash_flows(terms, day)
    priced = discounted(flows, data)
    _ = priced.value, priced.nodes  # samples and nodes are ready for the stages that have them so
    values = len(book) * len(scenarios)
    cells = int(priced.pillars.sum()) * len(scenarios)
    roll = (terms.start, terms.end, 12 // terms.frequency, terms.stub, terms.first_coupon, terms.rules.end_of_month)

    def whole(measure: str) -> Callable[[], Any]:
        return lambda: price_run(portfolio, market, scenarios, [measure], valuation)

    work: dict[str, tuple[Callable[[], Any], int]] = {
        "schedules": (lambda: build(*roll), len(book)),
        "flows": (lambda: cash_flows(terms, day), len(book)),
        "kernel": (lambda: present_value(discounted(flows, data)), values),
        "kernel_bent": (lambda: present_value(discounted(flows, few)), values),
        "kernel_many": (lambda: present_value(discounted(flows, many)), len(book) * len(bent)),
        "matrix": (lambda: priced.summed(priced.weights), values),
        "dv01": (lambda: dv01(priced), values),
        "krd": (lambda: krd(priced), cells),
        "run": (whole("PV"), values),
        "run_dv01": (whole("DV01"), values),
        "run_krd": (whole("KRD"), cells),
        "from_json": (lambda: Portfolio.from_records(book), len(book)),
        "small_runs": (lambda: [price_run(one, market, (), ["PV"], valuation) for _ in range(_SMALL_RUNS)], _SMALL_RUNS),
    }
    return Stages(product, **_medians(work, rounds), flows_each=flows.date.size / len(book))


def _medians(work: dict[str, tuple[Callable[[], Any], int]], rounds: int) -> dict[str, float]:
    seconds: dict[str, list[float]] = {name: [] for name in work}
    for _ in range(rounds):
        for name, (do, _) in work.items():
            seconds[name].append(timed(do)[0])
    return {name: count / statistics.median(seconds[name]) for name, (_, count) in work.items()}


def timed(work: Callable[[], Any]) -> tuple[float, Any]:
    """The time that the process itself spent on this work, in seconds, and its result.

    One thread does it, so that this is what it takes on a core of its own, whatever else the machine does.
    """
    start = time.process_time()
    result = work()
    return time.process_time() - start, result
