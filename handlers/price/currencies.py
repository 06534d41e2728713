"""Currencies as numbers, so that arrays can hold and compare them."""

from __future__ import annotations

import re
from typing import TypeVar

from handlers.price.arrays import Ints

_is_currency = re.compile(r"[A-Z]{3}").fullmatch
_is_pair = re.compile(r"[A-Z]{6}").fullmatch
_LETTERS = 26
_CURRENCIES = _LETTERS**3

_Code = TypeVar("_Code", int, Ints)


def currency_code(text: str) -> int:
    """A number for three capital letters; ValueError for anything else."""
    if not _is_currency(text):
        raise ValueError("must be three capital letters such as USD")
    a, b, c = (ord(letter) - ord("A") for letter in text)
    return (a * _LETTERS + b) * _LETTERS + c


def currency_text(code: int) -> str:
    """The inverse of `currency_code`."""
    pair, c = divmod(code, _LETTERS)
    return "".join(chr(ord("A") + letter) for letter in (*divmod(pair, _LETTERS), c))


def pair_code(base: _Code, quote: _Code) -> _Code:
    """A number for a currency pair, or an array of them for arrays."""
    return base * _CURRENCIES + quote


def pair_currencies(pair: int) -> tuple[int, int]:
    """The inverse of `pair_code`: base and quote currency."""
    return divmod(pair, _CURRENCIES)


def is_pair(text: str) -> bool:
    """Whether text is six capital letters such as EURUSD."""
    return _is_pair(text) is not None


def parse_pair(text: str) -> tuple[int, int]:
    """The codes of base and quote currency in a text such as EURUSD."""
    return currency_code(text[:3]), currency_code(text[3:])
