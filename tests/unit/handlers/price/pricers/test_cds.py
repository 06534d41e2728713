"""Credit default swaps: identities, and what goes wrong."""

from __future__ import annotations

import math
from datetime import date, timedelta
from typing import Any

import numpy as np
import pytest

from tests.unit.handlers.price.cds_books import CDS, CreditWorld
from tests.unit.handlers.price.fx_books import error, priced, value

FLAT = CreditWorld("2026-01-15", {"2027-01-15": 0.03, "2056-01-15": 0.03}, {"2027-01-15": 0.02, "2056-01-15": 0.02})
TODAY = date(2026, 1, 15)


def flat(position: dict[str, Any], measure: str = "PV", **options: Any) -> float:
    return value(position, measure, in_market=FLAT.snapshot(), **options)


def test_a_premium_counts_until_it_is_paid() -> None:
    """On 20 March 2026 10 million · 0.01 · 90 / 360 are paid; a day of protection, 10 million · 0.6 · 0.02 / 365, is over."""
    swap = CDS | {"maturity_date": "2026-12-20"}
    eve, day = (flat(swap, valuation=date(2026, 3, 19) + timedelta(later)) for later in (0, 1))
    assert day - eve == pytest.approx(25_000.0 - 329.0, rel=1e-3)
    assert flat(swap, "ACCRUED", valuation=date(2026, 3, 19)) == pytest.approx(-25_000.0)
    assert flat(swap, "ACCRUED", valuation=date(2026, 3, 20)) == pytest.approx(-10_000_000 * 0.01 / 360)
    assert flat(swap, "ACCRUED", valuation=date(2025, 12, 18)) == 0.0


def test_protection_without_premium_is_the_discounted_loss() -> None:
    """λ = 2 %, r = 3 %, recovery 40 %: N · 0.6 · λ / (λ + r) · (1 - e^(-(λ + r) t))."""
    years = (date(2030, 12, 20) - TODAY).days / 365
    expected = 10_000_000 * 0.6 * 0.02 / 0.05 * (1 - math.exp(-0.05 * years))
    assert flat(CDS | {"coupon": 0.0}) == pytest.approx(expected, rel=1e-12)
    assert flat(CDS | {"coupon": 0.0, "recovery_rate": 1.0}) == 0.0


def test_a_fair_premium_is_about_the_hazard_rate_times_the_loss() -> None:
    """The credit triangle; a premium that is paid every day would make it exact."""
    protection, one = flat(CDS | {"coupon": 0.0}), flat(CDS | {"coupon": 1.0})
    fair = protection / (protection - one)
    assert fair * 365 / 360 == pytest.approx(0.02 * 0.6, rel=2e-2)
    assert flat(CDS | {"coupon": fair}) == pytest.approx(0.0, abs=1e-6)


def test_protection_sold_is_worth_the_opposite_of_protection_bought() -> None:
    measures = ("PV", "ACCRUED", "DV01", "CS01")
    run = priced([CDS, CDS | {"notional": -CDS["notional"]}], measures=measures, in_market=FLAT.snapshot())
    assert (run.values[:4] == -run.values[4:]).all()
    assert run.values[3, 0] > 0.0 > run.values[1, 0]


def test_an_upfront_is_paid_by_the_buyer_until_its_day_is_over() -> None:
    plain = flat(CDS)
    later = flat(CDS | {"upfront": 0.05, "upfront_date": "2027-01-15"})
    assert plain - later == pytest.approx(500_000 * math.exp(-0.03))
    assert flat(CDS | {"upfront": 0.05, "upfront_date": "2026-01-15"}) == plain
    assert flat(CDS | {"upfront": 0.05}) == plain


def test_linear_zero_rates_are_integrated_to_one_part_in_ten_million_of_notional() -> None:
    """Against the same curves given day by day, between which nothing is left to be approximated."""
    zeros = {"2026-07-15": 0.01, "2028-01-15": 0.045, "2036-01-15": 0.03}
    hazards = {"2026-12-20": 0.005, "2030-12-20": 0.03, "2036-12-20": 0.04}
    days = [(TODAY + timedelta(later)).isoformat() for later in range(1, 3000)]
    coarse = CreditWorld("2026-01-15", zeros, hazards)
    fine = CreditWorld("2026-01-15", daily(zeros, days), daily(hazards, days))
    for position in (CDS, CDS | {"coupon": 0.0}, CDS | {"frequency": 1, "coupon": 0.05}):
        expected = value(position, in_market=fine.snapshot())
        assert value(position, in_market=coarse.snapshot("linear_zero")) == pytest.approx(expected, abs=1e-7 * 10_000_000)


def daily(rates: dict[str, float], days: list[str]) -> dict[str, float]:
    at = [date.fromisoformat(day).toordinal() for day in days]
    pillars = [date.fromisoformat(day).toordinal() for day in rates]
    return dict(zip(days, np.interp(at, pillars, list(rates.values())).tolist(), strict=True))


def test_an_issuers_curve_goes_before_its_ratings() -> None:
    curve = {"kind": "hazard", "interpolation": "log_linear_df", "pillars": ["2056-01-15"]}
    both = FLAT.snapshot(credit={"issuers": {"ACME": curve | {"rates": [0.02]}}, "ratings": {"BBB": curve | {"rates": [0.05]}}})
    own = value(CDS | {"rating": "BBB"}, in_market=both)
    assert own == value(CDS, in_market=both) == pytest.approx(flat(CDS))
    assert value(CDS | {"issuer": "Unheard of", "rating": "BBB"}, in_market=both) > own


