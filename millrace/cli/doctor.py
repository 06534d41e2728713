"""`millrace doctor`: what is set, which servers answer, and what to do where something is not as it has to be."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import typer

from millrace.cli.output import Json, data, print_json

if TYPE_CHECKING:
    from millrace.doctor.judging import Check

MARKS = {"ok": "[green]✓[/]", "remark": "[yellow]![/]", "wrong": "[red]✗[/]", "away": "[red]✗[/]"}


def doctor(as_json: Json = False) -> None:
    """Look at settings, servers, tables, topics and clocks; say what to do where something is wrong.

    Nothing is changed, but for one small object that is written to the object store. Exit code 0 when all is well, 1 when
    something is wrong, 5 when a server cannot be reached.
    """
    from millrace.cli.servers import quiet, settings
    from millrace.doctor.asking import ask_all
    from millrace.doctor.judging import exit_code, of_settings
    from millrace.settings import load

    chosen = settings()
    quiet()
    checks = of_settings(load(), chosen) + asyncio.run(ask_all(chosen))
    if as_json:
        print_json({"ok": exit_code(checks) == 0, "checks": [check._asdict() for check in checks]})
    else:
        _print(checks)
    if code := exit_code(checks):
        raise typer.Exit(code)


def _print(checks: list[Check]) -> None:
    from rich.markup import escape

    width = max(len(check.name) for check in checks)
    for check in checks:
        advice = f"  [dim]{escape(check.advice)}[/]" if check.advice else ""
        data().print(f"{MARKS[check.state]} {check.name:<{width}}  {escape(check.message)}{advice}", soft_wrap=True)
