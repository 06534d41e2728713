"""Files of daily moves: each day of the past is a scenario of today.

JSON lines hold a scenario a line, its `id` the day: `{"id": "2025-03-03", "shocks": [...]}`. CSV holds a day a row, the first
column named `date` and each of the others one move; an empty cell is none.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import orjson
from pydantic import ValidationError

from events.failures import Permanent
from events.model import explain
from events.run import RunRequested
from events.scenario import MAX_SCENARIOS, Scenario, unique_scenarios
from events.tail_risk import InlineDays


def with_days(run: RunRequested, content: bytes) -> RunRequested:
    """The run with its days as scenarios, after its own, in place of its request for tail risk.

    `content` is that of the object that it names, if it names one. Raises Permanent, code moves_unreadable.
    """
    if run.tail_risk is None:
        return run
    moves = run.tail_risk.moves
    days = moves.days if isinstance(moves, InlineDays) else read_days(content, moves.uri)
    scenarios = [*run.scenarios, *days]
    if len(scenarios) > MAX_SCENARIOS:
        raise _unreadable(f"{len(scenarios)} scenarios and days are more than {MAX_SCENARIOS}")
    try:
        unique_scenarios(scenarios)
    except ValueError:
        raise _unreadable("a day and a scenario, or two days, have the same id") from None
    return run.model_copy(update={"scenarios": scenarios, "tail_risk": None})


def read_days(content: bytes, name: str) -> list[Scenario]:
    """The days in a file of the kind that the name's ending tells: .csv, .jsonl or .ndjson.

    Raises Permanent, code moves_unreadable, saying where and why.
    """
    ending = name[name.rfind(".") :].lower() if "." in name else ""
    if ending not in (".csv", ".jsonl", ".ndjson"):
        raise _unreadable(f"{name!r} does not end in one of .csv, .jsonl, .ndjson")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise _unreadable(f"{name!r} is not UTF-8: byte {error.start}") from None
    days: list[Scenario] = []
    for line, raw in _rows(text, name) if ending == ".csv" else _objects(text, name):
        if len(days) == MAX_SCENARIOS:
            raise _unreadable(f"{name!r} has more than {MAX_SCENARIOS} days")
        days.append(_scenario(raw, f"line {line} of {name!r}"))
    _check_days(days, name)
    return days


def _check_days(days: Sequence[Scenario], name: str) -> None:
    if not days:
        raise _unreadable(f"{name!r} has no days")
    seen: set[str] = set()
    for day in days:
        if day.id in seen:
            raise _unreadable(f"{name!r} has the day {day.id} more than once")
        seen.add(day.id)


def _objects(text: str, name: str) -> Iterator[tuple[int, Any]]:
    for line, part in enumerate(text.split("\n"), start=1):
        if part.strip():
            try:
                yield line, orjson.loads(part)
            except orjson.JSONDecodeError as error:
                raise _unreadable(f"line {line} of {name!r} is not JSON: {error}") from None


def _rows(text: str, name: str) -> Iterator[tuple[int, Any]]:
    reader = csv.reader(io.StringIO(text), strict=True)
    try:
        header = next(reader, [])
        _check_header(header, name)
        for cells in reader:
            if not cells:
                continue
            if len(cells) != len(header):
                raise _unreadable(f"line {reader.line_num} of {name!r} has {len(cells)} cells, the header {len(header)}")
            moves = [(column, _number(cell, column, reader.line_num, name)) for column, cell in _filled(header, cells)]
            yield reader.line_num, {"id": cells[0], "shocks": _shocks(moves)}
    except csv.Error as error:
        raise _unreadable(f"line {reader.line_num} of {name!r} is not CSV: {error}") from None


def _filled(header: Sequence[str], cells: Sequence[str]) -> Iterable[tuple[str, str]]:
    return ((column, cell) for column, cell in zip(header[1:], cells[1:], strict=True) if cell.strip())


def _check_header(header: Sequence[str], name: str) -> None:
    if header[:1] != ["date"]:
        raise _unreadable(f"the first column of {name!r} must be date")
    for column in header[1:]:
        if header.count(column) > 1:
            raise _unreadable(f"{name!r} has more than one column {column}")
        shocks = _shocks([(column, 0.0)])
        if not shocks:
            raise _unreadable(f"{name!r} has a column {column!r}, which names no move such as rate:USD:5Y, fx:EURUSD or credit")
        _scenario({"id": "date", "shocks": shocks}, f"column {column!r} of {name!r}")


def _number(cell: str, column: str, line: int, name: str) -> float:
    try:
        return float(cell)
    except ValueError:
        raise _unreadable(f"line {line} of {name!r}: {column} must be a number") from None


def _shocks(moves: Iterable[tuple[str, float]]) -> list[dict[str, Any]]:
    """The shocks of one day; the tenors of one currency are one shock."""
    shocks: list[dict[str, Any]] = []
    tenors: dict[str, dict[str, float]] = {}
    for column, size in moves:
        match column.split(":", 2):
            case ["rate", currency]:
                shocks.append({"kind": "rate_parallel", "currency": currency, "bp": size})
            case ["rate", currency, tenor]:
                tenors.setdefault(currency, {})[tenor] = size
            case ["credit"]:
                shocks.append({"kind": "credit_spread", "bp": size})
            case ["credit", ("issuer" | "rating") as whose, each]:
                shocks.append({"kind": "credit_spread", whose: each, "bp": size})
            case [("fx" | "vol") as kind, pair]:
                shocks.append({"kind": kind, "pair": pair, "relative": size})
            case ["equity", share]:
                shocks.append({"kind": "equity", "name": share, "relative": size})
    shocks += [{"kind": "rate_tenors", "currency": currency, "bp": sizes} for currency, sizes in tenors.items()]
    return shocks


def _scenario(raw: Any, where: str) -> Scenario:
    try:
        return Scenario.model_validate(raw)
    except ValidationError as error:
        raise _unreadable(f"{where}: {explain(error, raw)}") from None


def _unreadable(message: str) -> Permanent:
    return Permanent("moves_unreadable", message)
