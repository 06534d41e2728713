"""Valuation runs as evidence: what a run came to, as text that can be quoted."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from hashlib import sha256

from handlers.audit.evidence import Passage, estimated_tokens
from storage.evidence import RunErrors
from storage.runs import RunRow

# A run may have 10,000 scenarios: of those beyond the first ones, the lowest and the highest are told.
FIRST_SCENARIOS = 20


def run_passage(run: RunRow, errors: Iterable[RunErrors]) -> Passage:
    """A finished run as a passage: its status, totals by measure and scenario, and errors by code."""
    text = "\n".join(_lines(run, errors))
    return Passage(
        chunk_id=run.run_id,
        document_id=run.run_id,
        ordinal=0,
        name=f"valuation run of {run.valuation_date}",
        page=None,
        text=text,
        content_sha256=sha256(text.encode()).digest(),
        tokens=estimated_tokens(text),
    )


def _lines(run: RunRow, errors: Iterable[RunErrors]) -> Iterator[str]:
    yield f"Valuation run {run.run_id}, status {run.status}, valuation date {run.valuation_date}."
    yield f"Positions: {run.positions}. Rows with an error: {run.errors}. Scenarios: {len(run.scenario_ids)}."
    for measure in run.measures:
        if totals := run.totals.get(measure):
            yield f"Total {measure} in {run.reporting_currency} by scenario: {_totals(totals, run.scenario_ids)}."
        else:
            yield f"{measure} has no totals."
    for each in errors:
        yield f"Error {each.error} in {each.rows} rows, such as of the positions {', '.join(each.positions)}."


def _totals(totals: Mapping[str, float | None], scenarios: Sequence[str]) -> str:
    told = list(scenarios[:FIRST_SCENARIOS])
    rest = {name: value for name in scenarios[FIRST_SCENARIOS:] if (value := totals.get(name)) is not None}
    if rest:
        told += dict.fromkeys((min(rest, key=rest.__getitem__), max(rest, key=rest.__getitem__)))
    text = "; ".join(f"{name} {_amount(totals.get(name))}" for name in told)
    more = len(scenarios) - len(told)
    return f"{text}; the {more} other scenarios lie between or have no total" if more > 0 else text


def _amount(value: float | None) -> str:
    return "cannot be told" if value is None else f"{value:.2f}"
