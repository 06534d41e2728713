"""`millrace`: the table of commands, and what any of them ends with."""

from __future__ import annotations

import os
import sys
from importlib import import_module
from typing import Any

import typer
from typer.core import TyperGroup
from typer.main import get_command as built

from millrace.cli.output import complain

EXIT_CODES = "Exit codes: 0 ok, 1 failed, 2 usage, 3 partly done, 4 refused, 5 a server cannot be reached."

# Typer's help by Rich takes twice the time of all the rest.
PLAIN: dict[str, Any] = {"add_completion": False, "pretty_exceptions_enable": False, "rich_markup_mode": None}

# In the order in which a newcomer meets them. `name` is defined in the module of that name: an app of commands, or one command.
COMMANDS = {
    "demo": "Show Millrace at work on an example book.",
    "stack": "Local servers: start, stop, status, env.",
    "migrate": "Bring the tables up to date.",
    "topics": "The topics in Kafka: ensure.",
    "worker": "Consume events until SIGTERM or Ctrl-C.",
    "example": "Print a valid event with fresh ids.",
    "publish": "Send the events of a file, all or none; --wait for answers.",
    "upload": "Store files and have them embedded; --wait for answers.",
    "market": "Market snapshots that runs name by id: load, show, diff, list.",
    "portfolio": "Portfolios that runs name by id: load, show, list, explain.",
    "watch": "Print completions as they come.",
    "results": "What came out: run, document, audit.",
    "run": "A run that is on: cancel.",
    "search": "Find passages of a client's documents by meaning.",
    "lag": "What still waits: by flow and partition, retries, outbox.",
    "lane": "Which flows run or are stopped: list, resume.",
    "doctor": "Is everything set, up and as it has to be?",
    "dlq": "Dead letters: list, show, retry.",
    "replay": "Records of a topic once more: plan, apply, status, pause, abort.",
}


class AsTheyAreNeeded(TyperGroup):
    """Imports the module of a command when that command is asked for, and of none to list them."""

    def __init__(self, **attributes: Any) -> None:
        super().__init__(**attributes)
        # What a mistyped name is compared with.
        names: dict[str, Any] = dict.fromkeys(COMMANDS)
        self.commands = names

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ARG002 - as Typer has it
        """The names in the table's order."""
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """The command of that name, or None."""
        if cmd_name not in COMMANDS:
            return None
        module = import_module(f"millrace.cli.{cmd_name}")
        parent = typer.Typer(**PLAIN)
        parent.callback()(_millrace)
        if commands := getattr(module, "app", None):
            parent.add_typer(commands, name=cmd_name)
        else:
            parent.command(cmd_name)(getattr(module, cmd_name))
        made: Any = built(parent)
        return made.get_command(ctx, cmd_name)

    def format_commands(self, ctx: Any, formatter: Any) -> None:  # noqa: ARG002 - as Typer has it
        """The table."""
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


def _millrace() -> None:
    """Nothing comes before a command."""


app = typer.Typer(
    name="millrace",
    cls=AsTheyAreNeeded,
    help="Turns domain events into priced, embedded and audited results, once in effect, whatever dies on the way.",
    epilog=EXIT_CODES,
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    **PLAIN,
)
app.callback()(_millrace)


def main() -> None:
    """The console script: a known failure is one line on stderr and its exit code, never a traceback."""
    # More threads of BLAS would mostly wait for each other, and not asleep. It reads this when NumPy is first imported.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    try:
        app(prog_name="millrace")
    except BrokenPipeError:
        # The reader of our output went away, as `head` does.
        sys.stderr.close()
        sys.exit(0)
    except Exception as error:
        from millrace.failures import CommandError

        if isinstance(error, ModuleNotFoundError) and (error.name or "").partition(".")[0] == "devstack":
            error = CommandError("local servers are not part of this installation", "A checkout has them; an image does not.")
        if not isinstance(error, CommandError):
            raise
        complain(error)
        sys.exit(error.exit_code)
