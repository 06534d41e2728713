"""Random exchange rate products, a market for them, and short ways to price them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any

from hypothesis import strategies as st

from events.market import Market
from handlers.price.engine import price_run
from handlers.price.portfolio import Portfolio
from handlers.price.sheet import PricedRun
from tests.unit.handlers.price.books import VALUATION, amounts, days, market, only_error, only_value, scenarios, world
from tests.unit.handlers.price.fx_oracle import FxWorld
from tests.unit.handlers.price.oracle import World

DELTAS = [0.10, 0.25, 0.50, 0.75, 0.90]
VOLS = {
    "EURUSD": {
        "expiries": ["2026-02-15", "2026-07-15", "2027-01-15", "2031-01-15"],
        "deltas": DELTAS,
        "vols": [
            [0.0815, 0.0765, 0.0740, 0.0770, 0.0830],
            [0.0850, 0.0792, 0.0765, 0.0801, 0.0872],
            [0.0880, 0.0818, 0.0790, 0.0830, 0.0910],
            [0.0990, 0.0935, 0.0915, 0.0960, 0.1040],
        ],
    },
    "GBPUSD": {"flat": 0.0875},
    "EURGBP": {"expiries": ["2027-01-15"], "deltas": [0.25, 0.5, 0.75], "vols": [[0.064, 0.06, 0.063]]},
}
FIXINGS = {
    "EURUSD": {"2026-01-13": 1.0910, "2026-01-15": 1.0890},
    "GBPUSD": {"2026-01-13": 1.2650},
}
EQUITIES = {"ACME": {"currency": "USD", "price": 190.0}, "Muster AG": {"currency": "EUR", "price": 41.5}}
PAIRS = [("EUR", "USD"), ("USD", "EUR"), ("GBP", "USD"), ("EUR", "GBP"), ("GBP", "EUR")]

SWAP = {
    "position_id": "swap",
    "product_type": "FX_SWAP",
    "base_currency": "EUR",
    "quote_currency": "USD",
    "notional": 5_000_000.0,
    "near_date": "2026-01-19",
    "near_strike": 1.088,
    "far_date": "2026-07-20",
    "far_strike": 1.096,
}
NDF = {
    "position_id": "ndf",
    "product_type": "NDF",
    "base_currency": "EUR",
    "quote_currency": "USD",
    "settlement_currency": "USD",
    "notional": 3_000_000.0,
    "strike": 1.1,
    "fixing_date": "2026-07-16",
    "maturity_date": "2026-07-20",
}
OPTION = {
    "position_id": "option",
    "product_type": "FX_OPTION",
    "base_currency": "EUR",
    "quote_currency": "USD",
    "notional": 1_000_000.0,
    "strike": 1.12,
    "option_type": "call",
    "expiry_date": "2027-01-13",
    "delivery_date": "2027-01-15",
}
SHARES = {"position_id": "shares", "product_type": "EQUITY", "equity": "ACME", "currency": "USD", "quantity": 1_000.0}
CASH = {"position_id": "cash", "product_type": "CASH", "currency": "EUR", "notional": 250_000.0}


def fx_world(valuation: date = VALUATION, of: World | None = None) -> FxWorld:
    return FxWorld(of or world(valuation), VOLS, FIXINGS)


def snapshot(of: FxWorld | None = None, **changes: Any) -> Market:
    """The market of a world, its shift of volatilities left out."""
    of = of or fx_world()
    plain = market(of.world)
    more = {"fx_vols": of.vols, "fixings": of.fixings, "equities": EQUITIES} | changes
    parsed = Market.model_validate({"snapshot_id": "eod", "as_of": of.world.valuation, "curves": {}, "fx_spot": {}} | more)
    return plain.model_copy(update={name: getattr(parsed, name) for name in more})


def priced(
    positions: Sequence[dict[str, Any]],
    *shocks: list[dict[str, Any]],
    measures: Sequence[str] = ("PV",),
    valuation: date = VALUATION,
    in_market: Market | None = None,
    reporting: str | None = None,
) -> PricedRun:
    """The run of these positions under scenarios s0, s1, … of these shocks (none: `base`)."""
    of = in_market or snapshot(fx_world(valuation))
    return price_run(Portfolio.from_records(positions), of, scenarios(*shocks), measures, valuation, reporting)


def value(position: dict[str, Any], measure: str = "PV", **options: Any) -> float:
    """The one value of one position in the base scenario."""
    return only_value(priced([position], measures=[measure], **options))


def error(position: dict[str, Any], measure: str = "PV", **options: Any) -> tuple[str | None, str | None]:
    """The code and the sentence of the one row of one position, whose cells must be null if there is one."""
    return only_error(priced([position], measures=[measure], **options))


dates = days(date(2026, 1, 2), date(2040, 1, 1))
strikes = st.floats(0.5, 1.8)


@st.composite
def swaps(draw: st.DrawFn) -> dict[str, Any]:
    base, quote = draw(st.sampled_from(PAIRS))
    near = draw(st.one_of(days(date(2025, 12, 1), date(2026, 3, 1)), dates))
    far = near + timedelta(days=draw(st.integers(1, 2_000)))
    own = {"base_currency": base, "quote_currency": quote, "notional": draw(amounts)}
    own |= {"near_date": near.isoformat(), "near_strike": draw(strikes)}
    return SWAP | own | {"far_date": far.isoformat(), "far_strike": draw(strikes)}


@st.composite
def ndfs(draw: st.DrawFn) -> dict[str, Any]:
    """Some fixed in the past, some on the day, most of them open."""
    base, quote = draw(st.sampled_from(PAIRS))
    fixed_pairs = [pair for pair in PAIRS if "".join(pair) in FIXINGS]
    fixing = draw(st.one_of(st.just(date(2026, 1, 13)), st.just(date(2026, 1, 15)), dates))
    if fixing < VALUATION:
        fixing, (base, quote) = date(2026, 1, 13), draw(st.sampled_from(fixed_pairs))
    maturity = fixing + timedelta(days=draw(st.integers(0, 10)))
    own = {"base_currency": base, "quote_currency": quote, "settlement_currency": draw(st.sampled_from([base, quote]))}
    own |= {"notional": draw(amounts), "strike": draw(strikes)}
    return NDF | own | {"fixing_date": fixing.isoformat(), "maturity_date": maturity.isoformat()}


@st.composite
def options(draw: st.DrawFn) -> dict[str, Any]:
    base, quote = draw(st.sampled_from(PAIRS))
    expiry = draw(dates)
    delivery = draw(st.one_of(st.none(), st.integers(0, 20).map(lambda later: (expiry + timedelta(later)).isoformat())))
    own = {"base_currency": base, "quote_currency": quote, "notional": draw(amounts)}
    own |= {"option_type": draw(st.sampled_from(["call", "put"])), "expiry_date": expiry.isoformat()}
    moneyness = draw(st.floats(0.6, 1.6))
    return OPTION | own | {"delivery_date": delivery, "strike": round(fx_world().spot(base, quote) * moneyness, 6)}


fx_positions = st.one_of(swaps(), ndfs(), options())
