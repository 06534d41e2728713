"""Runs of some hundred positions, priced in slices: what they are read from, which are cancelled, which are spoilt."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

from tests.faults.rig.formulas import compact
from tests.faults.rig.manifest import Asked, Record
from tests.faults.rig.portfolios import FILES, book, sliced_run_data

if TYPE_CHECKING:
    from tests.faults.rig.author import Author

SOME = (150, 300)
MANY = (1_200, 1_600)  # enough that what is done to the run finds it in the middle


def _stored(author: Author, ending: str, positions: tuple[int, int]) -> Asked:
    """A run whose portfolio lies in the object store."""
    held, run_id = book(author.draw, author.draw.randint(*positions)), author.new_id()
    portfolio = {"uri": f"books/{run_id}.{ending}"}
    author.put(portfolio["uri"], FILES[ending](held))
    return author.ask.run(sliced_run_data(author.draw, run_id, portfolio), book=zlib.compress(compact(held)))


def _with_followers(author: Author, asked: Asked, about: str) -> list[Record]:
    record = author.record(asked, about)
    author.twist(record, asked)
    return [record]


def _of_a_file(ending: str, author: Author) -> list[Record]:
    return _with_followers(author, _stored(author, ending, SOME), f"a large run of a .{ending}")


def _inline(author: Author) -> list[Record]:
    held: dict[str, Any] = {"positions": book(author.draw, author.draw.randint(*SOME))}
    asked = author.ask.run(sliced_run_data(author.draw, author.new_id(), held))
    return _with_followers(author, asked, "a large run that holds its positions")


def _cancelled(author: Author) -> list[Record]:
    """Its end is asked for at once, twice: how far the run has come by then, nobody knows."""
    asked = _stored(author, "jsonl", SOME)
    end = author.ask.cancel(asked)
    ends = [author.record(end, about) for about in ("a request to end a run", "a duplicate of a request to end a run")]
    return [author.record(asked, "a large run that is cancelled"), *ends]


def cancel(author: Author, asked: Asked) -> Record:
    """A request to end a run that has been published."""
    return author.numbered([author.record(author.ask.cancel(asked), "a request to end a run")])[0]


def long(author: Author, times: int = 1, *, is_spoilt: bool = False) -> Record:
    """A run of so many times many slices; `is_spoilt`: whoever publishes it spoils its portfolio then."""
    fewest, most = MANY
    asked = _stored(author, author.draw.choice(list(FILES)), (times * fewest, times * most))
    about = "a large run whose portfolio is spoilt" if is_spoilt else "a large run of many slices"
    return author.numbered([author.record(replace(asked, is_spoilt=is_spoilt), about)])[0]


KINDS: tuple[Callable[[Author], list[Record]], ...] = (
    partial(_of_a_file, "jsonl"),
    _cancelled,
    partial(_of_a_file, "csv"),
    _inline,
    partial(_of_a_file, "parquet"),
)
