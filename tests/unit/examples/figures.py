"""What the runs of the demonstration come to by QuantLib, without Millrace: `python -m tests.unit.examples.figures`.

It writes the totals of `examples/expected.json`. Schedules, day counts, curves, smiles and engines are QuantLib's; shocks,
conversions and sums are plain Python, written after docs/pricing.md.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from tests.unit.examples.shocked import shocked
from tests.unit.handlers.price import cds_books, fx_oracle, oracle, rates_oracle
from tests.unit.handlers.price.cds_books import CreditWorld
from tests.unit.handlers.price.fx_oracle import FxWorld
from tests.unit.handlers.price.oracle import World
from tests.unit.handlers.price.rates_oracle import RatesWorld

VALUATION = "2026-01-15"
REPORTING = "USD"
EXAMPLES = Path(__file__).resolve().parents[3] / "examples"
# Hold no value, each for its reason; no sum has them in it, but that what accrues of a bond needs no curve.
WITHOUT_VALUE = {
    "WRONG-UNKNOWN-PRODUCT", "WRONG-MATURES-BEFORE-START", "WRONG-NO-CURVE", "WRONG-PRODUCT", "WRONG-DATES", "WRONG-SMILE",
    "KRONOR-CASTINGS",
}  # fmt: skip

Json = dict[str, Any]
Totals = dict[str, dict[str, float]]


class Desk:
    """A market snapshot under one scenario, as QuantLib sees it."""

    def __init__(self, market: Json, shocks: Sequence[Json]) -> None:
        self.market = shocked(market, shocks)
        self.spread = sum(s["bp"] for s in shocks if s["kind"] == "credit_spread" and "rating" not in s) * oracle.BP
        self.worlds = {shift: self._worlds(shift) for shift in ("", "rates", "vols")}

    def value(self, position: Json, shift: str = "") -> float:
        """PV in the position's own currency; `shift` moves all rates by a basis point, or all volatilities by a point."""
        kind, worlds = position["product_type"], self.worlds[shift]
        if kind == "EQUITY":
            return float(position["quantity"] * self.market["equities"][position["equity"]]["price"])
        if kind == "CASH":
            return float(position["notional"])
        if kind == "CDS":
            return cds_books.present_value(position, worlds["credit"](position["issuer"]))
        if kind in ("FLOATING_BOND", "IRS"):
            return rates_oracle.present_value(position, worlds["rates"])
        if kind in fx_oracle.VALUES:
            return fx_oracle.present_value(position, worlds["fx"])
        return oracle.present_value(position, worlds["plain"])

    def measure(self, name: str, position: Json) -> float:
        """PV, ACCRUED of a bond or loan, DV01, or VEGA of an option."""
        if name == "ACCRUED":
            return oracle.accrued(position, self.worlds[""]["plain"])
        if name == "PV":
            return self.value(position)
        return self.value(position, {"DV01": "rates", "VEGA": "vols"}[name]) - self.value(position)

    def in_usd(self, currency: str) -> float:
        spots = self.market["fx_spot"]
        if currency == REPORTING:
            return 1.0
        return spots[currency + REPORTING] if currency + REPORTING in spots else 1.0 / spots[REPORTING + currency]

    def _worlds(self, shift: str) -> dict[str, Any]:
        market = self.market
        up = oracle.BP if shift == "rates" else 0.0
        zeros, indices = (_rates(market.get(name, {}), up) for name in ("curves", "projection_curves"))
        kinds, index_kinds = (_interpolations(market.get(name, {})) for name in ("curves", "projection_curves"))
        plain = World(VALUATION, zeros, self._all_spots(), self.spread, kinds)
        projections = World(VALUATION, indices, {}, interpolations=index_kinds)
        currencies = {name: curve["currency"] for name, curve in market.get("projection_curves", {}).items()}
        fixings = market.get("fixings", {})
        return {
            "plain": plain,
            "rates": RatesWorld(plain, projections, currencies, fixings),
            "fx": FxWorld(plain, market.get("fx_vols", {}), fixings, 0.01 if shift == "vols" else 0.0),
            "credit": lambda issuer: CreditWorld(VALUATION, zeros["USD"], _hazards(market, issuer)),
        }

    def _all_spots(self) -> dict[str, float]:
        names = {REPORTING} | {pair[:3] for pair in self.market["fx_spot"]} | {pair[3:] for pair in self.market["fx_spot"]}
        return {a + b: self.in_usd(a) / self.in_usd(b) for a in names for b in names if a != b}


