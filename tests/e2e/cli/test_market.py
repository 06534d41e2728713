"""Market snapshots on the command line: loaded once, refused when they would change, shown and compared."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.support.runs import MARKET

Desk = Callable[..., Any]
UNNAMED = {name: value for name, value in MARKET.items() if name != "snapshot_id"}
MOVED = MARKET | {"fx_spot": {"EURUSD": 1.5}}


@pytest.fixture
def desk(inside: Any, url: str) -> Desk:
    """`millrace market …` for client acme."""

    def call(*arguments: str, client: str = "acme", text: str | None = None) -> Any:
        return inside("market", *arguments, "--client", client, text=text, DATABASE_URL=url)

    return call


def load(desk: Desk, market: dict[str, Any], *arguments: str, **more: str) -> Any:
    return desk("load", "-", *arguments, text=json.dumps(market), **more)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "<stdin> is not JSON"),
        ("[1]", "'<stdin>': "),
        ('{"as_of": "2026-01-15", "curves": {}}', "'<stdin>': fx_spot: field required"),
        (json.dumps(MARKET | {"fx_spot": {"EURUSD": -1}}), "'<stdin>': fx_spot.EURUSD: input should be greater than 0"),
        (json.dumps(MARKET | {"snapshot_id": ""}), "'<stdin>': snapshot_id: must be 1 to 256 printable characters"),
        (json.dumps(MARKET | {"as_of": 20260115}), "'<stdin>': as_of: must be a date such as 2026-01-15"),
    ],
)
def test_what_is_no_market_is_refused_with_the_field_before_a_server_is_asked(inside: Any, text: str, message: str) -> None:
    result = inside("market", "load", "-", "--client", "acme", text=text)
    assert (result.returncode, result.stdout) == (4, "")
    assert f"millrace: {message}" in result.stderr
    assert "nothing was stored" in result.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        ["load", "-", "--client", "no spaces"],
        ["load", "-", "--client", "acme", "--id", "a\tb"],
        ["load", "/no/such/file", "--client", "acme"],
        ["load", "-"],
        ["diff", "eod", "--client", "acme"],
    ],
)
def test_what_makes_no_sense_is_exit_code_2(inside: Any, arguments: list[str]) -> None:
    result = inside("market", *arguments, text=json.dumps(MARKET))
    assert (result.returncode, result.stdout) == (2, "")


def test_a_database_that_is_away_is_exit_code_5(inside: Any) -> None:
    away = "postgresql://u:hunter2@127.0.0.1:1/x"
    result = inside("market", "load", "-", "--client", "acme", text=json.dumps(MARKET), DATABASE_URL=away)
    assert (result.returncode, result.stdout) == (5, "")
    assert "hunter2" not in result.stderr


def test_other_content_under_an_id_is_refused_and_the_first_stands(desk: Desk) -> None:
    assert load(desk, MARKET).stdout == "flat\n"
    refused = load(desk, MOVED)
    assert (refused.returncode, refused.stdout) == (4, "")
    assert "market snapshot 'flat' of acme has other content" in refused.stderr
    assert json.loads(desk("show", "flat", "--json").stdout)["market"] == MARKET
    named = load(desk, MOVED, "--id", "moved", "--json")
    assert (json.loads(named.stdout)["snapshot_id"], json.loads(named.stdout)["is_new"]) == ("moved", True)


def test_the_same_content_has_the_same_id_however_often_and_however_written_it_is_loaded(desk: Desk, tmp_path: Path) -> None:
    first = load(desk, UNNAMED, "--json")
    said = json.loads(first.stdout)
    assert said["snapshot_id"] == said["sha256"]
    file = tmp_path / "market.json"
    file.write_text(json.dumps(dict(reversed(UNNAMED.items())), indent=2))
    again = desk("load", str(file))
    assert (again.returncode, again.stdout) == (0, said["snapshot_id"] + "\n")
    assert "was loaded before" in again.stderr
    assert load(desk, MARKET, "--id", said["snapshot_id"]).returncode == 0


def test_what_a_market_does_not_have_is_named_rather_than_lost_in_silence(desk: Desk) -> None:
    misspelt = MARKET | {"fx_spots": {"USDJPY": 150.0}}
    assert "fx_spots" in load(desk, misspelt).stderr
    assert json.loads(load(desk, misspelt, "--json").stdout)["ignored"] == ["fx_spots"]


def test_a_client_sees_its_own_snapshots_alone(desk: Desk) -> None:
    load(desk, MARKET)
    load(desk, MOVED, client="rival")
    assert json.loads(desk("show", "flat", "--json", client="rival").stdout)["market"] == MOVED
    for arguments in (["show", "none"], ["diff", "flat", "none"], ["show", "flat", "--under", "nothing"]):
        result = desk(*arguments)
        assert result.returncode == 1
        assert result.stderr.startswith("millrace: ")
    nobody = desk("show", "flat", client="nobody")
    assert (nobody.returncode, nobody.stdout) == (1, "")
    assert "nobody has no market snapshot 'flat'" in nobody.stderr
    assert [each["snapshot_id"] for each in json.loads(desk("list", "--json").stdout)["data"]] == ["flat"]
    assert "nobody has no market snapshots" in desk("list", client="nobody").stderr


def test_a_difference_is_told_in_the_units_of_the_desk(desk: Desk) -> None:
    curve = MARKET["curves"]["USD"] | {"zero_rates": [0.0025]}  # type: ignore[index]
    load(desk, MARKET)
    load(desk, MOVED | {"curves": MARKET["curves"] | {"USD": curve}}, "--id", "moved")  # type: ignore[operator]
    shown = desk("diff", "flat", "moved")
    assert shown.returncode == 0
    assert "curves.USD.zero_rates.2026-01-15" in shown.stdout
    assert "+25 bp" in shown.stdout
    assert "+20 %" in shown.stdout
    found = json.loads(desk("diff", "flat", "moved", "--json").stdout)
    assert [each["path"] for each in found["differences"]] == ["curves.USD.zero_rates.2026-01-15", "fx_spot.EURUSD"]
    same = desk("diff", "flat", "flat")
    assert (same.returncode, same.stdout) == (0, "")
    assert "no difference" in same.stderr


def test_a_snapshot_is_shown_in_short_and_in_full(desk: Desk) -> None:
    load(desk, MARKET)
    short = desk("show", "flat").stdout
    assert "curves.USD.zero_rates" in short
    assert "fx_spot" in short
    assert "1.25" in desk("show", "flat", "--under", "fx_spot.EURUSD").stdout
    whole = json.loads(desk("show", "flat", "--json").stdout)
    assert load(desk, whole["market"]).stdout == "flat\n"
