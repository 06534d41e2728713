"""What was parsed is kept within its bound, and parsed once, however many ask for it."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from time import sleep

import pytest

from handlers.parsed import Content, Parsed


class Parser:
    """Counts how often it parses."""

    def __init__(self, parsed: Parsed) -> None:
        self.parsed, self.calls = parsed, [""]

    def get(self, name: str, size: int = 10, kind: str = "market") -> list[str]:
        def parse() -> list[str]:
            self.calls.append(name)
            return [kind, name]

        return self.parsed.get(Content(kind, name.encode()), size, parse)


def parses(parser: Parser, name: str, size: int = 10) -> bool:
    """Whether asking for it parses it."""
    before = len(parser.calls)
    parser.get(name, size)
    return len(parser.calls) > before


def test_the_same_content_is_parsed_once() -> None:
    parser = Parser(Parsed())
    assert parser.get("a") is parser.get("a")
    assert parser.calls == ["", "a"]


def test_kinds_and_variants_of_one_content_are_apart() -> None:
    parsed = Parsed()
    found = [
        parsed.get(Content(kind, b"a", variant), 1, lambda of=(kind, variant): of)  # type: ignore[misc]
        for kind, variant in (("market", None), ("market", "eod"), ("snapshot", "eod"))
    ]
    assert found == [("market", None), ("market", "eod"), ("snapshot", "eod")]


def test_what_was_asked_for_least_lately_goes_when_there_is_no_room() -> None:
    parser = Parser(Parsed(30))
    for name in "abcad":
        parser.get(name)
    assert parser.parsed.nbytes == 30
    assert [parses(parser, name) for name in "acd"] == [False, False, False]
    assert parses(parser, "b")


def test_several_go_for_one_that_is_large() -> None:
    parser = Parser(Parsed(30))
    for name in "abc":
        parser.get(name)
    assert parses(parser, "large", 25)
    assert parser.parsed.nbytes == 25
    assert not parses(parser, "large", 25)


@pytest.mark.parametrize("most", [0, 30])
def test_what_is_larger_than_the_bound_is_not_kept_and_nothing_goes_for_it(most: int) -> None:
    parser = Parser(Parsed(most))
    parser.get("a")
    assert parses(parser, "large", 31)
    assert parses(parser, "large", 31)
    assert parses(parser, "a") == (most == 0)


def test_what_cannot_be_parsed_is_tried_again() -> None:
    parsed, content = Parsed(), Content("market", b"a")

    def fail() -> str:
        raise ValueError("no market")

    for _ in range(2):
        with pytest.raises(ValueError, match="no market"):
            parsed.get(content, 1, fail)
    assert parsed.get(content, 1, lambda: "a market") == "a market"
    assert parsed.nbytes == 1


def test_threads_that_want_the_same_share_one() -> None:
    parsed, together, calls = Parsed(), Barrier(8), []

    def parse() -> object:
        calls.append(None)
        sleep(0.01)
        return object()

    def ask(_: int) -> object:
        together.wait(200)
        return parsed.get(Content("market", b"a"), 1, parse)

    with ThreadPoolExecutor(8) as threads:
        found = set(threads.map(ask, range(8)))
    assert (len(found), len(calls)) == (1, 1)


def test_threads_keep_the_bound() -> None:
    parser = Parser(Parsed(50))
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda number: parser.get(f"{number % 23}"), range(2_000)))
    assert parser.parsed.nbytes == 50
    assert sum(parses(parser, f"{number}") for number in range(23)) >= 18
