"""What people and programs see: data on stdout, everything else on stderr."""

from __future__ import annotations

import functools
import sys
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from millrace.failures import CommandError

PIPE_WIDTH = 140

Json = Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")]


@functools.cache
def data() -> Console:
    """The console of what was asked for: stdout."""
    from rich.console import Console

    # A pipe has no width of its own.
    return Console(highlight=False, emoji=False, width=None if sys.stdout.isatty() else PIPE_WIDTH)


@functools.cache
def notes() -> Console:
    """The console of progress and remarks: stderr."""
    from rich.console import Console

    return Console(stderr=True, highlight=False, emoji=False, soft_wrap=True)


def print_json(value: Any) -> None:
    """One JSON document on stdout: in one line for each call, so that many make JSON lines."""
    import orjson

    sys.stdout.write(orjson.dumps(value, default=str).decode() + "\n")
    sys.stdout.flush()


def note(text: str) -> None:
    """A remark for people, in Rich's markup, on stderr."""
    notes().print(text)


def complain(error: CommandError) -> None:
    """`millrace: what happened`, and below it what to do."""
    from millrace.failures import WrongSetting
    from millrace.secrecy import without_passwords

    # What is said of a setting never quotes a secret, and `API_KEY: is not set` looks as if it did.
    message = str(error) if isinstance(error, WrongSetting) else without_passwords(str(error))
    typer.secho(f"millrace: {message}", fg="red", err=True)
    if error.advice:
        typer.echo(f"  {error.advice}", err=True)


def table(
    columns: Iterable[str],
    rows: Iterable[Iterable[Any]],
    *,
    title: str = "",
    numbers: Iterable[str] = (),
    whole: Iterable[str] = (),
) -> Table:
    """A light table; columns named in `numbers` are aligned to the right, those in `whole` never broken."""
    from rich import box
    from rich.markup import escape
    from rich.table import Table

    made = Table(title=title or None, title_justify="left", title_style="bold", box=box.SIMPLE_HEAD, pad_edge=False)
    right, unbroken = set(numbers), {*numbers, *whole}
    for column in columns:
        made.add_column(column, justify="right" if column in right else "left", overflow="fold", no_wrap=column in unbroken)
    for row in rows:
        made.add_row(*("" if cell is None else escape(str(cell)) for cell in row))
    return made


def print_facts(facts: Mapping[str, Any]) -> None:
    """Names and values below each other, the names aligned. What would steer the terminal is escaped."""
    from rich.markup import escape

    width = max(map(len, facts))
    for name, value in facts.items():
        data().print(f"[bold]{name:<{width}}[/]  {escape(harmless(str(value)))}")


def harmless(text: str) -> str:
    """`text` in its lines and tabs, with every other character that is not printable escaped."""
    from events.text import printable

    if text.isprintable():
        return text
    return "".join(char if char in "\n\t" else printable(char) for char in text)
