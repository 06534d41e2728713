"""What the demonstration prints in the end: runs, errors, dead letters, times, and whether all is as expected."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.markup import escape
from rich.rule import Rule

from millrace.cli.output import data, note, print_json, table
from millrace.cli.results import money
from millrace.demo.play import Outcome
from millrace.demo.verdict import Check, facts

COLOURS = {"completed": "green", "partial": "yellow", "failed": "red"}
EXAMPLES_SHOWN = 3


def report(client: str, outcomes: Sequence[Outcome], checks: Sequence[Check], *, as_json: bool) -> None:
    """Everything on stdout; with `as_json` one JSON document."""
    if as_json:
        print_json(_document(client, outcomes, checks))
        return
    for number, outcome in enumerate(outcomes, 1):
        _scene(number, outcome)
    _verdict(checks)
    _next_steps(outcomes)


def _document(client: str, outcomes: Sequence[Outcome], checks: Sequence[Check]) -> dict[str, Any]:
    scenes = {
        outcome.scene.name: facts(outcome)
        | {"event_id": outcome.scene.event_id, "run_id": outcome.scene.run_id, "seconds": outcome.seconds[:1]}
        for outcome in outcomes
    }
    return {
        "client": client,
        "scenes": scenes,
        "checks": [check._asdict() | {"holds": check.holds} for check in checks],
        "ok": all(check.holds for check in checks),
    }


def _scene(number: int, outcome: Outcome) -> None:
    data().print()
    data().print(Rule(f"[bold]{number}. {escape(outcome.scene.title)}[/]", align="left", style="dim"))
    if outcome.completions:
        _run(outcome)
    for letter in outcome.dead_letters:
        data().print(f"[red]rejected[/] after {_seconds(outcome)}, kept as dead letter {letter['id']}")
        data().print(f"  {letter['reason']}: {escape(letter['message'])}")
    if not outcome.completions and not outcome.dead_letters:
        again = outcome.scene.name == "again"
        data().print("[green]recognised[/]: no second run, no second completion" if again else "[red]no answer[/]")


def _run(outcome: Outcome) -> None:
    said = outcome.completions[0]["data"]
    status = f"[{COLOURS.get(said['status'], 'red')}]{said['status']}[/]"
    data().print(f"{status} in [bold]{_seconds(outcome)}[/] from event to completion: run {said['run_id']}")
    if said.get("failure"):
        data().print(f"  {escape(said['failure']['code'])}: {escape(said['failure']['message'])}")
        return
    priced = len(said["scenarios"]) * len(said["measures"]) * said["positions"]
    data().print(f"{said['positions']} positions, {priced:,} cells, {said['errors']} rows with an error")
    data().print(_totals(outcome))
    if outcome.error_rows:
        data().print(_errors(outcome))


def _totals(outcome: Outcome) -> Any:
    said = outcome.completions[0]["data"]
    currency = outcome.run.reporting_currency if outcome.run else "the reporting currency"
    totals = said["totals"]
    lines = [(name, *(money(totals[measure].get(name)) for measure in totals)) for name in said["scenarios"]]
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


def _verdict(checks: Sequence[Check]) -> None:
    data().print()
    wrong = [check for check in checks if not check.holds]
    for check in wrong:
        data().print(f"[red]✗[/] {check.scene}: {check.what} should be {check.expected!r}, is {check.found!r}", markup=True)
    if not wrong:
        data().print(f"[green]✓[/] All {len(checks)} expectations of examples/expected.json hold.")


def _next_steps(outcomes: Sequence[Outcome]) -> None:
    name = program_name()
    note("\nThe servers stay up, the worker has ended. To go on:")
    note(f"  {name} results run {outcomes[0].scene.run_id} --rows 10    [dim]values, position by position[/]")
    note(f"  {name} dlq list    [dim]what was rejected, and why[/]")
    note(f"  {name} worker    [dim]then, elsewhere: {name} example run.requested.v1 | {name} publish - --wait[/]")


def program_name() -> str:
    """How this command line was called, so that what is printed can be typed: `.venv/bin/millrace`."""
    called = Path(sys.argv[0])
    if called.name == "__main__.py":
        return f"{_from_here(Path(sys.executable))} -m millrace"
    return _from_here(called)


def _from_here(program: Path) -> str:
    here = Path.cwd()
    return str(program.relative_to(here)) if program.is_relative_to(here) else str(program)


def _seconds(outcome: Outcome) -> str:
    return f"{outcome.seconds[0]:.2f} s" if outcome.seconds else "no time"