def _rates(curves: Json, up: float) -> dict[str, dict[str, float]]:
    return {
        name: {pillar: rate + up for pillar, rate in zip(curve["pillars"], curve["zero_rates"], strict=True)}
        for name, curve in curves.items()
    }


def _interpolations(curves: Json) -> dict[str, str]:
    return {name: curve["interpolation"] for name, curve in curves.items() if curve["interpolation"] != "linear_zero"}


def _hazards(market: Json, issuer: str) -> dict[str, float]:
    curve = market["credit_curves"]["issuers"][issuer]
    return dict(zip(curve["pillars"], curve["rates"], strict=True))


def currency_of(position: Json) -> str:
    """What a position is valued in."""
    return str(position.get("settlement_currency") or position.get("quote_currency") or position["currency"])


def has_value(position: Json, measure: str) -> bool:
    """Whether a position counts in the sums of this measure."""
    if position["position_id"] in WITHOUT_VALUE:
        return measure == "ACCRUED" and position["position_id"] == "WRONG-NO-CURVE"
    return measure != "VEGA" or position["product_type"] == "FX_OPTION"


def totals(
    positions: Iterable[Json], market: Json, scenarios: Sequence[Json], measures: Sequence[str], column: str = ""
) -> dict[str, Totals]:
    """Totals in USD by group (what positions say in `column`, else the empty text), measure and scenario."""
    desks = {scenario["id"]: Desk(market, scenario.get("shocks", ())) for scenario in scenarios}
    addends: dict[tuple[str, str, str], list[float]] = {}
    groups = set()
    for position in positions:
        group = position.get(column, "")
        groups.add(group)
        for measure in measures:
            if not has_value(position, measure):
                continue
            for name, desk in desks.items():
                amount = desk.measure(measure, position) * desk.in_usd(currency_of(position))
                addends.setdefault((group, measure, name), []).append(amount)
    return {
        group: {measure: {name: math.fsum(addends.get((group, measure, name), ())) for name in desks} for measure in measures}
        for group in sorted(groups)
    }


def all_totals() -> dict[str, Json]:
    """What expected.json says of sums, by scene: `totals`, and `totals_by_group` of the book of six desks."""
    evening, close = (_json(f"markets/{name}.json") for name in ("evening", "close"))
    small = _json("events/run.requested.v1.json")
    up = [{"id": "base"}, {"id": "rates_up_100", "shocks": [{"kind": "rate_parallel", "bp": 100, "currency": "*"}]}]
    desks = _lines("books/desks.jsonl"), close, _json("desk_scenarios.json"), ("PV", "DV01", "VEGA")
    credit = pq.read_table(EXAMPLES / "books" / "credit.parquet").to_pylist()
    measures = "PV", "ACCRUED", "DV01"
    inline = small["portfolio"]["positions"], small["market"]["snapshot"], small["scenarios"], small["measures"]
    return {
        "book": {"totals": totals([_plain(row) for row in credit], evening, _json("scenarios.json"), measures)[""]},
        "desks": {"totals": totals(*desks)[""], "totals_by_group": totals(*desks, column="desk")},
        "small": {"totals": totals(*inline)[""]},
        "treasury": {"totals": totals(_lines("books/treasury.jsonl"), evening, up, ("PV", "DV01"))[""]},
    }


def _json(name: str) -> Any:
    return json.loads((EXAMPLES / name).read_text(encoding="utf-8"))


def _lines(name: str) -> list[Json]:
    return [json.loads(line) for line in (EXAMPLES / name).read_text(encoding="utf-8").splitlines()]


def _plain(row: Json) -> Json:
    """A row of a table as JSON would have it: dates as text, nothing that is not given."""
    said = {name: value for name, value in row.items() if value is not None}
    return {name: value.isoformat() if isinstance(value, date) else value for name, value in said.items()}


def main() -> None:
    """Puts the sums into expected.json and leaves everything else as it is."""
    expected = _json("expected.json")
    for scene, sums in all_totals().items():
        expected["scenes"][scene] |= sums
    (EXAMPLES / "expected.json").write_text(json.dumps(expected, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
