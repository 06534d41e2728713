"""`millrace stack`: real PostgreSQL, Redis and Kafka and a stand-in for OpenAI on this machine, without Docker."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import typer

from millrace.cli.output import Json, data, note, print_json, table

if TYPE_CHECKING:
    from devstack.stack import Stack

app = typer.Typer(
    help="Local servers for trying and developing: PostgreSQL, Redis, Kafka, a stand-in for OpenAI.", no_args_is_help=True
)


@app.command()
def start(as_json: Json = False) -> None:
    """Start what is not running; data of earlier runs is kept."""
    from rich.markup import escape

    with _stack() as stack:
        started = stack.start(on_progress=lambda line: note(f"[dim]{escape(line)}[/]"))
    if as_json:
        print_json(started.servers)
    else:
        _show(stack)


@app.command()
def stop() -> None:
    """Stop the local servers, and only them; their data stays."""
    with _stack() as stack:
        stack.stop()
    note("The local servers are down; their data is kept.")


@app.command()
def status(as_json: Json = False) -> None:
    """Show which servers run, and where."""
    with _stack() as stack:
        if as_json:
            print_json(stack.status())
        else:
            _show(stack)


@app.command()
def env() -> None:
    """Print `export NAME=value` lines: eval "$(millrace stack env)".

    Who has a key or a server for OpenAI goes on to use it.
    """
    from millrace.cli.servers import beside_own_openai
    from millrace.settings import load

    with _stack() as stack:
        for name, value in beside_own_openai(stack.env(), load()).items():
            typer.echo(f"export {name}={shlex.quote(value)}")


@contextmanager
def _stack() -> Iterator[Stack]:
    from devstack.failures import StackError
    from devstack.stack import Stack
    from millrace.failures import CommandError

    try:
        yield Stack()
    except StackError as error:
        raise CommandError(str(error)) from None


def _show(stack: Stack) -> None:
    from millrace.secrecy import without_passwords

    rows = [
        (name, f"running, pid {server['pid']}" if server["pid"] else "stopped", without_passwords(server["url"] or ""))
        for name, server in stack.status().items()
    ]
    data().print(table(("server", "state", "address"), rows))
    note(f"[dim]Data under {stack.folder}. Passwords: millrace stack env[/]")
