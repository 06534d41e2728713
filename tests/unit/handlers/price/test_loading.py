"""A market that many runs name is parsed once, and never taken for another."""

from __future__ import annotations

from hashlib import sha256
from typing import Any

import orjson
import pytest

from events.failures import Permanent
from events.market import Market
from events.model import StoredObject
from events.run import InlineMarket, MarketById, RunRequested
from handlers.parsed import Parsed
from handlers.price.loading import known_market
from tests.unit.handlers.price.books import market, snapshot, world

CONTENT = orjson.dumps(snapshot(world()))
OTHER = orjson.dumps(snapshot(world(EURUSD=1.2)))


def run(named: Any) -> RunRequested:
    return RunRequested.model_construct(market=named)


def known(named: Any, content: bytes, parsed: Parsed) -> Market:
    return known_market(run(named), content, sha256(content).digest(), parsed)


def test_the_same_content_under_the_same_name_is_the_same_market() -> None:
    parsed = Parsed()
    by_id = known(MarketById(snapshot_id="eod"), CONTENT, parsed)
    assert known(MarketById(snapshot_id="eod"), CONTENT, parsed) is by_id
    by_uri = known(StoredObject(uri="a.json"), CONTENT, parsed)
    assert known(StoredObject(uri="b.json"), CONTENT, parsed) is by_uri
    assert (by_id.snapshot_id, by_uri.snapshot_id) == ("eod", market().snapshot_id)


def test_other_content_under_the_same_name_is_another_market() -> None:
    parsed = Parsed()
    named = StoredObject(uri="a.json")
    assert known(named, CONTENT, parsed).fx_spot != known(named, OTHER, parsed).fx_spot


def test_the_same_content_under_two_ids_has_two_names() -> None:
    parsed = Parsed()
    found = [known(MarketById(snapshot_id=name), CONTENT, parsed).snapshot_id for name in ("monday", "tuesday")]
    assert found == ["monday", "tuesday"]


def test_an_event_s_own_market_is_not_kept() -> None:
    parsed, own = Parsed(), market()
    assert known_market(run(InlineMarket(snapshot=own)), b"", None, parsed) is own
    assert parsed.nbytes == 0


def test_a_market_that_is_none_is_told_of_each_time() -> None:
    parsed = Parsed()
    for name in ("a.json", "b.json"):
        with pytest.raises(Permanent, match=name) as failure:
            known(StoredObject(uri=name), b"{", parsed)
        assert failure.value.code == "market_unreadable"
    assert parsed.nbytes == 0


def test_a_market_counts_for_more_than_its_content() -> None:
    parsed = Parsed()
    known(StoredObject(uri="a.json"), CONTENT, parsed)
    assert parsed.nbytes > 5 * len(CONTENT)
