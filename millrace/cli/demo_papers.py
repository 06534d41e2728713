"""What the demonstration prints of documents and of the audit over them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rich.markup import escape
from rich.table import Table

from millrace.cli.demo_runs import seconds, status_of
from millrace.cli.output import data, harmless, table
from millrace.cli.results_audit import COLOURS, DOUBTS, by_severity
from millrace.cli.wording import severities, usd
from millrace.demo.outcome import Outcome

COLUMNS = ("file", "status", "pages", "chunks", "reused", "tokens", "cost", "time")
TABLE_WIDTH = 80
NUMBERS = ("pages", "chunks", "reused", "tokens", "cost", "time")


def show_documents(outcomes: Sequence[Outcome]) -> None:
    """All of them, then those that failed with their reasons, and those that cost nothing."""
    if data().width < TABLE_WIDTH:
        _list(outcomes)
    else:
        made = table(COLUMNS, map(_line, outcomes), numbers=NUMBERS, whole=("file", "status"))
        made.padding = (0, 1, 0, 0)  # so that it fits
        data().print(made)
    for outcome in outcomes:
        name = f"[bold]{escape(outcome.scene.filename)}[/]"
        if failure := outcome.said.get("failure"):
            data().print(f"{name}: [red]{failure['code']}[/], {escape(harmless(failure['message']))}. {_letters(outcome)}")
        elif outcome.said.get("status") == "unchanged":
            data().print(f"{name}: [green]unchanged[/]. {outcome.scene.title}; nothing was embedded or paid for again.")


def show_audit(outcome: Outcome) -> None:
    """Summary, findings with their quotes, what needs review, and what it cost; or why there is none."""
    said = outcome.said
    if not said:
        data().print("[red]no answer[/]")
        return
    data().print(f"{status_of(outcome)} in [bold]{seconds(outcome)}[/] from event to completion: audit {said['audit_id']}")
    if failure := said.get("failure"):
        data().print(f"  [red]{failure['code']}[/]: {escape(harmless(failure['message']))}. {_letters(outcome)}")
    tokens = f"{said['input_tokens']:,} tokens in, {said['output_tokens']:,} out"
    data().print(f"{escape(said['model'])}, {tokens}, {usd(said['cost_usd'])}")
    if said["summary"]:
        data().print(f"\n{escape(harmless(said['summary']))}")
    data().print(f"\n[bold]{severities(finding['severity'] for finding in said['findings'])}[/]\n")
    data().print(_findings(outcome))
    for doubt in said.get("review", ()):
        data().print(f"[yellow]needs review[/]: finding {doubt['finding'] + 1} {DOUBTS.get(doubt['reason'], doubt['reason'])}")


def _list(outcomes: Sequence[Outcome]) -> None:
    """What the table says, for a terminal that is too narrow for it."""
    for outcome in outcomes:
        name, status, *counts = map(str, _line(outcome))
        told = ", ".join(f"{what} {count}" for what, count in zip(COLUMNS[2:], counts, strict=False))
        data().print(f"[bold]{escape(name)}[/] {status}" + (f"\n  {told}" if told else ""))
    data().print()


def _line(outcome: Outcome) -> tuple[Any, ...]:
    said = outcome.said
    if not said:
        return (outcome.scene.filename, "no answer")
    counts = (f"{said[name]:,}" for name in ("pages", "chunks", "chunks_reused", "tokens"))
    return (outcome.scene.filename, said["status"], *counts, usd(said["cost_usd"]), f"{outcome.seconds[0]:.1f} s")


def _letters(outcome: Outcome) -> str:
    ids = ", ".join(str(letter["id"]) for letter in outcome.dead_letters)
    return f"A failed completion, and dead letter {ids}" if ids else "A failed completion"


def _findings(outcome: Outcome) -> Table:
    """One row a finding: how severe it is, then what it is, why, what to do, and the quotes that it rests on."""
    grid = Table.grid(padding=(0, 2, 1, 0))
    grid.add_column(no_wrap=True)
    grid.add_column(overflow="fold")
    for place, finding in by_severity(outcome.said["findings"]):
        said = " ".join(filter(None, (finding["description"], finding["recommendation"])))
        lines = [f"[bold]{escape(harmless(finding['title']))}[/]", escape(harmless(said))]
        lines += [_cited(cited) for cited in outcome.citations if cited.finding == place]
        severity = finding["severity"]
        grid.add_row(f"[{COLOURS[severity]}]{severity}[/]", "\n".join(filter(None, lines)))
    return grid


def _cited(cited: Any) -> str:
    page = f", page {cited.page}" if cited.page else ""
    wrong = "" if cited.holds else " [red]the text does not say so[/]"
    return f"[cyan]{escape(cited.name)}{page}[/]{wrong} [italic]“{escape(harmless(' '.join(cited.quote.split())))}”[/]"
