"""Portfolios on the command line: loaded once, refused when they would change, mended when their object was lost."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

Desk = Callable[..., Any]
HEADER = "position_id,product_type,base_currency,quote_currency,notional,strike,maturity_date"
CSV = f"{HEADER}\np0,FX_FWD,EUR,USD,1000,1.25,2027-01-15\np1,SWAPTION,EUR,USD,,,\n"
LINES = (
    '{"position_id":"p0","product_type":"FX_FWD","base_currency":"EUR","quote_currency":"USD","notional":1e3,"strike":1.25,'
    '"maturity_date":"2027-01-15"}\n{"position_id":"p1","product_type":"SWAPTION","base_currency":"EUR","quote_currency":"USD"}'
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with the same two positions in two kinds of file, and others in a third file."""
    (tmp_path / "book.csv").write_text(CSV)
    (tmp_path / "book.jsonl").write_text(LINES)
    (tmp_path / "other.csv").write_text(CSV.replace("1000", "2000"))
    return tmp_path


@pytest.fixture
def desk(inside: Any, url: str, object_store_url: str, folder: Path) -> Desk:
    """`millrace portfolio …` for client acme, in the folder."""

    def call(*arguments: str, client: str = "acme") -> Any:
        return inside("portfolio", *arguments, "--client", client, DATABASE_URL=url, OBJECT_STORE_URL=object_store_url)

    return call


def objects(object_store_url: str) -> list[Path]:
    return sorted(path for path in Path(urlsplit(object_store_url).path).rglob("*") if path.is_file())


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("book.xlsx", "", "'book.xlsx' does not end in one of"),
        ("book.csv", "position_id\np0\n", "'book.csv' has no column product_type"),
        ("book.jsonl", '{"position_id": "p0"}\n{', "line 2 of 'book.jsonl' is not JSON"),
    ],
)
def test_what_is_no_portfolio_is_refused_before_a_server_is_asked(
    inside: Any, tmp_path: Path, name: str, text: str, message: str
) -> None:
    (tmp_path / name).write_text(text)
    result = inside("portfolio", "load", name, "--client", "acme")
    assert (result.returncode, result.stdout) == (4, "")
    assert message in result.stderr
    assert "nothing was stored" in result.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        ["load", "book.csv", "--client", "no spaces"],
        ["load", "book.csv", "--client", "acme", "--id", ""],
        ["load", "missing.csv", "--client", "acme"],
        ["load", ".", "--client", "acme"],
        ["load", "book.csv"],
    ],
)
def test_what_makes_no_sense_is_exit_code_2(inside: Any, folder: Path, arguments: list[str]) -> None:
    result = inside("portfolio", *arguments)
    assert (result.returncode, result.stdout) == (2, "")


def test_servers_that_are_away_are_exit_code_5_and_nothing_is_loaded(
    inside: Any, folder: Path, url: str, object_store_url: str, tmp_path: Path
) -> None:
    away = {"DATABASE_URL": "postgresql://u:hunter2@127.0.0.1:1/x", "OBJECT_STORE_URL": object_store_url}
    result = inside("portfolio", "load", "book.csv", "--client", "acme", **away)
    assert (result.returncode, result.stdout, objects(object_store_url)) == (5, "", [])
    assert "hunter2" not in result.stderr
    nowhere = {"DATABASE_URL": url, "OBJECT_STORE_URL": (tmp_path / "nowhere").as_uri()}
    result = inside("portfolio", "load", "book.csv", "--client", "acme", **nowhere)
    assert (result.returncode, result.stdout) == (5, "")
    shown = inside("portfolio", "list", "--client", "acme", "--json", DATABASE_URL=url)
    assert json.loads(shown.stdout) == {"data": []}


def test_other_positions_under_an_id_are_refused_and_nothing_of_them_is_stored(desk: Desk, object_store_url: str) -> None:
    assert desk("load", "book.csv", "--id", "desk").stdout == "desk\n"
    before = objects(object_store_url)
    refused = desk("load", "other.csv", "--id", "desk")
    assert (refused.returncode, refused.stdout) == (4, "")
    assert "portfolio 'desk' of acme has other content" in refused.stderr
    assert objects(object_store_url) == before
    assert desk("load", "other.csv", "--id", "desk-2").returncode == 0


def test_the_same_positions_have_the_same_id_however_often_and_in_whatever_file_they_are_loaded(desk: Desk) -> None:
    first = json.loads(desk("load", "book.csv", "--json").stdout)
    assert (first["portfolio_id"], first["is_new"]) == (first["sha256"], True)
    for name in ("book.csv", "book.jsonl"):
        again = desk("load", name)
        assert (again.returncode, again.stdout) == (0, first["sha256"] + "\n")
        assert "was loaded before: 2 positions" in again.stderr
    theirs = json.loads(desk("load", "book.jsonl", "--json", client="rival").stdout)
    assert (theirs["is_new"], theirs["sha256"]) == (True, first["sha256"])


def test_positions_that_have_an_id_keep_it_when_they_are_loaded_without_one(desk: Desk) -> None:
    desk("load", "book.csv", "--id", "desk")
    assert desk("load", "book.jsonl").stdout == "desk\n"


def test_an_object_that_was_lost_or_changed_is_mended_by_loading_the_file_again(desk: Desk, object_store_url: str) -> None:
    desk("load", "book.csv", "--id", "desk")
    [path] = objects(object_store_url)
    for mend in (path.unlink, lambda: path.write_text("changed")):
        mend()
        assert desk("load", "book.csv", "--id", "desk").returncode == 0
        assert path.read_text() == CSV


def test_a_client_sees_its_own_portfolios_alone(desk: Desk) -> None:
    desk("load", "book.csv", "--id", "desk")
    shown = json.loads(desk("show", "desk", "--json").stdout)
    assert (shown["positions"], shown["products"]) == (2, {"FX_FWD": 1, "SWAPTION": 1})
    assert "SWAPTION" in desk("show", "desk").stdout
    missing = desk("show", "desk", client="rival")
    assert (missing.returncode, missing.stdout) == (1, "")
    assert "rival has no portfolio 'desk'" in missing.stderr
    assert "rival has no portfolios" in desk("list", client="rival").stderr
    assert "desk" in desk("list").stdout
