"""Market snapshots as content: what counts as the same market, and what tells two apart."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from events.market import Market
from handlers.price.inputs import parse_market
from handlers.price.snapshots import canonical_market, differences, leaves, unknown_fields

CURVE = {"interpolation": "linear_zero", "compounding": "continuous", "day_count": "ACT/365F"}


def a_market(rates: tuple[float, ...] = (0.03, 0.04), **changes: Any) -> dict[str, Any]:
    pillars = ["2027-01-15", "2028-01-15", "2029-01-15"][: len(rates)]
    curves = {"USD": CURVE | {"pillars": pillars, "zero_rates": list(rates)}}
    return {"snapshot_id": "eod", "as_of": "2026-01-15", "curves": curves, "fx_spot": {"EURUSD": 1.08}} | changes


def canonical(market: dict[str, Any]) -> bytes:
    return canonical_market(Market.model_validate(market))


@pytest.mark.parametrize(
    "other",
    [
        a_market(snapshot_id="another name"),
        dict(reversed(a_market().items())),
        a_market(vendor="ignored"),
        a_market() | {"fx_spot": {"EURUSD": 1.080}},
    ],
)
def test_what_is_no_content_makes_no_other_content(other: dict[str, Any]) -> None:
    assert canonical(other) == canonical(a_market())


def test_a_whole_number_is_the_same_as_a_float() -> None:
    assert canonical(a_market((0, 1))) == canonical(a_market((0.0, 1.0)))


@pytest.mark.parametrize(
    "other",
    [a_market((0.03, 0.04 + 1e-17 * 8)), a_market(as_of="2026-01-16"), a_market(fx_spot={}), a_market((0.03, 0.04, 0.04))],
)
def test_every_bit_of_content_counts(other: dict[str, Any]) -> None:
    assert canonical(other) != canonical(a_market())


def test_the_content_is_told_to_the_letter_so_that_other_programs_can_hash_it() -> None:
    text = (
        b'{"as_of":"2026-01-15","curves":{"USD":{"compounding":"continuous","day_count":"ACT/365F","interpolation":"linear_zero",'
        b'"pillars":["2027-01-15","2028-01-15"],"zero_rates":[0.03,0.04]}},"fx_spot":{"EURUSD":1.08}}'
    )
    assert canonical(a_market()) == text


def test_content_is_the_same_market_again_under_the_id_it_is_given() -> None:
    again = parse_market(canonical(a_market()), "eod", "eod")
    assert again == Market.model_validate(a_market())


def test_what_a_market_does_not_have_is_named() -> None:
    raw = a_market(vendor="x")
    raw["curves"]["USD"] = raw["curves"]["USD"] | {"note": "n"}
    assert sorted(unknown_fields(raw, Market.model_validate(raw))) == ["curves.USD.note", "vendor"]
    assert unknown_fields(a_market(), Market.model_validate(a_market())) == []


FULL = a_market(
    projection_curves={"USD-SOFR-3M": CURVE | {"currency": "USD", "pillars": ["2027-01-15"], "zero_rates": [0.03]}},
    credit_curves={
        "issuers": {"ACME": {"kind": "hazard", "interpolation": "flat_forward", "pillars": ["2027-01-15"], "rates": [0.01]}},
        "ratings": {"BBB": {"kind": "spread", "interpolation": "linear_zero", "pillars": ["2027-01-15"], "rates": [0.02]}},
    },
    fixings={"USD-SOFR-3M": {"2026-01-05": 0.0432, "2026-01-02": 0.0431}, "EURUSD": {"2026-01-02": 1.09}},
    fx_vols={
        "EURUSD": {"flat": 0.08},
        "USDJPY": {"expiries": ["2026-04-15", "2027-01-15"], "deltas": [0.25, 0.5], "vols": [[0.08, 0.09], [0.1, 0.11]]},
    },
    equities={"AAPL": {"currency": "USD", "price": 190}},
)


def turned(value: Any) -> Any:
    """The same with the members of every object in the opposite order."""
    return {name: turned(each) for name, each in reversed(value.items())} if isinstance(value, dict) else value


def test_every_part_of_a_market_is_content_and_is_the_same_market_again() -> None:
    assert parse_market(canonical(FULL), "eod", "eod") == Market.model_validate(FULL)
    assert canonical(turned(FULL)) == canonical(FULL)
    assert unknown_fields(FULL, Market.model_validate(FULL)) == []
    for name in FULL.keys() - {"snapshot_id", "as_of", "curves", "fx_spot"}:
        without = {each: value for each, value in FULL.items() if each != name}
        assert canonical(without) != canonical(FULL)
        [*_, last] = differences(orjson.loads(canonical(without)), orjson.loads(canonical(FULL)))
        assert last.before is None


def test_what_is_at_its_default_may_be_said_or_left_out() -> None:
    said = {
        "fixings": {},
        "credit_curves": {"issuers": {}, "ratings": {}},
        "equities": {},
        "fx_vols": {},
        "projection_curves": {},
    }
    assert canonical(a_market(**said)) == canonical(a_market())


def told(before: dict[str, Any], after: dict[str, Any]) -> list[tuple[str, Any, Any, float | None, str]]:
    return [
        (".".join(each.path), each.before, each.after, each.change and round(each.change, 9), each.unit)
        for each in differences(before, after)
    ]


def test_a_market_does_not_differ_from_itself() -> None:
    content = orjson.loads(canonical(a_market()))
    assert differences(content, content) == []


def test_rates_differ_by_pillar_in_basis_points_and_spots_in_per_cent() -> None:
    after = a_market((0.03, 0.0405, 0.05), fx_spot={"EURUSD": 1.188, "USDJPY": 150.0}, as_of="2026-01-16")
    assert told(a_market(), after | {"snapshot_id": "eod"}) == [
        ("as_of", "2026-01-15", "2026-01-16", None, ""),
        ("curves.USD.zero_rates.2028-01-15", 0.04, 0.0405, 5.0, "bp"),
        ("curves.USD.zero_rates.2029-01-15", None, 0.05, None, ""),
        ("fx_spot.EURUSD", 1.08, 1.188, 10.0, "%"),
        ("fx_spot.USDJPY", None, 150.0, None, ""),
    ]


def test_a_pillar_that_moved_is_one_gone_and_one_new_and_no_rate_is_compared_with_anothers() -> None:
    moved = a_market()
    moved["curves"]["USD"]["pillars"] = ["2027-01-15", "2028-02-15"]
    assert told(a_market(), moved) == [
        ("curves.USD.zero_rates.2028-01-15", 0.04, None, None, ""),
        ("curves.USD.zero_rates.2028-02-15", None, 0.04, None, ""),
    ]


def test_surfaces_credit_curves_fixings_and_prices_differ_by_what_stands_beside_their_values() -> None:
    before = {
        "credit_curves": {"issuers": {"ACME": {"kind": "spread", "pillars": ["2027-01-15"], "rates": [0.01]}}},
        "fixings": {"USD-SOFR-3M": {"2026-01-02": 0.0431}},
        "fx_vols": {"EURUSD": {"expiries": ["2026-04-15"], "deltas": [0.25, 0.5], "vols": [[0.08, 0.09]]}},
        "equities": {"AAPL": {"currency": "USD", "price": 200.0}},
    }
    after = {
        "credit_curves": {"issuers": {"ACME": {"kind": "hazard", "pillars": ["2027-01-15"], "rates": [0.02]}}},
        "fixings": {"USD-SOFR-3M": {"2026-01-02": 0.0431, "2026-01-05": 0.0432}},
        "fx_vols": {"EURUSD": {"expiries": ["2026-04-15"], "deltas": [0.25, 0.5], "vols": [[0.08, 0.1]]}},
        "equities": {"AAPL": {"currency": "USD", "price": 190.0}},
    }
    assert told(before, after) == [
        ("credit_curves.issuers.ACME.kind", "spread", "hazard", None, ""),
        ("credit_curves.issuers.ACME.rates.2027-01-15", 0.01, 0.02, 100.0, "bp"),
        ("equities.AAPL.price", 200.0, 190.0, -5.0, "%"),
        ("fixings.USD-SOFR-3M.2026-01-05", None, 0.0432, None, ""),
        ("fx_vols.EURUSD.vols.2026-04-15.0.5", 0.09, 0.1, 0.01, ""),
    ]


def test_every_value_has_a_path_of_its_own() -> None:
    content = orjson.loads(canonical(a_market()))
    paths = [path for path, _ in leaves(content)]
    assert len(set(paths)) == len(paths)
    assert ("curves", "USD", "zero_rates", "2027-01-15") in paths
