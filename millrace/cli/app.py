"""`millrace`: the table of commands, and what any of them ends with."""

from __future__ import annotations

import sys
from typing import Any

import typer
from typer.core import TyperGroup

from millrace.cli import (
    demo,
    dlq,
    doctor,
    example,
    lag,
    lane,
    market,
    migrate,
    portfolio,
    publish,
    replay,
    results,
    run,
    search,
    stack,
    topics,
    upload,
    watch,
    worker,
)
from millrace.cli.output import complain

EXIT_CODES = "Exit codes: 0 ok, 1 failed, 2 usage, 3 partly done, 4 refused, 5 a server cannot be reached."

# In the order in which a newcomer meets them.
COMMANDS = (
    ("demo", demo.demo, "Show Millrace at work on an example book."),
    ("stack", stack.app, "Local servers: start, stop, status, env."),
    ("migrate", migrate.migrate, "Bring the tables up to date."),
    ("topics", topics.app, "The topics in Kafka: ensure."),
    ("worker", worker.worker, "Consume events until SIGTERM or Ctrl-C."),
    ("example", example.example, "Print a valid event with fresh ids."),
    ("publish", publish.publish, "Send the events of a file, all or none; --wait for answers."),
    ("upload", upload.upload, "Store files and have them embedded; --wait for answers."),
    ("market", market.app, "Market snapshots that runs name by id: load, show, diff, list."),
    ("portfolio", portfolio.app, "Portfolios that runs name by id: load, show, list."),
    ("watch", watch.watch, "Print completions as they come."),
    ("results", results.app, "What came out: run, document, audit."),
    ("run", run.app, "A run that is on: cancel."),
    ("search", search.search, "Find passages of a client's documents by meaning."),
    ("lag", lag.lag, "What still waits: by flow and partition, retries, outbox."),
    ("lane", lane.app, "Which flows run or are stopped: list, resume."),
    ("doctor", doctor.doctor, "Is everything set, up and as it has to be?"),
    ("dlq", dlq.app, "Dead letters: list, show, retry."),
    ("replay", replay.app, "Records of a topic once more: plan, apply, status, pause, abort."),
)


class InOrder(TyperGroup):
    """Lists commands as the table does, rather than groups after the rest."""

    def list_commands(self, ctx: Any) -> list[str]:
        """The names in the table's order."""
        known = super().list_commands(ctx)
        return [name for name, _, _ in COMMANDS if name in known]


# Typer's help by Rich takes twice the time of all the rest.
app = typer.Typer(
    name="millrace",
    cls=InOrder,
    help="Turns domain events into priced, embedded and audited results, once in effect, whatever dies on the way.",
    epilog=EXIT_CODES,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)

for name, command, summary in COMMANDS:
    if isinstance(command, typer.Typer):
        app.add_typer(command, name=name, short_help=summary)
    else:
        app.command(name, short_help=summary)(command)


def main() -> None:
    """The console script: a known failure is one line on stderr and its exit code, never a traceback."""
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
