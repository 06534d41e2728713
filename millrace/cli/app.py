"""`millrace`: the table of commands, and what any of them ends with."""

from __future__ import annotations

import sys

import typer

from millrace.cli import dlq, example, migrate, publish, results, stack, topics, watch, worker
from millrace.cli.output import complain

EXIT_CODES = "Exit codes: 0 ok, 1 failed, 2 usage, 3 partly done, 4 refused, 5 a server cannot be reached."

app = typer.Typer(
    name="millrace",
    help="Turns domain events into priced results, once in effect, whatever dies on the way.",
    epilog=EXIT_CODES,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

SEE_IT, RUN_IT, USE_IT, MEND_IT = "See it", "Run it", "Use it", "Mend it"

app.add_typer(stack.app, name="stack", rich_help_panel=RUN_IT)
app.command("migrate", rich_help_panel=RUN_IT)(migrate.migrate)
app.add_typer(topics.app, name="topics", rich_help_panel=RUN_IT)
app.command("worker", rich_help_panel=RUN_IT)(worker.worker)
app.command("example", rich_help_panel=USE_IT)(example.example)
app.command("publish", rich_help_panel=USE_IT)(publish.publish)
app.command("watch", rich_help_panel=USE_IT)(watch.watch)
app.add_typer(results.app, name="results", rich_help_panel=USE_IT)
app.add_typer(dlq.app, name="dlq", rich_help_panel=MEND_IT)


def main() -> None:
    """The console script: a known failure is one line on stderr and its exit code, never a traceback."""
    try:
        app()
    except BrokenPipeError:
        # The reader of our output went away, as `head` does.
        sys.stderr.close()
        sys.exit(0)
    except Exception as error:
        from millrace.failures import CommandError

        if not isinstance(error, CommandError):
            raise
        complain(error)
        sys.exit(error.exit_code)
