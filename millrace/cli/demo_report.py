"""What the demonstration prints in the end: what came of each flow, what it cost, and whether all is as expected."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.markup import escape
from rich.rule import Rule

from millrace.cli.demo_papers import show_audit, show_documents
from millrace.cli.demo_runs import show_run
from millrace.cli.output import data, note, print_json
from millrace.cli.wording import usd
from millrace.demo.facts import facts
from millrace.demo.outcome import Outcome
from millrace.demo.verdict import Check

FLOWS = ("runs", "documents", "audits")


def report(client: str, outcomes: Sequence[Outcome], checks: Sequence[Check], *, by_stand_in: bool, as_json: bool) -> None:
    """Everything on stdout; with `as_json` one JSON document."""
    if as_json:
        print_json(_document(client, outcomes, checks, by_stand_in=by_stand_in))
        return
    for number, outcome in enumerate(_of("runs", outcomes), 1):
        _heading(f"Run {number}: {outcome.scene.title}")
        show_run(outcome)
    _heading("Documents: the papers of a company that does not exist, in seven formats")
    show_documents(_of("documents", outcomes))
    for outcome in _of("audits", outcomes):
        _heading(f"Audit: {outcome.scene.title}")
        show_audit(outcome)
    _heading("What it cost")
    _show_costs(outcomes, by_stand_in=by_stand_in)
    _show_verdict(checks)
    _show_next_steps(client, outcomes)


def _document(client: str, outcomes: Sequence[Outcome], checks: Sequence[Check], *, by_stand_in: bool) -> dict[str, Any]:
    scenes = {
        outcome.scene.name: facts(outcome)
        | {"event_id": outcome.scene.event_id, "task_id": outcome.scene.task_id, "seconds": outcome.seconds[:1]}
        | ({"citations": [cited._asdict() for cited in outcome.citations]} if outcome.citations else {})
        for outcome in outcomes
    }
    return {
        "client": client,
        "answered_by": "stand-in" if by_stand_in else "OpenAI",
        "cost_usd": {flow: _cost(flow, outcomes) for flow in FLOWS} | {"total": sum(_cost(flow, outcomes) for flow in FLOWS)},
        "scenes": scenes,
        "checks": [check._asdict() | {"holds": check.holds} for check in checks],
        "ok": all(check.holds for check in checks),
    }


def _of(flow: str, outcomes: Sequence[Outcome]) -> list[Outcome]:
    return [outcome for outcome in outcomes if outcome.scene.flow == flow]


def _cost(flow: str, outcomes: Sequence[Outcome]) -> float:
    return sum(outcome.cost for outcome in _of(flow, outcomes))


def _heading(text: str) -> None:
    data().print()
    title = f"[bold]{escape(text)}[/]"
    data().print(Rule(title, align="left", style="dim") if len(text) < data().width - 4 else title)


def _show_costs(outcomes: Sequence[Outcome], *, by_stand_in: bool) -> None:
    costs = {flow: _cost(flow, outcomes) for flow in FLOWS}
    each = ", ".join(f"{flow} {usd(cost)}" for flow, cost in costs.items())
    data().print(f"{each}; in all [bold]{usd(sum(costs.values()))}[/].")
    if by_stand_in:
        data().print(
            "[yellow]OpenAI was not asked and nothing was paid[/]: the stand-in of the local stack answered, by keywords. The "
            "costs are what the same tokens would cost at OpenAI. With OPENAI_API_KEY set, OpenAI answers."
        )


def _show_verdict(checks: Sequence[Check]) -> None:
    data().print()
    wrong = [check for check in checks if not check.holds]
    for check in wrong:
        data().print(
            f"[red]✗[/] {check.scene}: {check.what} should be {escape(repr(check.expected))}, is {escape(repr(check.found))}"
        )
    if not wrong:
        data().print(f"[green]✓[/] All {len(checks)} expectations of examples/expected.json hold.")


def _show_next_steps(client: str, outcomes: Sequence[Outcome]) -> None:
    name = program_name()
    ids = {outcome.scene.name: outcome.scene.task_id for outcome in outcomes}
    note("\nThe servers stay up, the worker has ended. To go on:")
    note(f"  {name} results run {ids['book']} --rows 10    [dim]values, position by position[/]")
    note(f"  {name} results document {ids['loan']} --chunks 2    [dim]what was read of the loan agreement[/]")
    note(f"  {name} results audit {ids['audit']}    [dim]the findings once more[/]")
    note(f'  {name} search "who guarantees the loan" --client {client}    [dim]the passages nearest to a question[/]')
    note(f"  {name} dlq list    [dim]what was rejected or failed, and why[/]")
    note(f"  {name} worker    [dim]then, elsewhere: {name} upload FILE --client {client} --wait[/]")


def program_name() -> str:
    """How this command line was called, so that what is printed can be typed: `.venv/bin/millrace`."""
    called = Path(sys.argv[0])
    if called.name == "__main__.py":
        return f"{_from_here(Path(sys.executable))} -m millrace"
    return _from_here(called)


def _from_here(program: Path) -> str:
    here = Path.cwd()
    return str(program.relative_to(here)) if program.is_relative_to(here) else str(program)
