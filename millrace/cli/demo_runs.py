"""What the demonstration prints of runs: totals by scenario and by group, and what could not be priced."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from rich.markup import escape

from millrace.cli.output import data, table
from millrace.cli.results_run import money
from millrace.cli.wording import COLOURS
from millrace.demo.outcome import Outcome

if TYPE_CHECKING:
    from storage.runs import RunRow

EXAMPLES_SHOWN = 3


def show_run(outcome: Outcome) -> None:
    """A run, or what became of an event that led to none."""
    if outcome.completions:
        _show_completed(outcome)
    for letter in outcome.dead_letters:
        data().print(f"[red]rejected[/] after {seconds(outcome)}, kept as dead letter {letter['id']}")
        data().print(f"  {letter['reason']}: {escape(letter['message'])}")
    if not outcome.completions and not outcome.dead_letters:
        again = not outcome.scene.is_answered
        data().print("[green]recognised[/]: no second run, no second completion" if again else "[red]no answer[/]")


def status_of(outcome: Outcome) -> str:
    """The status in its colour, as markup."""
    status = outcome.said["status"]
    return f"[{COLOURS.get(status, 'red')}]{status}[/]"


def seconds(outcome: Outcome) -> str:
    """How long it took from the event to its answer."""
    return f"{outcome.seconds[0]:.2f} s" if outcome.seconds else "no time"


def _show_completed(outcome: Outcome) -> None:
    said = outcome.said
    data().print(f"{status_of(outcome)} in [bold]{seconds(outcome)}[/] from event to completion: run {said['run_id']}")
    if said.get("failure"):
        data().print(f"  {escape(said['failure']['code'])}: {escape(said['failure']['message'])}")
        return
    priced = len(said["scenarios"]) * len(said["measures"]) * said["positions"]
    parts = f", in {outcome.run.slices} slices" if outcome.run and outcome.run.slices else ""
    data().print(f"{said['positions']} positions, {priced:,} cells{parts}, {said['errors']} rows with an error")
    data().print(_totals(outcome))
    if outcome.group_totals and outcome.run:
        data().print(_by_group(outcome, outcome.run))
    if outcome.error_rows:
        data().print("[bold]Could not be priced, and hold no number[/]")
        data().print(_errors(outcome))


def _totals(outcome: Outcome) -> Any:
    currency = outcome.run.reporting_currency if outcome.run else "the reporting currency"
    totals = outcome.said["totals"]
    lines = [(name, *(money(totals[measure].get(name)) for measure in totals)) for name in outcome.said["scenarios"]]
    return table(("scenario", *totals), lines, title=f"Totals in {currency}", numbers=totals)


def _by_group(outcome: Outcome, run: RunRow) -> Any:
    """The first scenario's totals of each group in whole units, and its lowest PV with the scenario that leads to it."""
    sums: dict[str, dict[str, list[float | None]]] = {}
    for group, measure, values in outcome.group_totals:
        sums.setdefault(", ".join(group), {})[measure] = values
    measures = list(outcome.said["totals"])
    lines = [
        (name, *(_whole(said[measure][0]) for measure in measures), *_lowest(said[measures[0]], run.scenario_ids))
        for name, said in sums.items()
    ]
    by = ", ".join(run.group_by)
    columns = (by, *measures, f"lowest {measures[0]}", "under")
    title = f"Totals in {run.reporting_currency} by {by}, under {run.scenario_ids[0]}"
    return table(columns, lines, title=title, numbers=columns[1:-1], whole=("under",))


def _lowest(values: Sequence[float | None], scenarios: Sequence[str]) -> tuple[str, str]:
    """The lowest total and its scenario; of totals that are not all known none."""
    known = [value for value in values if value is not None]
    if len(known) < len(values):
        return _whole(None), ""
    return _whole(min(known)), scenarios[known.index(min(known))]


def _whole(amount: float | None) -> str:
    return "-" if amount is None else f"{amount:,.0f}"


def _errors(outcome: Outcome) -> Any:
    """Each error with its rows, a few of their positions, and why the first of them has it."""
    from rich.table import Table

    made = Table.grid(padding=(0, 2, 0, 0))
    made.add_column(no_wrap=True, style="red")
    made.add_column(overflow="fold")
    for error, count in outcome.errors.items():
        rows = [row for row in outcome.error_rows if row["error"] == error]
        positions = list(dict.fromkeys(row["position_id"] for row in rows))
        more = f" and {len(positions) - EXAMPLES_SHOWN} more" if len(positions) > EXAMPLES_SHOWN else ""
        measures = ", ".join(dict.fromkeys(row["measure"] for row in rows))
        where = f"{count} {'row' if count == 1 else 'rows'}: {measures} of {', '.join(positions[:EXAMPLES_SHOWN])}{more}"
        made.add_row(error, f"{escape(where)}\n[dim]{escape(rows[0]['error_detail'])}[/]")
    return made
