"""Quotes: one holds where a text says the same, letter by letter and figure by figure, from word to word.

Letters and digits are compared, what stands between them is not: models and PDFs change spaces, dashes, quotation marks and
breaks of lines. What would make another figure of the same digits counts all the same: see `_gap` and `_sign`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from unicodedata import category, normalize

# Fewer letters and digits than these are found almost anywhere: such a quote has to be a whole line or cell.
SHORTEST = 8
CELL_ENDS = "\n\r\t|"
MINUS = "-\N{MINUS SIGN}\N{EN DASH}\N{FULLWIDTH HYPHEN-MINUS}\N{SMALL HYPHEN-MINUS}"
APOSTROPHES = ("'", "\N{RIGHT SINGLE QUOTATION MARK}", "\N{LEFT SINGLE QUOTATION MARK}")
POINTS = (".", ",")
DIGITS_A_GROUP = 3

# Thai to Tibetan, Burmese, Khmer, kana, Han: written without spaces, so that a word may end after every character.
_unspaced = re.compile("[\u0e00-\u0fff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\U00020000-\U0003ffff]")
_in_brackets = re.compile(r"\(\d[\d.,'’\s]*\)")

SAME, POINT, APART, PERHAPS = "same", "point", "apart", "perhaps"


@dataclass(frozen=True, slots=True)
class _Folded:
    """The letters and digits of `text`, and where in it each of them stands."""

    text: str
    symbols: str
    places: list[int]


def holds(quote: str, text: str) -> bool:
    """Whether `text` says what `quote` says, from the beginning of a word or figure to the end of one.

    Case, accents, ligatures, width, white space and punctuation do not count. The same figure may be grouped in another way;
    a sign, a decimal point or another digit makes another figure. A quote of fewer than `SHORTEST` letters and digits has
    to be all that a line or cell says; one without any holds nowhere.
    """
    wanted, given = _fold(quote), _fold(text)
    short = sum(2 if _unspaced.match(symbol) else 1 for symbol in wanted.symbols) < SHORTEST
    return any(
        _is_bounded(given, start, start + len(wanted.symbols))
        and _same_figures(wanted, given, start)
        and (not short or _fills_a_cell(given, start, start + len(wanted.symbols)))
        for start in _occurrences(wanted.symbols, given.symbols)
    )


def folded(text: str) -> str:
    """The letters and digits of a text, without case, accents, ligatures or width.

    Folding goes character by character, so the folded part of a text is part of the folded text, wherever it was cut.
    """
    return "".join(map(_folded_character, text))


@lru_cache(maxsize=4096)
def _folded_character(character: str) -> str:
    decomposed = normalize("NFKD", normalize("NFKD", character).casefold())
    return "".join(each for each in decomposed if each.isalnum())


@lru_cache(maxsize=64)
def _fold(text: str) -> _Folded:
    parts = list(map(_folded_character, text))
    return _Folded(text, "".join(parts), [place for place, part in enumerate(parts) for _ in part])


def _occurrences(wanted: str, given: str) -> Iterator[int]:
    start = given.find(wanted) if wanted else -1
    while start >= 0:
        yield start
        start = given.find(wanted, start + 1)


def _is_bounded(given: _Folded, start: int, end: int) -> bool:
    """Whether no word or figure goes on beyond either end of what is found."""
    return not (_goes_on(given, start - 1) or _goes_on(given, end - 1))


def _goes_on(given: _Folded, at: int) -> bool:
    """Whether the symbol at `at` and the next one are of the same word or figure."""
    if not 0 <= at < len(given.symbols) - 1:
        return False
    one, other = given.symbols[at], given.symbols[at + 1]
    if _are_digits(given, at):
        return _gap(given, at) != {APART} or given.places[at] == given.places[at + 1]
    if _between(given, at):
        return False
    if one.isnumeric() and other.isnumeric():
        return True
    return given.places[at] == given.places[at + 1] or not (_unspaced.match(one) or _unspaced.match(other))


def _same_figures(wanted: _Folded, given: _Folded, start: int) -> bool:
    """Whether digits are grouped, divided and signed alike."""
    for at, symbol in enumerate(wanted.symbols):
        if not symbol.isdecimal():
            continue
        if _sign(wanted, at) != _sign(given, start + at):
            return False
        if at + 1 < len(wanted.symbols) and _are_digits(wanted, at) and not _gap(wanted, at) & _gap(given, start + at):
            return False
    return True


def _are_digits(told: _Folded, at: int) -> bool:
    return told.symbols[at].isdecimal() and told.symbols[at + 1].isdecimal()


def _gap(told: _Folded, at: int) -> frozenset[str]:
    """What stands between the digit at `at` and the next one may mean; two gaps are alike where they may mean the same.

    Digits in groups are of the same figure as digits without any. A single mark before three digits can group them or
    be a decimal point, and a single space can divide two figures, too: such a mark is like itself alone.
    """
    if not all(told.text[told.places[each]].isdecimal() for each in (at, at + 1)):
        return frozenset({APART})  # 5½ is not 512, nor 10² 102
    mark = _mark(told, at)
    if not mark:
        return frozenset({SAME})
    groups = _groups(told, at)
    if mark in APOSTROPHES and groups:
        return frozenset({SAME})
    if mark in POINTS:
        return _point(told, at, mark) if groups else frozenset({POINT})
    if mark == " " and groups:
        return frozenset({APART, SAME if _repeats(told, at, mark) else PERHAPS})
    return frozenset({APART})


def _point(told: _Folded, at: int, mark: str) -> frozenset[str]:
    """What a point or comma with three digits after it means, by the marks on both sides of it."""
    if _repeats(told, at, mark) or _mark(told, at + DIGITS_A_GROUP) in POINTS:
        return frozenset({SAME})
    return frozenset({POINT if _mark_before(told, at) in (*POINTS, *APOSTROPHES) else mark})


def _groups(told: _Folded, at: int) -> bool:
    """Whether one to three digits stand before the gap after `at`, and exactly three after it."""
    if not 0 <= at < len(told.symbols) - 1 or not _are_digits(told, at):
        return False
    return _run(told, at, -1) <= DIGITS_A_GROUP == _run(told, at + 1, 1)


def _run(told: _Folded, at: int, step: int) -> int:
    """How many digits stand side by side from `at` on, counted no further than needed."""
    length, low = 1, at if step > 0 else at - 1
    while length <= DIGITS_A_GROUP and 0 <= low < len(told.symbols) - 1 and _are_digits(told, low) and not _between(told, low):
        length, low = length + 1, low + step
    return length


def _repeats(told: _Folded, at: int, mark: str) -> bool:
    """Whether the group on one side of the gap is set apart from another one by the same mark."""
    after = _mark(told, at + DIGITS_A_GROUP) if _groups(told, at + DIGITS_A_GROUP) else ""
    return mark in (_mark_before(told, at), after)


def _mark_before(told: _Folded, at: int) -> str:
    """The mark that sets the group that ends with the digit at `at` apart from one before it."""
    first = at - DIGITS_A_GROUP
    return _mark(told, first) if _run(told, at, -1) == DIGITS_A_GROUP and _groups(told, first) else ""


def _mark(told: _Folded, at: int) -> str:
    """What stands between the digit at `at` and the next one, white space as one space; "" where one of them is no digit."""
    if not 0 <= at < len(told.symbols) - 1 or not _are_digits(told, at):
        return ""
    mark = _between(told, at)
    return " " if mark.isspace() else mark


def _between(told: _Folded, at: int) -> str:
    """What stands between the symbol at `at` and the next one, without what cannot be seen, such as soft hyphens."""
    between = told.text[told.places[at] + 1 : told.places[at + 1]]
    return "".join(each for each in between if category(each) not in {"Cf", "Mn", "Me", "Mc"})


def _sign(told: _Folded, at: int) -> str:
    """How the figure that begins with the digit at `at` is signed: a minus directly before it, or brackets around it."""
    place = told.places[at]
    if place and _in_brackets.match(told.text, place - 1):
        return "()"
    before = told.text[max(0, place - 3) : place]
    while before and category(before[-1]) in {"Sc", "Cf"}:
        before = before[:-1]
    is_minus = before[-1:] != "" and before[-1] in MINUS
    return "-" if is_minus and not before[-2:-1].isalnum() else ""


def _fills_a_cell(given: _Folded, start: int, end: int) -> bool:
    """Whether the line or cell of a table says nothing else."""
    before = given.text[given.places[start - 1] + 1 : given.places[start]] if start else "\n"
    after = given.text[given.places[end - 1] + 1 : given.places[end]] if end < len(given.symbols) else "\n"
    return all(any(mark in gap for mark in CELL_ENDS) for gap in (before, after))
