"""A run as people look at it: facts, totals, values and errors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from millrace.cli.output import data, harmless, note, print_facts, table

if TYPE_CHECKING:
    from storage.runs import RunRow

FACTS = (
    "run_id", "client_id", "status", "generation", "valuation_date", "reporting_currency", "positions", "errors",
    "failure_code", "failure_message", "started_at", "completed_at", "slices", "slices_done", "pricer_version", "snapshot_id",
    "market_sha256", "portfolio_id", "portfolio_sha256", "input_sha256",
)  # fmt: skip
# More lines or columns than anybody reads on a screen.
MOST_TOTALS, MOST_SCENARIOS = 50, 8

# What is no amount of money: rates as decimals, and figures of a size of their own.
RATES = ("YTM", "Z_SPREAD")
FIGURES = ("CLEAN_PRICE", "MODIFIED_DURATION", "CONVEXITY")


class Groups(NamedTuple):
    """Totals of a run by group, or the first of them: what its positions say, a measure, its totals by scenario.

    `total`: how many there are.
    """

    shown: Sequence[tuple[Sequence[str], str, Sequence[float | None]]] = ()
    total: int = 0

    def as_plain(self, found: RunRow) -> list[dict[str, Any]]:
        """For JSON: `group` by column, `totals` by scenario."""
        return [
            {
                "group": dict(zip(found.group_by, group, strict=True)),
                "measure": measure,
                "totals": dict(zip(found.scenario_ids, totals, strict=True)),
            }
            for group, measure, totals in self.shown
        ]


NO_GROUPS = Groups()


def print_run(found: RunRow, values: Sequence[Mapping[str, Any]], groups: Groups = NO_GROUPS, *, errors_only: bool) -> None:
    """The run's facts, its totals, and these of its rows."""
    plain = as_plain(found)
    hidden = () if found.slices else ("slices", "slices_done")
    print_facts({name: plain[name] for name in FACTS if plain[name] is not None and name not in hidden})
    if found.totals:
        data().print(totals_table(plain["totals"], found.scenario_ids, found.reporting_currency))
        _note_left_out(len(found.scenario_ids) - MOST_TOTALS, "scenarios", "--json")
    if groups.shown:
        _print_groups(found, groups)
    if values and errors_only:
        _print_errors(found, values)
    elif values:
        _print_values(found, values)


def progress_of(in_work: RunRow | None) -> dict[str, Any] | None:
    """How far a generation in work is, for JSON."""
    if in_work is None:
        return None
    return {
        name: getattr(in_work, name) for name in ("generation", "slices", "slices_done", "positions", "errors", "started_at")
    }


def note_in_work(in_work: RunRow | None) -> None:
    """Tells people that a generation is in work that is not the one they see."""
    if in_work is not None:
        far = f"{in_work.slices_done:,} of {in_work.slices:,} slices"
        note(f"[dim]being done again as generation {in_work.generation}: {far}; until it is finished this is what is read[/]")


def note_ended(ended: RunRow, read: RunRow) -> None:
    """Tells people what became of a generation that was followed where it is not the one they see."""
    if ended.generation > read.generation:
        why = f" ({ended.failure_code}: {ended.failure_message})" if ended.failure_code else ""
        note(f"generation {ended.generation} is {ended.status}{why}: generation {read.generation} is still what is read")
    elif ended.status == "superseded":
        note(f"generation {ended.generation} is superseded: generation {read.generation} is what is read")


def as_plain(found: RunRow) -> dict[str, Any]:
    """The run by the names of its columns, as JSON has it."""
    import orjson

    totals: Any = found.totals
    digests = {name: value.hex() for name, value in found._asdict().items() if isinstance(value, bytes)}
    return found._asdict() | digests | {"totals": orjson.loads(totals) if isinstance(totals, str) else totals}


def totals_table(totals: Mapping[str, Mapping[str, float | None]], scenarios: Sequence[str], currency: str) -> Any:
    """One line for each scenario, one column for each measure that has totals."""
    lines = [(name, *(money(totals[measure].get(name)) for measure in totals)) for name in scenarios[:MOST_TOTALS]]
    return table(("scenario", *totals), lines, title=f"Totals in {currency}", numbers=totals)


def _print_groups(found: RunRow, groups: Groups) -> None:
    """One line for each measure of each group, one column for each scenario."""
    scenarios = found.scenario_ids[:MOST_SCENARIOS]
    lines = [(*map(harmless, group), measure, *map(money, totals[:MOST_SCENARIOS])) for group, measure, totals in groups.shown]
    title = f"Totals by {', '.join(found.group_by)} in {found.reporting_currency}"
    data().print(table((*found.group_by, "measure", *scenarios), lines, title=harmless(title), numbers=scenarios))
    _note_left_out(groups.total - len(groups.shown), "totals by group", "--json")
    _note_left_out(len(found.scenario_ids) - MOST_SCENARIOS, "scenarios", "--json")


def money(amount: float | None) -> str:
    """An amount for people; a missing one is `-`, never 0."""
    return "-" if amount is None else f"{amount:,.2f}"


def value_in_words(measure: str, value: float) -> str:
    """A value for people: rates to a hundredth of a basis point, amounts to the cent unless that would hide them."""
    if measure in RATES:
        return f"{value:.6f}"
    if measure in FIGURES:
        return f"{value:,.4f}"
    return f"{value:.6g}" if 0 < abs(value) < 1 else money(value)


def _print_errors(found: RunRow, values: Sequence[Mapping[str, Any]]) -> None:
    lines = [(*_place(row), row["error"], harmless(row["error_detail"] or "")) for row in values]
    columns = ("row", "position", "measure", "bucket", "error", "detail")
    data().print(table(columns, lines, title="Could not be priced", numbers=("row",)))
    if found.errors > len(values):
        note(f"[dim]{len(values)} of {found.errors} rows with an error; more: --errors --rows {found.errors}[/]")


def _print_values(found: RunRow, values: Sequence[Mapping[str, Any]]) -> None:
    """Buckets have a column only where there are some."""
    scenarios = found.scenario_ids[:MOST_SCENARIOS]
    has_buckets = any(row["bucket"] for row in values)
    columns = ("row", "position", "measure", *(("bucket",) if has_buckets else ()))
    lines = [(*_place(row)[: len(columns)], *_cells(row)) for row in values]
    data().print(table((*columns, *scenarios), lines, title="Values", numbers=("row", *scenarios), whole=columns[2:]))
    _note_left_out(len(found.scenario_ids) - MOST_SCENARIOS, "scenarios", "--json or --parquet FILE")


def _place(row: Mapping[str, Any]) -> tuple[Any, ...]:
    return row["row_no"], row["position_id"], row["measure"], row["bucket"]


def _cells(row: Mapping[str, Any]) -> list[str]:
    shown = row["values"][:MOST_SCENARIOS]
    return [row["error"] or "-" if value is None else value_in_words(row["measure"], value) for value in shown]


def _note_left_out(number: int, what: str, where: str) -> None:
    if number > 0:
        note(f"[dim]and {number:,} more {what}: {where}[/]")