def test_a_credit_spread_shock_moves_hazard_rates_by_as_much_as_cs01_does() -> None:
    run = priced([CDS], [], [{"kind": "credit_spread", "bp": 1.0}], measures=("PV", "CS01"), in_market=FLAT.snapshot())
    assert run.values[0, 1] - run.values[0, 0] == pytest.approx(run.values[1, 0], rel=1e-9)


def test_key_rates_are_those_of_the_discount_curve_and_add_up_to_dv01() -> None:
    run = priced([CDS], measures=("DV01", "KRD"), in_market=FLAT.snapshot())
    assert run.bucket == ["", *FLAT.zeros]
    assert run.values[1:, 0].sum() == pytest.approx(run.values[0, 0], rel=1e-3)


INVALID = [
    ({"issuer": None}, "issuer: must be given, or rating"),
    ({"issuer": ""}, "issuer: must be a name of 1 to 256 printable characters, not ''"),
    ({"maturity_date": "2025-12-20"}, "maturity_date: must be after start_date"),
    ({"recovery_rate": 1.5}, "recovery_rate: must lie between 0 and 1"),
    ({"recovery_rate": -0.1}, "recovery_rate: must lie between 0 and 1"),
    ({"upfront": 0.01, "upfront_date": "2030-12-21"}, "upfront_date: must not be after the last premium"),
    ({"coupon": math.nan}, "coupon: must be finite, not nan"),
    ({"day_count": "30/360"}, "day_count: must be one of ACT/360, ACT/365F, not '30/360'"),
    ({"frequency": 3}, "frequency: must be one of 1, 2, 4, 12, not 3"),
    ({"first_coupon_date": "2025-12-20"}, "first_coupon_date: must be after start_date and not after maturity_date"),
]


@pytest.mark.parametrize(("wrong", "sentence"), INVALID)
def test_wrong_terms_name_their_field(wrong: dict[str, Any], sentence: str) -> None:
    assert error(CDS | wrong, in_market=FLAT.snapshot()) == ("INVALID_TERMS", sentence)


def test_a_swap_needs_a_hazard_curve_and_a_discount_curve() -> None:
    nobody = CDS | {"issuer": "Nobody"}
    snapshot = FLAT.snapshot()
    assert error(nobody, in_market=snapshot) == ("MISSING_MARKET_DATA", "no hazard curve of issuer Nobody")
    unrated = nobody | {"rating": "CCC"}
    assert error(unrated, in_market=snapshot) == ("MISSING_MARKET_DATA", "no hazard curve of issuer Nobody or rating CCC")
    assert error(CDS | {"currency": "CHF"}, in_market=snapshot) == ("MISSING_MARKET_DATA", "no CHF curve")
    assert value(nobody, "ACCRUED", in_market=snapshot) == flat(CDS, "ACCRUED")


def test_a_spread_curve_is_no_hazard_curve() -> None:
    spread = {"kind": "spread", "interpolation": "linear_zero", "pillars": ["2056-01-15"], "rates": [0.02]}
    snapshot = FLAT.snapshot(credit={"issuers": {"ACME": spread}})
    assert error(CDS, in_market=snapshot) == ("MISSING_MARKET_DATA", "no hazard curve of issuer ACME")


def test_a_swap_that_is_over_is_worth_nothing_and_has_no_exchange_rates() -> None:
    measures = ("PV", "ACCRUED", "DV01", "CS01", "KRD")
    run = priced([CDS | {"maturity_date": "2026-01-15"}], measures=measures, in_market=FLAT.snapshot())
    assert (run.values == 0.0).all()
    assert run.errors == 0
    assert error(CDS, "FX_DELTA", in_market=FLAT.snapshot()) == ("UNSUPPORTED", "CDS has no FX_DELTA")


def test_a_swap_whose_last_premium_waits_for_monday_is_worth_that_premium() -> None:
    """2026-06-20 is a Saturday: protection is over, 93 days of premium are paid on Monday."""
    swap = CDS | {"maturity_date": "2026-06-20", "calendar": "WEEKENDS"}
    sunday = flat(swap, valuation=date(2026, 6, 21))
    assert sunday == pytest.approx(-10_000_000 * 0.01 * 93 / 360, rel=1e-3)
    assert flat(swap, "ACCRUED", valuation=date(2026, 6, 21)) == pytest.approx(-10_000_000 * 0.01 * 93 / 360)
    assert flat(swap, valuation=date(2026, 6, 22)) == 0.0


def test_hazards_and_rates_out_of_all_bounds_stay_in_their_cell() -> None:
    shocks = [[], [{"kind": "rate_parallel", "bp": -1e9, "currency": "*"}], [{"kind": "credit_spread", "bp": 1e9}]]
    run = priced([CDS, CDS | {"notional": 1.7e308}], *shocks, in_market=FLAT.snapshot())
    assert np.isfinite(run.values[0]).tolist()[0]
    assert not np.isfinite(run.values[0, 1])
    assert run.values[0, 0] == flat(CDS)
