"""What the demonstration prints of runs: totals by scenario, and what could not be priced."""

from __future__ import annotations

from typing import Any

from rich.markup import escape

from millrace.cli.output import data, table
from millrace.cli.results_run import money
from millrace.cli.wording import COLOURS
from millrace.demo.outcome import Outcome

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
    data().print(f"{said['positions']} positions, {priced:,} cells, {said['errors']} rows with an error")
    data().print(_totals(outcome))
    if outcome.error_rows:
        data().print(_errors(outcome))


def _totals(outcome: Outcome) -> Any:
    currency = outcome.run.reporting_currency if outcome.run else "the reporting currency"
    totals = outcome.said["totals"]
    lines = [(name, *(money(totals[measure].get(name)) for measure in totals)) for name in outcome.said["scenarios"]]
    return table(("scenario", *totals), lines, title=f"Totals in {currency}", numbers=totals)


def _errors(outcome: Outcome) -> Any:
    lines = []
    for error, count in outcome.errors.items():
        rows = [row for row in outcome.error_rows if row["error"] == error]
        positions = list(dict.fromkeys(row["position_id"] for row in rows))
        more = f" and {len(positions) - EXAMPLES_SHOWN} more" if len(positions) > EXAMPLES_SHOWN else ""
        measures = ", ".join(dict.fromkeys(row["measure"] for row in rows))
        lines.append((error, count, measures, ", ".join(positions[:EXAMPLES_SHOWN]) + more, rows[0]["error_detail"]))
    columns = ("error", "rows", "measures", "positions", "why")
    return table(columns, lines, title="Could not be priced, and hold no number", numbers=("rows",), whole=("error",))
